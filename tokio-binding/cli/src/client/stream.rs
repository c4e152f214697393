//! Streams of a server, for those who follow one.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{HeaderName, HeaderValue, Method, Request, header};
use reqwest::Url;
use reqwest::redirect::Policy;
use sansse_tokio::{EventSource, EventSourceBuilder, RequestError};

use super::no_tls;
use crate::failure::Failure;

/// After so much silence, and as often again, the network is asked whether the server is still
/// there.
const PROBE: Duration = Duration::from_secs(15);

/// What a command that follows a stream can be told of its request.
#[derive(Args, Clone, Debug)]
pub(crate) struct RequestOptions {
    /// A header of the request, such as `Authorization: Bearer …`; can be given more than once.
    /// All but Accept, Content-Type and their like stay with the server of the URL when that redirects
    /// to another one
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<Header>,
}

/// Headers that hold no secret, whoever gives them.
const HARMLESS: [HeaderName; 5] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONTENT_TYPE,
    header::USER_AGENT,
];

type Header = (HeaderName, HeaderValue);

/// The request for a stream, but for its last event ID.
#[derive(Clone, Debug)]
pub(crate) struct StreamRequest<'a> {
    pub(crate) url: &'a Url,
    pub(crate) method: Method,
    pub(crate) body: Bytes,
    pub(crate) options: &'a RequestOptions,
    pub(crate) idle_timeout: Option<Duration>,
}

impl<'a> StreamRequest<'a> {
    /// A `GET`.
    pub(crate) const fn get(
        url: &'a Url,
        options: &'a RequestOptions,
        idle_timeout: Option<Duration>,
    ) -> Self {
        Self { url, method: Method::GET, body: Bytes::new(), options, idle_timeout }
    }

    /// What sends it, whenever a stream is to be opened, as `configure` has it.
    pub(crate) fn connect(
        &self,
        configure: impl Fn(EventSourceBuilder) -> EventSourceBuilder,
    ) -> Result<EventSource, Failure> {
        let builder = || {
            let mut builder = EventSource::request(self.request()?);
            if let Some(time) = self.idle_timeout {
                builder = builder.idle_timeout(time);
            }
            Ok::<_, Failure>(configure(builder))
        };
        let source = match builder()?.connect() {
            // A system without any trusted certificate still speaks plain HTTP.
            Err(RequestError::Transport(_)) if self.url.scheme() == "http" => {
                builder()?.transport(self.plain_client()?).connect()
            }
            source => source,
        };
        source.map_err(|error| match error {
            RequestError::Transport(cause) => no_tls(&cause),
            error => Failure::usage(error.to_string()),
        })
    }

    fn request(&self) -> Result<Request<Bytes>, Failure> {
        let mut request = Request::builder().method(self.method.clone()).uri(self.url.as_str());
        for (name, value) in &self.options.headers {
            request = request.header(name, value);
        }
        request
            .body(self.body.clone())
            .map_err(|error| Failure::usage(format!("cannot ask for this URL: {error}")))
    }

    fn plain_client(&self) -> Result<reqwest::Client, Failure> {
        super::build(self.url, |builder| {
            builder
                .redirect(Policy::none())
                .referer(false)
                .tcp_keepalive(PROBE)
                .tcp_keepalive_interval(PROBE)
        })
    }
}

/// Reads a header from the command line.
fn parse_header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'Name: value'")?;
    let name: HeaderName =
        name.trim().parse().map_err(|_| "its name holds what no header's may")?;
    let mut value = HeaderValue::from_bytes(value.trim().as_bytes())
        .map_err(|_| "its value holds control characters")?;
    // Any other may well be a secret.
    value.set_sensitive(!HARMLESS.contains(&name));
    Ok((name, value))
}

/// Reads a body from the command line: the text itself, or a file behind `@`, or what standard input
/// holds for `-`.
pub(crate) fn read_body(text: &str) -> Result<Bytes, Failure> {
    let path = match text {
        "-" => "-",
        _ => match text.strip_prefix('@') {
            Some(path) => path,
            None => return Ok(Bytes::copy_from_slice(text.as_bytes())),
        },
    };
    let mut bytes = Vec::new();
    let read = match path {
        "-" => io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes).map(|_| bytes),
        path => std::fs::read(path),
    };
    read.map(Bytes::from).map_err(|error| {
        let name = if path == "-" { "standard input" } else { path };
        Failure::new(format!(
            "cannot read {name}: {error}; give --body a text, or @ and a file that you may read"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_a_name_and_a_value() {
        let (name, value) = parse_header("X-Key:  a: b ").unwrap();
        assert_eq!((name.as_str(), value.as_bytes()), ("x-key", &b"a: b"[..]));
        assert_eq!(parse_header("Accept:").unwrap().1, "");
        for text in ["", "X-Key", ": a", "X Key: a", "X-Key: a\nb"] {
            assert!(parse_header(text).is_err(), "{text:?}");
        }
        // Not even when it is debugged.
        assert!(!format!("{:?}", parse_header("Authorization: secret")).contains("secret"));
    }
}
