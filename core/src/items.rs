//! The items of one chunk.

use crate::checked::Checked;
use crate::item::Item;
use crate::lines::Lines;
use crate::parser::Parser;
use crate::ready::Ready;
use crate::storage::Storage;

/// The items of a chunk that a [`Parser`] was fed. Nothing is read before it is asked for.
///
/// Each item borrows this value, since the next one may overwrite the parser's storage; that is why
/// it is no `Iterator`. Dropping it early loses nothing but the rest of the chunk, from
/// [`consumed`](Self::consumed) on.
#[derive(Debug)]
pub struct Items<'p, 'c, E, I> {
    parser: &'p mut Parser<E, I>,
    chunk: &'c [u8],
    lines: Lines,
    ready: Option<Ready>,
}

impl<'p, 'c, E: Storage, I: Storage> Items<'p, 'c, E, I> {
    pub(crate) const fn new(parser: &'p mut Parser<E, I>, chunk: &'c [u8]) -> Self {
        Self { parser, chunk, lines: Lines::new(), ready: None }
    }

    /// The next item; `None` when all of the chunk has been read.
    #[inline(always)]
    #[expect(clippy::should_implement_trait, reason = "the item borrows the iterator")]
    pub fn next(&mut self) -> Option<Item<'_>> {
        self.advance();
        self.item()
    }

    /// Reads to the next item, and says whether there is one. With [`item`](Self::item) this is
    /// [`next`](Self::next) in two steps, for loops that return what they find.
    #[inline(always)]
    pub fn advance(&mut self) -> bool {
        self.ready = self.parser.step(self.chunk, &mut self.lines);
        self.ready.is_some()
    }

    /// The item that [`advance`](Self::advance) came to.
    #[inline(always)]
    #[must_use]
    pub fn item(&self) -> Option<Item<'_>> {
        self.item_in(None)
    }

    /// The same, where parts of it may lie in what was checked.
    #[inline(always)]
    pub(crate) fn item_in<'a>(&'a self, checked: Option<&'a Checked<'a>>) -> Option<Item<'a>> {
        self.ready.map(|ready| self.parser.item(self.chunk, ready, checked))
    }

    /// The chunk.
    pub(crate) const fn chunk(&self) -> &'c [u8] {
        self.chunk
    }

    /// How many bytes of the chunk have been read, up to the end of the last item's last line.
    #[must_use]
    pub const fn consumed(&self) -> usize {
        self.lines.position()
    }
}
