//! The bytes of a chunk, and who owns them.

use std::ops::{Deref, Range};
use std::sync::Arc;

use bytes::Bytes;

/// Where a part of an event lies in its chunk. (Not a range, whose two ends would be moved together, from
/// where they have just been written one by one: for that, processors wait until both have reached the
/// cache.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    start: usize,
    length: usize,
}

impl Part {
    pub(crate) const EMPTY: Self = Self { start: 0, length: 0 };
    /// A part that there is not. (No `Option`, which would have it moved as a whole, too.)
    pub(crate) const NONE: Self = Self { start: usize::MAX, length: 0 };

    #[inline(always)]
    pub(crate) fn is_some(self) -> bool {
        self.start != usize::MAX
    }

    /// The same so many bytes further on.
    pub(crate) fn behind(self, offset: usize) -> Self {
        if self.is_some() { Self { start: self.start + offset, ..self } } else { self }
    }
}

impl From<Range<usize>> for Part {
    #[inline(always)]
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, length: range.end.wrapping_sub(range.start) }
    }
}

/// The chunk of an event.
#[derive(Clone, Debug)]
pub(crate) enum Chunk {
    /// Of no other event, unless by a clone of this one.
    Own(Bytes),
    /// Of other events, too: to count another owner here is cheaper than in `Bytes`, where it is a call.
    Shared(Arc<Bytes>),
}

impl Chunk {
    /// A part, borrowed.
    #[inline(always)]
    pub(crate) fn part(&self, part: Part) -> &[u8] {
        &self[part.start..part.start + part.length]
    }

    /// A part, shared.
    pub(crate) fn slice(&self, part: Part) -> Bytes {
        match self {
            Self::Own(bytes) => bytes.slice_ref(self.part(part)),
            Self::Shared(bytes) => bytes.slice_ref(self.part(part)),
        }
    }
}

impl Deref for Chunk {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Own(bytes.into())
    }
}
