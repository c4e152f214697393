//! A parser with the chunk that it reads, for chunks that own their bytes.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::error::SeedError;
use crate::event_ranges::EventRanges;
use crate::item::Item;
use crate::lines::Lines;
use crate::parser::{Parser, StreamEnd};
use crate::ready::Ready;
#[cfg(feature = "alloc")]
use crate::storage::GrowingStorage;
use crate::storage::Storage;
use crate::text::Text;

/// A [`Parser`] that holds the chunk being read, for adapters whose chunks own their bytes (a
/// `Vec`, a shared buffer) and that give out one item at a time.
///
/// ```
/// use sansse::{ChunkParser, Item, Parser};
///
/// let mut parser = ChunkParser::new(Parser::new([0; 64], [0; 3 * 16]), Vec::new());
/// let mut count = 0;
/// for chunk in [b"data: 1\n\nda".to_vec(), b"ta: 2\n\n".to_vec()] {
///     parser.push(chunk);
///     while let Some(item) = parser.next() {
///         count += usize::from(matches!(item, Item::Event(_)));
///     }
/// }
/// assert_eq!(count, 2);
/// ```
#[derive(Clone, Debug)]
pub struct ChunkParser<E, I, C> {
    parser: Parser<E, I>,
    chunk: C,
    lines: Lines,
    ready: Option<Ready>,
}

impl<E: Storage, I: Storage, C: AsRef<[u8]>> ChunkParser<E, I, C> {
    /// Gives a parser its first chunk, which may be empty.
    #[must_use]
    pub const fn new(parser: Parser<E, I>, chunk: C) -> Self {
        Self { parser, chunk, lines: Lines::new(), ready: None }
    }

    /// Goes on to the next chunk. What has not been read of the last one is dropped, so take all
    /// items first.
    #[inline]
    pub fn push(&mut self, chunk: C) {
        self.chunk = chunk;
        self.restart();
    }

    /// Forgets what is known of the chunk, and returns how much of it has been read: whoever calls
    /// this moves the rest to its start.
    #[inline(always)]
    pub(crate) fn restart(&mut self) -> usize {
        self.ready = None;
        core::mem::replace(&mut self.lines, Lines::new()).position()
    }

    /// Forgets what is known of what has not been read of the chunk, which has become longer.
    pub(crate) fn look_again(&mut self) {
        self.lines.skip_to(self.lines.position());
    }

    /// The chunk being read.
    #[must_use]
    pub const fn chunk(&self) -> &C {
        &self.chunk
    }

    /// The chunk being read, for a change of its owner: it must go on to hold the same bytes, or
    /// what comes out of it means nothing.
    ///
    /// # Panics
    ///
    /// [`item`](Self::item) may panic where the bytes of the item are gone from the chunk.
    #[inline(always)]
    pub const fn chunk_mut(&mut self) -> &mut C {
        &mut self.chunk
    }

