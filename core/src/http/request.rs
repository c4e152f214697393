//! What a request asks for.

use super::head::{HeadError, HeadField};

/// The methods that an event stream and a page beside it need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks for a page or a stream.
    Get,
    /// Asks for the head of the answer to `Get`.
    Head,
    /// Brings content.
    Post,
    /// Asks what is allowed.
    Options,
    /// Any other.
    Other,
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
        let space = position(line, b' ').ok_or(HeadError::Malformed)?;
        let (method, rest) = (&line[..space], &line[space + 1..]);
        let space = position(rest, b' ').ok_or(HeadError::Malformed)?;
        let (target, version) = (&rest[..space], &rest[space + 1..]);
        let is_http_1_0 = match version {
            b"HTTP/1.0" => true,
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => false,
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(HeadError::Version);
            }
            _ => return Err(HeadError::Malformed),
        };
        let method = match method {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"OPTIONS" => Method::Options,
            b"" => return Err(HeadError::Malformed),
            _ => Method::Other,
        };
        Ok(Self { method, path: path(target).ok_or(HeadError::Malformed)?, is_http_1_0 })
    }
}

/// The path of a request's target, which may be the whole address (RFC 9112, 3.2).
fn path(target: &[u8]) -> Option<&[u8]> {
    let target = &target[..position(target, b'?').unwrap_or(target.len())];
    if let [b'/', ..] | b"*" = target {
        return Some(target);
    }
    let scheme = position(target, b':')?;
    let mut slashes = target.iter().enumerate().skip(scheme).filter(|(_, byte)| **byte == b'/');
    Some(slashes.nth(2).map_or(b"/", |(path, _)| &target[path..]))
}

#[inline(never)]
fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|&byte| byte == wanted)
}

/// What the header fields of a request say of its content, and of what may be answered, to who serves
/// event streams from little memory.
///
/// ```
/// use sansse::http::{HeadField, RequestFields};
///
/// let mut fields = RequestFields::new();
/// fields.take(&HeadField { name: b"Accept", value: b"text/html", is_whole: true })?;
/// assert!(!fields.accepts_event_stream());
/// # Ok::<(), sansse::http::HeadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequestFields {
    accept: Accept,
    content_length: Option<u32>,
    is_coded: bool,
    hosts: u8,
    is_preflight: bool,
}

/// What `Accept` says of event streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accept {
    Unsaid,
    Yes,
    No,
}

impl Default for RequestFields {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestFields {
    /// Of no field yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            accept: Accept::Unsaid,
            content_length: None,
            is_coded: false,
            hosts: 0,
            is_preflight: false,
        }
    }

    /// Takes a field.
    ///
    /// # Errors
    ///
    /// When it contradicts what was there before, or has no value that its name allows.
    pub fn take(&mut self, field: &HeadField<'_>) -> Result<(), HeadError> {
        if field.is("accept") {
            // One list, in whatever lines (RFC 9110, 5.3). What did not fit may allow anything.
            let ranges = ["text/event-stream", "text/*", "*/*"];
            let is_allowed = !field.is_whole || ranges.iter().any(|range| has(field.value, range));
            if is_allowed || self.accept == Accept::Unsaid {
                self.accept = if is_allowed { Accept::Yes } else { Accept::No };
            }
        } else if field.is("content-length") {
            let length = content_length(field).ok_or(HeadError::Malformed)?;
            if self.content_length.is_some_and(|known| known != length) {
                return Err(HeadError::Malformed);
            }
            self.content_length = Some(length);
        } else if field.is("transfer-encoding") {
            self.is_coded = true;
        } else if field.is("host") {
            self.hosts = self.hosts.saturating_add(1);
        } else if field.is("access-control-request-method") {
            self.is_preflight = true;
        }
        Ok(())
    }

    /// Checks what can be told only of all of the fields (RFC 9112, 3.2 and 6.1).
    ///
    /// # Errors
    ///
    /// When there are several hosts, none where one is needed, or two lengths of the content.
    pub fn check(&self, line_is_http_1_0: bool) -> Result<(), HeadError> {
        let has_host = self.hosts == 1 || (self.hosts == 0 && line_is_http_1_0);
        if has_host && !(self.is_coded && self.content_length.is_some()) {
            Ok(())
        } else {
            Err(HeadError::Malformed)
        }
    }

    /// Whether the answer may be an event stream. Weights are not looked at: who excludes streams by a
    /// weight of 0 may be given one (RFC 9110, 12.5.1, leaves that to the server).
    #[must_use]
    pub fn accepts_event_stream(&self) -> bool {
        self.accept != Accept::No
    }

    /// Bytes of the content; `None` where it is coded in chunks, so that nobody knows before its end.
    #[must_use]
    pub fn content_length(&self) -> Option<u32> {
        if self.is_coded { None } else { Some(self.content_length.unwrap_or(0)) }
    }

    /// Whether a browser asks what another request may do (Fetch standard, CORS-preflight request),
    /// given that the method is `OPTIONS`.
    #[must_use]
    pub fn is_preflight(&self) -> bool {
        self.is_preflight
    }
}

