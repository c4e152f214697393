//! The head of an HTTP/1.1 message, line by line, in as much memory as its caller gives.

use core::fmt;

use crate::line::{CR, LF};
use crate::storage::Storage;

/// Splits the head of a message into its lines (RFC 9112, 2 to 5), as it arrives in chunks of any
/// size.
///
/// It keeps one line at a time, in the storage that it was given; of a longer field it keeps the
/// start and says so, and the limit for the head as a whole counts every byte. So a few dozen bytes
/// are enough to read the heads that browsers send, which are many times as long.
///
/// ```
/// use sansse::http::{HeadLine, HeadParser};
///
/// let mut bytes = &b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody"[..];
/// let mut parser = HeadParser::new([0; 64], 8192);
/// assert_eq!(parser.read(&mut bytes), Ok(Some(HeadLine::Start(b"GET / HTTP/1.1"))));
/// let Ok(Some(HeadLine::Field(field))) = parser.read(&mut bytes) else { panic!() };
/// assert!(field.is("host") && field.value == b"a");
/// assert_eq!(parser.read(&mut bytes), Ok(Some(HeadLine::End)));
/// assert_eq!(bytes, b"body");
/// ```
#[derive(Clone, Debug)]
pub struct HeadParser<S> {
    line: S,
    /// Where the line ends in the storage, or would if it fitted.
    end: usize,
    /// Bytes that the head may still have.
    left: usize,
    has_started: bool,
    /// The byte before the next one; a line's end where that begins another.
    last: u8,
    /// Where lines begin in the storage, behind what is kept.
    start: u16,
}

/// A line of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadLine<'a> {
    /// The first line: of a request, or with the status of a response.
    Start(&'a [u8]),
    /// A header field.
    Field(HeadField<'a>),
    /// The empty line: what follows is the content.
    End,
}

/// A header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadField<'a> {
    /// Its name, as it was sent; `?` where it did not fit.
    pub name: &'a [u8],
    /// Its value, without the whitespace around it.
    pub value: &'a [u8],
    /// Whether this is all of the value. Otherwise it is as much as fitted.
    pub is_whole: bool,
}

impl HeadField<'_> {
    /// Which of these the name is, in any case. For many names this takes less code than to ask for each.
    ///
    /// ```
    /// use sansse::http::HeadField;
    ///
    /// let field = HeadField { name: b"HOST", value: b"", is_whole: true };
    /// assert_eq!(field.place_in(&["accept", "host"]), Some(1));
    /// ```
    #[must_use]
    pub fn place_in(&self, names: &[&str]) -> Option<usize> {
        names.iter().position(|name| self.is(name))
    }

    /// Whether the field has this name, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        is_same(self.name, name.as_bytes())
    }
}

impl<S: Storage> HeadParser<S> {
    /// Reads one head of at most `limit` bytes, of which no more is kept than one line that fits the
    /// storage. The first line must fit.
    #[must_use]
    pub const fn new(storage: S, limit: usize) -> Self {
        Self { line: storage, start: 0, end: 0, left: limit, has_started: false, last: LF }
    }

