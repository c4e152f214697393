//! What a client asks for.

use core::fmt;

use sansse::http::{LAST_EVENT_ID, MIME_TYPE, last_event_id_value};

use crate::window::Window;

/// The stream that a client asks for.
///
/// ```
/// use sansse_embassy::client::Request;
///
/// let request = Request::new("example.org", "/events?topic=a")?
///     .headers(&[("Authorization", "Bearer secret")])?;
/// # Ok::<(), sansse_embassy::client::RequestError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    host: &'a str,
    target: &'a str,
    headers: &'a [(&'a str, &'a str)],
}

impl<'a> Request<'a> {
    /// The stream at a path (with its query, if it has one) of a host (with its port, where that is not
    /// 80, or 443 under TLS).
    ///
    /// # Errors
    ///
    /// When the host or the path is none, as it goes over the wire.
    pub fn new(host: &'a str, path: &'a str) -> Result<Self, RequestError> {
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || !is_plain(host) || host.contains('/') {
            return Err(RequestError::Host);
        }
        if !path.starts_with('/') || !is_plain(path) || path.contains('#') {
            return Err(RequestError::Path);
        }
        Ok(Self { host, target: path, headers: &[] })
    }

    /// Further header fields.
    ///
    /// # Errors
    ///
    /// When one is none, or one that the client sets itself.
    pub fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Result<Self, RequestError> {
        const OWN: [&str; 7] = [
            "host",
            "accept",
            "cache-control",
            "connection",
            "content-length",
            "transfer-encoding",
            LAST_EVENT_ID,
        ];
        for (name, value) in headers {
            let is_token =
                |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte);
            let is_name = !name.is_empty() && name.bytes().all(is_token);
            let is_value = value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..));
            if !is_name || !is_value || OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                return Err(RequestError::Header);
            }
        }
        self.headers = headers;
        Ok(self)
    }

    /// Writes the head of the request.
    pub(super) fn write(&self, last_event_id: &[u8], out: &mut Window<'_>) {
        let field = |out: &mut Window<'_>, name: &str, value: &[u8]| {
            out.write(b"\r\n");
            out.write(name.as_bytes());
            out.write(b": ");
            out.write(value);
        };
        out.write(b"GET ");
        out.write(self.target.as_bytes());
        out.write(b" HTTP/1.1");
        field(out, "Host", self.host.as_bytes());
        field(out, "Accept", MIME_TYPE.as_bytes());
        field(out, "Cache-Control", b"no-store");
        if let Some(id) = last_event_id_value(last_event_id) {
            field(out, "Last-Event-ID", id);
        }
        for (name, value) in self.headers {
            field(out, name, value.as_bytes());
        }
        out.write(b"\r\n\r\n");
    }
}

/// What cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// The host is empty, or holds something other than a name and a port.
    Host,
    /// The path does not begin with `/`, or holds what must be percent-encoded.
    Path,
    /// A header field is none, or is one that the client sets.
    Header,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "this is no host: write a name or an address, with `:port` if it has one",
            Self::Path => {
                "this is no path: begin with `/`, percent-encode what is not visible ASCII"
            }
            Self::Header => {
                "this is no header field that can be added: one line, and none of our own"
            }
        })
    }
}

impl core::error::Error for RequestError {}
