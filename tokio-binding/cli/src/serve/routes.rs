//! Which request gets which answer.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use metrics_exporter_prometheus::PrometheusHandle;
use sansse_tokio::http::accepts_event_stream;
use sansse_tokio::{Endpoint, EndpointBody, Hub, Refusal, Start};

use super::content::ContentLimits;
use super::limits::Limits;
use super::target::{StreamQuery, Target};
use super::{content, metrics, publish};
use crate::demo::Demos;
use crate::relay::Relay;

const PAGE: &str = include_str!("../../pages/index.html");
/// What the page loses where there are no demos.
const DEMO_LINK: &str = r#"<a href="/demo/">Demos</a>"#;

/// The stream of an endpoint, or any other answer.
pub(crate) type Body = Either<EndpointBody, UnsyncBoxBody<Bytes, io::Error>>;

/// Where streams come from.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    /// A hub that visitors publish to, so many bytes at a time. Without `demos` there are no such routes.
    Own { hub: Hub, endpoint: Endpoint, max_body: usize, demos: Option<Demos> },
    /// One topic of another server.
    Relayed(Arc<Relay>),
}

impl Door {
    fn endpoint(&self) -> Endpoint {
        match self {
            Self::Own { endpoint, .. } => endpoint.clone(),
            Self::Relayed(relay) => relay.endpoint(),
        }
    }
}

/// The routes of the server.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    door: Door,
    limits: Limits,
    metrics: Option<PrometheusHandle>,
}

impl Routes {
    /// Without `metrics` there is no such route.
    pub(crate) const fn new(door: Door, limits: Limits, metrics: Option<PrometheusHandle>) -> Self {
        Self { door, limits, metrics }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        let (request, content) = request.into_parts();
        let target = Target::of(&request.uri);
        let route = Target::route(&target);
        let response = match (target, &request.method, &self.door) {
            _ if head_length(&request) > self.limits.max_head => {
                content::discard(&request.headers, content).await;
                self.head_too_large()
            }
            (Ok(Target::Demo(path)), _, Door::Own { demos: Some(demos), .. }) => {
                demos.answer(&path, &request, content, peer, self.limits.read_timeout).await
            }
            (Ok(Target::Topic(topic)), &Method::POST, Door::Own { hub, max_body, .. }) => {
                let limits = ContentLimits { bytes: *max_body, time: self.limits.read_timeout };
                publish::answer(hub, &topic, limits, &request, content).await
            }
            (target, _, _) => {
                content::discard(&request.headers, content).await;
                self.answer_without_content(target, &request, peer).await
            }
        };
        log(&request, route, response)
    }

    /// Answers a request for which there is no room. Those who look after the server get theirs.
    pub(super) async fn refuse(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        let (request, content) = request.into_parts();
        content::discard(&request.headers, content).await;
        let target = Target::of(&request.uri);
        let route = Target::route(&target);
        let mut response = match target {
            Ok(Target::Health | Target::Metrics) => {
                self.answer_without_content(target, &request, peer).await
            }
            // Has a browser's EventSource come back later.
            Ok(target) if target.is_stream() && asks_for_stream(&request) => {
                let endpoint = self.door.endpoint();
                let request = endpoint.request(&request, [""; 0]);
                request.refuse(Refusal::later()).map(Either::Left)
            }
            _ => full_up(),
        };
        // HTTP/2 has another way to say so.
        if request.version < Version::HTTP_2 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        log(&request, route, response)
    }

    async fn answer_without_content(
        &self,
        target: Result<Target, String>,
        request: &Parts,
        peer: IpAddr,
    ) -> Response<Body> {
        let is_read = is_read(&request.method);
        match target {
            Err(problem) => sentence(StatusCode::BAD_REQUEST, &problem),
            Ok(Target::Demo(_) | Target::Unknown) => nothing(),
            Ok(Target::Page | Target::Health | Target::Metrics) if !is_read => {
                method_not_allowed("GET, HEAD")
            }
            Ok(Target::Page) => page(&self.door),
            Ok(Target::Health) => text(StatusCode::OK, "ok\n".into()),
            Ok(Target::Metrics) => self.metrics.as_ref().map_or_else(nothing, metrics_page),
            Ok(Target::Topic(topic)) => {
                let mut response = self.stream(request, &[topic], peer).await;
                // Publishing is no concern of the endpoint.
                if let Some(allow) = response.headers_mut().get_mut(header::ALLOW)
                    && let Door::Own { .. } = self.door
                {
                    *allow = HeaderValue::from_static("GET, HEAD, OPTIONS, POST");
                }
                response
            }
            Ok(Target::Events(topics)) => self.stream(request, &topics, peer).await,
        }
    }

