//! Talking to a server over HTTP.

mod reason;
mod stream;

use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response, Url};
use tokio::time::timeout;

use crate::failure::Failure;

pub(crate) use reason::Reason;
pub(crate) use stream::{RequestOptions, StreamRequest, read_body};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may take to say why it refuses.
const REASON_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes that are read of an answer that is no event stream.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Reads a URL from the command line.
pub(crate) fn parse_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) => Err("begin it with http:// or https://".into()),
        Err(error) => Err(format!("{error}; write it like http://127.0.0.1:8080/topics/news")),
    }
}

/// A client for requests to `url`.
pub(crate) fn build(
    url: &Url,
    configure: fn(ClientBuilder) -> ClientBuilder,
) -> Result<Client, Failure> {
    // This fails only where a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        configure(
            Client::builder()
                .user_agent(concat!("sansse/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIMEOUT),
        )
    };
    builder()
        .build()
        .or_else(|error| {
            if url.scheme() == "https" {
                return Err(error);
            }
            // A system without any trusted certificate still speaks plain HTTP.
            builder().tls_certs_only([]).redirect(Policy::none()).build()
        })
        .map_err(|error| no_tls(&root_cause(&error)))
}

fn no_tls(cause: &str) -> Failure {
    Failure::new(format!(
        "cannot prepare TLS: {cause}; install the system's certificates (ca-certificates)"
    ))
}

/// Why no answer came.
pub(crate) fn no_answer(url: &Url, error: &reqwest::Error) -> Failure {
    Reason::no_answer(&server(url), error).into()
}

/// What a server says that does not do as it was asked, by the first line of its answer.
pub(crate) async fn refusal(url: &Url, mut response: Response) -> Failure {
    let (server, status) = (server(url), response.status());
    let answer = timeout(REASON_TIMEOUT, body(&mut response)).await;
    let answer = answer.ok().and_then(Result::ok).unwrap_or_default();
    Reason::refusal(&server, status, &answer).into()
}

/// Reads an answer, as much of it as a sane one has.
pub(crate) async fn body(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = ANSWER_LIMIT - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if bytes.len() == ANSWER_LIMIT {
            break;
        }
    }
    Ok(bytes)
}

/// The server alone: a URL may hold secrets.
pub(crate) fn server(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The innermost error, which is the one that says something.
pub(crate) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_before_they_are_used() {
        assert!(parse_url("http://127.0.0.1:8080/topics/a").is_ok());
        assert!(parse_url("localhost:8080/topics/a").unwrap_err().contains("http://"));
        assert!(parse_url("/topics/a").unwrap_err().contains("http://"));
    }

    #[test]
    fn secrets_of_a_url_are_not_shown() {
        let url = parse_url("https://user:secret@example.org/a?token=secret").unwrap();
        assert_eq!(server(&url), "https://example.org");
    }
}
