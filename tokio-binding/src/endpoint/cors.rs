//! Which pages of other origins may read the streams.

use std::fmt;
use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, ORIGIN, VARY,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};
use sansse::http::LAST_EVENT_ID;

const TRUE: HeaderValue = HeaderValue::from_static("true");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// Which pages of other origins may read the streams: those of a list, or any.
///
/// Each answer says so, refusals too, so that a page can tell them from a broken network. A page
/// that may not read is answered as any client is, but without the headers that would let it see the
/// answer; the browser keeps it away. Preflights allow `GET` and `HEAD` with `Last-Event-ID` and
/// `Cache-Control`, which readers that are not the browser's own EventSource send.
///
/// ```
/// use sansse_tokio::Cors;
///
/// # fn main() -> Result<(), sansse_tokio::CorsError> {
/// let cors = Cors::allow(["https://example.org", "http://localhost:3000"])?.credentials(true)?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Cors {
    origins: Origins,
    credentials: bool,
    headers: HeaderValue,
    max_age: HeaderValue,
}

#[derive(Clone, Debug)]
enum Origins {
    Any,
    /// Sorted.
    Listed(Vec<HeaderValue>),
}

impl Cors {
    /// Pages of these origins, each as browsers write it: `https://example.org`, with a port only
    /// where it is not the scheme's own. The origin `null` is that of pages without one, such as
    /// local files and sandboxed frames of anyone.
    ///
    /// # Errors
    ///
    /// When an origin is none, or no browser would write it so.
    pub fn allow<O: AsRef<str>>(origins: impl IntoIterator<Item = O>) -> Result<Self, CorsError> {
        let mut listed = Vec::new();
        for origin in origins {
            listed.push(check_origin(origin.as_ref())?);
        }
        listed.sort();
        Ok(Self::new(Origins::Listed(listed)))
    }

    /// Pages of any origin, without credentials.
    #[must_use]
    pub fn any() -> Self {
        Self::new(Origins::Any)
    }

    fn new(origins: Origins) -> Self {
        let default = Self {
            origins,
            credentials: false,
            headers: HeaderValue::from_static(""),
            max_age: HeaderValue::from_static(""),
        };
        default.request_headers([]).max_age(Duration::from_secs(7200))
    }

    /// Whether requests may carry cookies and the like, as those of an EventSource with
    /// `withCredentials` do.
    ///
    /// # Errors
    ///
    /// When they may, from any origin: browsers refuse that, and each page in the world could read
    /// what is meant for the user.
    pub fn credentials(mut self, allowed: bool) -> Result<Self, CorsError> {
        if allowed && matches!(self.origins, Origins::Any) {
            return Err(CorsError::CredentialsOfAny);
        }
        self.credentials = allowed;
        Ok(self)
    }

    /// The request headers that pages may send besides `Last-Event-ID` and `Cache-Control`, such as
    /// `Authorization`.
    #[must_use]
    pub fn request_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut list = format!("{LAST_EVENT_ID}, {CACHE_CONTROL}");
        for name in names {
            list.push_str(", ");
            list.push_str(name.as_str());
        }
        if let Ok(headers) = HeaderValue::try_from(list) {
            self.headers = headers;
        }
        self
    }

    /// How long browsers may rely on the answer to a preflight, in whole seconds; by default two
    /// hours, the most that any takes.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age.as_secs().into();
        self
    }

    /// Adds to an answer who may read it.
    pub(super) fn mark(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        match &self.origins {
            Origins::Any => {
                answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Origins::Listed(listed) => {
                // Without an origin too: a cache must not give that answer to a page.
                answer.append(VARY, HeaderValue::from_static("Origin"));
                if let Some(origin) = find(listed, request) {
                    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                    if self.credentials {
                        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
                    }
                }
            }
        }
    }

    /// Adds to the answer to a preflight what the request itself may have.
    pub(super) fn allow_request(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        let is_allowed = match &self.origins {
            Origins::Any => true,
            Origins::Listed(listed) => find(listed, request).is_some(),
        };
        if is_allowed {
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
            answer.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        }
    }
}

/// The origin of a request where it is listed. A request that names several has none.
fn find<'a>(listed: &'a [HeaderValue], request: &HeaderMap) -> Option<&'a HeaderValue> {
    let mut origins = request.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
    listed.binary_search(origin).ok().map(|index| &listed[index])
}

fn check_origin(origin: &str) -> Result<HeaderValue, CorsError> {
    let problem = || CorsError::Origin(origin.into());
    let is_origin = origin == "null"
        || origin
            .split_once("://")
            .is_some_and(|(scheme, authority)| is_scheme(scheme) && is_host(scheme, authority));
    if is_origin { HeaderValue::try_from(origin).map_err(|_| problem()) } else { Err(problem()) }
}

/// A scheme as browsers write it (RFC 3986, 3.1).
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
}

/// A host, and a port where it is not the scheme's own, as browsers write them.
fn is_host(scheme: &str, authority: &str) -> bool {
    let Ok(parsed) = authority.parse::<Authority>() else { return false };
    let written = match parsed.port_u16() {
        Some(0) => return false,
        Some(80) if scheme == "http" => return false,
        Some(443) if scheme == "https" => return false,
        Some(port) => format!("{}:{port}", parsed.host()),
        None => parsed.host().to_owned(),
    };
    // This leaves out users, empty ports, zeros before a port, and patterns.
    !parsed.host().is_empty()
        && written == authority
        && authority.bytes().all(|byte| {
            matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b':' | b'[' | b']')
        })
}

/// What cannot be allowed to pages of other origins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CorsError {
    /// This is not an origin as browsers write them.
    Origin(String),
    /// Credentials cannot be allowed to any origin.
    CredentialsOfAny,
}

impl fmt::Display for CorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => write!(
                f,
                "{origin:?} is not an origin: write scheme://host or scheme://host:port in lower \
                 case, without a path and without the scheme's own port"
            ),
            Self::CredentialsOfAny => {
                f.write_str("credentials cannot be allowed to any origin: list the origins")
            }
        }
    }
}

impl std::error::Error for CorsError {}
