//! What a request asks for.

use super::head::{HeadError, HeadField, is_same};

/// The methods that an event stream and a page beside it need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// One that is not among these.
    Other,
    /// Asks for a page or a stream.
    Get,
    /// Asks for the head of the answer to `Get`.
    Head,
    /// Brings content.
    Post,
    /// Asks what is allowed.
    Options,
}

/// The first line of a request (RFC 9112, 3).
///
/// ```
/// use sansse::http::{Method, RequestLine};
///
/// let line = RequestLine::parse(b"GET http://host/events?last=3 HTTP/1.1")?;
/// assert_eq!((line.method, line.path), (Method::Get, &b"/events"[..]));
/// # Ok::<(), sansse::http::HeadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// What to do.
    pub method: Method,
    /// With which resource: the path, without its query and as it was sent.
    pub path: &'a [u8],
    /// Whether the version is HTTP/1.0, which needs no `Host`.
    pub is_http_1_0: bool,
}

impl<'a> RequestLine<'a> {
    /// Reads the line.
    ///
    /// # Errors
    ///
    /// When it is none, or of another version of HTTP.
    pub fn parse(line: &'a [u8]) -> Result<Self, HeadError> {
        let mut rest = line;
        let (method, target) = (before(&mut rest, b' '), before(&mut rest, b' '));
        let [major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] =
            rest.strip_prefix(b"HTTP/").unwrap_or_default()
        else {
            return Err(HeadError::Malformed);
        };
        if *major != b'1' {
            return Err(HeadError::Version);
        }
        static METHODS: [(&[u8], Method); 4] = [
            (b"GET", Method::Get),
            (b"HEAD", Method::Head),
            (b"POST", Method::Post),
            (b"OPTIONS", Method::Options),
        ];
        let method = METHODS.iter().find(|(name, _)| *name == method);
        Ok(Self {
            method: method.map_or(Method::Other, |(_, method)| *method),
            path: path(target).ok_or(HeadError::Malformed)?,
            is_http_1_0: *minor == b'0',
        })
    }
}

/// The path of a request's target, which may be the whole address (RFC 9112, 3.2).
#[inline(never)]
fn path(target: &[u8]) -> Option<&[u8]> {
    let mut rest = target;
    let mut path = before(&mut rest, b'?');
    if !matches!(path, [b'/', ..] | b"*") {
        // Behind `scheme://host`.
        let colon = path.iter().position(|&byte| byte == b':')?;
        path = path.get(colon + 3..).unwrap_or_default();
        rest = path;
        path = path.get(before(&mut rest, b'/').len()..)?;
    }
    Some(if path.is_empty() { b"/" } else { path })
}

/// What is before a byte, which is taken away with it; all where there is no such byte.
#[inline(never)]
fn before<'a>(text: &mut &'a [u8], end: u8) -> &'a [u8] {
    let length = text.iter().position(|&byte| byte == end).unwrap_or(text.len());
    let (found, rest) = text.split_at(length);
    *text = rest.get(1..).unwrap_or_default();
    found
}

/// What the header fields of a request say of what may be answered, to who serves event streams from
/// little memory.
///
/// ```
/// use sansse::http::{HeadField, RequestFields};
///
/// let mut fields = RequestFields::new();
/// fields.take(&HeadField { name: b"Accept", value: b"text/html", is_whole: true });
/// assert!(!fields.accepts_event_stream());
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestFields {
    accept: Accept,
    /// At most two are counted.
    hosts: u8,
}

/// What an `Accept` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Accept {
    /// There is none.
    #[default]
    Unsaid,
    Others,
    Streams,
}

impl RequestFields {
    /// Of no field yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { accept: Accept::Unsaid, hosts: 0 }
    }

    /// Takes a field.
    pub fn take(&mut self, field: &HeadField<'_>) {
        if field.is("host") {
            self.host();
        } else if field.is("accept") {
            self.accept(field);
        }
    }

    /// Takes a `Host`.
    pub fn host(&mut self) {
        self.hosts = if self.hosts == 0 { 1 } else { 2 };
    }

    /// Takes an `Accept`.
    pub fn accept(&mut self, field: &HeadField<'_>) {
        // One list, in whatever lines (RFC 9110, 5.3). What did not fit may allow anything.
        static RANGES: [&str; 3] = ["text/event-stream", "text/*", "*/*"];
        if !field.is_whole || RANGES.iter().any(|range| has(field.value, range)) {
            self.accept = Accept::Streams;
        } else if self.accept == Accept::Unsaid {
            self.accept = Accept::Others;
        }
    }

    /// Whether a request has the one host that it must have (RFC 9112, 3.2).
    #[must_use]
    pub fn has_host(&self, is_http_1_0: bool) -> bool {
        self.hosts == 1 || (self.hosts == 0 && is_http_1_0)
    }

    /// Whether the answer may be an event stream. Weights are not looked at: who excludes streams by a
    /// weight of 0 may be given one (RFC 9110, 12.5.1, leaves that to the server).
    #[must_use]
    pub fn accepts_event_stream(&self) -> bool {
        self.accept != Accept::Others
    }
}

