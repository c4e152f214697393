//! Where the lines of a chunk end: bit masks of blocks of 64 bytes.

use core::num::NonZeroU64;

use crate::line;

#[path = "masks.rs"]
mod masks;

/// Bytes in a block.
const BLOCK: usize = 64;
/// Bytes that are looked at together where there has been no line end for long.
const LARGE_BLOCK: usize = 4 * BLOCK;
/// Bytes without a line end after which a search for one is faster.
const NEAR: usize = 8 * BLOCK;

/// The line ends of a chunk, LF and CR alike, in order.
///
/// A block is looked at as a whole, and its line ends are then taken one by one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineEnds {
    /// Bit `i` is set where byte `block + i` is a line end that has not been taken.
    mask: u64,
    /// All line ends before the end of this block have been found.
    block: usize,
}

impl LineEnds {
    /// Whether lines are so cheap to find that blocks are worth a way of their own.
    pub(crate) const CHEAP: bool = true;

    pub(crate) const fn new() -> Self {
        Self::from(0)
    }

    /// Nothing is known of what is behind `position`.
    const fn from(position: usize) -> Self {
        Self { mask: 0, block: position.wrapping_sub(BLOCK) }
    }

    /// Takes the next line end. `from` is where its line starts.
    #[inline(always)]
    pub(crate) fn next(&mut self, chunk: &[u8], _from: usize) -> Option<usize> {
        let mask = match NonZeroU64::new(self.mask) {
            Some(mask) => mask,
            None => self.scan(chunk)?,
        };
        self.mask = mask.get() & (mask.get() - 1);
        Some(self.block + mask.trailing_zeros() as usize)
    }

    /// Whether a long chunk has none, as far as a look at many bytes at once can tell.
    #[inline(always)]
    pub(crate) fn are_none_in(chunk: &[u8]) -> bool {
        let mut rest = chunk;
        while let Some((block, behind)) = rest.split_first_chunk::<LARGE_BLOCK>() {
            if masks::may_have_line_ends(block) {
                return false;
            }
            rest = behind;
        }
        chunk.last_chunk::<LARGE_BLOCK>().is_some_and(|last| !masks::may_have_line_ends(last))
    }

    /// Passes the line end right before `position`.
    #[inline(always)]
    pub(crate) fn pass(&mut self, position: usize) {
        if self.mask == 0 {
            *self = Self::from(position);
        } else {
            self.mask &= self.mask - 1;
        }
    }

    /// Passes all before `position`, which is behind what has been taken.
    pub(crate) fn skip_to(&mut self, position: usize) {
        *self = Self::from(position);
    }

    /// Looks at blocks, up to one that has line ends.
    #[inline(always)]
    fn scan(&mut self, chunk: &[u8]) -> Option<NonZeroU64> {
        let place = self.block.wrapping_add(BLOCK);
        let rest = chunk.get(place..)?;
        self.block = place;
        let Some(block) = rest.first_chunk() else {
            if rest.is_empty() {
                return None;
            }
            return NonZeroU64::new(line_ends_behind(chunk, place));
        };
        if let Some(mask) = NonZeroU64::new(masks::line_ends(block)) {
            return Some(mask);
        }
        if rest.len() == BLOCK {
            return None;
        }
        let (offset, mask) = line_ends_behind_first(rest);
        self.block += offset;
        NonZeroU64::new(mask)
    }
}

/// Line ends in the last bytes of a chunk, fewer than a block. (A function of its own, as the next
/// ones are, since merging results has compilers give up vectors.)
#[inline(never)]
fn line_ends_behind(chunk: &[u8], place: usize) -> u64 {
    match chunk.last_chunk() {
        Some(block) => line_ends_of_last(block, chunk.len() - place),
        None => masks::line_ends_of_few(&chunk[place..]),
    }
}

/// The first line ends behind the first block, which has none: where their block starts, and its
/// mask.
#[inline(never)]
fn line_ends_behind_first(bytes: &[u8]) -> (usize, u64) {
    let mut place = BLOCK;
    let mut near = &bytes[BLOCK..bytes.len().min(NEAR)];
    while let Some((block, behind)) = near.split_first_chunk() {
        if masks::may_have_line_ends(block) {
            let mask = masks::line_ends(block);
            if mask != 0 {
                return (place, mask);
            }
        }
        place += BLOCK;
        near = behind;
    }
    let left = bytes.len() - place;
    match bytes.last_chunk() {
        Some(last) if left < BLOCK => (place, line_ends_of_last(last, left)),
        _ => far_line_ends(bytes, place),
    }
}

/// The first line ends at `place` or behind it, where there have been none for long.
#[inline(never)]
fn far_line_ends(bytes: &[u8], place: usize) -> (usize, u64) {
    let rest = &bytes[place..];
    let place = place + line::find_end(rest).unwrap_or(rest.len());
    if let Some(block) = bytes[place..].first_chunk() {
        return (place, masks::line_ends(block));
    }
    let last = bytes.last_chunk();
    (place, last.map_or(0, |block| line_ends_of_last(block, bytes.len() - place)))
}

/// The line ends in the last bytes of a block, so many.
#[inline(always)]
fn line_ends_of_last(block: &[u8; BLOCK], count: usize) -> u64 {
    if count == 0 { 0 } else { masks::line_ends(block) >> (BLOCK - count) }
}
