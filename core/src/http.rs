//! What HTTP has to say of event streams: constants and header rules, without an HTTP library.

mod chunked;
mod head;
mod request;
mod response;
mod response_head;

pub use chunked::{ChunkedDecoder, ChunkedError};
pub use head::{HeadError, HeadField, HeadLine, HeadParser, is_same};
pub use request::{ContentLength, Method, RequestFields, RequestLine};
pub use response::{
    Answer, BODY_HEADERS, CREDENTIALS, MOST_REDIRECTS, last_event_id_value, redirected_method,
};
pub use response_head::{Framing, ResponseFields, status};

/// The MIME type of an event stream.
pub const MIME_TYPE: &str = "text/event-stream";

/// The request header that carries the last event ID, in lower case.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// A `Cache-Control` value that keeps caches and rewriting proxies away from a stream.
pub const CACHE_CONTROL: &str = "no-store, no-transform";

/// The response header that has nginx and its kin pass each byte on at once, with the value `no`.
pub const ACCEL_BUFFERING: &str = "x-accel-buffering";

/// Whether a `Content-Type` opens an EventSource: its essence is `text/event-stream`, in any case;
/// parameters are ignored, a `charset` too (9.2.3). Where there are several types, joined by commas,
/// the last one that is one counts (Fetch, "extract a MIME type").
///
/// ```
/// assert!(sansse::http::is_event_stream(b"Text/Event-Stream; charset=windows-1252"));
/// assert!(!sansse::http::is_event_stream(b"text/event-stream-x"));
/// ```
#[must_use]
pub fn is_event_stream(content_type: &[u8]) -> bool {
    let types = Elements { rest: content_type, separator: b',' };
    let essences = types.map(|value| Elements { rest: value, separator: b';' }.next());
    let last = essences.flatten().filter(|essence| is_mime_type(essence)).last();
    last.is_some_and(|essence| essence.eq_ignore_ascii_case(MIME_TYPE.as_bytes()))
}

/// Whether this is the essence of a type and no wildcard.
fn is_mime_type(essence: &[u8]) -> bool {
    let is_token = |text: &[u8]| {
        let is_in_tokens =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        !text.is_empty() && text.iter().all(is_in_tokens)
    };
    let mut parts = essence.splitn(2, |&byte| byte == b'/');
    parts.all(is_token) && essence.contains(&b'/') && essence != b"*/*"
}

/// Whether an `Accept` value allows an event stream (RFC 9110, 12.5.1). The most specific range
/// that matches decides; a weight of 0 refuses. An empty value allows all, as a missing one does.
///
/// ```
/// assert!(sansse::http::accepts_event_stream(b"text/html, text/*;q=0.5"));
/// assert!(!sansse::http::accepts_event_stream(b"*/*, text/event-stream;q=0"));
/// assert!(!sansse::http::accepts_event_stream(b"application/json"));
/// ```
#[must_use]
pub fn accepts_event_stream(accept: &[u8]) -> bool {
    let mut best: Option<(u8, bool)> = None;
    let mut empty = true;
    let ranges = Elements { rest: accept, separator: b',' };
    for range in ranges {
        let mut parts = Elements { rest: range, separator: b';' };
        let media = parts.next().unwrap_or_default();
        if media.is_empty() {
            continue;
        }
        empty = false;
        let specificity = if media.eq_ignore_ascii_case(MIME_TYPE.as_bytes()) {
            2
        } else if media.eq_ignore_ascii_case(b"text/*") {
            1
        } else if media == b"*/*" {
            0
        } else {
            continue;
        };
        let allowed = !parts.any(is_zero_weight);
        if best.is_none_or(|(known, _)| specificity >= known) {
            best = Some((specificity, allowed));
        }
    }
    empty || best.is_some_and(|(_, allowed)| allowed)
}

/// Whether an `Accept-Encoding` value, its lines joined by commas, asks for gzip or leaves it to the
/// server (RFC 9110, 12.5.3). It does not where the header is missing or empty, where `identity`
/// is named with more weight, or where what it says of gzip is not understood:
/// a stream that is not compressed is always right.
///
/// ```
/// assert!(sansse::http::accepts_gzip(b"gzip, deflate, br, zstd"));
/// assert!(!sansse::http::accepts_gzip(b"gzip;q=0, *"));
/// assert!(!sansse::http::accepts_gzip(b"gzip;q=0.5, identity"));
/// ```
#[must_use]
pub fn accepts_gzip(accept_encoding: &[u8]) -> bool {
    let (mut gzip, mut any, mut identity) = (None, 0, 0);
    for coding in (Elements { rest: accept_encoding, separator: b',' }) {
        let mut parts = Elements { rest: coding, separator: b';' };
        let name = parts.next().unwrap_or_default();
        let weight = parts.next().map_or(Some(WHOLE_WEIGHT), weight);
        let weight = weight.filter(|_| parts.next().is_none());
        if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") {
            let weight = weight.unwrap_or(0);
            gzip = Some(gzip.map_or(weight, |known: u16| known.min(weight)));
        } else if name == b"*" {
            any = weight.unwrap_or(0);
        } else if name.eq_ignore_ascii_case(b"identity") {
            identity = weight.unwrap_or(WHOLE_WEIGHT);
        }
    }
    let gzip = gzip.unwrap_or(any);
    gzip > 0 && gzip >= identity
}

