//! What is known of an item before it borrows anything.

use core::ops::Range;

/// The kind of item that the parser has come to. What it consists of is [`Shown`], so that this
/// fits a register.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ready {
    /// An event whose parts lie in the chunk: its data,
    Data,
    /// its data and its type,
    Typed,
    /// its data, its type (which may be empty) and its id.
    Identified,
    /// An event whose parts lie in the chunk or in the storages, where its spans say.
    Event,
    TooLarge,
    /// An event that was too large and whose id does not count.
    HeldBack,
    Retry,
    Comment,
    IdTooLong,
}

/// The parts of the item that was come to last, as far as its kind has them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// The data of an event, or the text of a comment.
    pub(crate) data: Span,
    pub(crate) data_place: Place,
    pub(crate) event_type: Span,
    pub(crate) type_place: Place,
    /// The id that the block carries, where it lies in the chunk.
    pub(crate) id: Span,
    pub(crate) carries_id: bool,
}

impl Shown {
    pub(crate) const NOTHING: Self = Self {
        data: Span::EMPTY,
        data_place: Place::Chunk,
        event_type: Span::EMPTY,
        type_place: Place::Chunk,
        id: Span::EMPTY,
        carries_id: false,
    };

    /// Whether all parts of an event whose spans say where they lie are in the chunk. (An id of its own
    /// is not.)
    pub(crate) const fn is_in_chunk(&self) -> bool {
        matches!((self.data_place, self.type_place), (Place::Chunk, Place::Chunk))
            && !self.carries_id
    }
}

/// What a span is a piece of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Chunk,
    EventStorage,
}

/// From where to where a piece goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0 };

    #[inline(always)]
    pub(crate) const fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl From<Range<usize>> for Span {
    #[inline(always)]
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}
