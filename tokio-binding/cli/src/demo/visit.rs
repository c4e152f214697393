//! A request to a demo.

use std::net::IpAddr;

use futures_util::stream;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use sansse_tokio::http::accepts_event_stream;
use sansse_tokio::{OwnedEvent, Retry, Sse};

use crate::serve::routes::{Body, body, full, is_read, method_not_allowed, sentence};
use crate::serve::target::pairs;

/// A request to a demo, whose content has been read.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) head: &'a Parts,
    /// The path below that of the demo.
    pub(super) path: &'a str,
    pub(super) peer: IpAddr,
    /// The content of a `POST`.
    pub(super) posted: String,
}

impl Visit<'_> {
    pub(super) const fn method(&self) -> &Method {
        &self.head.method
    }

    /// The first value of a name in the query, or nothing.
    pub(super) fn query(&self, name: &str) -> String {
        let value = pairs(&self.head.uri).find(|pair| pair.0 == name).map(|pair| pair.1.into());
        value.unwrap_or_default()
    }

    /// Answers with a page.
    pub(super) fn page(&self, page: &'static str) -> Response<Body> {
        self.file("text/html", page)
    }

    /// Answers with a file of text.
    pub(super) fn file(&self, media_type: &str, text: &'static str) -> Response<Body> {
        if !is_read(self.method()) {
            return method_not_allowed("GET, HEAD");
        }
        let mut response = full(StatusCode::OK, "text/plain; charset=utf-8", text.into());
        if let Ok(value) = HeaderValue::try_from(format!("{media_type}; charset=utf-8")) {
            response.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        response
    }

    /// Why a request for a stream gets none, where no [`Endpoint`](sansse_tokio::Endpoint) looks
    /// after that.
    pub(super) fn stream_refusal(&self) -> Option<Response<Body>> {
        if self.method() != Method::GET {
            return Some(method_not_allowed("GET"));
        }
        let accept = self.head.headers.get(header::ACCEPT).map_or(&b""[..], HeaderValue::as_bytes);
        if accepts_event_stream(accept) {
            return None;
        }
        Some(sentence(
            StatusCode::NOT_ACCEPTABLE,
            "this is an event stream: accept text/event-stream",
        ))
    }
}

/// Has an EventSource come back for which there is no room: on any status but 200 it would not.
pub(super) fn come_back_later(retry: &Retry) -> Response<Body> {
    let nothing = Sse::new(stream::empty::<OwnedEvent>());
    nothing.retry(retry.next()).into_response().map(body)
}
