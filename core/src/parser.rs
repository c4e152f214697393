//! The parser: bytes of an event stream in, items out.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::checked::Checked;
use crate::error::SeedError;
use crate::event_ranges::EventRanges;
use crate::item::Item;
use crate::items::Items;
use crate::line_parser::LineParser;
use crate::lines::Lines;
use crate::ready::Ready;
#[cfg(feature = "alloc")]
use crate::storage::GrowingStorage;
use crate::storage::Storage;
use crate::text::Text;
use crate::text_items::TextItems;

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
/// The data of an event whose lines all lie in one chunk is handed out without a copy where it is
/// one line. (A `retry` line, a kept comment or an id that is too long, between the data and the blank
/// line, costs it that.)
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
    lines: LineParser<E, I>,
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
        Self { lines: LineParser::new(event_storage, id_storage) }
    }

    /// Has comments come out as [`Item::Comment`]. They are skipped without being stored otherwise.
    #[must_use]
    pub fn keep_comments(mut self) -> Self {
        self.lines.interpreter.keep_comments = true;
        self
    }

    /// Lets the id of an event that was too large count. Otherwise it is held back, so that a
    /// reader who reconnects is sent the event again.
    #[must_use]
    pub fn advance_past_too_large(mut self) -> Self {
        self.lines.interpreter.advance_past_too_large = true;
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
        self.lines.interpreter.seed_last_event_id(id)
    }

    /// The last event ID as of the last block that ended; what `Last-Event-ID` says on the next
    /// request, with no such header when it is empty.
    #[must_use]
    pub fn last_event_id(&self) -> Text<'_> {
        Text::new(self.lines.interpreter.last_event_id())
    }

    /// Reads a chunk of the stream. Items come one at a time, as [`Items::next`] is called; whoever
    /// stops before the end of the chunk feeds what is behind [`Items::consumed`] again.
    pub fn feed<'p, 'c>(&'p mut self, chunk: &'c [u8]) -> Items<'p, 'c, E, I> {
        Items::new(self, chunk)
    }

    /// Reads a chunk of the stream, for who wants text: gives the same items as
    /// [`feed`](Self::feed), and [`Text::to_str`] costs them less, since the chunk is checked in long
    /// pieces. Chunks may end anywhere, in a character too.
    ///
    /// ```
    /// use sansse::{Item, Parser};
    ///
    /// let mut parser = Parser::new([0; 1024], [0; 3 * 64]);
    /// let mut answer = String::new();
    /// for chunk in [&b"data: Gr\xC3"[..], b"\xBC\xC3\x9Fe\n\ndata:  aus K\xC3\xB6ln\n\n"] {
    ///     let mut items = parser.feed_text(chunk);
    ///     while let Some(item) = items.next() {
    ///         if let Item::Event(event) = item {
    ///             answer.push_str(event.data().to_str()?);
    ///         }
    ///     }
    /// }
    /// assert_eq!(answer, "Grüße aus Köln");
    /// # Ok::<(), core::str::Utf8Error>(())
    /// ```
    pub fn feed_text<'p, 'c>(&'p mut self, chunk: &'c [u8]) -> TextItems<'p, 'c, E, I> {
        TextItems::new(self.feed(chunk))
    }

    /// Ends the stream: an unfinished block is discarded, with its id. The parser is then at the
    /// start of the next stream and keeps the last event ID.
    pub fn end_stream(&mut self) -> StreamEnd {
        if self.lines.end() { StreamEnd::Clean } else { StreamEnd::Unfinished }
    }

    /// Reads on, to the next item or to the end of the chunk, where nothing refers to the chunk any
    /// more.
    #[inline(always)]
    pub(crate) fn step(&mut self, chunk: &[u8], lines: &mut Lines) -> Option<Ready> {
        self.lines.step(chunk, lines)
    }

    /// Lends the item that the last step came to. Parts of it may lie in what was checked.
    #[inline(always)]
    pub(crate) fn item<'a>(
        &'a self,
        chunk: &'a [u8],
        ready: Ready,
        checked: Option<&'a Checked<'a>>,
    ) -> Item<'a> {
        self.lines.interpreter.item(chunk, ready, checked)
    }

    /// Where the event that the last step came to lies, if all of it is in the chunk.
    #[inline(always)]
    pub(crate) fn event_ranges(&self, ready: Ready) -> Option<EventRanges> {
        self.lines.interpreter.event_ranges(ready)
    }
}

#[cfg(feature = "alloc")]
impl<I: Storage> Parser<GrowingStorage, I> {
    /// Moves the data of the event that the last step came to out of the storage, if it lies there.
    pub(crate) fn replace_data(&mut self, ready: Ready, memory: Vec<u8>) -> Option<Vec<u8>> {
        self.lines.interpreter.replace_data(ready, memory)
    }
}
