//! The HTML standard's section 9.2.6, told a second time: slowly, over a whole stream at once, with
//! all of it in memory. Nothing here is shared with the parser that it judges.
//!
//! Two departures from the letter, as browsers and the web platform tests have them: the last event
//! ID is seeded, and a `retry` value has at least one digit. What the standard does not know, the
//! limits, is written beside the step that it concerns.

use sansse::StreamEnd;

use crate::byte_string::ByteString;
use crate::outcome::{Event, Item, Outcome};
use crate::settings::Settings;
use crate::utf8;

/// Interprets a stream. Its bytes stay as they came.
#[must_use]
pub fn interpret(settings: &Settings, stream: &[u8]) -> Outcome {
    interpret_with_due(settings, stream).0
}

/// The same, and where in the stream each item is due: behind the line that makes it. A line ends
/// with its CR, whatever may follow.
#[must_use]
pub fn interpret_with_due(settings: &Settings, stream: &[u8]) -> (Outcome, Vec<usize>) {
    let body = without_byte_order_mark(stream);
    let mark = stream.len() - body.len();
    let (outcome, mut due) = interpret_lines(settings, body);
    for end in &mut due {
        *end += mark;
    }
    (outcome, due)
}

/// Interprets a stream in the order of the standard's own words: all of it is decoded first.
///
/// Limits count bytes as they came, so they must not be near here.
#[must_use]
pub fn interpret_decoded(settings: &Settings, stream: &[u8]) -> Outcome {
    let text = utf8::decode(without_byte_order_mark(stream));
    interpret_lines(settings, text.as_bytes()).0
}

/// The sizes of the events of a stream, as a limit counts them, where no limit is near.
#[must_use]
pub fn event_sizes(stream: &[u8]) -> Vec<usize> {
    let settings = Settings::roomy().with_limits(usize::MAX, usize::MAX);
    interpret(&settings, stream).events().map(Event::size).collect()
}

/// How many items are due after each chunk, by where they are due.
#[must_use]
pub fn arrivals(due: &[usize], chunks: &[&[u8]]) -> Vec<usize> {
    let mut fed = 0;
    let mut count = 0;
    let arrived = chunks.iter().map(|chunk| {
        fed += chunk.len();
        count += due[count..].iter().take_while(|&&end| end <= fed).count();
        count
    });
    arrived.collect()
}

/// "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any."
fn without_byte_order_mark(stream: &[u8]) -> &[u8] {
    stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream)
}

/// Returns also where the line of each item has ended.
fn interpret_lines(settings: &Settings, stream: &[u8]) -> (Outcome, Vec<usize>) {
    let mut source = EventSource::new(settings);
    let mut due = Vec::new();
    let (lines, rest) = split_lines(stream);
    for line in lines {
        source.process_line(line.text);
        due.resize(source.items.len(), line.end);
    }
    (source.end_of_file(rest), due)
}

struct Line<'a> {
    text: &'a [u8],
    /// Behind the first byte of its end.
    end: usize,
}

/// Lines end with CRLF, LF or CR. What follows the last end is no line.
fn split_lines(stream: &[u8]) -> (Vec<Line<'_>>, &[u8]) {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut position = 0;
    while position < stream.len() {
        let end_length = match &stream[position..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n' | b'\r', ..] => 1,
            _ => 0,
        };
        if end_length == 0 {
            position += 1;
        } else {
            lines.push(Line { text: &stream[start..position], end: position + 1 });
            position += end_length;
            start = position;
        }
    }
    (lines, &stream[start..])
}

struct EventSource<'a> {
    settings: &'a Settings,
    items: Vec<Item>,
    data_buffer: Vec<u8>,
    event_type_buffer: Vec<u8>,
    last_event_id_buffer: Vec<u8>,
    /// The attribute of the event source, taken over from the buffer when a block ends.
    last_event_id: Vec<u8>,
    /// Whether the block has set the last event ID buffer.
    id_in_block: bool,
    /// Whether the event has been over the limit at the end of one of its lines.
    too_large: bool,
}

