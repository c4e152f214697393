//! Which request gets which answer.

use std::net::IpAddr;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use sansse_tokio::{Endpoint, EndpointBody, Hub, Refusal};

use super::target::{StreamQuery, Target};
use super::{content, publish};

const PAGE: &str = include_str!("../../pages/index.html");

/// A stream, or an answer that is known in full.
pub(super) type Body = Either<EndpointBody, Full<Bytes>>;

/// The routes of the server, over one hub and its door.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    hub: Hub,
    endpoint: Endpoint,
    max_body: usize,
}

impl Routes {
    pub(super) const fn new(hub: Hub, endpoint: Endpoint, max_body: usize) -> Self {
        Self { hub, endpoint, max_body }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        let (request, content) = request.into_parts();
        let response = match (Target::of(&request.uri), &request.method) {
            (Ok(Target::Topic(topic)), &Method::POST) => {
                publish::answer(&self.hub, &topic, self.max_body, &request, content).await
            }
            (target, _) => {
                content::discard(&request.headers, content).await;
                self.answer_without_content(target, &request, peer).await
            }
        };
        let (method, status) = (&request.method, response.status().as_u16());
        tracing::debug!(%method, status, "answered");
        response
    }

    async fn answer_without_content(
        &self,
        target: Result<Target, String>,
        request: &Parts,
        peer: IpAddr,
    ) -> Response<Body> {
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        match target {
            Err(problem) => sentence(StatusCode::BAD_REQUEST, &problem),
            Ok(Target::Unknown) => sentence(
                StatusCode::NOT_FOUND,
                "there is nothing here: try /, /topics/{topic}, /events?topic={topic} or /healthz",
            ),
            Ok(Target::Page | Target::Health) if !is_read => method_not_allowed("GET, HEAD"),
            Ok(Target::Page) => page(),
            Ok(Target::Health) => text(StatusCode::OK, "ok\n".into()),
            Ok(Target::Topic(topic)) => {
                let mut response = self.stream(request, &[topic], peer).await;
                // Publishing is no concern of the endpoint.
                if let Some(allow) = response.headers_mut().get_mut(header::ALLOW) {
                    *allow = HeaderValue::from_static("GET, HEAD, OPTIONS, POST");
                }
                response
            }
            Ok(Target::Events(topics)) => self.stream(request, &topics, peer).await,
        }
    }

    async fn stream(&self, request: &Parts, topics: &[String], peer: IpAddr) -> Response<Body> {
        let refusable = self.endpoint.request(request, topics).address(peer);
        let refuse = |problem: &str| Refusal::new(StatusCode::BAD_REQUEST, format!("{problem}."));
        let response = if topics.is_empty() {
            refusable.refuse(refuse("no topic was named: add ?topic={topic}"))
        } else {
            match StreamQuery::of(request) {
                Ok(query) => refusable.start(query.start()).answer().await,
                Err(problem) => refusable.refuse(refuse(&problem)),
            }
        };
        response.map(Either::Left)
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
