//! The parsers of the core, used in each of the ways that they allow.

use sansse::{
    BufferedParser, ChunkParser, GrowingStorage, Items, Parser, Storage, StreamEnd, Text,
};

use crate::implementation::{Implementation, Reading};
use crate::outcome::{Item, Outcome};
use crate::settings::Settings;
use crate::utf8;

/// A [`Parser`] over slices, fed chunk by chunk.
#[derive(Clone, Copy, Debug)]
pub struct OverSlices;

impl Implementation for OverSlices {
    fn name(&self) -> String {
        "Parser over slices".into()
    }

    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading {
        let mut event_storage = vec![0; settings.event_limit];
        // A third counts, so what is over changes nothing.
        let mut id_storage = vec![0; 3 * settings.id_limit + 2];
        let parser = configure(
            Parser::new(event_storage.as_mut_slice(), id_storage.as_mut_slice()),
            settings,
        );
        feed_all(parser, chunks)
    }
}

/// A [`Parser`] that owns arrays.
#[derive(Clone, Copy, Debug)]
pub struct OverArrays;

impl Implementation for OverArrays {
    fn name(&self) -> String {
        "Parser over arrays".into()
    }

    fn supports(&self, settings: &Settings) -> bool {
        with_arrays(settings, &[]).is_some()
    }

    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading {
        with_arrays(settings, chunks).expect("limits that it supports")
    }
}

/// Arrays have their length at compile time, so only some limits can be had.
fn with_arrays(settings: &Settings, chunks: &[&[u8]]) -> Option<Reading> {
    fn read<const EVENT: usize, const IDS: usize>(
        settings: &Settings,
        chunks: &[&[u8]],
    ) -> Option<Reading> {
        let mut ids = [0; IDS];
        let parser = Parser::new([0; EVENT], &mut ids);
        Some(feed_all(configure(parser, settings), chunks))
    }
    match (settings.event_limit, settings.id_limit) {
        (0, 0) => read::<0, 0>(settings, chunks),
        (1, 1) => read::<1, 3>(settings, chunks),
        (2, 1) => read::<2, 4>(settings, chunks),
        (3, 2) => read::<3, 6>(settings, chunks),
        (8, 4) => read::<8, 12>(settings, chunks),
        (16, 4) => read::<16, 14>(settings, chunks),
        (8192, 256) => read::<8192, 768>(settings, chunks),
        _ => None,
    }
}

/// A [`Parser`] whose storage grows.
#[derive(Clone, Copy, Debug)]
pub struct Growing;

impl Implementation for Growing {
    fn name(&self) -> String {
        "Parser with growing storage".into()
    }

    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading {
        feed_all(growing(settings), chunks)
    }
}

/// A [`Parser`] that is left after each item and fed the rest of the chunk again.
#[derive(Clone, Copy, Debug)]
pub struct StoppingEarly;

impl Implementation for StoppingEarly {
    fn name(&self) -> String {
        "Parser left after each item".into()
    }

    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading {
        let mut parser = growing(settings);
        let mut record = Record::default();
        for chunk in chunks {
            let mut rest = *chunk;
            loop {
                // Each rest lies elsewhere, so that a reference to the chunk before would show.
                let moved = rest.to_vec();
                let mut items = parser.feed(&moved);
                let Some(item) = items.next() else { break };
                record.item(item);
                rest = &rest[items.consumed()..];
            }
            record.end_of_chunk();
        }
        record.end(parser)
    }
}

/// A [`Parser`] that lives on as a clone after each chunk, and whose items are taken in two steps.
#[derive(Clone, Copy, Debug)]
pub struct Cloned;

impl Implementation for Cloned {
    fn name(&self) -> String {
        "Parser cloned after each chunk".into()
    }

    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading {
        let mut parser = growing(settings);
        let mut record = Record::default();
        for chunk in chunks {
            let mut items = parser.feed(chunk);
            while items.advance() {
                assert_eq!(items.item(), items.item());
                record.item(items.item().expect("what advance has announced"));
            }
            assert_eq!(items.item(), None);
            assert_eq!(items.consumed(), chunk.len());
            record.end_of_chunk();
            let clone = parser.clone();
            // What is behind the clone's back must not reach it.
            drain(&mut parser.feed(b"x\n\nid: other\ndata: other\n\nevent: other\ndata: ot"));
            parser = clone;
        }
        record.end(parser)
    }
}

