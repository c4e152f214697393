//! A part of what is written.

/// Takes what is written from some byte on, as far as it fits. Whoever writes the same again and
/// skips what has gone out needs to keep no copy of it.
pub(crate) struct Window<'a> {
    out: &'a mut [u8],
    /// Bytes that are before the window.
    skip: usize,
    filled: usize,
    is_cut: bool,
}

impl<'a> Window<'a> {
    pub(crate) fn new(out: &'a mut [u8], skip: usize) -> Self {
        Self { out, skip, filled: 0, is_cut: false }
    }

    /// Bytes in the window.
    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    /// Whether there is more behind the window.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Writes bytes.
    #[inline(never)]
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let (bytes, room) = (&bytes[skipped..], &mut self.out[self.filled..]);
        let length = bytes.len().min(room.len());
        room[..length].copy_from_slice(&bytes[..length]);
        self.filled += length;
        self.is_cut |= length < bytes.len();
    }

    /// Writes a number, in decimal.
    #[inline(never)]
    pub(crate) fn write_number(&mut self, mut number: u32) {
        let mut digits = [0; 10];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.write(&digits[start..]);
    }
}
