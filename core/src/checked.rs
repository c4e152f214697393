//! A part of a chunk that was found to be UTF-8.

#[cfg(not(feature = "std"))]
use core::str::from_utf8;

#[cfg(feature = "std")]
use simdutf8::compat::from_utf8;

/// Text whose pieces need no check of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checked<'a>(&'a str);

impl<'a> Checked<'a> {
    pub(crate) const NOTHING: Self = Self("");

    /// As much of the start of some bytes as is UTF-8.
    #[inline(never)]
    pub(crate) fn start_of(bytes: &'a [u8]) -> Self {
        Self(match from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        })
    }

    /// Length in bytes.
    pub(crate) const fn len(self) -> usize {
        self.0.len()
    }

    /// The same bytes as text, if it is here that they lie.
    #[inline(always)]
    pub(crate) fn piece(self, bytes: &[u8]) -> Option<&'a str> {
        let start = bytes.as_ptr().addr().wrapping_sub(self.0.as_ptr().addr());
        self.0.get(start..start.wrapping_add(bytes.len()))
    }
}
