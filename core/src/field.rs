//! The fields of a block: the names that the standard gives a meaning to.

/// What a line says, once its name is known ("Interpreting an event stream").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Data,
    Event,
    Id,
    Retry,
    /// A line that begins with a colon: a field without a name.
    Comment,
}

impl Field {
    /// The only field that a line with this first byte can be.
    pub(crate) const fn starting_with(first: u8) -> Option<Self> {
        Some(match first {
            b'd' => Self::Data,
            b'e' => Self::Event,
            b'i' => Self::Id,
            b'r' => Self::Retry,
            b':' => Self::Comment,
            _ => return None,
        })
    }

    pub(crate) const fn name(self) -> &'static [u8] {
        match self {
            Self::Data => b"data",
            Self::Event => b"event",
            Self::Id => b"id",
            Self::Retry => b"retry",
            Self::Comment => b"",
        }
    }

    /// Splits a whole line, without its end, into its field and where its value starts.
    /// `None` for a field that the standard has readers ignore.
    pub(crate) fn of_line(line: &[u8]) -> Option<(Self, usize)> {
        let (field, name, rest) = match line {
            [b'd', b'a', b't', b'a', rest @ ..] => (Self::Data, 4, rest),
            // A comment is shown as it stands: the standard strips a space from values only.
            [b':', ..] => return Some((Self::Comment, 1)),
            [b'i', b'd', rest @ ..] => (Self::Id, 2, rest),
            [b'e', b'v', b'e', b'n', b't', rest @ ..] => (Self::Event, 5, rest),
            [b'r', b'e', b't', b'r', b'y', rest @ ..] => (Self::Retry, 5, rest),
            _ => return None,
        };
        match rest {
            [] => Some((field, name)),
            [b':', b' ', ..] => Some((field, name + 2)),
            [b':', ..] => Some((field, name + 1)),
            _ => None,
        }
    }
}

/// A `retry` value while it is read: ASCII digits only, at least one, saturating.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryValue {
    milliseconds: u64,
    digits: Digits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    None,
    Some,
    /// And something else.
    Malformed,
}

impl RetryValue {
    pub(crate) const fn new() -> Self {
        Self { milliseconds: 0, digits: Digits::None }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.digits == Digits::Malformed {
                return;
            }
            self.digits = if byte.is_ascii_digit() { Digits::Some } else { Digits::Malformed };
            self.milliseconds = if self.milliseconds > u64::MAX / 10 {
                u64::MAX
            } else {
                (10 * self.milliseconds).saturating_add(u64::from(byte.wrapping_sub(b'0')))
            };
        }
    }

    /// Whether the value is one, as far as it has come.
    pub(crate) fn is_valid(self) -> bool {
        self.digits == Digits::Some
    }

    pub(crate) const fn milliseconds(self) -> u64 {
        self.milliseconds
    }
}
