//! Bytes of an event stream that are text when somebody asks.

#[cfg(feature = "alloc")]
use alloc::borrow::Cow;
use core::fmt::{self, Write as _};
use core::str::Utf8Error;

/// A piece of an event stream: bytes at once, text on request.
///
/// The standard decodes a stream as UTF-8 before it looks for lines. No rule of the parser depends
/// on that, so the bytes are kept as they came and are checked only when asked for. Where they are
/// not UTF-8, every maximal subpart of an ill-formed sequence shows as one U+FFFD, as the "UTF-8
/// decode" algorithm has it.
///
/// ```
/// use sansse::Text;
///
/// let text = Text::new(b"caf\xC3\xA9");
/// assert_eq!(text.to_str(), Ok("café"));
/// assert_eq!(Text::new(b"a\xFFb").to_string(), "a\u{FFFD}b");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Wraps bytes, whatever they hold.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes as they came.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The text, borrowed, where the bytes are UTF-8.
    ///
    /// # Errors
    ///
    /// Says where the bytes stop being UTF-8. `Display` and
    /// [`to_string_lossy`](Self::to_string_lossy) replace what is not.
    #[inline(always)]
    pub fn to_str(self) -> Result<&'a str, Utf8Error> {
        match self.0 {
            // What most events have for an id and for a type.
            b"" => Ok(""),
            b"message" => Ok("message"),
            bytes => check(bytes),
        }
    }

    /// The text a browser would show: borrowed where the bytes are UTF-8, else with U+FFFD for
    /// every maximal subpart that is not.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_string_lossy(self) -> Cow<'a, str> {
        match self.to_str() {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => alloc::string::String::from_utf8_lossy(self.0),
        }
    }
}

#[cfg(feature = "std")]
#[inline(always)]
fn check(bytes: &[u8]) -> Result<&str, Utf8Error> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => explain(bytes),
    }
}

/// It does not say where the text ends to be UTF-8.
#[cfg(feature = "std")]
#[cold]
fn explain(bytes: &[u8]) -> Result<&str, Utf8Error> {
    core::str::from_utf8(bytes)
}

#[cfg(not(feature = "std"))]
fn check(bytes: &[u8]) -> Result<&str, Utf8Error> {
    core::str::from_utf8(bytes)
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<[u8]> for Text<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        self.0 == other
    }
}

impl PartialEq<&[u8]> for Text<'_> {
    fn eq(&self, other: &&[u8]) -> bool {
        self.0 == *other
    }
}