    async fn stream(&self, request: &Parts, topics: &[String], peer: IpAddr) -> Response<Body> {
        let query = StreamQuery::of(request);
        if let (Door::Relayed(relay), Ok(query)) = (&self.door, &query)
            && let Start::After(id) = query.start()
            && request.method == Method::GET
            && asks_for_stream(request)
        {
            relay.expect(id).await;
        }
        let endpoint = self.door.endpoint();
        let refusable = endpoint.request(request, topics).address(peer);
        let refuse = |problem: &str| Refusal::new(StatusCode::BAD_REQUEST, format!("{problem}."));
        let response = match (query, &self.door) {
            _ if topics.is_empty() => {
                refusable.refuse(refuse("no topic was named: add ?topic={topic}"))
            }
            (_, Door::Relayed(relay)) if topics.iter().any(|topic| topic != relay.topic()) => {
                let problem = "there is no such topic here: a relay has only one.";
                refusable.refuse(Refusal::new(StatusCode::NOT_FOUND, problem))
            }
            (Ok(query), _) => refusable.start(query.start()).answer().await,
            (Err(problem), _) => refusable.refuse(refuse(&problem)),
        };
        response.map(Either::Left)
    }

    fn head_too_large(&self) -> Response<Body> {
        metrics::head_refused("too_large");
        let problem = format!(
            "the head of the request is too large: send at most {} bytes",
            self.limits.max_head
        );
        sentence(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &problem)
    }
}

fn log(request: &Parts, route: &'static str, response: Response<Body>) -> Response<Body> {
    let (method, status) = (&request.method, response.status().as_u16());
    tracing::debug!(%method, status, "answered");
    metrics::answered(route, status);
    response
}

pub(crate) fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn asks_for_stream(request: &Parts) -> bool {
    let accept: Vec<&[u8]> =
        request.headers.get_all(header::ACCEPT).iter().map(HeaderValue::as_bytes).collect();
    is_read(&request.method) && accepts_event_stream(&accept.join(&b","[..]))
}

/// The bytes of a head as HTTP/1 writes it, whatever version it came in.
fn head_length(request: &Parts) -> usize {
    let target = request.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let fields: usize = request
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    request.method.as_str().len() + target + fields
}

/// A plain answer of one sentence.
pub(crate) fn sentence(status: StatusCode, problem: &str) -> Response<Body> {
    text(status, format!("{problem}.\n"))
}

/// Has a client that is no EventSource come back later.
fn full_up() -> Response<Body> {
    let mut response = sentence(
        StatusCode::SERVICE_UNAVAILABLE,
        "there are as many connections as there may be: try again later",
    );
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

pub(crate) fn method_not_allowed(allow: &'static str) -> Response<Body> {
    let mut response =
        sentence(StatusCode::METHOD_NOT_ALLOWED, &format!("this address takes only {allow}"));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

pub(crate) fn nothing() -> Response<Body> {
    sentence(
        StatusCode::NOT_FOUND,
        "there is nothing here: try /, /topics/{topic}, /events?topic={topic} or /healthz",
    )
}

fn metrics_page(metrics: &PrometheusHandle) -> Response<Body> {
    full(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", metrics.render().into())
}

fn page(door: &Door) -> Response<Body> {
    let page = match door {
        Door::Own { demos: Some(_), .. } => PAGE.into(),
        Door::Own { demos: None, .. } => PAGE.replace(DEMO_LINK, "").into(),
        Door::Relayed(relay) => relay.page(&PAGE.replace(DEMO_LINK, "")).into(),
    };
    full(StatusCode::OK, "text/html; charset=utf-8", page)
}

fn text(status: StatusCode, text: String) -> Response<Body> {
    full(status, "text/plain; charset=utf-8", text.into())
}

/// A whole answer, which is not to be cached.
pub(crate) fn full(
    status: StatusCode,
    content_type: &'static str,
    content: Bytes,
) -> Response<Body> {
    let mut response = Response::new(body(Full::new(content)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Any body as that of an answer.
pub(crate) fn body<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    Either::Right(body.map_err(io::Error::other).boxed_unsync())
}
