//! What the head of a response says to a client that reads event streams.

use super::head::{HeadError, HeadField};
use super::is_event_stream;

/// The status that the first line of a response names (RFC 9112, 4).
///
/// ```
/// assert_eq!(sansse::http::status(b"HTTP/1.1 200 OK"), Ok(200));
/// ```
///
/// # Errors
///
/// When it is no such line, or of another version of HTTP.
pub fn status(line: &[u8]) -> Result<u16, HeadError> {
    let rest = line.strip_prefix(b"HTTP/").ok_or(HeadError::Malformed)?;
    let [b'1', b'.', b'0'..=b'9', b' ', rest @ ..] = rest else { return Err(HeadError::Version) };
    match rest {
        [hundreds @ b'1'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9']
        | [hundreds @ b'1'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9', b' ', ..] => {
            let digit = |byte: &u8| u16::from(byte - b'0');
            Ok(100 * digit(hundreds) + 10 * digit(tens) + digit(ones))
        }
        _ => Err(HeadError::Malformed),
    }
}

/// How the content of a response ends (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// With the connection.
    Close,
    /// After so many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
}

/// What the header fields of a response say of its content.
///
/// ```
/// use sansse::http::{Framing, HeadField, ResponseFields};
///
/// let mut fields = ResponseFields::new();
/// fields.take(&HeadField { name: b"Transfer-Encoding", value: b"chunked", is_whole: true })?;
/// assert_eq!(fields.framing(), Framing::Chunked);
/// # Ok::<(), sansse::http::HeadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ResponseFields {
    framing: Framing,
    is_event_stream: bool,
}

impl Default for ResponseFields {
    fn default() -> Self {
        Self::new()
    }
}

impl ResponseFields {
    /// Of no field yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { framing: Framing::Close, is_event_stream: false }
    }

    /// Takes a field. Of several types the last one counts.
    ///
    /// # Errors
    ///
    /// When it is a length or a coding that is not understood, or that contradicts what was there
    /// before.
    pub fn take(&mut self, field: &HeadField<'_>) -> Result<(), HeadError> {
        let framing = if field.is("content-length") {
            Framing::Length(length(field).ok_or(HeadError::Malformed)?)
        } else if field.is("transfer-encoding") {
            if !field.value.eq_ignore_ascii_case(b"chunked") {
                return Err(HeadError::Malformed);
            }
            Framing::Chunked
        } else {
            if field.is("content-type") {
                self.is_event_stream = is_event_stream(field.value);
            }
            return Ok(());
        };
        if self.framing != Framing::Close && self.framing != framing {
            return Err(HeadError::Malformed);
        }
        self.framing = framing;
        Ok(())
    }

    /// How the content ends.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether the content is an event stream.
    #[must_use]
    pub fn is_event_stream(&self) -> bool {
        self.is_event_stream
    }
}

fn length(field: &HeadField<'_>) -> Option<u64> {
    if field.value.is_empty() || !field.is_whole {
        return None;
    }
    field.value.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines() {
        use HeadError::{Malformed, Version};
        for (line, expected) in [
            ("HTTP/1.1 200 OK", Ok(200)),
            ("HTTP/1.0 204 ", Ok(204)),
            ("HTTP/1.1 503", Ok(503)),
            ("HTTP/1.1 599 Some Thing", Ok(599)),
            ("HTTP/2 200 OK", Err(Version)),
            ("HTTP/2.0 200 OK", Err(Version)),
            ("HTTP/1.1  200 OK", Err(Malformed)),
            ("HTTP/1.1 2000 OK", Err(Malformed)),
            ("HTTP/1.1 20 OK", Err(Malformed)),
            ("HTTP/1.1 099 OK", Err(Malformed)),
            ("HTTP/1.1 600 OK", Err(Malformed)),
            ("HTTP/1.1 200OK", Err(Malformed)),
            ("http/1.1 200 OK", Err(Malformed)),
            ("ICY 200 OK", Err(Malformed)),
            ("", Err(Malformed)),
        ] {
            assert_eq!(status(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn framings() {
        use Framing::{Chunked, Close, Length};
        let framing = |lines: &[(&str, &str)]| {
            let mut fields = ResponseFields::new();
            for (name, value) in lines {
                let (name, value) = (name.as_bytes(), value.as_bytes());
                fields.take(&HeadField { name, value, is_whole: !value.ends_with(b"~") })?;
            }
            Ok(fields.framing())
        };
        assert_eq!(framing(&[]), Ok(Close));
        assert_eq!(framing(&[("content-length", "0")]), Ok(Length(0)));
        assert_eq!(framing(&[("Content-Length", "7"), ("content-length", "07")]), Ok(Length(7)));
        let most = u64::MAX;
        assert_eq!(framing(&[("content-length", "18446744073709551615")]), Ok(Length(most)));
        assert_eq!(framing(&[("Transfer-Encoding", "Chunked")]), Ok(Chunked));
        for lines in [
            &[("content-length", "18446744073709551616")][..],
            &[("content-length", "")],
            &[("content-length", "-1")],
            &[("content-length", "1~")],
            &[("content-length", "1"), ("content-length", "2")],
            &[("content-length", "1"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "identity")],
        ] {
            assert_eq!(framing(lines), Err(HeadError::Malformed), "{lines:?}");
        }
    }

    #[test]
    fn types() {
        let mut fields = ResponseFields::new();
        assert!(!fields.is_event_stream());
        for (value, expected) in
            [("text/event-stream", true), ("text/html", false), ("Text/Event-Stream;x", true)]
        {
            let value = value.as_bytes();
            fields.take(&HeadField { name: b"Content-Type", value, is_whole: true }).unwrap();
            assert_eq!(fields.is_event_stream(), expected);
        }
    }
}