impl<'a> EventSource<'a> {
    fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            items: Vec::new(),
            data_buffer: Vec::new(),
            event_type_buffer: Vec::new(),
            last_event_id_buffer: settings.seed.0.clone(),
            last_event_id: settings.seed.0.clone(),
            id_in_block: false,
            too_large: false,
        }
    }

    fn process_line(&mut self, line: &[u8]) {
        if line.is_empty() {
            // "If the line is empty (a blank line): dispatch the event."
            self.dispatch();
        } else if line[0] == b':' {
            // "If the line starts with a U+003A COLON character (:): ignore the line."
            self.comment(&line[1..]);
        } else if let Some(colon) = line.iter().position(|&byte| byte == b':') {
            // "Collect the characters on the line before the first U+003A COLON character (:), and
            // let field be that string. Collect the characters after it, and let value be that
            // string. If value starts with a U+0020 SPACE character, remove it from value."
            let field = &line[..colon];
            let value = &line[colon + 1..];
            let value = value.strip_prefix(b" ").unwrap_or(value);
            self.process_field(field, value);
        } else {
            // "Otherwise: process the field using the whole line as the field name, and the empty
            // string as the field value."
            self.process_field(line, b"");
        }
    }

    fn process_field(&mut self, field: &[u8], value: &[u8]) {
        match field {
            b"event" => {
                self.event_type_buffer = value.to_vec();
                self.measure();
            }
            b"data" => {
                self.data_buffer.extend_from_slice(value);
                self.data_buffer.push(b'\n');
                self.measure();
            }
            b"id" => {
                if value.contains(&b'\0') {
                    // "Otherwise, ignore the field."
                } else if value.len() > self.settings.id_limit {
                    self.items.push(Item::IdTooLong);
                } else {
                    self.last_event_id_buffer = value.to_vec();
                    self.id_in_block = true;
                    self.measure();
                }
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                self.items.push(Item::Retry(base_ten(value)));
            }
            _ => {}
        }
    }

    fn comment(&mut self, text: &[u8]) {
        if self.settings.keep_comments {
            // An event that has been given up takes no room, but for its id.
            let taken = if self.too_large { self.id_size() } else { self.size() };
            let room = self.settings.event_limit.saturating_sub(taken);
            self.items.push(Item::Comment {
                text: ByteString::from(&text[..text.len().min(room)]),
                truncated: text.len() > room,
            });
        }
    }

    /// "Dispatch the event."
    fn dispatch(&mut self) {
        let has_data = !self.data_buffer.is_empty();
        if has_data && self.too_large {
            self.items
                .push(Item::TooLarge { last_event_id: self.last_event_id_buffer.clone().into() });
            if !self.settings.advance_past_too_large {
                // The id is held back.
                self.last_event_id_buffer.clone_from(&self.last_event_id);
            }
        }
        self.last_event_id.clone_from(&self.last_event_id_buffer);
        if has_data && !self.too_large {
            let event_type = if self.event_type_buffer.is_empty() {
                b"message".to_vec()
            } else {
                self.event_type_buffer.clone()
            };
            self.items.push(Item::Event(Event {
                event_type: event_type.into(),
                data: self.joined_data().into(),
                last_event_id: self.last_event_id.clone().into(),
                id: self.id_in_block.then(|| self.last_event_id.clone().into()),
            }));
        }
        self.data_buffer.clear();
        self.event_type_buffer.clear();
        self.id_in_block = false;
        self.too_large = false;
    }

    /// "Once the end of the file is reached, any pending data must be discarded."
    fn end_of_file(self, rest: &[u8]) -> Outcome {
        let in_block = !self.data_buffer.is_empty()
            || !self.event_type_buffer.is_empty()
            || self.id_in_block
            || self.too_large;
        Outcome {
            items: self.items,
            last_event_id: self.last_event_id.into(),
            end: if rest.is_empty() && !in_block {
                StreamEnd::Clean
            } else {
                StreamEnd::Unfinished
            },
        }
    }

    fn measure(&mut self) {
        self.too_large = self.too_large || self.size() > self.settings.event_limit;
    }

    fn size(&self) -> usize {
        self.joined_data().len() + self.event_type_buffer.len() + self.id_size()
    }

    fn id_size(&self) -> usize {
        if self.id_in_block { self.last_event_id_buffer.len() } else { 0 }
    }

    /// "If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove the
    /// last character from the data buffer."
    fn joined_data(&self) -> &[u8] {
        self.data_buffer.strip_suffix(b"\n").unwrap_or(&self.data_buffer)
    }
}

/// "Interpret the field value as an integer in base ten", as far as 64 bits go.
fn base_ten(digits: &[u8]) -> u64 {
    let mut number: u128 = 0;
    for digit in digits {
        number = (number * 10 + u128::from(digit - b'0')).min(u128::from(u64::MAX));
    }
    u64::try_from(number).unwrap_or(u64::MAX)
}