/// Whether a value has a media range in it.
fn has(value: &[u8], range: &str) -> bool {
    value.windows(range.len()).any(|part| part.eq_ignore_ascii_case(range.as_bytes()))
}

/// A number of bytes; one that is too large for the type is as much as there can be.
fn content_length(field: &HeadField<'_>) -> Option<u32> {
    if field.value.is_empty() || !field.is_whole {
        return None;
    }
    field.value.iter().try_fold(0_u32, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        Some(length.saturating_mul(10).saturating_add(digit))
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

    fn fields(lines: &[(&str, &str)]) -> Result<RequestFields, HeadError> {
        let mut fields = RequestFields::new();
        for (name, value) in lines {
            let (name, value) = (name.as_bytes(), value.as_bytes());
            fields.take(&HeadField { name, value, is_whole: !value.ends_with(b"~") })?;
        }
        Ok(fields)
    }

    #[test]
    fn accepts() {
        let accepts = |lines: &[(&str, &str)]| fields(lines).unwrap().accepts_event_stream();
        assert!(accepts(&[]));
        assert!(accepts(&[("accept", "text/event-stream")]));
        assert!(accepts(&[("accept", "text/html"), ("accept", "*/*")]));
        assert!(accepts(&[("accept", "*/*"), ("accept", "text/html")]));
        assert!(accepts(&[("accept", "text/html,~")]));
        assert!(!accepts(&[("accept", "text/html")]));
        assert!(!accepts(&[("accept", "text/html"), ("accept", "image/*")]));
    }

    #[test]
    fn lengths_of_the_content() {
        let length = |lines: &[(&str, &str)]| fields(lines).map(|fields| fields.content_length());
        assert_eq!(length(&[]), Ok(Some(0)));
        assert_eq!(length(&[("content-length", "12")]), Ok(Some(12)));
        assert_eq!(length(&[("content-length", "12"), ("content-length", "012")]), Ok(Some(12)));
        assert_eq!(length(&[("content-length", "99999999999")]), Ok(Some(u32::MAX)));
        assert_eq!(length(&[("transfer-encoding", "chunked")]), Ok(None));
        for value in ["", "-1", "+1", "1 2", "1,1", "0x1", "1~"] {
            assert_eq!(length(&[("content-length", value)]), Err(HeadError::Malformed), "{value}");
        }
        let two = [("content-length", "1"), ("content-length", "2")];
        assert_eq!(length(&two), Err(HeadError::Malformed));
    }

    #[test]
    fn what_all_fields_tell_together() {
        let check = |lines: &[(&str, &str)], is_old| fields(lines).unwrap().check(is_old);
        let host = ("host", "a");
        assert_eq!(check(&[host], false), Ok(()));
        assert_eq!(check(&[], true), Ok(()));
        assert_eq!(check(&[], false), Err(HeadError::Malformed));
        assert_eq!(check(&[host, host], false), Err(HeadError::Malformed));
        let coded = ("transfer-encoding", "chunked");
        assert_eq!(check(&[host, coded], false), Ok(()));
        assert_eq!(
            check(&[host, coded, ("content-length", "0")], false),
            Err(HeadError::Malformed)
        );
        assert!(fields(&[("access-control-request-method", "POST")]).unwrap().is_preflight());
    }
}
