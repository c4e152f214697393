//! A parser with a buffer of its own, for readers that have none.

use crate::chunk_parser::ChunkParser;
use crate::error::SeedError;
use crate::item::Item;
use crate::parser::{Parser, StreamEnd};
use crate::storage::Storage;
use crate::text::Text;

/// A [`Parser`] that lends the space to read into, for readers that own no chunk (a socket, a
/// serial line).
///
/// ```
/// use sansse::{BufferedParser, Item, Parser};
///
/// let mut source: &[u8] = b"data: 1\n\ndata: 2\n\n";
/// let mut parser = BufferedParser::new(Parser::new([0; 64], [0; 3 * 16]), [0; 5]);
/// let mut count = 0;
/// loop {
///     let read = std::io::Read::read(&mut source, parser.space())?;
///     if read == 0 {
///         break;
///     }
///     parser.filled(read);
///     while let Some(item) = parser.next() {
///         count += usize::from(matches!(item, Item::Event(_)));
///     }
/// }
/// assert_eq!(count, 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BufferedParser<E, I, B> {
    parser: ChunkParser<E, I, Filled<B>>,
}

/// A buffer, as far as it is filled.
#[derive(Clone, Debug)]
struct Filled<B> {
    buffer: B,
    end: usize,
}

impl<B: Storage> AsRef<[u8]> for Filled<B> {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.buffer.bytes()[..self.end]
    }
}

impl<E: Storage, I: Storage, B: Storage> BufferedParser<E, I, B> {
    /// Gives a parser a buffer, of one byte at least. A small one costs speed, never events.
    #[must_use]
    pub const fn new(parser: Parser<E, I>, buffer: B) -> Self {
        Self { parser: ChunkParser::new(parser, Filled { buffer, end: 0 }) }
    }

    /// Space to read the stream's next bytes into. It is empty only while there are items to take
    /// from a full buffer.
    pub fn space(&mut self) -> &mut [u8] {
        // What was known of the bytes does not hold where they lie now.
        let start = self.parser.restart();
        let Filled { buffer, end } = self.parser.chunk_mut();
        let limit = buffer.limit();
        // A growing buffer that cannot grow lends what it has.
        let _ = buffer.grow(limit);
        let bytes = buffer.bytes_mut();
        if start > 0 {
            bytes.copy_within(start..*end, 0);
            *end -= start;
        }
        &mut bytes[*end..]
    }

    /// Says that the first `length` bytes of [`space`](Self::space) hold bytes of the stream now;
    /// more than there is space for counts as all of it.
    pub fn filled(&mut self, length: usize) {
        let Filled { buffer, end } = self.parser.chunk_mut();
        *end = end.saturating_add(length).min(buffer.bytes().len());
        // Line ends were looked for up to the end that was.
        self.parser.look_again();
    }

    /// The next item; `None` when all that was filled has been read.
    #[expect(clippy::should_implement_trait, reason = "the item borrows the parser")]
    pub fn next(&mut self) -> Option<Item<'_>> {
        self.parser.next()
    }

    /// Reads to the next item, and says whether there is one. With [`item`](Self::item) this is
    /// [`next`](Self::next) in two steps, for read loops that return what they find.
    pub fn advance(&mut self) -> bool {
        self.parser.advance()
    }

    /// The item that [`advance`](Self::advance) came to, until more space is asked for.
    #[must_use]
    pub fn item(&self) -> Option<Item<'_>> {
        self.parser.item()
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
        self.parser.seed_last_event_id(id)
    }

    /// Ends the stream; see [`Parser::end_stream`]. What was filled and not read is dropped.
    pub fn end_stream(&mut self) -> StreamEnd {
        let end = self.parser.end_stream();
        self.parser.restart();
        self.parser.chunk_mut().end = 0;
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_may_be_told_in_parts() {
        let stream = b"data: 1\n\ndata: 2\n\ndata: 3\n\n";
        for first in 9..stream.len() {
            let mut parser = BufferedParser::new(Parser::new([0; 64], [0; 48]), [0; 64]);
            parser.space()[..stream.len()].copy_from_slice(stream);
            parser.filled(first);
            assert!(parser.advance());
            parser.filled(stream.len() - first);
            assert!(parser.advance() && parser.advance() && !parser.advance(), "{first}");
        }
    }
}
