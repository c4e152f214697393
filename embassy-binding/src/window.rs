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
        let Some(bytes) = bytes.get(self.skip..) else {
            self.skip -= bytes.len();
            return;
        };
        self.skip = 0;
        let room = self.out.get_mut(self.filled..).unwrap_or_default();
        let length = bytes.len().min(room.len());
        if let (Some(part), Some(room)) = (bytes.get(..length), room.get_mut(..length)) {
            room.copy_from_slice(part);
        }
        self.filled += length;
        self.is_cut |= length < bytes.len();
    }

    /// Writes text in which a byte below the number of parts stands for one of them. It takes less flash
    /// than to write each piece, as most is in one place.
    #[inline(never)]
    pub(crate) fn write_parts(&mut self, text: &[u8], parts: &[&[u8]]) {
        for byte in text {
            let part = parts.get(usize::from(*byte)).copied();
            self.write(part.unwrap_or(core::slice::from_ref(byte)));
        }
    }
}

/// A number in decimal.
#[inline(never)]
pub(crate) fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        start -= 1;
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}
