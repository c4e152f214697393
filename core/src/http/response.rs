//! What a client makes of the answer to its request.

use super::is_event_stream;

/// What the status and the type of an answer mean to a client (9.2.2, 9.2.3 and the Fetch standard).
///
/// ```
/// use sansse::http::Answer;
///
/// assert_eq!(Answer::new(200, Some(b"text/event-stream")), Answer::EventStream);
/// assert_eq!(Answer::new(204, None), Answer::Stop);
/// assert_eq!(Answer::new(503, Some(b"text/event-stream")), Answer::WrongStatus);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The stream opens.
    EventStream,
    /// 204: the server asks never to come back.
    Stop,
    /// The stream is elsewhere; see [`redirected_method`].
    Redirect,
    /// Any other status: the standard has clients give up.
    WrongStatus,
    /// 200, but no event stream: the standard has clients give up.
    WrongType,
}

impl Answer {
    /// Reads a status and the value of `Content-Type`, `None` where it is missing; several are joined
    /// by commas.
    #[must_use]
    pub fn new(status: u16, content_type: Option<&[u8]>) -> Self {
        match status {
            200 if content_type.is_some_and(is_event_stream) => Self::EventStream,
            200 => Self::WrongType,
            204 => Self::Stop,
            301 | 302 | 303 | 307 | 308 => Self::Redirect,
            _ => Self::WrongStatus,
        }
    }
}

/// How many redirects in a row a client follows (Fetch, "HTTP-redirect fetch").
pub const MOST_REDIRECTS: usize = 20;

/// The method to follow a redirect with (Fetch, "HTTP-redirect fetch"). Where it becomes `GET`, the
/// request has no body any more, and no headers that describe one.
///
/// ```
/// use sansse::http::redirected_method;
///
/// assert_eq!(redirected_method(302, "POST"), "GET");
/// assert_eq!(redirected_method(307, "POST"), "POST");
/// ```
#[must_use]
pub fn redirected_method(status: u16, method: &str) -> &str {
    match (status, method) {
        (301 | 302, "POST") => "GET",
        (303, "GET" | "HEAD") => method,
        (303, _) => "GET",
        _ => method,
    }
}

/// Headers that a redirect to another origin must not take along, in lower case.
pub const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Headers that describe a request's body (Fetch, "request-body-header name"), in lower case.
pub const BODY_HEADERS: [&str; 6] = [
    "content-encoding",
    "content-language",
    "content-location",
    "content-type",
    "content-length",
    "transfer-encoding",
];

/// The value of `Last-Event-ID` for an id: its bytes, without spaces and tabs around them, which
/// HTTP would strip. `None` where the id is empty, and so has no header, or cannot be one.
///
/// An id that is not empty and has no value here was received all the same. A client then asks
/// without it, and may miss events.
///
/// ```
/// use sansse::http::last_event_id_value;
///
/// assert_eq!(last_event_id_value("Zürich".as_bytes()), Some("Zürich".as_bytes()));
/// assert_eq!(last_event_id_value(b""), None);
/// assert_eq!(last_event_id_value(b"a\x1Bb"), None);
/// ```
#[must_use]
pub fn last_event_id_value(id: &[u8]) -> Option<&[u8]> {
    let first = id.iter().position(|byte| !b" \t".contains(byte))?;
    let last = id.iter().rposition(|byte| !b" \t".contains(byte))?;
    let value = &id[first..=last];
    let is_control = |&byte: &u8| byte < b' ' && byte != b'\t' || byte == 0x7F;
    (!value.iter().any(is_control)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        const STREAM: Option<&[u8]> = Some(b"text/event-stream;charset=latin1");
        for (status, content_type, expected) in [
            (200, STREAM, Answer::EventStream),
            (200, None, Answer::WrongType),
            (200, Some(&b"text/plain"[..]), Answer::WrongType),
            (200, Some(b"text/html,text/event-stream"), Answer::EventStream),
            (200, Some(b"text/event-stream, x, */*"), Answer::EventStream),
            (200, Some(b"text/event-stream;x=\"a,b/c\""), Answer::EventStream),
            (200, Some(b"text/event-stream, text/html"), Answer::WrongType),
            (200, Some(b"text/event-stream/x"), Answer::WrongType),
            (200, Some(b", ,;"), Answer::WrongType),
            (201, STREAM, Answer::WrongStatus),
            (204, STREAM, Answer::Stop),
            (205, STREAM, Answer::WrongStatus),
            (206, STREAM, Answer::WrongStatus),
            (300, STREAM, Answer::WrongStatus),
            (301, None, Answer::Redirect),
            (302, None, Answer::Redirect),
            (303, None, Answer::Redirect),
            (304, None, Answer::WrongStatus),
            (305, None, Answer::WrongStatus),
            (307, None, Answer::Redirect),
            (308, None, Answer::Redirect),
            (401, STREAM, Answer::WrongStatus),
            (500, STREAM, Answer::WrongStatus),
        ] {
            assert_eq!(Answer::new(status, content_type), expected, "{status}");
        }
    }

    #[test]
    fn methods_of_redirects() {
        for (status, method, expected) in [
            (301, "GET", "GET"),
            (301, "POST", "GET"),
            (301, "PUT", "PUT"),
            (302, "POST", "GET"),
            (302, "REPORT", "REPORT"),
            (303, "POST", "GET"),
            (303, "REPORT", "GET"),
            (303, "GET", "GET"),
            (303, "HEAD", "HEAD"),
            (307, "POST", "POST"),
            (308, "POST", "POST"),
        ] {
            assert_eq!(redirected_method(status, method), expected, "{status} {method}");
        }
    }

    #[test]
    fn ids_as_header_values() {
        for (id, expected) in [
            ("", None),
            ("7", Some("7")),
            ("a b\tc", Some("a b\tc")),
            (" 7\t", Some("7")),
            (" ", None),
            ("…", Some("…")),
            ("\u{1}", None),
            ("a\u{7f}", None),
            ("a\nb", None),
            ("a\0", None),
        ] {
            assert_eq!(last_event_id_value(id.as_bytes()), expected.map(str::as_bytes), "{id:?}");
        }
    }
}
