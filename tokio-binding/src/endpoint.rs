//! The door of a hub: everything between the head of a request and its stream.

mod admission;
mod body;
mod cors;
mod occupancy;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body as _;
use sansse::http::accepts_event_stream;
use tokio::time::Instant;

use crate::hub::{Hub, SubscribeError, TOPICS_A_SUBSCRIBER, check_topics};
use crate::metrics::Refused;
#[cfg(feature = "presence")]
use crate::presence::Presence;
use crate::retry::Retry;
use crate::sse::{event_stream_response, list};
use crate::subscription::Start;
use admission::Admission;
use body::retry_block;
use occupancy::{Occupancy, Place};

pub use admission::{Admitted, Refusal, StreamRequest};
pub use body::EndpointBody;
pub use cors::{Cors, CorsError};
pub use occupancy::EndpointLimits;

/// The methods that an endpoint takes.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The door of a [`Hub`]: answers requests for streams, all that there may be of them.
///
/// It decides by method and `Accept`, asks the application who may read what and for how long, keeps
/// limits, and tells pages of other origins what they may see. `GET` opens a stream, `HEAD` gets the
/// headers of one and takes no place, `OPTIONS` is a preflight, all else gets status 405.
///
/// A clone is another handle to the same endpoint; its limits count for all of them together. What
/// is set on a clone later is set on it alone.
///
/// ```
/// use http::{Request, StatusCode, header};
/// use sansse_tokio::{Admitted, Cors, Endpoint, EndpointLimits, Hub, Refusal};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::new(Hub::new())
///     .admission(|request| async move {
///         let Some(cookie) = request.head.headers.get(header::COOKIE) else {
///             return Err(Refusal::new(StatusCode::UNAUTHORIZED, "Log in first."));
///         };
///         // Ask whom it belongs to …
///         # let _ = cookie;
///         Ok(Admitted::new().user("anna"))
///     })
///     .cors(Cors::allow(["https://example.org"])?.credentials(true)?)
///     .limits(EndpointLimits::new().connections(10_000).per_user(8));
///
/// // In a request handler of any framework:
/// let (head, _) = Request::get("/news").body(())?.into_parts();
/// let response = endpoint.request(&head, ["news"]).answer().await;
/// assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Endpoint(Arc<Settings>);

#[derive(Clone, Debug)]
struct Settings {
    hub: Hub,
    admission: Option<Admission>,
    cors: Option<Cors>,
    occupancy: Arc<Occupancy>,
    #[cfg(feature = "presence")]
    presence: Option<Presence>,
    when_full: WhenFull,
    come_back: Retry,
    renewal: Retry,
}

/// What a client is told whose stream cannot be served now, but could be later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Status 200 and a stream that says when to come back, and ends. A browser's EventSource does
    /// so; on any other status it gives up for good (9.2.3).
    #[default]
    Retry,
    /// Status 503 with `Retry-After`, for clients that know it.
    ServiceUnavailable,
}

impl Endpoint {
    /// An endpoint that opens a stream of a hub for all who ask, and for pages of its own origin.
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self(Arc::new(Settings {
            hub,
            admission: None,
            cors: None,
            occupancy: Occupancy::new(EndpointLimits::new()),
            #[cfg(feature = "presence")]
            presence: None,
            when_full: WhenFull::default(),
            come_back: Retry::new(Duration::from_secs(5)).spread(Duration::from_secs(10)),
            renewal: Retry::new(Duration::from_millis(500)).spread(Duration::from_secs(1)),
        }))
    }

    /// Asks this hook about each `GET` and `HEAD` that is well formed. It may
    /// [admit](Admitted) the request, under a name, to fewer topics, for some time, or
    /// [refuse](Refusal) it. While it is asked, the request holds a place, which it gives back when
    /// the client leaves; a hook that may take for ever should have a timeout of its own.
    #[must_use]
    pub fn admission<F, A>(mut self, hook: F) -> Self
    where
        F: Fn(StreamRequest) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Admitted, Refusal>> + Send + 'static,
    {
        self.settings().admission = Some(Admission::new(hook));
        self
    }

    /// Lets pages of other origins read; by default none may.
    #[must_use]
    pub fn cors(mut self, cors: Cors) -> Self {
        self.settings().cors = Some(cors);
        self
    }

    /// Counts each stream as a connection of the user whom the admission hook named.
    #[cfg(feature = "presence")]
    #[must_use]
    pub fn presence(mut self, presence: Presence) -> Self {
        self.settings().presence = Some(presence);
        self
    }

    /// Limits how many streams there may be at once.
    #[must_use]
    pub fn limits(mut self, limits: EndpointLimits) -> Self {
        self.settings().occupancy = Occupancy::new(limits);
        self
    }

    /// What a client is told that is over a limit, or comes while the hub cannot serve it.
    #[must_use]
    pub fn when_full(mut self, answer: WhenFull) -> Self {
        self.settings().when_full = answer;
        self
    }

    /// When clients come back that cannot be served now; by default after 5 to 15 s. A stream that
    /// opens later should tell them the usual time again: see
    /// [`HubBuilder::retry`](crate::HubBuilder::retry).
    #[must_use]
    pub fn come_back(mut self, retry: Retry) -> Self {
        self.settings().come_back = retry;
        self
    }

    /// When clients come back whose stream has [expired](Admitted::expires_at); by default after
    /// 0.5 to 1.5 s.
    #[must_use]
    pub fn renewal(mut self, retry: Retry) -> Self {
        self.settings().renewal = retry;
        self
    }

    /// How many streams are open, together with the requests that the hook is being asked about.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.0.occupancy.len()
    }

    /// A request for the events of some topics, ready to be answered.
    pub fn request<'a, T: Into<String>>(
        &'a self,
        head: &'a Parts,
        topics: impl IntoIterator<Item = T>,
    ) -> EndpointRequest<'a> {
        // One more than there may be is enough to see that there are too many.
        let topics = topics.into_iter().take(TOPICS_A_SUBSCRIBER + 1).map(Into::into).collect();
        let start = Start::of_request(&head.headers);
        EndpointRequest { endpoint: &self.0, head, topics, start, address: None }
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }
}

