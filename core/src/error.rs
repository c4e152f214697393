//! What a caller can get wrong when it makes an event.

use core::fmt;

/// A field value that would not come back as it went in, or that would forge another field.
///
/// Nothing has been written when this is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldError {
    /// An event type, id or comment holds CR or LF, which would end its line.
    LineBreak,
    /// An id holds U+0000: the standard has readers ignore such an id.
    Nul,
    /// An id begins or ends with a space or a tab, which HTTP would strip from `Last-Event-ID`.
    EdgeWhitespace,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineBreak => "an event type, id or comment must be one line: remove CR and LF",
            Self::Nul => "an id must not hold U+0000, or readers ignore it: remove it",
            Self::EdgeWhitespace => {
                "an id must not begin or end with a space or a tab, which HTTP strips: trim it"
            }
        })
    }
}

impl core::error::Error for FieldError {}

/// The slice given to an encoder is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferTooSmall;

impl fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the buffer is too small: give at least `encoded_len` bytes")
    }
}

impl core::error::Error for BufferTooSmall {}

/// Why an encoder stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError<E> {
    /// The caller's value cannot be a field; nothing has been written.
    Field(FieldError),
    /// The sink refused bytes; what it took before is an unfinished block that readers must not
    /// be given more of.
    Sink(E),
    /// The caller's formatting reported an error; what was written is an unfinished block.
    Format,
}

impl<E: fmt::Display> fmt::Display for EncodeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(error) => error.fmt(f),
            Self::Sink(error) => write!(f, "the event could not be written: {error}"),
            Self::Format => {
                f.write_str("the data's own formatting reported an error: see its `Display`")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for EncodeError<E> {}

impl<E> From<FieldError> for EncodeError<E> {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

/// An id that cannot be seeded into a parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeedError {
    /// The id is longer than the parser's storage for one id, in bytes.
    TooLong {
        /// The longest id that fits, in bytes.
        limit: usize,
    },
    /// The id holds CR, LF or U+0000, so it never was a last event ID.
    NotAnId,
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => {
                write!(f, "the id is longer than {limit} bytes: give the parser more id storage")
            }
            Self::NotAnId => {
                f.write_str("an id holds no CR, LF or U+0000: seed the id as it was received")
            }
        }
    }
}

impl core::error::Error for SeedError {}
