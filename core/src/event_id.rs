//! The library's own ids: which log, and how far into it.

use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

/// The id that a log gives an event: the log's epoch and the event's sequence in it (law 12).
///
/// A log without a journal takes a new epoch when it starts, so that an id from before is
/// recognised. The text form is both numbers in base 36 with `-` between, in lower case and without
/// leading zeros: at most 27 bytes, nothing that needs a CORS preflight in `Last-Event-ID`.
///
/// ```
/// use sansse::EventId;
///
/// let id = EventId { epoch: 35, sequence: 36 };
/// assert_eq!(id.to_string(), "z-10");
/// assert_eq!("z-10".parse(), Ok(id));
/// assert!("Z-10".parse::<EventId>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Which run of which log.
    pub epoch: u64,
    /// Which event; the first is 1, and 0 stands before it.
    pub sequence: u64,
}

/// The longest base-36 form of a `u64`, in bytes.
const DIGITS: usize = 13;

/// What is before an id in its line.
const FIELD: &[u8; 4] = b"id: ";

impl EventId {
    /// The longest text form, in bytes.
    pub const MAX_LEN: usize = 2 * DIGITS + 1;

    /// The longest `id` line, in bytes.
    pub const MAX_LINE_LEN: usize = 4 + Self::MAX_LEN + 1;

    /// The text form, on the stack.
    #[must_use]
    pub fn to_text(self) -> EventIdText {
        EventIdText(self.to_line())
    }

    /// The `id` line of an event, ended by LF, on the stack. It goes before the block of an event
    /// that was encoded without an id, by whoever learns the sequence only then.
    ///
    /// ```
    /// use sansse::{Event, EventId, Sink, SliceSink};
    ///
    /// let mut buffer = [0; 64];
    /// let mut sink = SliceSink::new(&mut buffer);
    /// sink.put(&EventId { epoch: 35, sequence: 36 }.to_line())?;
    /// Event::new("x").encode(&mut sink)?;
    /// assert_eq!(sink.written(), b"id: z-10\ndata: x\n\n");
    /// # Ok::<(), sansse::BufferTooSmall>(())
    /// ```
    #[must_use]
    pub fn to_line(self) -> EventIdLine {
        let end = Self::MAX_LINE_LEN - 1;
        let mut line = EventIdLine { bytes: [b'\n'; Self::MAX_LINE_LEN], start: end };
        line.prepend_base36(self.sequence);
        line.prepend(b"-");
        line.prepend_base36(self.epoch);
        line.prepend(FIELD);
        line
    }

    /// Reads the text form, and nothing that is not exactly one.
    ///
    /// # Errors
    ///
    /// When the bytes are no id that [`to_text`](Self::to_text) makes.
    pub fn parse(text: &[u8]) -> Result<Self, ParseEventIdError> {
        let mut id = Self { epoch: 0, sequence: 0 };
        let mut number = &mut id.epoch;
        for &byte in text {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'z' => byte - b'a' + 10,
                _ => {
                    number = &mut id.sequence;
                    continue;
                }
            };
            *number = number.wrapping_mul(36).wrapping_add(digit.into());
        }
        // There is only one text for a number, so what is not it is none.
        if id.to_line().text() == text { Ok(id) } else { Err(ParseEventIdError) }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_text())
    }
}

impl FromStr for EventId {
    type Err = ParseEventIdError;

    fn from_str(text: &str) -> Result<Self, ParseEventIdError> {
        Self::parse(text.as_bytes())
    }
}

/// An [`EventId`] as text; use it as a `&str`.
#[derive(Clone, Copy, Debug)]
pub struct EventIdText(EventIdLine);

impl Deref for EventIdText {
    type Target = str;

    fn deref(&self) -> &str {
        // Only ASCII was written.
        core::str::from_utf8(self.0.text()).unwrap_or_default()
    }
}

/// The `id` line of an [`EventId`]; use it as a `&[u8]`.
#[derive(Clone, Copy, Debug)]
pub struct EventIdLine {
    bytes: [u8; EventId::MAX_LINE_LEN],
    start: usize,
}

