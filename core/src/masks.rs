//! Bit masks of the line ends among a few bytes, made of vectors of 16 bytes.

use wide::u8x16;

use crate::line::{CR, LF};

/// Bit `i` is set where byte `i` is LF or CR.
#[inline(always)]
pub(crate) fn line_ends(block: &[u8; 64]) -> u64 {
    let [a, b, c, d] = parts(block).map(line_ends_of);
    a | b << 16 | c << 32 | d << 48
}

/// Whether any byte is no greater than CR, as line ends are and little else in text.
#[inline(always)]
pub(crate) fn may_have_line_ends<const N: usize>(bytes: &[u8; N]) -> bool {
    let mut least = u8x16::splat(u8::MAX);
    let (blocks, _) = bytes.as_chunks();
    for block in blocks {
        let [a, b, c, d] = parts(block);
        least = least.min(a.min(b).min(c.min(d)));
    }
    least.min(u8x16::splat(CR)).simd_eq(least).to_bitmask() != 0
}

/// The line ends of fewer than 64 bytes.
#[inline(always)]
pub(crate) fn line_ends_of_few(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    if let Some(&last) = bytes.last_chunk::<16>() {
        let (parts, _) = bytes.as_chunks::<16>();
        let mut mask = line_ends_of(u8x16::new(last)) << (length - 16);
        for (index, &part) in parts.iter().enumerate() {
            mask |= line_ends_of(u8x16::new(part)) << (16 * index);
        }
        return mask;
    }
    if let (Some(&first), Some(&last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let mut both = [0; 16];
        both[..8].copy_from_slice(&first);
        both[8..].copy_from_slice(&last);
        let mask = line_ends_of(u8x16::new(both));
        return mask & 0xFF | (mask >> 8) << (length - 8);
    }
    let mut mask = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        mask |= u64::from(byte == LF || byte == CR) << index;
    }
    mask
}

#[inline(always)]
fn parts(block: &[u8; 64]) -> [u8x16; 4] {
    let (parts, _) = block.as_chunks::<16>();
    [0, 1, 2, 3].map(|index: usize| u8x16::new(parts[index]))
}

#[inline(always)]
fn line_ends_of(bytes: u8x16) -> u64 {
    (bytes.simd_eq(u8x16::splat(LF)) | bytes.simd_eq(u8x16::splat(CR))).to_bitmask().into()
}