/// A [`Parser`] that is fed for text. What is not checked again is as what is.
#[derive(Clone, Copy, Debug)]
pub struct AsText {
    /// Whether it is left after each item and fed the rest of the chunk again.
    pub stopping_early: bool,
}

impl Implementation for AsText {
    fn name(&self) -> String {
        let how = if self.stopping_early { ", left after each item" } else { "" };
        format!("Parser fed for text{how}")
    }

    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading {
        let mut parser = growing(settings);
        let mut record = Record::default();
        for chunk in chunks {
            let mut rest = *chunk;
            while !rest.is_empty() {
                let mut items = parser.feed_text(rest);
                while items.advance() {
                    assert_eq!(items.item(), items.item());
                    let item = items.item().expect("what advance has announced");
                    each_text(&item, check_text);
                    record.item(item);
                    if self.stopping_early {
                        break;
                    }
                }
                rest = &rest[items.consumed()..];
            }
            record.end_of_chunk();
        }
        record.end(parser)
    }
}

/// Shows each part of an item.
pub fn each_text(item: &sansse::Item<'_>, mut visit: impl FnMut(Text<'_>)) {
    match item {
        sansse::Item::Event(event) => {
            visit(event.data());
            visit(event.event_type());
            visit(event.last_event_id());
            if let Some(id) = event.id() {
                visit(id);
            }
        }
        sansse::Item::TooLarge(event) => visit(event.last_event_id()),
        sansse::Item::Comment(comment) => visit(comment.text()),
        _ => {}
    }
}

fn check_text(text: Text<'_>) {
    assert_eq!(text.to_str(), std::str::from_utf8(text.as_bytes()));
    let decoded = utf8::decode(text.as_bytes());
    assert_eq!(text.to_string(), decoded);
    assert_eq!(text.to_string_lossy(), decoded);
}

/// A [`ChunkParser`], whose chunks own their bytes.
#[derive(Clone, Copy, Debug)]
pub struct Owning;

impl Implementation for Owning {
    fn name(&self) -> String {
        "ChunkParser".into()
    }

    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading {
        let mut parser = ChunkParser::new(growing(settings), Vec::new());
        let mut record = Record::default();
        for chunk in chunks {
            parser.push(chunk.to_vec());
            while let Some(item) = parser.next() {
                record.item(item);
                look_at_ranges(&parser);
                if parser.is_at_end() {
                    assert_eq!(parser.take_chunk(), *chunk);
                }
            }
            record.end_of_chunk();
        }
        let end = parser.end_stream();
        record.reading(parser.last_event_id(), end)
    }
}

/// Panics where an event is not what lies in the chunk where it is said to lie.
fn look_at_ranges<E: Storage, I: Storage>(parser: &ChunkParser<E, I, Vec<u8>>) {
    let (Some(ranges), chunk) = (parser.event_ranges(), parser.chunk()) else { return };
    let Some(sansse::Item::Event(event)) = parser.item() else { panic!("no event at {ranges:?}") };
    let event_type = match &chunk[ranges.event_type] {
        b"" => b"message",
        event_type => event_type,
    };
    let id = ranges.id.map(|id| Text::new(&chunk[id]));
    assert_eq!(
        (event.data(), event.event_type()),
        (Text::new(&chunk[ranges.data]), event_type.into())
    );
    assert_eq!(event.id(), id);
}

/// A [`BufferedParser`], filled with as much as goes in.
#[derive(Clone, Copy, Debug)]
pub struct Buffered {
    /// The length of its buffer, 1 at least.
    pub buffer: usize,
}