/// A request to an [`Endpoint`]. It starts where its `Last-Event-ID` says.
#[derive(Clone, Debug)]
#[must_use = "a request wants an answer"]
pub struct EndpointRequest<'a> {
    endpoint: &'a Settings,
    head: &'a Parts,
    topics: Vec<String>,
    start: Start<'a>,
    address: Option<IpAddr>,
}

impl<'a> EndpointRequest<'a> {
    /// Starts the stream here instead, for clients that cannot set `Last-Event-ID`.
    pub const fn start(mut self, start: Start<'a>) -> Self {
        self.start = start;
        self
    }

    /// Where the request comes from. Behind a proxy, that is what the proxy says, not its own
    /// address. Without one there is no limit for addresses.
    pub const fn address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The answer: a stream, or the reason why there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropped early, it leaves nothing behind but what the admission hook did.
    pub async fn answer(self) -> Response<EndpointBody> {
        let answer = match self.answer_without_stream() {
            Some(answer) => answer,
            None => self.open().await.unwrap_or_else(|refusal| self.endpoint.refusal(refusal)),
        };
        self.finish(answer)
    }

    /// Refuses the stream for a reason of the caller's, as the admission hook would: what asks for
    /// no stream gets the answer that it would have had.
    #[must_use]
    pub fn refuse(self, refusal: Refusal) -> Response<EndpointBody> {
        let answer = self.answer_without_stream().unwrap_or_else(|| {
            self.count(Refused::Application);
            self.endpoint.refusal(refusal)
        });
        self.finish(answer)
    }

    /// The answer to a request that asks for no stream.
    fn answer_without_stream(&self) -> Option<Response<EndpointBody>> {
        let headers = &self.head.headers;
        if self.head.method == Method::OPTIONS {
            let mut answer = text(StatusCode::NO_CONTENT, "");
            answer.headers_mut().insert(header::ALLOW, METHODS);
            if let Some(cors) = &self.endpoint.cors
                && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
            {
                cors.allow_request(headers, answer.headers_mut());
            }
            return Some(answer);
        }
        if self.head.method != Method::GET && !self.is_head() {
            self.count(Refused::Method);
            let mut answer = text(
                StatusCode::METHOD_NOT_ALLOWED,
                "a stream is opened with GET: this address takes HEAD and OPTIONS besides.\n",
            );
            answer.headers_mut().insert(header::ALLOW, METHODS);
            return Some(answer);
        }
        if accepts_event_stream(&list(headers, header::ACCEPT)) {
            return None;
        }
        self.count(Refused::Accept);
        Some(text(
            StatusCode::NOT_ACCEPTABLE,
            "this is an event stream: accept text/event-stream.\n",
        ))
    }