    /// The next item; `None` when all of the chunk has been read.
    #[inline(always)]
    #[expect(clippy::should_implement_trait, reason = "the item borrows the parser")]
    pub fn next(&mut self) -> Option<Item<'_>> {
        self.advance();
        self.item()
    }

    /// Reads to the next item, and says whether there is one. With [`item`](Self::item) this is
    /// [`next`](Self::next) in two steps, for loops that return what they find.
    #[inline(always)]
    pub fn advance(&mut self) -> bool {
        self.ready = self.parser.step(self.chunk.as_ref(), &mut self.lines);
        self.ready.is_some()
    }

    /// The item that [`advance`](Self::advance) came to.
    #[inline(always)]
    #[must_use]
    pub fn item(&self) -> Option<Item<'_>> {
        self.ready.map(|ready| self.parser.item(self.chunk.as_ref(), ready, None))
    }

    /// Where the event lies that [`advance`](Self::advance) came to; `None` where it came to none, and
    /// where a part of the event is not in the chunk: it came in several chunks or lines, something
    /// unusual in its block had it copied, or there is a type or an id on a machine without vectors, which
    /// copies those.
    ///
    /// ```
    /// use sansse::{ChunkParser, Parser};
    ///
    /// let chunk = &b"data: 1\n\n"[..];
    /// let mut parser = ChunkParser::new(Parser::new([0; 64], [0; 3 * 16]), chunk);
    /// parser.advance();
    /// let event = parser.event_ranges().expect("an event in the chunk");
    /// assert_eq!(&chunk[event.data], b"1");
    /// assert!(event.event_type.is_empty() && event.id.is_none());
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn event_ranges(&self) -> Option<EventRanges> {
        self.parser.event_ranges(self.ready?)
    }

    /// Takes the chunk, as if an empty one were pushed: there is no [`item`](Self::item) then until the
    /// next `advance`, and what has not been read is dropped.
    #[inline(always)]
    #[must_use]
    pub fn take_chunk(&mut self) -> C
    where
        C: Default,
    {
        self.restart();
        core::mem::take(&mut self.chunk)
    }

    /// Whether all of the chunk has been read. The item that was come to last may still lie in it.
    #[inline(always)]
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.lines.position() >= self.chunk.as_ref().len()
    }

    /// The last event ID; see [`Parser::last_event_id`].
    #[must_use]
    pub fn last_event_id(&self) -> Text<'_> {
        self.parser.last_event_id()
    }

    /// Sets the last event ID; see [`Parser::seed_last_event_id`].
    ///
    /// # Errors
    ///
    /// Those of the parser.
    pub fn seed_last_event_id(&mut self, id: &[u8]) -> Result<(), SeedError> {
        self.ready = None;
        self.parser.seed_last_event_id(id)
    }

    /// Ends the stream; see [`Parser::end_stream`]. What was not read of the chunk is dropped.
    pub fn end_stream(&mut self) -> StreamEnd {
        self.ready = None;
        let length = self.chunk.as_ref().len();
        let unread = self.lines.position() < length;
        self.lines.skip_to(length);
        let end = self.parser.end_stream();
        if unread { StreamEnd::Unfinished } else { end }
    }

    /// The parser back, as it stands after what has been read.
    #[must_use]
    pub fn into_parser(self) -> Parser<E, I> {
        self.parser
    }
}

#[cfg(feature = "alloc")]
impl<I: Storage, C: AsRef<[u8]>> ChunkParser<GrowingStorage, I, C> {
    /// Moves the data of the event that [`advance`](Self::advance) came to out of the parser's memory,
    /// which begins to grow anew; there is no [`item`](Self::item) then until the next `advance`. `None`
    /// where there is no event, or where its data still lies in the chunk.
    ///
    /// This spares a copy of data that is long and came in several chunks.
    ///
    /// ```
    /// use sansse::{ChunkParser, Parser};
    ///
    /// let mut parser = ChunkParser::new(Parser::growing(1 << 20, 64), &b"data: begun"[..]);
    /// assert!(!parser.advance());
    /// parser.push(b" and ended\n\n");
    /// assert!(parser.advance());
    /// assert_eq!(parser.take_data(), Some(b"begun and ended".to_vec()));
    /// ```
    pub fn take_data(&mut self) -> Option<Vec<u8>> {
        self.replace_data(Vec::new())
    }

