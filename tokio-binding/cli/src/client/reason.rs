//! Why a server did not do as it was asked.

use http::{HeaderValue, StatusCode, header};
use reqwest::Url;
use sansse_tokio::{Disconnect, EventSourceError, RedirectError, Refused};

use super::{root_cause, server};
use crate::failure::Failure;

/// What happened, in a few words, and what to do about it. It holds no secrets of the URL.
#[derive(Debug)]
pub(crate) struct Reason {
    pub(crate) what: String,
    advice: String,
}

impl Reason {
    fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: advice.into() }
    }

    /// No answer came.
    pub(super) fn no_answer(server: &str, error: &reqwest::Error) -> Self {
        let cause = root_cause(error);
        if error.is_connect() {
            Self::new(
                format!("cannot connect to {server}: {cause}"),
                "check the address, and that a server listens there",
            )
        } else if error.is_timeout() {
            Self::new(format!("{server} did not answer in time"), "try again")
        } else {
            Self::new(
                format!("{server} did not answer: {cause}"),
                "check that it speaks HTTP, and try again",
            )
        }
    }

    /// The server answered with this status, and this content.
    pub(super) fn refusal(server: &str, status: StatusCode, content: &[u8]) -> Self {
        match String::from_utf8_lossy(content).lines().next().map(str::trim) {
            Some(line) if !line.is_empty() => {
                Self::new(format!("{server} answered {status}: {line}"), "")
            }
            _ => Self::new(format!("{server} answered {status}"), advice(status)),
        }
    }

    /// A stream is not, or no more. It is to be taken up again behind `id`.
    pub(crate) fn of(url: &Url, cause: &Disconnect, id: &str) -> Self {
        let server = server(url);
        match cause {
            Disconnect::Ended(_) => Self::new(cause.to_string(), "try again later"),
            Disconnect::Cut(error) => Self::new(
                format!("{server} cut the stream: {}", root_cause(&**error)),
                match id {
                    "" => "try again".into(),
                    id => format!("take it up again with --last-event-id '{id}'"),
                },
            ),
            Disconnect::Unreachable(error) => match error.downcast_ref::<reqwest::Error>() {
                Some(error) => Self::no_answer(&server, error),
                None => Self::new(
                    format!("{server} did not answer: {}", root_cause(&**error)),
                    "try again",
                ),
            },
            Disconnect::HeadTimeout(_) => {
                Self::new(format!("{server} did not answer in time"), "try again")
            }
            Disconnect::IdleTimeout(time) => Self::new(
                format!("{server} sent nothing for {time:?}"),
                "try again, or give --idle-timeout a longer time",
            ),
            Disconnect::Refused(answer) => Self::refused(answer),
            // Where it leads may hold secrets.
            Disconnect::Redirect(RedirectError::Location(_)) => Self::new(
                format!("{server} redirects to where HTTP does not lead"),
                "check the URL",
            ),
            other => Self::new(other.to_string(), "check the URL"),
        }
    }

    /// A source has given up.
    pub(crate) fn of_end(url: &Url, error: &EventSourceError, id: &str) -> Self {
        let Self { what, advice } = Self::of(url, error.cause(), id);
        match error {
            EventSourceError::OutOfAttempts { attempts, .. } => Self {
                what: format!("given up after {attempts} failures in a row: {what}"),
                advice,
            },
            _ => Self { what, advice },
        }
    }

    fn refused(answer: &Refused) -> Self {
        if answer.status == StatusCode::OK {
            let content_type = answer.headers.get(header::CONTENT_TYPE);
            let content_type = content_type.map_or(&b""[..], HeaderValue::as_bytes);
            let content_type = String::from_utf8_lossy(content_type);
            return Self::new(
                format!("the answer is no event stream but of type '{content_type}'"),
                "check the path of the URL",
            );
        }
        // Behind redirects, it is another one.
        let server =
            Url::parse(&answer.url.to_string()).map_or_else(|_| String::new(), |url| server(&url));
        Self::refusal(&server, answer.status, &answer.body)
    }
}

impl From<Reason> for Failure {
    fn from(Reason { what, advice }: Reason) -> Self {
        Self::new(if advice.is_empty() { what } else { format!("{what}; {advice}") })
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "it wants other credentials",
        404 | 405 => "check the path",
        429 | 500.. => "try again later",
        _ => "check the URL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_redirect_leads_is_not_shown() {
        let url = Url::parse("http://127.0.0.1/?token=1").unwrap();
        let cause = Disconnect::Redirect(RedirectError::Location("ftp://token@x/".into()));
        assert!(!Reason::of(&url, &cause, "").what.contains("token"));
    }
}