    /// Opens the stream, or says why not.
    async fn open(&self) -> Result<Response<EndpointBody>, Refusal> {
        check_topics(&self.topics).inspect_err(|_| self.count(Refused::Topics))?;
        // The hook costs more than a place does, so the place comes first, for `HEAD` too.
        let place = self.endpoint.occupancy.take(self.address);
        let mut place = place.ok_or_else(|| self.full())?;
        let Some(admission) = &self.endpoint.admission else {
            return self.subscribe(place, &self.topics, None, None);
        };
        let asked = StreamRequest {
            head: self.head.clone(),
            topics: self.topics.clone(),
            address: self.address,
        };
        let admitted = admission.ask(asked).await;
        let Admitted { user, topics, expiry } =
            admitted.inspect_err(|_| self.count(Refused::Admission))?;
        let topics = topics.as_ref().unwrap_or(&self.topics);
        if topics.is_empty() {
            self.count(Refused::Admission);
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "none of these topics may be followed.",
            ));
        }
        check_topics(topics).inspect_err(|_| self.count(Refused::Topics))?;
        if user.clone().is_some_and(|user| !place.take_for(user)) {
            return Err(self.full());
        }
        self.subscribe(place, topics, user.as_deref(), expiry.map(Instant::from_std))
    }

    fn subscribe(
        &self,
        place: Place,
        topics: &[String],
        user: Option<&str>,
        expiry: Option<Instant>,
    ) -> Result<Response<EndpointBody>, Refusal> {
        if self.is_head() {
            let mut answer = event_stream_response(EndpointBody::omitted());
            self.endpoint.hub.tell_coding(&self.head.headers, answer.headers_mut());
            return Ok(answer);
        }
        let mut subscription = self.endpoint.hub.subscribe(topics, self.start)?;
        if let Some(time) = expiry {
            subscription = subscription.expires_at(time, self.endpoint.renewal.clone());
        }
        #[cfg(feature = "presence")]
        if let (Some(presence), Some(user)) = (&self.endpoint.presence, user) {
            let joined = presence
                .join(user, subscription)
                .map_err(|problem| Refusal::new(StatusCode::BAD_REQUEST, format!("{problem}.")))?;
            subscription = joined.0;
        }
        #[cfg(not(feature = "presence"))]
        let _ = user;
        Ok(subscription
            .respond_to(&self.head.headers)
            .map(|events| EndpointBody::stream(events, place)))
    }

    /// What all answers have in common.
    fn finish(&self, mut answer: Response<EndpointBody>) -> Response<EndpointBody> {
        if let Some(cors) = &self.endpoint.cors {
            cors.mark(&self.head.headers, answer.headers_mut());
        }
        if self.is_head() {
            let length = answer.body().size_hint().exact();
            if let Some(length) = length.filter(|_| answer.status() != StatusCode::NO_CONTENT) {
                answer.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            }
            return answer.map(|_| EndpointBody::omitted());
        }
        answer
    }

    fn full(&self) -> Refusal {
        self.count(Refused::Full);
        Refusal::later()
    }

    fn count(&self, reason: Refused) {
        self.endpoint.hub.metrics().stream_refused(reason);
    }

    fn is_head(&self) -> bool {
        self.head.method == Method::HEAD
    }
}

impl Settings {
    fn refusal(&self, refusal: Refusal) -> Response<EndpointBody> {
        let mut answer = match refusal.status {
            None => self.come_back_later(),
            Some(status) if status == StatusCode::NO_CONTENT => text(status, ""),
            Some(status) => text(status, refusal.sentence + "\n"),
        };
        answer.headers_mut().extend(refusal.headers.into_iter().collect::<HeaderMap>());
        answer
    }

    /// The answer to what cannot be served now (law 15).
    fn come_back_later(&self) -> Response<EndpointBody> {
        match self.when_full {
            WhenFull::Retry => {
                event_stream_response(EndpointBody::text(retry_block(&self.come_back)))
            }
            WhenFull::ServiceUnavailable => {
                let mut answer = text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "there is no place for another stream now: come back later.\n",
                );
                let seconds = self.come_back.next().div_ceil(1000).max(1);
                answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                answer
            }
        }
    }
}

impl From<SubscribeError> for Refusal {
    /// What the client asked for wrongly is status 400.
    fn from(problem: SubscribeError) -> Self {
        match problem {
            // What is a state of the hub, and no mistake of the client's, is `Self::later()`.
            SubscribeError::NoTopic | SubscribeError::TooManyTopics | SubscribeError::Topic(_) => {
                Self::new(StatusCode::BAD_REQUEST, format!("{problem}."))
            }
        }
    }
}

/// A short answer, which is not to be cached.
fn text(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response<EndpointBody> {
    let text = text.into();
    let is_empty = text.is_empty();
    let mut answer = Response::new(EndpointBody::text(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !is_empty {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    answer
}
