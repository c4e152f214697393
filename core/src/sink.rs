//! Where encoded bytes go.

use core::convert::Infallible;

use crate::error::BufferTooSmall;
use crate::line_ends::LineEnds;
use crate::text::Text;

/// Something that takes the bytes of an event stream.
///
/// Implemented for slices ([`SliceSink`]), for counting ([`Length`]), for `Vec<u8>` (feature
/// `alloc`), for [`core::fmt::Write`] ([`FmtSink`]) and for `embedded_io::Write` (`IoSink`,
/// feature `embedded-io`).
pub trait Sink {
    /// Why bytes were not taken.
    type Error;

    /// Takes all of the bytes.
    ///
    /// # Errors
    ///
    /// When it cannot take them; it may have taken a part.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

impl<S: Sink + ?Sized> Sink for &mut S {
    type Error = S::Error;

    fn put(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        (**self).put(bytes)
    }
}

/// Fills a slice from its start.
#[derive(Debug)]
pub struct SliceSink<'a> {
    slice: &'a mut [u8],
    length: usize,
}

impl<'a> SliceSink<'a> {
    /// A sink that takes as many bytes as the slice is long.
    #[must_use]
    pub const fn new(slice: &'a mut [u8]) -> Self {
        Self { slice, length: 0 }
    }

    /// What has been written.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.slice[..self.length]
    }
}

impl Sink for SliceSink<'_> {
    type Error = BufferTooSmall;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), BufferTooSmall> {
        let space = self.slice[self.length..].get_mut(..bytes.len()).ok_or(BufferTooSmall)?;
        if LineEnds::CHEAP {
            copy(bytes, space);
        } else {
            space.copy_from_slice(bytes);
        }
        self.length += bytes.len();
        Ok(())
    }
}

/// Copies to a target of the same length. Short pieces, as most are, need no loop: they go as two of
/// a fixed length, one over the other.
#[inline(always)]
fn copy(bytes: &[u8], target: &mut [u8]) {
    match bytes.len() {
        32.. => target.copy_from_slice(bytes),
        16.. => copy_ends::<16>(bytes, target),
        8.. => copy_ends::<8>(bytes, target),
        4.. => copy_ends::<4>(bytes, target),
        2.. => copy_ends::<2>(bytes, target),
        _ => copy_ends::<1>(bytes, target),
    }
}

#[inline(always)]
fn copy_ends<const N: usize>(bytes: &[u8], target: &mut [u8]) {
    if let (Some(&first), Some(&last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        if let Some(target) = target.first_chunk_mut() {
            *target = first;
        }
        if let Some(target) = target.last_chunk_mut() {
            *target = last;
        }
    }
}

/// Counts bytes and keeps none: the exact length of what an encoder would write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length(usize);

impl Length {
    /// Bytes counted so far.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Sink for Length {
    type Error = Infallible;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 += bytes.len();
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl Sink for alloc::vec::Vec<u8> {
    type Error = Infallible;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// Writes to any [`core::fmt::Write`]. What is not UTF-8 goes out as U+FFFD, as readers would show
/// it.
#[derive(Clone, Copy, Debug, Default)]
pub struct FmtSink<W>(pub W);

impl<W: core::fmt::Write> Sink for FmtSink<W> {
    type Error = core::fmt::Error;

    fn put(&mut self, bytes: &[u8]) -> Result<(), core::fmt::Error> {
        match core::str::from_utf8(bytes) {
            Ok(text) => self.0.write_str(text),
            Err(_) => write!(self.0, "{}", Text::new(bytes)),
        }
    }
}

/// Writes to any [`embedded_io::Write`].
#[cfg(feature = "embedded-io")]
#[derive(Clone, Copy, Debug, Default)]
pub struct IoSink<W>(pub W);

#[cfg(feature = "embedded-io")]
impl<W: embedded_io::Write> Sink for IoSink<W> {
    type Error = W::Error;

    fn put(&mut self, bytes: &[u8]) -> Result<(), W::Error> {
        self.0.write_all(bytes)
    }
}
