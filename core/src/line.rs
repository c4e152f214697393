//! Line ends: LF, CR and CRLF.

use memchr::memchr2;

pub(crate) const CR: u8 = b'\r';
pub(crate) const LF: u8 = b'\n';

/// Where the first line end stands.
pub(crate) fn find_end(bytes: &[u8]) -> Option<usize> {
    memchr2(CR, LF, bytes)
}

pub(crate) fn has_end(bytes: &[u8]) -> bool {
    find_end(bytes).is_some()
}
