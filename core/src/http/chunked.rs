//! Contents in chunks.

use core::fmt;

use crate::line::{CR, LF};

/// Takes the chunked transfer coding off a content (RFC 9112, 7.1), without storing any of it.
///
/// ```
/// use sansse::http::ChunkedDecoder;
///
/// let mut bytes = &b"5\r\ndata:\r\n4;x=y\r\n 1\n\n\r\n0\r\n\r\nrest"[..];
/// let mut decoder = ChunkedDecoder::new();
/// assert_eq!(decoder.read(&mut bytes), Ok(Some(&b"data:"[..])));
/// assert_eq!(decoder.read(&mut bytes), Ok(Some(&b" 1\n\n"[..])));
/// assert_eq!(decoder.read(&mut bytes), Ok(None));
/// assert!(decoder.is_ended());
/// assert_eq!(bytes, b"rest");
/// ```
#[derive(Clone, Debug)]
pub struct ChunkedDecoder {
    state: State,
    /// Bytes that the chunk still has.
    left: u64,
    /// Bytes that extensions and trailers may still have.
    patience: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    Size,
    /// Behind a digit.
    Digits,
    Extension,
    /// Behind the CR of a size.
    SizeEnd,
    Data,
    /// Behind a chunk,
    DataEnd,
    /// and its CR.
    DataLf,
    /// At the start of a trailer's line,
    Trailer,
    /// in it,
    TrailerLine,
    /// behind its CR,
    TrailerLf,
    /// and behind the CR of the empty line.
    LastLf,
    Ended,
}

/// The most bytes that all that is no data may have together, behind the sizes.
const PATIENCE: u16 = 8192;

impl Default for ChunkedDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl ChunkedDecoder {
    /// At the start of a content.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Size, left: 0, patience: PATIENCE }
    }

    /// Reads to the next data, and leaves in `bytes` what is behind it. `None` says that there is no
    /// more in these bytes, or that the content [has ended](Self::is_ended).
    ///
    /// # Errors
    ///
    /// When the content is not in chunks. What follows means nothing then.
    pub fn read<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>, ChunkedError> {
        while self.state != State::Ended {
            if self.state == State::Data {
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                let (data, rest) = bytes.split_at(length);
                *bytes = rest;
                self.left -= length as u64;
                if self.left == 0 {
                    self.state = State::DataEnd;
                }
                return Ok((length > 0).then_some(data));
            }
            let Some((&byte, rest)) = bytes.split_first() else { break };
            *bytes = rest;
            self.state = self.step(byte)?;
        }
        Ok(None)
    }

    /// Whether the last chunk and its trailers have been read.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    fn step(&mut self, byte: u8) -> Result<State, ChunkedError> {
        Ok(match (self.state, byte) {
            (State::Size | State::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).ok_or(ChunkedError)?;
                self.left = self.left.checked_mul(16).ok_or(ChunkedError)? | u64::from(digit);
                State::Digits
            }
            (State::Digits | State::Extension, CR) => State::SizeEnd,
            (State::Digits, b';' | b' ' | b'\t') => State::Extension,
            (State::SizeEnd, LF) if self.left == 0 => State::Trailer,
            (State::SizeEnd, LF) => State::Data,
            (State::DataEnd, CR) => State::DataLf,
            (State::DataLf, LF) => State::Size,
            (State::Trailer, CR) => State::LastLf,
            (State::LastLf, LF) => State::Ended,
            (State::TrailerLine, CR) => State::TrailerLf,
            (State::TrailerLf, LF) => State::Trailer,
            (State::Extension, b'\t' | b' '..) => self.skip(State::Extension)?,
            (State::Trailer | State::TrailerLine, b'\t' | b' '..) => {
                self.skip(State::TrailerLine)?
            }
            _ => return Err(ChunkedError),
        })
    }

    /// A byte that means nothing.
    fn skip(&mut self, state: State) -> Result<State, ChunkedError> {
        self.patience = self.patience.checked_sub(1).ok_or(ChunkedError)?;
        Ok(state)
    }
}

/// A content that is said to be in chunks is not, or has too much between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkedError;

impl fmt::Display for ChunkedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer's content is not in chunks, as it says: close the connection")
    }
}

impl core::error::Error for ChunkedError {}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    /// The data, and what is left behind the end; `None` where there is no end.
    fn decode(coded: &[u8], chunk: usize) -> Result<(Vec<u8>, Option<usize>), ChunkedError> {
        let mut decoder = ChunkedDecoder::new();
        let mut data = Vec::new();
        let mut read = 0;
        for chunk in coded.chunks(chunk) {
            let mut bytes = chunk;
            while let Some(part) = decoder.read(&mut bytes)? {
                assert!(!part.is_empty());
                data.extend_from_slice(part);
            }
            read += chunk.len() - bytes.len();
            if decoder.is_ended() {
                return Ok((data, Some(coded.len() - read)));
            }
            assert!(bytes.is_empty());
        }
        Ok((data, None))
    }

    #[test]
    fn contents_in_pieces_of_any_length() {
        // coded, data, what is left
        let cases: &[(&str, &str, Option<usize>)] = &[
            ("0\r\n\r\n", "", Some(0)),
            ("000\r\n\r\nx", "", Some(1)),
            ("1\r\na\r\n0\r\n\r\n", "a", Some(0)),
            ("3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n", "abc0123456789", Some(0)),
            ("2;a=b;c=\"d e\"\r\nab\r\n0 ;x\r\n\r\n", "ab", Some(0)),
            ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", Some(0)),
            ("0\r\nA: b\r\nC: d\r\n\r\nGET", "", Some(3)),
            ("", "", None),
            ("5\r\nab", "ab", None),
            ("2\r\nab\r\n", "ab", None),
            ("2\r\nab\r\n0\r\n", "ab", None),
            ("0\r\nA: b\r\n", "", None),
        ];
        for &(coded, data, left) in cases {
            for chunk in 1..=coded.len().max(1) {
                let decoded = decode(coded.as_bytes(), chunk).unwrap();
                assert_eq!(decoded, (data.into(), left), "{coded:?} in {chunk}");
            }
        }
        for coded in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            " 1\r\n",
            "1\na\r\n",
            "1\r\na\n",
            "1\r\nab\r\n",
            "1\r\n\r\n\r\n\r\n",
            "1\rx",
            "1;\0\r\n",
            "0\r\n\n",
            "0\r\n\rx",
            "0\r\nA: b\n",
            "0\r\nA: b\rx",
            "0\r\n\0",
            "10000000000000000\r\n",
        ] {
            for chunk in 1..=coded.len() {
                assert_eq!(decode(coded.as_bytes(), chunk), Err(ChunkedError), "{coded:?}");
            }
        }
    }

    #[test]
    fn sizes_may_be_as_large_as_a_number_and_what_is_between_no_longer_than_the_limit() {
        assert_eq!(decode(b"ffffFFFFffffffff\r\nab", 3), Ok((b"ab".to_vec(), None)));
        let coded = |extension: usize, trailer: usize| {
            let (x, y): (String, String) = ("x".repeat(extension), "y".repeat(trailer));
            format!("1;{x}\r\na\r\n0\r\n{y}\r\n\r\n")
        };
        assert_eq!(decode(coded(8000, 192).as_bytes(), 100), Ok((b"a".to_vec(), Some(0))));
        assert_eq!(decode(coded(8000, 193).as_bytes(), 100), Err(ChunkedError));
        assert_eq!(decode(coded(8193, 0).as_bytes(), 100), Err(ChunkedError));
    }
}