/// How long the content of a message is (RFC 9112, 6), to who takes none that is coded.
///
/// ```
/// use sansse::http::{ContentLength, HeadField};
///
/// let mut length = ContentLength::new();
/// length.take(&HeadField { name: b"Content-Length", value: b"12", is_whole: true })?;
/// assert_eq!(length.bytes(), Some(12));
/// # Ok::<(), sansse::http::HeadError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ContentLength {
    bytes: u32,
    kind: Kind,
}

/// How a length is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// Not at all,
    #[default]
    Unsaid,
    /// or by a field,
    Said,
    /// or by nobody, since the content is coded.
    Coded,
}

impl ContentLength {
    /// Of no field yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: 0, kind: Kind::Unsaid }
    }

    /// Takes a field.
    ///
    /// # Errors
    ///
    /// When it is a length that is none, or that contradicts what was there before.
    pub fn take(&mut self, field: &HeadField<'_>) -> Result<(), HeadError> {
        if field.is("content-length") {
            self.length(field)
        } else if field.is("transfer-encoding") {
            self.coding()
        } else {
            Ok(())
        }
    }

    /// Takes a `Content-Length`.
    ///
    /// # Errors
    ///
    /// Those of [`take`](Self::take).
    pub fn length(&mut self, field: &HeadField<'_>) -> Result<(), HeadError> {
        let bytes = content_length(field).ok_or(HeadError::Malformed)?;
        self.say(bytes, Kind::Said)
    }

    /// Takes a `Transfer-Encoding`.
    ///
    /// # Errors
    ///
    /// Those of [`take`](Self::take).
    pub fn coding(&mut self) -> Result<(), HeadError> {
        self.say(0, Kind::Coded)
    }

    fn say(&mut self, bytes: u32, kind: Kind) -> Result<(), HeadError> {
        // Who sends both, or two lengths, may mean to smuggle something (6.1).
        if self.kind != Kind::Unsaid && (self.kind, self.bytes) != (kind, bytes) {
            return Err(HeadError::Malformed);
        }
        *self = Self { bytes, kind };
        Ok(())
    }

    /// Bytes of the content; 0 where no field says how many, and `None` where it is coded, so that nobody
    /// knows before its end. What is more than the type holds comes as the most that it does.
    #[must_use]
    pub fn bytes(&self) -> Option<u32> {
        if self.kind == Kind::Coded { None } else { Some(self.bytes) }
    }
}

