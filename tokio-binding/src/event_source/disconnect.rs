//! Why there is no stream.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use sansse::StreamEnd;

use crate::transport::BoxError;

/// Why a stream ended, or never began.
#[derive(Debug)]
#[non_exhaustive]
pub enum Disconnect {
    /// The server ended its response: between two events, or in the middle of one, which is
    /// discarded.
    Ended(StreamEnd),
    /// The connection broke while the stream was open.
    Cut(BoxError),
    /// No connection could be made, or it broke before the head of the response had come.
    Unreachable(BoxError),
    /// The head of the response did not come within this time.
    HeadTimeout(Duration),
    /// Not a byte came within this time.
    IdleTimeout(Duration),
    /// The server answered with something else than an event stream.
    Refused(Box<Refused>),
    /// The server redirected to where nobody can follow.
    Redirect(RedirectError),
    /// The application's own function had no request to send.
    Provider(BoxError),
    /// The application asked for it, by [`reconnect`](crate::EventSource::reconnect).
    Asked,
}

impl Disconnect {
    /// The answer of a server that refuses.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        if let Self::Refused(refused) = self { Some(refused) } else { None }
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(StreamEnd::Clean) => f.write_str("the server ended the stream"),
            Self::Ended(StreamEnd::Unfinished) => {
                f.write_str("the server ended the stream in the middle of an event")
            }
            Self::Cut(error) => write!(f, "the connection broke: {}", innermost(&**error)),
            Self::Unreachable(error) => {
                write!(f, "the server cannot be reached: {}", innermost(&**error))
            }
            Self::HeadTimeout(time) => write!(f, "the server did not answer within {time:?}"),
            Self::IdleTimeout(time) => write!(f, "the server sent nothing for {time:?}"),
            Self::Refused(refused) => refused.fmt(f),
            Self::Redirect(error) => error.fmt(f),
            Self::Provider(error) => write!(f, "no request could be made: {error}"),
            Self::Asked => f.write_str("the application asked for a new connection"),
        }
    }
}

impl Error for Disconnect {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Cut(error) | Self::Unreachable(error) | Self::Provider(error) => Some(&**error),
            _ => None,
        }
    }
}

/// The error that says something: what is around it only says that it happened.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

/// An answer that is no event stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refused {
    /// The status; 200 where the type is not `text/event-stream`.
    pub status: StatusCode,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The first 64 KiB of its body, or as much of them as came within five seconds.
    pub body: Bytes,
    /// Where the answer comes from, behind all redirects.
    pub url: Uri,
}

impl Refused {
    /// How many milliseconds `Retry-After` asks to wait, as seconds or as a date (RFC 9110, 10.2.3).
    pub(crate) fn retry_after(&self) -> Option<u64> {
        let value = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // What is no number for its size is a very long time.
            return Some(value.parse().unwrap_or(u64::MAX).saturating_mul(1000));
        }
        let date = |text: &str| httpdate::parse_http_date(text).ok();
        // By the server's clock, where it tells: ours may differ.
        let now = self.headers.get(DATE).and_then(|now| now.to_str().ok()).and_then(date);
        let wait = date(value)?.duration_since(now.unwrap_or_else(SystemTime::now));
        Some(wait.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, headers, body, .. } = self;
        if *status == StatusCode::OK {
            let content_type = headers.get(CONTENT_TYPE);
            let content_type = content_type.map_or(&b"none"[..], HeaderValue::as_bytes);
            return write!(
                f,
                "the answer is no event stream but of type '{}': check the path of the URL",
                content_type.escape_ascii()
            );
        }
        write!(f, "the server answered {status}")?;
        let line = body.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
        match std::str::from_utf8(line) {
            Ok(line) if (1..=200).contains(&line.len()) && !line.contains(char::is_control) => {
                write!(f, ": {line}")
            }
            _ => Ok(()),
        }
    }
}

/// Why a redirect cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectError {
    /// There were more than [twenty](sansse::http::MOST_REDIRECTS) in a row.
    TooMany,
    /// The status asks to go elsewhere, but no `Location` says where.
    NoLocation(StatusCode),
    /// Its `Location` is none that HTTP leads to.
    Location(String),
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => f.write_str("the server redirects in a circle, or too often"),
            Self::NoLocation(status) => {
                write!(f, "the server answered {status} without a Location")
            }
            Self::Location(location) => write!(
                f,
                "the server redirects to '{}', which is no http or https URL",
                location.escape_debug()
            ),
        }
    }
}

impl Error for RedirectError {}

/// Why an [`EventSource`](crate::EventSource) has given up. It is closed then.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventSourceError {
    /// The [policy](crate::ReconnectPolicy) does not reconnect after this: "fail the connection"
    /// (9.2.3).
    Failed(Arc<Disconnect>),
    /// As many attempts in a row have failed as the policy allows.
    OutOfAttempts {
        /// How many.
        attempts: u32,
        /// How the last one did.
        cause: Arc<Disconnect>,
    },
}

impl EventSourceError {
    /// What happened last.
    #[must_use]
    pub fn cause(&self) -> &Disconnect {
        match self {
            Self::Failed(cause) | Self::OutOfAttempts { cause, .. } => cause,
        }
    }
}

impl fmt::Display for EventSourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(cause) => cause.fmt(f),
            Self::OutOfAttempts { attempts, cause } => {
                write!(f, "given up after {attempts} attempts: {cause}")
            }
        }
    }
}

impl Error for EventSourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause().source()
    }
}
