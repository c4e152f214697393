//! Memory that a parser may use, and never more than that.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::ops::Range;

use crate::line_ends::LineEnds;

/// Memory lent to a [`Parser`](crate::Parser): a slice or an array of the caller's, or, with the
/// feature `alloc`, a [`GrowingStorage`].
///
/// Its limit is the parser's limit (law 3): what would not fit becomes an item of the stream.
/// The trait is sealed, since the parser relies on what these types do.
pub trait Storage: sealed::Storage {}

impl<S: sealed::Storage> Storage for S {}

/// Storage that starts empty and grows on the heap to a stated limit.
///
/// It never shrinks by itself, and while it grows, the old memory and the new exist side by side.
/// [`ChunkParser::take_data`](crate::ChunkParser::take_data) empties it; it then begins with as much, up to
/// 1 MiB, and [`replace_data`](crate::ChunkParser::replace_data) gives it other memory. An allocation that
/// the system refuses counts as the limit reached.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct GrowingStorage {
    bytes: Vec<u8>,
    limit: usize,
    /// How many bytes to begin with: as many as the event took that was moved out, and some more.
    begin: usize,
}

#[cfg(feature = "alloc")]
impl GrowingStorage {
    /// Storage for at most `limit` bytes; allocates nothing yet.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, begin: LEAST }
    }

    /// Moves the memory out, cut to its first `length` bytes, and goes on in other memory.
    pub(crate) fn replace(&mut self, length: usize, mut memory: Vec<u8>) -> Vec<u8> {
        memory.truncate(self.limit);
        let mut bytes = core::mem::replace(&mut self.bytes, memory);
        self.begin = (length + length / 8).clamp(LEAST, LARGE);
        bytes.truncate(length);
        bytes
    }
}

/// From so many bytes on, storage grows by less than it has.
#[cfg(feature = "alloc")]
const LARGE: usize = 1 << 20;
/// Bytes that storage begins with, at least.
#[cfg(feature = "alloc")]
const LEAST: usize = 64;
/// Bytes that storage is made longer by, at least, within the memory that it has.
#[cfg(feature = "alloc")]
const STEP: usize = 4 << 10;

/// How many bytes a range has. (Its own method asserts what it returns, each time.)
#[inline(always)]
pub(crate) const fn length(range: &Range<usize>) -> usize {
    range.end - range.start
}

/// Copies a piece to where there is room for it. (A function of its own keeps the code small, and the
/// compiler from merging it with faster ways of copying.)
#[inline(never)]
pub(crate) fn put(piece: &[u8], bytes: &mut [u8], place: usize) {
    let room = bytes.get_mut(place..).and_then(|bytes| bytes.get_mut(..piece.len()));
    if let Some(room) = room {
        room.copy_from_slice(piece);
    }
}

/// Copies a piece of a chunk to the start of a target that is no shorter. A piece of up to `BLOCK` bytes
/// goes as a block of that length where there is one on both sides, which needs no loop; what is behind
/// the piece means nothing then.
#[inline(always)]
pub(crate) fn put_block<const BLOCK: usize>(chunk: &[u8], piece: Range<usize>, target: &mut [u8]) {
    if !LineEnds::CHEAP {
        return put(&chunk[piece], target, 0);
    }
    let source = chunk[piece.start..].first_chunk::<BLOCK>();
    match (source, target.first_chunk_mut::<BLOCK>()) {
        (Some(source), Some(target)) if length(&piece) <= BLOCK => *target = *source,
        _ => put(&chunk[piece], target, 0),
    }
}

pub(crate) mod sealed {
    pub trait Storage {
        /// Whether `bytes` may become longer.
        const GROWS: bool = false;
        /// The most bytes that there will ever be.
        fn limit(&self) -> usize;
        fn bytes(&self) -> &[u8];
        fn bytes_mut(&mut self) -> &mut [u8];
        /// Tries to make `bytes` at least `needed` long, keeping what it holds.
        fn grow(&mut self, needed: usize) -> bool;
    }

