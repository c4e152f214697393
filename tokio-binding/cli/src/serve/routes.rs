//! Which request gets which answer.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use sansse_tokio::http::accepts_event_stream;
use sansse_tokio::{Hub, HubBody, SubscribeError};

use super::target::{StreamQuery, Target};
use super::{content, publish};

const PAGE: &str = include_str!("../../pages/index.html");

/// A stream, or an answer that is known in full.
pub(super) type Body = Either<HubBody, Full<Bytes>>;

/// The routes of the server, over one hub.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    hub: Hub,
    max_body: usize,
}

impl Routes {
    pub(super) const fn new(hub: Hub, max_body: usize) -> Self {
        Self { hub, max_body }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (request, content) = request.into_parts();
        let response = match (Target::of(&request.uri), &request.method) {
            (Ok(Target::Topic(topic)), &Method::POST) => {
                publish::answer(&self.hub, &topic, self.max_body, &request, content).await
            }
            (target, _) => {
                content::discard(&request.headers, content).await;
                self.answer_without_content(target, &request)
            }
        };
        let (method, status) = (&request.method, response.status().as_u16());
        tracing::debug!(%method, status, "answered");
        response
    }

    fn answer_without_content(
        &self,
        target: Result<Target, String>,
        request: &Parts,
    ) -> Response<Body> {
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        match target {
            Err(problem) => sentence(StatusCode::BAD_REQUEST, &problem),
            Ok(Target::Unknown) => sentence(
                StatusCode::NOT_FOUND,
                "there is nothing here: try /, /topics/{topic}, /events?topic={topic} or /healthz",
            ),
            Ok(Target::Topic(_)) if !is_read => method_not_allowed("GET, HEAD, POST"),
            Ok(_) if !is_read => method_not_allowed("GET, HEAD"),
            Ok(Target::Page) => page(),
            Ok(Target::Health) => text(StatusCode::OK, "ok\n".into()),
            Ok(Target::Topic(topic)) => self.stream(request, &[topic]),
            Ok(Target::Events(topics)) => self.stream(request, &topics),
        }
    }

    fn stream(&self, request: &Parts, topics: &[String]) -> Response<Body> {
        let accept: Vec<&[u8]> =
            request.headers.get_all(header::ACCEPT).iter().map(HeaderValue::as_bytes).collect();
        if !accepts_event_stream(&accept.join(&b","[..])) {
            return sentence(
                StatusCode::NOT_ACCEPTABLE,
                "this is an event stream: accept text/event-stream",
            );
        }
        let query = match StreamQuery::of(request) {
            Ok(query) => query,
            Err(problem) => return sentence(StatusCode::BAD_REQUEST, &problem),
        };
        match self.hub.subscribe(topics, query.start()) {
            Ok(subscription) => subscription.into_response().map(Either::Left),
            Err(SubscribeError::NoTopic) => {
                sentence(StatusCode::BAD_REQUEST, "no topic was named: add ?topic={topic}")
            }
            Err(problem) => sentence(StatusCode::BAD_REQUEST, &problem.to_string()),
        }
    }
}

/// A plain answer of one sentence.
pub(super) fn sentence(status: StatusCode, problem: &str) -> Response<Body> {
    text(status, format!("{problem}.\n"))
}

fn method_not_allowed(allow: &'static str) -> Response<Body> {
    let mut response =
        sentence(StatusCode::METHOD_NOT_ALLOWED, &format!("this address takes only {allow}"));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

fn page() -> Response<Body> {
    full(StatusCode::OK, "text/html; charset=utf-8", PAGE.into())
}

fn text(status: StatusCode, text: String) -> Response<Body> {
    full(status, "text/plain; charset=utf-8", text.into())
}

/// A whole answer, which is not to be cached.
pub(super) fn full(
    status: StatusCode,
    content_type: &'static str,
    content: Bytes,
) -> Response<Body> {
    let mut response = Response::new(Either::Right(Full::new(content)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
