//! Where in a page of memory something lies.
//!
//! It is the same in every run, since it decides much: to encode 240 bytes took up to three times as
//! long where they lay across two pages, and the figures of the corpus d doubled or halved between
//! runs. Streams start in the middle of a page: large buffers, which are copied to, start near the
//! start of one.

/// Bytes of a page.
pub(crate) const SIZE: usize = 4096;

/// How many bytes from here the next page starts.
pub(crate) fn next(bytes: &[u8]) -> usize {
    bytes.as_ptr().align_offset(SIZE)
}

/// Copies bytes to the middle of a page and what follows, for as long as the program runs.
pub(crate) fn to_middle(bytes: &[u8]) -> &'static [u8] {
    let mut memory = vec![0; bytes.len() + 2 * SIZE];
    let start = next(&memory) + SIZE / 2;
    memory[start..][..bytes.len()].copy_from_slice(bytes);
    &memory.leak()[start..][..bytes.len()]
}