    /// [`take_data`](Self::take_data), where the parser goes on in memory that it is given, such as that of
    /// an event before, which spares an allocation. What it holds means nothing.
    ///
    /// ```
    /// use sansse::{ChunkParser, Parser};
    ///
    /// let mut parser = ChunkParser::new(Parser::growing(1 << 20, 64), &b"data: on"[..]);
    /// assert!(!parser.advance());
    /// parser.push(b"e\n\ndata: tw");
    /// assert!(parser.advance());
    /// let one = parser.take_data().unwrap_or_default();
    /// assert_eq!(one, b"one");
    /// assert!(!parser.advance());
    /// parser.push(b"o\n\n");
    /// assert!(parser.advance());
    /// assert_eq!(parser.replace_data(one), Some(b"two".to_vec()));
    /// ```
    pub fn replace_data(&mut self, memory: Vec<u8>) -> Option<Vec<u8>> {
        let data = self.parser.replace_data(self.ready?, memory)?;
        self.ready = None;
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use crate::line_ends::LineEnds;

    use super::*;

    /// How many events lie in their chunk, of how many.
    fn in_chunk(stream: &[u8], chunk_size: usize) -> (usize, usize) {
        let mut parser = ChunkParser::new(Parser::new([0; 64], [0; 48]), &b""[..]);
        let (mut in_chunk, mut events) = (0, 0);
        for chunk in stream.chunks(chunk_size) {
            parser.push(chunk);
            while parser.advance() {
                let Some(Item::Event(event)) = parser.item() else {
                    assert_eq!(parser.event_ranges(), None);
                    continue;
                };
                events += 1;
                let Some(ranges) = parser.event_ranges() else { continue };
                in_chunk += 1;
                let event_type = event.event_type();
                assert_eq!(event.data(), chunk[ranges.data]);
                let is_named = !ranges.event_type.is_empty();
                let on_wire = if is_named { &chunk[ranges.event_type] } else { b"message" };
                assert_eq!(event_type, *on_wire);
                assert_eq!(event.id(), ranges.id.map(|id| Text::new(&chunk[id])));
            }
            assert_eq!(parser.event_ranges(), None);
        }
        (in_chunk, events)
    }

    #[test]
    fn events_are_told_where_they_lie() {
        let stream = b"data: 1\n\ndata: 22\n\nevent: message\ndata: 3\n\nid: 4\ndata: 4\n\n\
            event: e\nid: 5\ndata: 5\n\nid\nevent\ndata\n\ndata: 7\nevent: f\n\nunknown\ndata: 8\n\n\
            data: 9\ndata: 9\n\nevent: 10\n\nretry: 10\ndata: 10\n\n";
        for chunk_size in 1..=stream.len() {
            let (in_chunk, events) = in_chunk(stream, chunk_size);
            assert_eq!(events, 10, "{chunk_size}");
            assert!(in_chunk < events, "data of two lines cannot lie in a chunk");
        }
        let (in_chunk, _) = in_chunk(stream, stream.len());
        assert!(in_chunk >= if LineEnds::CHEAP { 8 } else { 3 }, "{in_chunk}");
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn what_given_memory_holds_means_nothing() {
        for length in [0, 1, 7, 8, 9, 100] {
            let mut parser = ChunkParser::new(Parser::growing(20, 20), &b"data: 0"[..]);
            assert!(!parser.advance());
            parser.push(b"\n\nevent: e\ndata: 1");
            assert!(parser.advance());
            assert_eq!(parser.replace_data(alloc::vec![b'x'; length]), Some(b"0".to_vec()));
            assert!(parser.item().is_none() && !parser.advance());
            parser.push(b"234567\n\ndata: these bytes do not ");
            assert!(parser.advance());
            let Some(Item::Event(event)) = parser.item() else { panic!("{length}") };
            assert_eq!((event.event_type(), event.data()), ("e".into(), "1234567".into()));
            assert!(!parser.advance());
            parser.push(b"fit\n\n");
            assert!(parser.advance());
            assert!(matches!(parser.item(), Some(Item::TooLarge(_))), "{length}");
        }
    }

    #[test]
    fn a_chunk_that_was_taken_has_no_items() {
        let mut parser = ChunkParser::new(Parser::new([0; 64], [0; 48]), &b"data: 1\n\nda"[..]);
        assert!(parser.advance() && !parser.is_at_end());
        assert_eq!(parser.take_chunk(), b"data: 1\n\nda");
        assert_eq!((parser.item(), parser.event_ranges()), (None, None));
        assert!(!parser.advance() && parser.chunk().is_empty());
        parser.push(b"data: 2\n\n");
        assert!(parser.advance() && parser.is_at_end());
    }
}