    /// Reads to the end of a line, and leaves in `bytes` what is behind it. `None` says that the
    /// line ends in no chunk so far.
    ///
    /// # Errors
    ///
    /// When this is no head, or one over the limit. What follows means nothing then.
    pub fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<HeadLine<'_>>, HeadError> {
        while let Some((&byte, rest)) = bytes.split_first() {
            *bytes = rest;
            if self.push(byte)? {
                return self.line().map(Some);
            }
        }
        Ok(None)
    }

    /// Reads a byte, and says whether it ends a line. With [`line`](Self::line) this is
    /// [`read`](Self::read) in two steps.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn push(&mut self, byte: u8) -> Result<bool, HeadError> {
        let last = core::mem::replace(&mut self.last, byte);
        if last == LF && self.end > self.start() {
            self.has_started = true;
            self.end = self.start();
        }
        self.left = self.left.checked_sub(1).ok_or(HeadError::TooLong)?;
        match byte {
            // A line end or two before the head are of an earlier message (2.2).
            LF => return Ok(self.end > self.start() || self.has_started),
            _ if last == CR => return Err(HeadError::Malformed),
            CR => {}
            b'\t' | b' '..=b'~' | 0x80.. => {
                if let Some(place) = self.line.bytes_mut().get_mut(self.end) {
                    *place = byte;
                }
                self.end += 1;
            }
            _ => return Err(HeadError::Malformed),
        }
        Ok(false)
    }

    /// The line that ended last.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn line(&self) -> Result<HeadLine<'_>, HeadError> {
        let line = self.kept_line();
        let is_whole = self.end <= self.line.bytes().len();
        if !self.has_started {
            return if is_whole { Ok(HeadLine::Start(line)) } else { Err(HeadError::TooLong) };
        }
        if line.is_empty() {
            return Ok(HeadLine::End);
        }
        // A space before the colon is not allowed, nor a line that continues the one before (5.1, 5.2).
        match line
            .iter()
            .position(|&byte| byte == b':' || byte <= b' ')
            .map(|end| line.split_at(end))
        {
            Some((name @ [_, ..], [b':', value @ ..])) => {
                Ok(HeadLine::Field(HeadField { name, value: trim(value), is_whole }))
            }
            None if !is_whole => {
                Ok(HeadLine::Field(HeadField { name: b"?", value: b"", is_whole }))
            }
            _ => Err(HeadError::Malformed),
        }
    }

    /// Keeps the last so many bytes of the value that was read last, beside the lines that follow, which
    /// have that much less room. It keeps one value, of no more than half of the storage; false when it
    /// cannot.
    ///
    /// ```
    /// use sansse::http::HeadParser;
    ///
    /// let mut parser = HeadParser::new([0; 32], 8192);
    /// for &byte in b"GET / HTTP/1.1\nHost: device\n\n" {
    ///     if parser.push(byte)? {
    ///         parser.keep(6);
    ///     }
    /// }
    /// assert_eq!(parser.kept(), b"device");
    /// # Ok::<(), sansse::http::HeadError>(())
    /// ```
    #[inline(never)]
    pub fn keep(&mut self, length: usize) -> bool {
        let end = trim(self.kept_line()).len();
        let line = self.line.bytes_mut();
        let is_possible = self.has_started && self.start == 0 && length <= line.len() / 2;
        let (Some(start), Ok(kept), true) =
            (end.checked_sub(length), u16::try_from(length), is_possible)
        else {
            return false;
        };
        line.copy_within(start..end, 0);
        self.start = kept;
        true
    }

    /// What was kept; empty before.
    #[must_use]
    pub fn kept(&self) -> &[u8] {
        self.line.bytes().get(..self.start()).unwrap_or_default()
    }

    /// The storage, which is free once the head has ended, with what was kept.
    pub fn storage(&mut self) -> &mut [u8] {
        self.line.bytes_mut()
    }

    fn start(&self) -> usize {
        self.start.into()
    }

    /// The line, as far as it is kept.
    fn kept_line(&self) -> &[u8] {
        let bytes = self.line.bytes();
        bytes.get(self.start()..self.end.min(bytes.len())).unwrap_or_default()
    }
}

/// Whether both are the same, but for the case of ASCII letters: the slices' own, which is so in one
/// place of a program only.
#[inline(never)]
#[must_use]
#[doc(hidden)]
pub fn is_same(left: &[u8], right: &[u8]) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// A value without the spaces and tabs around it.
#[inline(never)]
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Why something is not the head of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// It breaks the rules of HTTP/1.1. A server answers 400.
    Malformed,
    /// It is longer than the limit, or its first line than the storage. A server answers 431.
    TooLong,
    /// It is of another version than HTTP/1. A server answers 505.
    Version,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the peer sent no HTTP/1.1 head: speak HTTP/1.1 with it",
            Self::TooLong => "the peer's head is over the limit: allow more, or have it send less",
            Self::Version => "the peer speaks another version: use HTTP/1.0 or HTTP/1.1",
        })
    }
}

