//! Line ends: LF, CR and CRLF.

use memchr::memchr2;

pub(crate) const CR: u8 = b'\r';
pub(crate) const LF: u8 = b'\n';

/// Bytes that make data long, and a chunk of it.
pub(crate) const LONG: usize = 1024;

/// Where the first line end stands.
pub(crate) fn find_end(bytes: &[u8]) -> Option<usize> {
    memchr2(CR, LF, bytes)
}

pub(crate) fn has_end(bytes: &[u8]) -> bool {
    find_end(bytes).is_some()
}

/// A byte that is less than this may be a line end; so are tabs and a few that text hardly has.
pub(crate) const FIRST: u8 = CR + 1;
/// Where [`low_bytes`] shows them.
pub(crate) const HIGH: u32 = u32::from_ne_bytes([0x80; 4]);

/// A byte of a word that is less than [`FIRST`] shows in the highest bits of the bytes.
#[inline(always)]
pub(crate) const fn low_bytes(word: u32) -> u32 {
    word.wrapping_sub(u32::from_ne_bytes([FIRST; 4])) & !word
}

/// [`has_end`] of what is short, or where a search takes much code.
pub(crate) fn has_end_in_few(bytes: &[u8]) -> bool {
    if let Some(last) = last_chunk(bytes) {
        let (mut low, mut rest) = (low_bytes(u32::from_ne_bytes(*last)), bytes);
        while let Some((word, behind)) = rest.split_first_chunk() {
            low |= low_bytes(u32::from_ne_bytes(*word));
            rest = behind;
        }
        if low & HIGH == 0 {
            return false;
        }
    }
    bytes.iter().any(|&byte| byte == LF || byte == CR)
}

/// The slice's own, in less code.
#[inline(always)]
pub(crate) fn last_chunk<const N: usize>(bytes: &[u8]) -> Option<&[u8; N]> {
    bytes.get(bytes.len().checked_sub(N)?..)?.first_chunk()
}

/// The slice's own, in less code.
#[inline(always)]
pub(crate) fn last_chunk_mut<const N: usize>(bytes: &mut [u8]) -> Option<&mut [u8; N]> {
    bytes.get_mut(bytes.len().checked_sub(N)?..)?.first_chunk_mut()
}
