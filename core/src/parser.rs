//! The parser: bytes of an event stream in, items out.

use core::ops::Range;

use crate::block::{Block, Span};
use crate::error::SeedError;
use crate::event::Event;
use crate::field::{Field, RetryValue};
use crate::item::{Comment, Item, TooLarge};
use crate::items::Items;
use crate::last_event_id::{IdLine, LastEventId};
use crate::line::{self, CR, LF};
#[cfg(feature = "alloc")]
use crate::storage::GrowingStorage;
use crate::storage::Storage;
use crate::text::Text;

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// An incremental parser of one event stream (HTML standard, 9.2.5 and 9.2.6).
///
/// It is fed chunks of any size and gives the same items for every way to cut a stream into chunks
/// (law 1). It owns no more memory than the two storages it was given:
///
/// * `event_storage`: its length is the most bytes that an event may have: joined data, event type
///   and the id that its block carries. The limit also holds for events that are handed out by
///   reference. An event over it becomes [`Item::TooLarge`], and parsing goes on.
/// * `id_storage`: holds three ids, the last event ID, the one that the current block has set and
///   the one being received, so an id may have a third of its length. A longer one is dropped,
///   as if its line were not there, and reported as [`Item::IdTooLong`].
///
/// An event whose lines all lie in one chunk is handed out without a copy where its data is one
/// line. (A `retry` line, a kept comment or an id that is too long, between the data and the blank line,
/// costs it that.)
///
/// ```
/// use sansse::{Item, Parser};
///
/// let (mut event_storage, mut id_storage) = ([0; 1024], [0; 3 * 64]);
/// let mut parser = Parser::new(&mut event_storage, &mut id_storage);
///
/// let mut items = parser.feed(b"event: tick\nid: 7\ndata: 1\n\n");
/// while let Some(item) = items.next() {
///     if let Item::Event(event) = item {
///         assert_eq!(event.event_type(), "tick");
///         assert_eq!(event.data(), "1");
///     }
/// }
/// assert_eq!(parser.last_event_id(), "7");
/// ```
#[derive(Clone, Debug)]
pub struct Parser<E, I> {
    block: Block<E>,
    ids: LastEventId<I>,
    line: Line,
    swallow_lf: bool,
    retry: RetryValue,
    comment_truncated: bool,
    keep_comments: bool,
    advance_past_too_large: bool,
}

/// How far into a line the stream has come.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// In the byte order mark that may lead the stream; so many bytes of it have come.
    ByteOrderMark(u8),
    Start,
    /// In what has so far been the name of this field; so many bytes of it have come.
    Name(Field, u8),
    /// Right behind the colon, where one space is dropped.
    Colon(Field),
    Value(Field),
    /// In a line that says nothing.
    Ignored,
}

/// What is known of an item before it borrows anything.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ready {
    Event { data: Span, event_type: Span, carries_id: bool },
    TooLarge { id_pending: bool },
    Retry(u64),
    Comment { text: Span, truncated: bool },
    IdTooLong,
}

/// How an event stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Between two blocks: nothing was left over.
    Clean,
    /// In the middle of a line or a block, which the standard has readers discard, with its id.
    Unfinished,
}

#[cfg(feature = "alloc")]
impl Parser<GrowingStorage, GrowingStorage> {
    /// A parser whose storage grows on the heap, to events of `event_limit` bytes and ids of
    /// `id_limit` bytes.
    ///
    /// ```
    /// let mut parser = sansse::Parser::growing(16 << 20, 4096);
    /// assert!(parser.feed(b"data: x\n\n").next().is_some());
    /// ```
    #[must_use]
    pub const fn growing(event_limit: usize, id_limit: usize) -> Self {
        Self::new(GrowingStorage::new(event_limit), GrowingStorage::new(id_limit.saturating_mul(3)))
    }
}

