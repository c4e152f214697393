//! Bytes in a ring.

use core::convert::Infallible;

use sansse::Sink;

/// Writes into a ring, from some index on and over its end.
pub(crate) struct RingSink<'a> {
    ring: &'a mut [u8],
    index: usize,
    /// Bytes that may still be written.
    left: usize,
}

/// More was written than was said before.
#[derive(Debug)]
pub(crate) struct Full;

impl From<Infallible> for Full {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl<'a> RingSink<'a> {
    /// Room for so many bytes, which is no more than the ring has.
    pub(crate) fn new(ring: &'a mut [u8], index: usize, length: usize) -> Self {
        Self { ring, index, left: length }
    }

    /// Where the next byte goes, once all room is used.
    pub(crate) fn end(&self) -> Option<usize> {
        (self.left == 0).then_some(self.index)
    }
}

impl Sink for RingSink<'_> {
    type Error = Full;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(Full)?;
        let end = self.index + bytes.len();
        if let Some(room) = self.ring.get_mut(self.index..end) {
            room.copy_from_slice(bytes);
            self.index = end;
        } else {
            self.index = wrap(self.ring, self.index, bytes);
        }
        Ok(())
    }
}

/// Writes bytes that do not fit before the ring's end, and returns the index behind them.
#[inline(never)]
fn wrap(ring: &mut [u8], index: usize, bytes: &[u8]) -> usize {
    let (behind, before) = bytes.split_at(bytes.len().min(ring.len() - index));
    ring[index..index + behind.len()].copy_from_slice(behind);
    ring[..before.len()].copy_from_slice(before);
    before.len()
}

/// Reads from a ring, from some index on and over its end.
#[inline]
pub(crate) fn read(ring: &[u8], index: usize, out: &mut [u8]) {
    if let Some(bytes) = ring.get(index..index + out.len()) {
        out.copy_from_slice(bytes);
    } else {
        let (first, rest) = out.split_at_mut(ring.len() - index);
        first.copy_from_slice(&ring[index..]);
        rest.copy_from_slice(&ring[..rest.len()]);
    }
}