impl core::error::Error for HeadError {}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;
    use std::{format, vec};

    use super::*;

    /// The lines of a head as text, in chunks of one length, and what is left behind it.
    fn lines(head: &[u8], storage: usize, chunk: usize) -> (Vec<String>, Result<usize, HeadError>) {
        let mut storage = vec![0; storage];
        let mut parser = HeadParser::new(&mut storage[..], 100);
        let mut found = Vec::new();
        let mut read = 0;
        for chunk in head.chunks(chunk) {
            let mut bytes = chunk;
            loop {
                let line = match parser.read(&mut bytes) {
                    Ok(Some(HeadLine::End)) => {
                        return (found, Ok(read + chunk.len() - bytes.len()));
                    }
                    Ok(Some(line)) => line,
                    Ok(None) => break,
                    Err(error) => return (found, Err(error)),
                };
                found.push(match line {
                    HeadLine::Field(HeadField { name, value, is_whole }) => {
                        let more = if is_whole { "" } else { "…" };
                        let (name, value) = (str::from_utf8(name), str::from_utf8(value));
                        format!("{}={}{more}", name.unwrap(), value.unwrap())
                    }
                    HeadLine::Start(line) => str::from_utf8(line).unwrap().into(),
                    HeadLine::End => unreachable!(),
                });
            }
            read += chunk.len();
        }
        (found, Ok(read))
    }

    /// A head, the storage, the lines, and how it ends.
    type Case = (&'static str, usize, &'static [&'static str], Result<usize, HeadError>);

    #[test]
    fn heads_in_chunks_of_any_size() {
        use HeadError::{Malformed, TooLong};
        let cases: &[Case] = &[
            ("GET / HTTP/1.1\r\n\r\nx", 32, &["GET / HTTP/1.1"], Ok(18)),
            ("GET / HTTP/1.1\n\nx", 32, &["GET / HTTP/1.1"], Ok(16)),
            ("\r\n\nG\r\n\r\n", 32, &["G"], Ok(8)),
            ("G\r\nA:b\r\n\r\n", 32, &["G", "A=b"], Ok(10)),
            ("G\r\nA: \t b c \t\r\nC:\r\n\r\n", 32, &["G", "A=b c", "C="], Ok(21)),
            ("G\r\nA-1: :b:\r\n\r\n", 32, &["G", "A-1=:b:"], Ok(15)),
            // What does not fit.
            ("GET\r\n\r\n", 2, &[], Err(TooLong)),
            ("GET\r\nabc: defg\r\nB: c\r\n\r\n", 6, &["GET", "abc=d…", "B=c"], Ok(24)),
            ("G\r\nabc: d\r\n\r\n", 2, &["G", "?=…"], Ok(13)),
            ("G\r\nabc: d \r\n\r\n", 6, &["G", "abc=d…"], Ok(14)),
            // What is none.
            ("G\r\n A: b\r\n\r\n", 32, &["G"], Err(Malformed)),
            ("G\r\nA: b\r\n\tc\r\n\r\n", 32, &["G", "A=b"], Err(Malformed)),
            ("G\r\nA : b\r\n\r\n", 32, &["G"], Err(Malformed)),
            ("G\r\n: b\r\n\r\n", 32, &["G"], Err(Malformed)),
            ("G\r\nA\r\n\r\n", 32, &["G"], Err(Malformed)),
            ("G\r\nA\tB: b\r\n\r\n", 32, &["G"], Err(Malformed)),
            // Whose colon is not kept.
            ("G\r\nA BCD: b\r\n\r\n", 3, &["G"], Err(Malformed)),
            ("G\rA: b\r\n\r\n", 32, &[], Err(Malformed)),
            ("G\r\r\n\r\n", 32, &[], Err(Malformed)),
            ("G\r\nA: b\0\r\n\r\n", 32, &["G"], Err(Malformed)),
            ("G\r\nA: b\x7F\r\n\r\n", 32, &["G"], Err(Malformed)),
        ];
        for &(head, storage, expected, end) in cases {
            let expected: Vec<_> = expected.iter().map(|&line| String::from(line)).collect();
            for chunk in 1..=head.len() {
                let (found, result) = lines(head.as_bytes(), storage, chunk);
                assert_eq!((found, result), (expected.clone(), end), "{head:?} in {chunk}");
            }
        }
    }

    #[test]
    fn one_value_is_kept_beside_the_lines() {
        let head = b"G\nabcde: fghi \njklmnopqrs: tuv\nw: x\n\n";
        for chunk in 1..=head.len() {
            let mut parser = HeadParser::new([0; 14], 100);
            let mut lines = Vec::new();
            for mut bytes in head.chunks(chunk) {
                while let Some(line) = parser.read(&mut bytes).unwrap() {
                    lines.push(match line {
                        HeadLine::Field(field) => (field.value.to_vec(), field.is_whole),
                        _ => (Vec::new(), true),
                    });
                    // Not of the first line, not more than half, and once.
                    assert!(!parser.keep(8));
                    assert_eq!(parser.keep(3), lines.len() == 2);
                }
                assert_eq!(parser.kept(), if lines.len() < 2 { &b""[..] } else { b"ghi" });
            }
            let values: Vec<_> = lines.iter().map(|(value, whole)| (&value[..], *whole)).collect();
            assert_eq!(
                values,
                [(&b""[..], true), (b"fghi", true), (b"", false), (b"x", true), (b"", true)]
            );
        }
    }

    #[test]
    fn the_limit_counts_every_byte() {
        let head = |length: usize| format!("G\r\nA: {}\r\n\r\n", "x".repeat(length - 10));
        assert_eq!(lines(head(100).as_bytes(), 16, 100).1, Ok(100));
        assert_eq!(lines(head(101).as_bytes(), 16, 100).1, Err(HeadError::TooLong));
        let empty_lines = "\r\n".repeat(51);
        assert_eq!(lines(empty_lines.as_bytes(), 16, 7).1, Err(HeadError::TooLong));
    }
}
