//! What a request asks for.

use super::head::{HeadError, HeadField};
use super::{LAST_EVENT_ID, accepts_event_stream};
use crate::event_id::EventId;

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
        let mut words = line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(HeadError::Malformed);
        };
        let method = match method {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"OPTIONS" => Method::Options,
            b"" => return Err(HeadError::Malformed),
            _ => Method::Other,
        };
        let is_http_1_0 = match version.strip_prefix(b"HTTP/") {
            Some(b"1.0") => true,
            Some([b'1', b'.', minor]) if minor.is_ascii_digit() => false,
            Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit() => {
                return Err(HeadError::Version);
            }
            _ => return Err(HeadError::Malformed),
        };
        Ok(Self { method, path: path(target).ok_or(HeadError::Malformed)?, is_http_1_0 })
    }
}

/// The path of a request's target, which may be the whole address (RFC 9112, 3.2).
fn path(target: &[u8]) -> Option<&[u8]> {
    let path = match target {
        [b'/', ..] | b"*" => target,
        _ => {
            let scheme = target.iter().position(|&byte| byte == b':')?;
            let authority = target[scheme..].strip_prefix(b"://")?;
            let end = authority.iter().position(|byte| matches!(byte, b'/' | b'?'));
            match end.map_or(&b"/"[..], |end| &authority[end..]) {
                [b'?', ..] => b"/",
                path => path,
            }
        }
    };
    path.split(|&byte| byte == b'?').next()
}

/// What the header fields of a request say to who serves event streams from little memory.
///
/// ```
/// use sansse::http::{HeadField, RequestFields};
///
/// let mut fields = RequestFields::new();
/// fields.take(&HeadField { name: b"Last-Event-ID", value: b"z-7", is_whole: true })?;
/// assert_eq!(fields.last_event_id(), Some(&b"z-7"[..]));
/// # Ok::<(), sansse::http::HeadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequestFields {
    /// A byte more than an id of the library's has, so that a longer one is told from all of them.
    last_event_id: [u8; EventId::MAX_LEN + 1],
    id_length: u8,
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
            last_event_id: [0; EventId::MAX_LEN + 1],
            id_length: 0,
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
        if field.is(LAST_EVENT_ID) {
            let length = field.value.len().min(self.last_event_id.len());
            self.last_event_id[..length].copy_from_slice(&field.value[..length]);
            self.id_length = u8::try_from(length).unwrap_or(u8::MAX);
        } else if field.is("accept") {
            // One list, in whatever lines (RFC 9110, 5.3). What did not fit may allow anything.
            let is_allowed = !field.is_whole || accepts_event_stream(field.value);
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

    /// The `Last-Event-ID`, where there is one that is not empty: at most a byte more than the longest
    /// id of the library's.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&[u8]> {
        let id = self.last_event_id.get(..usize::from(self.id_length))?;
        if id.is_empty() { None } else { Some(id) }
    }

    /// Whether the answer may be an event stream.
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
            ("CONNECT a:80 HTTP/1.1", Err(Malformed)),
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
    fn last_event_ids() {
        let id = |value| fields(&[("last-Event-ID", value)]).unwrap();
        assert_eq!(id("").last_event_id(), None);
        assert_eq!(id("z-7").last_event_id(), Some(&b"z-7"[..]));
        let longest = "3w5e11264sgsf-3w5e11264sgsf";
        assert_eq!(id(longest).last_event_id(), Some(longest.as_bytes()));
        // One that is longer is none of ours, and stays so.
        let longer = id("3w5e11264sgsf-3w5e11264sgsf0").last_event_id().map(EventId::parse);
        assert!(longer.is_some_and(|parsed| parsed.is_err()));
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
