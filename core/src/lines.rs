//! The lines of a chunk, one by one.

use core::ops::Range;

use crate::line::{CR, LF};
use crate::line_ends::LineEnds;

/// How far a chunk has been read, and what is known of where its next lines end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    position: usize,
    ends: LineEnds,
}

impl Lines {
    pub(crate) const fn new() -> Self {
        Self { position: 0, ends: LineEnds::new() }
    }

    /// Where the next line starts.
    #[inline(always)]
    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    /// The next line that ends in this chunk, without its end, which is passed.
    ///
    /// Sets `after_cr` where that is a CR that ends the chunk: a LF may follow that belongs to it.
    #[inline(always)]
    pub(crate) fn next(&mut self, chunk: &[u8], after_cr: &mut bool) -> Option<Range<usize>> {
        let start = self.position;
        let end = self.ends.next(chunk, start)?;
        // It is there, unless the caller has changed the chunk meanwhile.
        let &byte = chunk.get(end)?;
        self.position = end + 1;
        if byte == CR {
            match chunk.get(self.position) {
                Some(&LF) => {
                    self.position += 1;
                    self.ends.pass(self.position);
                }
                Some(_) => {}
                None => *after_cr = true,
            }
        }
        Some(start..end)
    }

    /// Passes bytes that no line was looked for in.
    pub(crate) fn skip_to(&mut self, position: usize) {
        self.position = position;
        self.ends.skip_to(position);
    }
}