/// What no weight stands for, in thousandths.
const WHOLE_WEIGHT: u16 = 1000;

/// The weight that a parameter gives, in thousandths (RFC 9110, 12.4.2).
fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', whole @ (b'0' | b'1'), fraction @ ..] = parameter else { return None };
    let digits = match fraction {
        [] => fraction,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut weight = u16::from(whole - b'0') * WHOLE_WEIGHT;
    for (digit, unit) in digits.iter().zip([100, 10, 1]) {
        weight += u16::from(digit.checked_sub(b'0').filter(|digit| *digit <= 9)?) * unit;
    }
    (weight <= WHOLE_WEIGHT).then_some(weight)
}

fn is_zero_weight(parameter: &[u8]) -> bool {
    let [name, rest @ ..] = parameter else { return false };
    name.eq_ignore_ascii_case(&b'q')
        && rest.strip_prefix(b"=").is_some_and(|weight| {
            weight.starts_with(b"0") && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
        })
}

/// The elements of a header value, trimmed; separators inside of quotes do not count.
struct Elements<'a> {
    rest: &'a [u8],
    separator: u8,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let (mut quoted, mut escaped) = (false, false);
        let end = self.rest.iter().position(|&byte| {
            if escaped {
                escaped = false;
            } else if quoted && byte == b'\\' {
                escaped = true;
            } else if byte == b'"' {
                quoted = !quoted;
            }
            !quoted && byte == self.separator
        });
        let (element, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &self.rest[self.rest.len()..]),
        };
        self.rest = rest;
        Some(element.trim_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        for (value, expected) in [
            ("text/event-stream", true),
            ("TEXT/EVENT-STREAM", true),
            (" text/event-stream ;x", true),
            ("text/event-stream;charset=utf-8", true),
            ("", false),
            ("text/event-streams", false),
            ("text/plain; text/event-stream", false),
            ("text/event-stream, text/plain", false),
        ] {
            assert_eq!(is_event_stream(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn accept_values() {
        for (value, expected) in [
            ("", true),
            (" , ", true),
            ("*/*", true),
            ("text/*", true),
            ("Text/Event-Stream", true),
            ("text/html, application/xml;q=0.9, */*;q=0.8", true),
            ("text/event-stream;q=0.001", true),
            ("text/html", false),
            ("application/*", false),
            ("*/*;q=0", false),
            ("text/*;q=0, */*", false),
            ("text/event-stream, text/*;q=0", true),
            ("text/event-stream;q=0.000, text/*", false),
            ("text/event-stream; Q=0", false),
            ("text/plain;x=\",text/event-stream,\"", false),
            ("text/plain;x=\"\\\",\", text/event-stream", true),
        ] {
            assert_eq!(accepts_event_stream(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn accept_encoding_values() {
        for (value, expected) in [
            ("gzip", true),
            ("GZip", true),
            ("x-gzip", true),
            ("deflate, gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, gzip;q=0.8, *;q=0.1", true),
            ("gzip;q=0.001", true),
            ("gzip ; Q=1.000", true),
            ("*", true),
            ("br, *;q=0.5", true),
            ("gzip, identity", true),
            ("gzip;q=0.5, identity;q=0.5", true),
            ("gzip;q=0.5, identity;q=0.4", true),
            ("identity;q=0, gzip;q=0.1", true),
            ("identity;q=0, *", true),
            ("*;q=0, gzip", true),
            (",, gzip ,", true),
            ("", false),
            (" , ", false),
            ("identity", false),
            ("br, zstd, deflate", false),
            ("gzipped", false),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("gzip;q=0, *", false),
            ("*, gzip;q=0", false),
            ("*;q=0", false),
            ("identity;q=0", false),
            ("gzip;q=0.5, identity", false),
            ("identity;q=0.6, gzip;q=0.599", false),
            ("*;q=0.5, identity;q=0.7", false),
            ("gzip, gzip;q=0", false),
            ("x-gzip;q=0, gzip", false),
            ("gzip, x-gzip;q=0", false),
            ("br;x=\", gzip,\"", false),
            ("gzip;q=", false),
            ("gzip;q=2", false),
            ("gzip;q=1.001", false),
            ("gzip;q=.5", false),
            ("gzip;q=0.5000", false),
            ("gzip;q=0.a", false),
            ("gzip;q=0,5", false),
            ("gzip;q=-1", false),
            ("gzip;level=9", false),
            ("gzip;q=1;q=0", false),
            ("gzip, identity;q=x", true),
            ("gzip;q=0.9, identity;q=x", false),
            ("gzip br", false),
        ] {
            assert_eq!(accepts_gzip(value.as_bytes()), expected, "{value}");
        }
    }
}