impl EventIdLine {
    /// The id without the field around it.
    fn text(&self) -> &[u8] {
        self.bytes.get(self.start + FIELD.len()..EventId::MAX_LINE_LEN - 1).unwrap_or_default()
    }

    fn prepend(&mut self, text: &[u8]) {
        for byte in text.iter().rev() {
            self.start = self.start.wrapping_sub(1);
            if let Some(place) = self.bytes.get_mut(self.start) {
                *place = *byte;
            }
        }
    }

    #[inline(never)]
    fn prepend_base36(&mut self, mut number: u64) {
        loop {
            let digit = (number % 36) as u8;
            self.prepend(&[if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }]);
            number /= 36;
            if number == 0 {
                break;
            }
        }
    }
}

impl Deref for EventIdLine {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

/// Checks an id that an application gives to an event of a log (law 12): 1 to 128 bytes of visible
/// ASCII, none of which needs a CORS preflight in `Last-Event-ID` (Fetch standard, 2.2.2,
/// CORS-unsafe request-header bytes).
///
/// ```
/// use sansse::check_given_id;
///
/// assert!(check_given_id("order-4711/3").is_ok());
/// assert!(check_given_id("a:b").is_err());
/// ```
///
/// # Errors
///
/// When it is something else.
pub fn check_given_id(id: &str) -> Result<(), GivenIdError> {
    let is_safe = |byte: u8| byte.is_ascii_graphic() && !b"\"():<>?@[\\]{}".contains(&byte);
    if (1..=GIVEN_ID_LIMIT).contains(&id.len()) && id.bytes().all(is_safe) {
        Ok(())
    } else {
        Err(GivenIdError)
    }
}

/// The longest id that an application may give, in bytes.
const GIVEN_ID_LIMIT: usize = 128;

/// An id of the application's that not every reader could send back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenIdError;

impl fmt::Display for GivenIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the id cannot be sent back by every reader: use 1 to 128 visible ASCII characters \
             without any of \"():<>?@[\\]{}",
        )
    }
}

impl core::error::Error for GivenIdError {}

/// The text is no id of this library's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseEventIdError;

impl fmt::Display for ParseEventIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id of this library: use one that a stream carried, such as `k3j2h1-4f`")
    }
}

impl core::error::Error for ParseEventIdError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_is_the_only_one() {
        for (epoch, sequence, text) in [
            (0, 0, "0-0"),
            (1, 35, "1-z"),
            (36, 37, "10-11"),
            (u64::MAX, u64::MAX, "3w5e11264sgsf-3w5e11264sgsf"),
        ] {
            let id = EventId { epoch, sequence };
            assert_eq!(&*id.to_text(), text);
            assert_eq!(EventId::parse(text.as_bytes()), Ok(id));
            assert!(text.len() <= EventId::MAX_LEN);
            assert_eq!(&*id.to_line(), [b"id: ", text.as_bytes(), b"\n"].concat());
        }
        for text in [
            "",
            "-",
            "1-",
            "-1",
            "1",
            "01-1",
            "1-01",
            "A-1",
            "1-1-1",
            "+1-1",
            "1- 1",
            "1-3w5e11264sgsg",
        ] {
            assert_eq!(EventId::parse(text.as_bytes()), Err(ParseEventIdError), "{text}");
        }
    }

    #[test]
    fn given_ids_are_those_that_every_reader_can_send_back() {
        for id in ["1", "order-4711/3", "a=b;c,d", "~!#$%&'*+-.^_`|", &"x".repeat(128)] {
            assert_eq!(check_given_id(id), Ok(()), "{id}");
        }
        let unsafe_bytes = (0..=0x20_u8).chain(*b"\"():<>?@[\\]{}").chain([0x7F]);
        for byte in unsafe_bytes {
            let id = [b'a', byte, b'b'];
            let id = core::str::from_utf8(&id).unwrap();
            assert_eq!(check_given_id(id), Err(GivenIdError), "{id:?}");
        }
        for id in ["", "ü", &"x".repeat(129)] {
            assert_eq!(check_given_id(id), Err(GivenIdError), "{id}");
        }
    }
}