impl Implementation for Buffered {
    fn name(&self) -> String {
        format!("BufferedParser with {} bytes", self.buffer)
    }

    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading {
        let mut event_storage = vec![0; settings.event_limit];
        let mut id_storage = vec![0; 3 * settings.id_limit + 1];
        let mut buffer = vec![0; self.buffer];
        let parser = configure(
            Parser::new(event_storage.as_mut_slice(), id_storage.as_mut_slice()),
            settings,
        );
        let mut parser = BufferedParser::new(parser, buffer.as_mut_slice());
        let mut record = Record::default();
        for chunk in chunks {
            let mut rest = *chunk;
            while !rest.is_empty() {
                let taken = fill(parser.space(), rest);
                parser.filled(taken);
                rest = &rest[taken..];
                while let Some(item) = parser.next() {
                    record.item(item);
                }
            }
            record.end_of_chunk();
        }
        record.end_buffered(parser)
    }
}

/// A [`BufferedParser`] that is filled again after each item, whether all was read or not, and
/// whose items are taken in two steps.
#[derive(Clone, Copy, Debug)]
pub struct BufferedInTwoSteps {
    /// The most that its buffer grows to, 1 at least.
    pub buffer: usize,
}

impl Implementation for BufferedInTwoSteps {
    fn name(&self) -> String {
        format!("BufferedParser in two steps, growing to {} bytes", self.buffer)
    }

    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading {
        let mut parser = BufferedParser::new(growing(settings), GrowingStorage::new(self.buffer));
        let mut record = Record::default();
        for chunk in chunks {
            let mut rest = *chunk;
            loop {
                let taken = fill(parser.space(), rest);
                parser.filled(taken);
                rest = &rest[taken..];
                if parser.advance() {
                    assert_eq!(parser.item(), parser.item());
                    record.item(parser.item().expect("what advance has announced"));
                } else if rest.is_empty() {
                    break;
                }
            }
            record.end_of_chunk();
        }
        record.end_buffered(parser)
    }
}

/// What has come out so far.
#[derive(Default)]
struct Record {
    items: Vec<Item>,
    arrivals: Vec<usize>,
}

impl Record {
    fn item(&mut self, item: sansse::Item<'_>) {
        self.items.push(item.into());
    }

    fn end_of_chunk(&mut self) {
        self.arrivals.push(self.items.len());
    }

    fn end<E: Storage, I: Storage>(self, mut parser: Parser<E, I>) -> Reading {
        let end = parser.end_stream();
        self.reading(parser.last_event_id(), end)
    }

    fn end_buffered<E: Storage, I: Storage, B: Storage>(
        self,
        mut parser: BufferedParser<E, I, B>,
    ) -> Reading {
        let end = parser.end_stream();
        self.reading(parser.last_event_id(), end)
    }

    fn reading(self, last_event_id: Text<'_>, end: StreamEnd) -> Reading {
        Reading {
            outcome: Outcome { items: self.items, last_event_id: last_event_id.into(), end },
            arrivals: Some(self.arrivals),
        }
    }
}

/// Gives a parser its options and its last event ID.
///
/// # Panics
///
/// When the last event ID can be none.
pub fn configure<E: Storage, I: Storage>(
    mut parser: Parser<E, I>,
    settings: &Settings,
) -> Parser<E, I> {
    if settings.keep_comments {
        parser = parser.keep_comments();
    }
    if settings.advance_past_too_large {
        parser = parser.advance_past_too_large();
    }
    parser.seed_last_event_id(settings.seed.as_bytes()).expect("a last event ID within its limit");
    parser
}

fn growing(settings: &Settings) -> Parser<GrowingStorage, GrowingStorage> {
    configure(Parser::growing(settings.event_limit, settings.id_limit), settings)
}

fn feed_all<E: Storage, I: Storage>(mut parser: Parser<E, I>, chunks: &[&[u8]]) -> Reading {
    let mut record = Record::default();
    for chunk in chunks {
        let mut items = parser.feed(chunk);
        while let Some(item) = items.next() {
            record.item(item);
        }
        assert_eq!(items.consumed(), chunk.len());
        record.end_of_chunk();
    }
    record.end(parser)
}

fn drain<E: Storage, I: Storage>(items: &mut Items<'_, '_, E, I>) {
    while items.advance() {}
}

/// Copies what goes in, and returns how much that was.
pub fn fill(space: &mut [u8], bytes: &[u8]) -> usize {
    let taken = space.len().min(bytes.len());
    space[..taken].copy_from_slice(&bytes[..taken]);
    taken
}