    impl Storage for &mut [u8] {
        fn limit(&self) -> usize {
            self.len()
        }
        fn bytes(&self) -> &[u8] {
            self
        }
        fn bytes_mut(&mut self) -> &mut [u8] {
            self
        }
        fn grow(&mut self, needed: usize) -> bool {
            needed <= self.len()
        }
    }

    impl<const N: usize> Storage for [u8; N] {
        fn limit(&self) -> usize {
            N
        }
        fn bytes(&self) -> &[u8] {
            self
        }
        fn bytes_mut(&mut self) -> &mut [u8] {
            self
        }
        fn grow(&mut self, needed: usize) -> bool {
            needed <= N
        }
    }

    impl<const N: usize> Storage for &mut [u8; N] {
        fn limit(&self) -> usize {
            N
        }
        fn bytes(&self) -> &[u8] {
            *self
        }
        fn bytes_mut(&mut self) -> &mut [u8] {
            *self
        }
        fn grow(&mut self, needed: usize) -> bool {
            needed <= N
        }
    }

    #[cfg(feature = "alloc")]
    impl Storage for super::GrowingStorage {
        const GROWS: bool = true;

        fn limit(&self) -> usize {
            self.limit
        }
        fn bytes(&self) -> &[u8] {
            &self.bytes
        }
        fn bytes_mut(&mut self) -> &mut [u8] {
            &mut self.bytes
        }
        fn grow(&mut self, needed: usize) -> bool {
            let length = self.bytes.len();
            if needed <= length {
                return true;
            }
            if needed > self.limit {
                return false;
            }
            let room = self.bytes.capacity();
            if needed > room {
                // Half as much again spares much memory where there is much, and costs little.
                let more = if room < super::LARGE { room } else { room / 2 };
                let wanted = needed.max(room.saturating_add(more)).max(self.begin).min(self.limit);
                if self.bytes.try_reserve_exact(wanted - length).is_err()
                    && self.bytes.try_reserve_exact(needed - length).is_err()
                {
                    return false;
                }
            }
            // What is not needed yet is not written yet, unless that spares many calls.
            let target = needed.max(length.saturating_add(super::STEP)).min(self.bytes.capacity());
            self.bytes.resize(target.min(self.limit), 0);
            true
        }
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::vec;

    use super::sealed::Storage as _;
    use super::*;

    #[test]
    fn storage_grows_within_its_limit() {
        let mut storage = GrowingStorage::new(100);
        assert!(storage.bytes().is_empty());
        for needed in [1, 64, 65, 99, 100] {
            assert!(storage.grow(needed));
            assert!((needed..=100).contains(&storage.bytes().len()), "{needed}");
        }
        assert!(!storage.grow(101));
        assert_eq!(storage.bytes().len(), 100);
    }

    #[test]
    fn storage_moves_seldom_however_slowly_it_fills() {
        let mut storage = GrowingStorage::new(4 * LARGE);
        let mut rooms = vec![0];
        while storage.grow(storage.bytes().len() + 1) {
            let room = storage.bytes.capacity();
            if rooms.last() != Some(&room) {
                rooms.push(room);
            }
        }
        assert_eq!(storage.bytes().len(), 4 * LARGE);
        assert!(rooms.len() < 25, "{rooms:?}");
    }

    #[test]
    fn storage_uses_no_more_of_given_memory_than_its_limit() {
        let mut storage = GrowingStorage::new(100);
        assert!(storage.grow(10));
        assert_eq!(storage.replace(10, vec![1; 101]), [0; 10]);
        assert_eq!(storage.bytes(), [1; 100]);
    }

    #[test]
    fn storage_begins_with_what_was_taken() {
        let mut storage = GrowingStorage::new(3 * LARGE);
        for (length, room) in [(80_000, 90_000), (800, 900), (8, LEAST), (2 * LARGE, LARGE)] {
            assert!(storage.grow(length));
            assert_eq!(storage.replace(length, Vec::new()), vec![0; length]);
            assert!(storage.grow(1));
            assert!((room..room + LEAST).contains(&storage.bytes.capacity()), "{length}");
            assert!(storage.bytes().len() <= 1 + STEP, "no more is written than is needed");
        }
    }
}
