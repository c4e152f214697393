//! Answers of an endpoint, and how to read them.

use futures_util::FutureExt as _;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use sansse_tokio::{Endpoint, EndpointBody, Hub};

/// A hub with a known epoch, whose streams say nothing by themselves.
#[must_use]
pub fn hub() -> Hub {
    Hub::builder().epoch(35).retry(None).keep_alive(None).build()
}

/// The head of a request.
///
/// # Panics
///
/// When a header is none.
#[must_use]
pub fn head(method: &Method, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method.clone()).uri("/news");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// The head of a request with `GET`.
#[must_use]
pub fn get(headers: &[(&str, &str)]) -> Parts {
    head(&Method::GET, headers)
}

/// The answer to a request for the topic `news`.
pub async fn answer(endpoint: &Endpoint, request: &Parts) -> Response<EndpointBody> {
    endpoint.request(request, ["news"]).answer().await
}

/// What can be read without waiting, and whether the body ends there.
///
/// # Panics
///
/// When it is no text.
pub fn read(response: &mut Response<EndpointBody>) -> (String, bool) {
    let mut text = String::new();
    while let Some(frame) = response.body_mut().frame().now_or_never() {
        let Some(frame) = frame else { return (text, true) };
        text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
    }
    (text, false)
}

/// The text of an answer that is known in full.
///
/// # Panics
///
/// When it does not end.
#[must_use]
pub fn whole(mut response: Response<EndpointBody>) -> String {
    let (text, ended) = read(&mut response);
    assert!(ended, "{text}");
    text
}

/// Whether an answer is an open stream.
pub fn is_stream(response: &mut Response<EndpointBody>) -> bool {
    let (text, ended) = read(response);
    response.status() == StatusCode::OK && !ended && text.starts_with("id: ")
}

/// The milliseconds of an answer that only says when to come back.
///
/// # Panics
///
/// When it says anything else.
#[must_use]
pub fn come_back(response: Response<EndpointBody>) -> u64 {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let text = whole(response);
    let value = text.strip_prefix("retry: ").and_then(|rest| rest.strip_suffix("\n\n"));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{text:?}"))
}