impl<E, I> Parser<E, I>
where
    E: Storage,
    I: Storage,
{
    /// A parser at the start of a stream, with no last event ID.
    #[must_use]
    pub const fn new(event_storage: E, id_storage: I) -> Self {
        Self {
            block: Block::new(event_storage),
            ids: LastEventId::new(id_storage),
            line: Line::ByteOrderMark(0),
            swallow_lf: false,
            retry: RetryValue::new(),
            comment_truncated: false,
            keep_comments: false,
            advance_past_too_large: false,
        }
    }

    /// Has comments come out as [`Item::Comment`]. They are skipped without being stored otherwise.
    #[must_use]
    pub fn keep_comments(mut self) -> Self {
        self.keep_comments = true;
        self
    }

    /// Lets the id of an event that was too large count. Otherwise it is held back, so that a
    /// reader who reconnects is sent the event again.
    #[must_use]
    pub fn advance_past_too_large(mut self) -> Self {
        self.advance_past_too_large = true;
        self
    }

    /// Sets the last event ID, before a stream that continues an earlier one: events of the new
    /// stream carry it until an `id` line replaces it, as browsers and the web platform tests have
    /// it. A block that is being read keeps the id of its own.
    ///
    /// # Errors
    ///
    /// When the id does not fit the id storage or can be no id; the last event ID stays as it was.
    pub fn seed_last_event_id(&mut self, id: &[u8]) -> Result<(), SeedError> {
        self.ids.seed(id)
    }

    /// The last event ID as of the last block that ended; what `Last-Event-ID` says on the next
    /// request, with no such header when it is empty.
    #[must_use]
    pub fn last_event_id(&self) -> Text<'_> {
        Text::new(self.ids.committed())
    }

    /// Reads a chunk of the stream. Items come one at a time, as [`Items::next`] is called; whoever
    /// stops before the end of the chunk feeds what is behind [`Items::consumed`] again.
    pub fn feed<'p, 'c>(&'p mut self, chunk: &'c [u8]) -> Items<'p, 'c, E, I> {
        Items::new(self, chunk)
    }

    /// Ends the stream: an unfinished block is discarded, with its id. The parser is then at the
    /// start of the next stream and keeps the last event ID.
    pub fn end_stream(&mut self) -> StreamEnd {
        let between_blocks = matches!(self.line, Line::ByteOrderMark(0) | Line::Start)
            && !self.block.has_data()
            && !self.block.has_type()
            // A type that did not fit is gone from the buffers, and yet its block has begun.
            && !self.block.is_too_large()
            && !self.ids.has_pending();
        self.block.clear();
        self.ids.discard();
        self.line = Line::ByteOrderMark(0);
        self.swallow_lf = false;
        if between_blocks { StreamEnd::Clean } else { StreamEnd::Unfinished }
    }

    /// Reads on from `position`, to the next item or to the end of the chunk, where nothing refers
    /// to the chunk any more.
    pub(crate) fn step(&mut self, chunk: &[u8], position: &mut usize) -> Option<Ready> {
        while let Some(&first) = chunk.get(*position) {
            if core::mem::take(&mut self.swallow_lf) && first == LF {
                *position += 1;
                continue;
            }
            if let Line::ByteOrderMark(seen) = self.line {
                if first == BOM[usize::from(seen)] {
                    *position += 1;
                    self.line = if seen == 2 { Line::Start } else { Line::ByteOrderMark(seen + 1) };
                    continue;
                }
                // What has come of the mark is the name of an unknown field.
                self.line = if seen == 0 { Line::Start } else { Line::Ignored };
            }
            let start = *position;
            let rest = &chunk[start..];
            let Some(length) = line::find_end(rest) else {
                *position = chunk.len();
                self.block.settle(chunk);
                self.piece(rest);
                return None;
            };
            *position = start + length + 1;
            self.swallow_lf = rest[length] == CR;
            let ready = if matches!(self.line, Line::Start) {
                self.whole_line(chunk, start..start + length)
            } else {
                self.piece(&rest[..length]);
                self.end_line()
            };
            if ready.is_some() {
                return ready;
            }
        }
        self.block.settle(chunk);
        None
    }

    /// Lends the item that the last step came to.
    pub(crate) fn item<'a>(&'a self, chunk: &'a [u8], ready: Ready) -> Item<'a> {
        let bytes = |span| match span {
            Span::Chunk { start, end } => &chunk[start..end],
            Span::Stored { start, end } => self.block.stored(start, end),
        };
        match ready {
            Ready::Event { data, event_type, carries_id } => Item::Event(Event::received(
                bytes(data),
                bytes(event_type),
                self.ids.committed(),
                carries_id,
            )),
            Ready::TooLarge { id_pending } => Item::TooLarge(TooLarge::new(if id_pending {
                self.ids.pending()
            } else {
                self.ids.committed()
            })),
            Ready::Retry(milliseconds) => Item::Retry(milliseconds),
            Ready::Comment { text, truncated } => {
                Item::Comment(Comment::new(bytes(text), truncated))
            }
            Ready::IdTooLong => Item::IdTooLong,
        }
    }

    /// A line that lies in the chunk as a whole, without its end.
    fn whole_line(&mut self, chunk: &[u8], line: Range<usize>) -> Option<Ready> {
        if line.is_empty() {
            return self.end_block();
        }
        let (field, offset) = Field::of_line(&chunk[line.clone()])?;
        let value = line.start + offset..line.end;
        let ready = match field {
            Field::Data => {
                self.block.data_line(chunk, value, self.ids.pending_len());
                None
            }
            Field::Event => {
                self.block.type_line(value, self.ids.pending_len());
                None
            }
            Field::Id => {
                let outcome = self.ids.line(&chunk[value]);
                self.end_id(outcome)
            }
            Field::Retry => {
                let mut retry = RetryValue::new();
                retry.push(&chunk[value]);
                retry.milliseconds().map(Ready::Retry)
            }
            Field::Comment => self.keep_comments.then(|| {
                let fitting = value.len().min(self.block.room(self.ids.pending_len()));
                let text = Span::chunk(value.start..value.start + fitting);
                Ready::Comment { text, truncated: fitting < value.len() }
            }),
        };
        if ready.is_some() {
            // The caller may leave the chunk at this item, in the middle of the block.
            self.block.settle(chunk);
        }
        ready
    }

    /// A piece of a line that does not lie in one chunk as a whole.
    fn piece(&mut self, mut piece: &[u8]) {
        while let Some((&first, rest)) = piece.split_first() {
            match self.line {
                Line::ByteOrderMark(_) | Line::Start => match Field::starting_with(first) {
                    Some(Field::Comment) if self.keep_comments => self.open(Field::Comment),
                    Some(Field::Comment) | None => self.line = Line::Ignored,
                    Some(field) => self.line = Line::Name(field, 1),
                },
                Line::Name(field, seen) => {
                    self.line = match field.name().get(usize::from(seen)) {
                        Some(&expected) if expected == first => Line::Name(field, seen + 1),
                        None if first == b':' => Line::Colon(field),
                        _ => Line::Ignored,
                    };
                }
                Line::Colon(field) => {
                    self.open(field);
                    if first != b' ' {
                        continue;
                    }
                }
                Line::Value(field) => {
                    self.push(field, piece);
                    return;
                }
                Line::Ignored => return,
            }
            piece = rest;
        }
    }

    /// The end of a line that came in pieces.
    fn end_line(&mut self) -> Option<Ready> {
        match core::mem::replace(&mut self.line, Line::Start) {
            Line::Start => self.end_block(),
            Line::Name(field, seen) if usize::from(seen) == field.name().len() => {
                self.open(field);
                self.close(field)
            }
            Line::Colon(field) => {
                self.open(field);
                self.close(field)
            }
            Line::Value(field) => self.close(field),
            Line::Name(..) | Line::Ignored | Line::ByteOrderMark(_) => None,
        }
    }

    fn open(&mut self, field: Field) {
        self.line = Line::Value(field);
        match field {
            Field::Data => self.block.open_data(self.ids.pending_len()),
            Field::Event => self.block.open_type(),
            Field::Id => self.ids.open(),
            Field::Retry => self.retry = RetryValue::new(),
            Field::Comment => {
                self.block.open_comment();
                self.comment_truncated = false;
            }
        }
    }

    fn push(&mut self, field: Field, piece: &[u8]) {
        let id = self.ids.pending_len();
        match field {
            Field::Data => self.block.push_data(piece, id),
            Field::Event => self.block.push_type(piece, id),
            Field::Id => self.ids.push(piece),
            Field::Retry => self.retry.push(piece),
            Field::Comment => {
                // What follows a cut must not be joined to what stands before it.
                if !self.comment_truncated {
                    self.comment_truncated = !self.block.push_comment(piece, id);
                }
            }
        }
    }

    fn close(&mut self, field: Field) -> Option<Ready> {
        self.line = Line::Start;
        match field {
            Field::Data => None,
            Field::Event => {
                self.block.close_type();
                None
            }
            Field::Id => {
                let outcome = self.ids.close();
                self.end_id(outcome)
            }
            Field::Retry => self.retry.milliseconds().map(Ready::Retry),
            Field::Comment => {
                let text = self.block.incoming_span();
                self.block.close_comment();
                Some(Ready::Comment { text, truncated: self.comment_truncated })
            }
        }
    }

    fn end_id(&mut self, outcome: IdLine) -> Option<Ready> {
        match outcome {
            IdLine::Set => {
                self.block.check_size(self.ids.pending_len());
                None
            }
            IdLine::Ignored => None,
            IdLine::TooLong => Some(Ready::IdTooLong),
        }
    }

    /// A blank line: "dispatch the event".
    fn end_block(&mut self) -> Option<Ready> {
        let carries_id = self.ids.has_pending();
        let ready = if !self.block.has_data() {
            None
        } else if !self.block.is_too_large() {
            let (data, event_type) = (self.block.data_span(), self.block.type_span());
            Some(Ready::Event { data, event_type, carries_id })
        } else if self.advance_past_too_large || !carries_id {
            Some(Ready::TooLarge { id_pending: false })
        } else {
            self.ids.discard();
            Some(Ready::TooLarge { id_pending: true })
        };
        self.ids.commit();
        self.block.clear();
        ready
    }
}