/// Whether a value has a media range in it.
fn has(value: &[u8], range: &str) -> bool {
    let mut rest = value;
    while let Some(part) = rest.get(..range.len()) {
        if is_same(part, range.as_bytes()) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// A number of bytes; one that is too large for the type is as much as there can be.
fn content_length(field: &HeadField<'_>) -> Option<u32> {
    if field.value.is_empty() || !field.is_whole {
        return None;
    }
    field.value.iter().try_fold(0_u32, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        Some(if length < u32::MAX / 10 { length * 10 + digit } else { u32::MAX })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line, and what it says: the method, the path and whether it is old.
    type Case = (&'static str, Result<(Method, &'static str, bool), HeadError>);

    #[test]
    fn request_lines() {
        use HeadError::{Malformed, Version};
        use Method::{Get, Head, Options, Other, Post};
        let cases: &[Case] = &[
            ("GET / HTTP/1.1", Ok((Get, "/", false))),
            ("GET /a/b?c=/d HTTP/1.0", Ok((Get, "/a/b", true))),
            ("HEAD /a HTTP/1.9", Ok((Head, "/a", false))),
            ("POST /a? HTTP/1.1", Ok((Post, "/a", false))),
            ("OPTIONS * HTTP/1.1", Ok((Options, "*", false))),
            ("get / HTTP/1.1", Ok((Other, "/", false))),
            ("DELETE /%2F HTTP/1.1", Ok((Other, "/%2F", false))),
            ("GET http://a:80/b?c HTTP/1.1", Ok((Get, "/b", false))),
            ("GET http://a HTTP/1.1", Ok((Get, "/", false))),
            ("GET http://a?b=/c HTTP/1.1", Ok((Get, "/", false))),
            ("GET / HTTP/2.0", Err(Version)),
            ("GET / HTTP/0.9", Err(Version)),
            ("PRI * HTTP/2.0", Err(Version)),
            ("GET / HTTP/1", Err(Malformed)),
            ("GET / http/1.1", Err(Malformed)),
            ("GET / HTTP/1.1 ", Err(Malformed)),
            ("GET  / HTTP/1.1", Err(Malformed)),
            (" GET / HTTP/1.1", Err(Malformed)),
            ("GET /", Err(Malformed)),
            ("GET  HTTP/1.1", Err(Malformed)),
            ("GET a HTTP/1.1", Err(Malformed)),
            ("CONNECT a:80 HTTP/1.1", Ok((Other, "/", false))),
            ("GET a: HTTP/1.1", Ok((Get, "/", false))),
            ("GET http://a/?b=/c HTTP/1.1", Ok((Get, "/", false))),
            ("\x16\x03\x01", Err(Malformed)),
            ("", Err(Malformed)),
        ];
        for &(line, expected) in cases {
            let parsed = RequestLine::parse(line.as_bytes())
                .map(|line| (line.method, str::from_utf8(line.path).unwrap(), line.is_http_1_0));
            assert_eq!(parsed, expected, "{line:?}");
        }
    }

    fn field<'a>((name, value): &(&'a str, &'a str)) -> HeadField<'a> {
        let (name, value) = (name.as_bytes(), value.as_bytes());
        HeadField { name, value, is_whole: !value.ends_with(b"~") }
    }

    #[test]
    fn accepts() {
        let accepts = |lines: &[(&str, &str)]| {
            let mut fields = RequestFields::new();
            lines.iter().for_each(|line| fields.take(&field(line)));
            fields.accepts_event_stream()
        };
        assert!(accepts(&[]));
        for value in
            ["text/event-stream", "Text/Event-Stream;q=1", "text/*", "a/b, */*;q=0.1", "a/b,~"]
        {
            assert!(accepts(&[("accept", value)]), "{value}");
        }
        for value in ["", "text/html", "*", "text/event-strea", "application/*"] {
            assert!(!accepts(&[("accept", value)]), "{value}");
        }
        assert!(accepts(&[("accept", "text/html"), ("Accept", "*/*")]));
        assert!(accepts(&[("accept", "*/*"), ("accept", "text/html")]));
        assert!(!accepts(&[("accept", "text/html"), ("accept", "image/*")]));
    }

    #[test]
    fn hosts() {
        let has_host = |count, is_http_1_0| {
            let mut fields = RequestFields::new();
            (0..count).for_each(|_| fields.take(&field(&("Host", "a"))));
            fields.has_host(is_http_1_0)
        };
        assert!(has_host(1, false) && has_host(1, true) && has_host(0, true));
        assert!(!has_host(0, false) && !has_host(2, false) && !has_host(257, true));
    }

    #[test]
    fn lengths_of_the_content() {
        let bytes = |lines: &[(&str, &str)]| {
            let mut length = ContentLength::new();
            lines.iter().try_for_each(|line| length.take(&field(line)))?;
            Ok(length.bytes())
        };
        assert_eq!(bytes(&[]), Ok(Some(0)));
        assert_eq!(bytes(&[("content-length", "12")]), Ok(Some(12)));
        assert_eq!(bytes(&[("content-length", "12"), ("Content-Length", "012")]), Ok(Some(12)));
        assert_eq!(bytes(&[("content-length", "99999999999")]), Ok(Some(u32::MAX)));
        assert_eq!(bytes(&[("transfer-encoding", "chunked")]), Ok(None));
        for value in ["", "-1", "+1", "1 2", "1,1", "0x1", "1~"] {
            assert_eq!(bytes(&[("content-length", value)]), Err(HeadError::Malformed), "{value}");
        }
        let (one, two) = (("content-length", "1"), ("content-length", "2"));
        let coded = ("transfer-encoding", "chunked");
        for lines in [[one, two], [one, coded], [coded, one]] {
            assert_eq!(bytes(&lines), Err(HeadError::Malformed), "{lines:?}");
        }
    }
}
