//! Where the lines of a chunk end: searched for line by line, in little code.

use crate::line::{CR, LF};

/// The line ends of a chunk, LF and CR alike, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineEnds;

impl LineEnds {
    /// Whether lines are so cheap to find that blocks are worth a way of their own.
    pub(crate) const CHEAP: bool = false;

    pub(crate) const fn new() -> Self {
        Self
    }

    /// Takes the next line end. `from` is where its line starts.
    #[inline(always)]
    pub(crate) fn next(&mut self, chunk: &[u8], from: usize) -> Option<usize> {
        let length = chunk.get(from..)?.iter().position(|&byte| byte == LF || byte == CR)?;
        Some(from + length)
    }

    /// Whether a long chunk has none.
    pub(crate) fn are_none_in(chunk: &[u8]) -> bool {
        Self.next(chunk, 0).is_none()
    }

    /// Passes the line end right before `position`.
    #[inline(always)]
    pub(crate) fn pass(&mut self, _position: usize) {}

    /// Passes all before `position`, which is behind what has been taken.
    pub(crate) fn skip_to(&mut self, _position: usize) {}
}
