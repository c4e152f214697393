//! The request of an attempt, and how redirects change it.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, HOST, HeaderName, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use sansse::http::{
    BODY_HEADERS, CREDENTIALS, LAST_EVENT_ID, MIME_TYPE, last_event_id_value, redirected_method,
};
use url::Url;

use crate::event_source::disconnect::{Disconnect, RedirectError};
use crate::transport::{BoxError, BoxFuture};

/// What is known when a request is made: the argument of a
/// [request function](crate::EventSource::with_requests).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// 1 for the first request of the source, 2 for the next one.
    pub number: u64,
    /// How many attempts and streams have failed since one was last proven good.
    pub failures: u32,
    /// The last event ID; empty when there is none. The header is set without the function's doing.
    pub last_event_id: Bytes,
    /// Why the last stream ended, or did not begin; `None` for the first request.
    pub last: Option<Arc<Disconnect>>,
}

/// Makes the request of each attempt.
pub(crate) type Provider =
    dyn Fn(Attempt) -> BoxFuture<Result<http::Request<Bytes>, BoxError>> + Send + Sync;

/// A request that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The URL is none of HTTP, or none at all.
    Url(String),
    /// A method, or a header's name or value, has characters that HTTP has not.
    Header(String),
    /// The last event ID holds CR, LF or U+0000, or is over 64 KiB.
    LastEventId,
    /// There is no transport: name one, or turn the feature `reqwest` on.
    NoTransport,
    /// The ready transport cannot be made.
    Transport(String),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(problem) => {
                write!(f, "not an HTTP URL, write it like http://example.org/events: {problem}")
            }
            Self::Header(problem) => write!(f, "{problem}: HTTP allows no such characters there"),
            Self::LastEventId => f.write_str(
                "a last event ID is one line of at most 64 KiB: give it as the stream carried it",
            ),
            Self::NoTransport => {
                f.write_str("name a transport, or turn on the feature `reqwest` of sansse-tokio")
            }
            Self::Transport(problem) => {
                write!(f, "cannot prepare TLS, see to the system's certificates: {problem}")
            }
        }
    }
}

impl std::error::Error for RequestError {}

/// A request that can be sent as often as one likes.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Where redirects led, to go there at once the next time.
#[derive(Clone)]
pub(crate) struct Redirected {
    url: Url,
    method: Method,
}

impl Request {
    pub(crate) fn get(url: &str) -> Result<Self, RequestError> {
        Ok(Self {
            method: Method::GET,
            url: parse(url)?,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        })
    }

    pub(crate) fn from_http(request: http::Request<Bytes>) -> Result<Self, RequestError> {
        let (head, body) = request.into_parts();
        let url = parse(&head.uri.to_string())?;
        Ok(Self { method: head.method, url, headers: head.headers, body })
    }

    /// What each request for an event stream says, where the application says nothing else (9.2.3).
    /// Returns whether there is a last event ID that no header can hold.
    pub(crate) fn complete(&mut self, last_event_id: &Bytes) -> bool {
        self.authorize();
        let headers = &mut self.headers;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static(MIME_TYPE));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
        if last_event_id.is_empty() || headers.contains_key(LAST_EVENT_ID) {
            return false;
        }
        let value = last_event_id_value(last_event_id).map(HeaderValue::from_bytes);
        let Some(Ok(value)) = value else { return true };
        headers.insert(LAST_EVENT_ID, value);
        false
    }

    /// Follows a redirect.
    pub(crate) fn redirect(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<(), RedirectError> {
        let location = headers.get(LOCATION).ok_or(RedirectError::NoLocation(status))?;
        let location = String::from_utf8_lossy(location.as_bytes());
        let wrong = || RedirectError::Location(location.chars().take(200).collect());
        let url = self.url.join(&location).map_err(|_| wrong())?;
        if !is_http(&url) {
            return Err(wrong());
        }
        let method = redirected_method(status.as_u16(), self.method.as_str());
        let method = Method::from_str(method).unwrap_or(Method::GET);
        self.go_to(&Redirected { url, method });
        // It may be too long.
        self.uri().map(drop).map_err(|_| wrong())
    }

    /// Goes elsewhere: without credentials where that is another origin, and without the body where
    /// the method has become another.
    pub(crate) fn go_to(&mut self, target: &Redirected) {
        if target.url.origin() != self.url.origin() {
            let secrets = self.headers.iter().filter(|(_, value)| value.is_sensitive());
            let secrets: Vec<HeaderName> = secrets.map(|(name, _)| name.clone()).collect();
            for name in secrets {
                self.headers.remove(name);
            }
            for name in CREDENTIALS {
                self.headers.remove(name);
            }
            self.headers.remove(HOST);
        }
        if target.method != self.method {
            self.body = Bytes::new();
            for name in BODY_HEADERS {
                self.headers.remove(name);
            }
        }
        self.method = target.method.clone();
        self.url = target.url.clone();
        self.authorize();
    }

    pub(crate) fn place(&self) -> Redirected {
        Redirected { url: self.url.clone(), method: self.method.clone() }
    }

    /// The request as it is sent; the fragment of its URL stays here.
    pub(crate) fn to_http(&self) -> Result<http::Request<Bytes>, RequestError> {
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri()?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    /// Where it goes, without user, password and fragment.
    pub(crate) fn uri(&self) -> Result<Uri, RequestError> {
        let mut url = self.url.clone();
        url.set_fragment(None);
        // These fail only for URLs without a host, which those of HTTP are never.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.as_str()
            .parse()
            .map_err(|error: http::uri::InvalidUri| RequestError::Url(error.to_string()))
    }

    /// Makes a header of the user and the password of the URL (RFC 7617), where there is none yet.
    fn authorize(&mut self) {
        let (user, password) = (self.url.username(), self.url.password());
        if user.is_empty() && password.is_none() || self.headers.contains_key(AUTHORIZATION) {
            return;
        }
        let decoded = |text| Vec::from_iter(percent_decode_str(text));
        let pair = [decoded(user), decoded(password.unwrap_or_default())].join(&b':');
        let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
        // Base64 is always a header's value.
        if let Ok(mut value) = HeaderValue::from_str(&value) {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
    }

    /// Sets a header, in place of those of the same name. It stays with its origin where it is secret
    /// or always is.
    pub(crate) fn set_header(
        &mut self,
        name: &str,
        value: &[u8],
        is_secret: bool,
    ) -> Result<(), RequestError> {
        let wrong = |what| RequestError::Header(format!("{what} of the header {name:?}"));
        let key = HeaderName::from_str(name).map_err(|_| wrong("the name"))?;
        let mut value = HeaderValue::from_bytes(value).map_err(|_| wrong("the value"))?;
        value.set_sensitive(is_secret || CREDENTIALS.contains(&key.as_str()));
        self.headers.insert(key, value);
        Ok(())
    }
}

fn parse(url: &str) -> Result<Url, RequestError> {
    let url = Url::parse(url).map_err(|error| RequestError::Url(error.to_string()))?;
    if is_http(&url) {
        Ok(url)
    } else {
        Err(RequestError::Url(format!("its scheme is {}", url.scheme())))
    }
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}
