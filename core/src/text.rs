//! Bytes of an event stream that are text when somebody asks.

#[cfg(feature = "alloc")]
use alloc::borrow::Cow;
use core::cmp::Ordering;
use core::fmt::{self, Write as _};
use core::hash::{Hash, Hasher};
use core::ptr;
use core::str::Utf8Error;

use crate::checked::Checked;
use crate::event::MESSAGE;

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
#[derive(Clone, Copy, Default)]
pub struct Text<'a> {
    bytes: &'a [u8],
    /// Where they may lie, if that was checked.
    checked: Option<&'a Checked<'a>>,
}

impl<'a> Text<'a> {
    /// Wraps bytes, whatever they hold.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, checked: None }
    }

    /// Bytes that may lie in what was checked.
    #[inline(always)]
    pub(crate) const fn knowing(bytes: &'a [u8], checked: Option<&'a Checked<'a>>) -> Self {
        Self { bytes, checked }
    }

    /// The bytes as they came.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// The text, borrowed, where the bytes are UTF-8. Who asks for that in most events feeds the
    /// parser by [`feed_text`](crate::Parser::feed_text), where it costs less.
    ///
    /// # Errors
    ///
    /// Says where the bytes stop being UTF-8. `Display` and
    /// [`to_string_lossy`](Self::to_string_lossy) replace what is not.
    #[inline(always)]
    pub fn to_str(self) -> Result<&'a str, Utf8Error> {
        // What most events have for an id,
        if self.bytes.is_empty() {
            return Ok("");
        }
        // and for a type. (It is always this one, which is sooner seen than what it says.)
        if ptr::eq(self.bytes, MESSAGE.as_bytes()) {
            return Ok(MESSAGE);
        }
        match self.checked.and_then(|checked| checked.piece(self.bytes)) {
            Some(text) => Ok(text),
            None => check(self.bytes),
        }
    }

    /// The text a browser would show: borrowed where the bytes are UTF-8, else with U+FFFD for
    /// every maximal subpart that is not.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_string_lossy(self) -> Cow<'a, str> {
        match self.to_str() {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => alloc::string::String::from_utf8_lossy(self.bytes),
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

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Text<'_> {}

impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(other.bytes)
    }
}

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.bytes.utf8_chunks() {
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
        write!(f, "\"{}\"", self.bytes.escape_ascii())
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::new(bytes)
    }
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self.bytes
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.bytes == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.bytes == other.as_bytes()
    }
}

impl PartialEq<[u8]> for Text<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        self.bytes == other
    }
}

impl PartialEq<&[u8]> for Text<'_> {
    fn eq(&self, other: &&[u8]) -> bool {
        self.bytes == *other
    }
}
