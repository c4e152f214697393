//! How an event source is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use sansse::Parser;

use crate::event_source::EventSource;
use crate::event_source::attempt::{Attempts, Requests};
use crate::event_source::policy::ReconnectPolicy;
use crate::event_source::request::{Request, RequestError};
use crate::transport::{AnyTransport, Transport};

/// How large an id may be, in bytes.
const ID_LIMIT: usize = 64 << 10;

/// Makes an [`EventSource`].
#[must_use]
pub struct EventSourceBuilder {
    /// What is wrong is told when it is [connected](Self::connect).
    requests: Result<Requests, RequestError>,
    transport: Option<Arc<dyn AnyTransport>>,
    pub(super) policy: ReconnectPolicy,
    pub(super) reconnection_time: Option<Duration>,
    last_event_id: Vec<u8>,
    event_limit: usize,
    keep_comments: bool,
    advance_past_too_large: bool,
    head_timeout: Duration,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) sentinel: Option<Bytes>,
    pub(super) stays_where_redirected: bool,
}

impl EventSourceBuilder {
    pub(super) fn new(requests: Result<Requests, RequestError>) -> Self {
        Self {
            requests,
            transport: None,
            policy: ReconnectPolicy::standard(),
            reconnection_time: None,
            last_event_id: Vec::new(),
            event_limit: 16 << 20,
            keep_comments: false,
            advance_past_too_large: false,
            head_timeout: Duration::from_secs(30),
            idle_timeout: None,
            sentinel: None,
            stays_where_redirected: false,
        }
    }

    /// Uses another method than `GET`, or than `POST` where there is a body.
    pub fn method(self, method: impl AsRef<str>) -> Self {
        self.change(|request| {
            let method = method.as_ref();
            request.method = Method::from_bytes(method.as_bytes())
                .map_err(|_| RequestError::Header(format!("the method {method:?}")))?;
            Ok(())
        })
    }

    /// Sets a header, in place of those of the same name; `Accept` and `Cache-Control` too.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.change(|request| request.set_header(name.as_ref(), value.as_ref(), false))
    }

    /// Sets a header that stays with the origin of the URL, as `Authorization` does: the key of an API
    /// in a header of its own. In an `http::Request`, mark its value as
    /// [sensitive](http::HeaderValue::set_sensitive) for that.
    pub fn secret_header(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.change(|request| request.set_header(name.as_ref(), value.as_ref(), true))
    }

    /// Sends `Authorization: Bearer` with a token. It stays with the origin of the URL.
    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        self.header("authorization", format!("Bearer {}", token.as_ref()))
    }

    /// Sends a body, and sends it again with each reconnect.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.change(|request| {
            request.body = body.into();
            Ok(())
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Request) -> Result<(), RequestError>) -> Self {
        if let Ok(Requests::Same(request)) = &mut self.requests
            && let Err(error) = change(request)
        {
            self.requests = Err(error);
        }
        self
    }

    /// Sends requests through a transport of the application's; see [`Transport`].
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Whether and when it comes back. [`ReconnectPolicy::standard`] unless told.
    pub fn policy(mut self, policy: ReconnectPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The reconnection time until a server sends another one: three seconds unless told.
    pub const fn reconnection_time(mut self, time: Duration) -> Self {
        self.reconnection_time = Some(time);
        self
    }

    /// Takes up after an event whose id is known from an earlier run.
    pub fn last_event_id(mut self, id: impl AsRef<[u8]>) -> Self {
        self.last_event_id = id.as_ref().to_owned();
        self
    }

    /// The most bytes that data, type and id of an event may have together: 16 MiB unless told.
    /// What is larger is skipped and told as [`Update::TooLarge`](crate::Update::TooLarge).
    pub const fn event_limit(mut self, bytes: usize) -> Self {
        self.event_limit = bytes;
        self
    }

    /// Lets the id of an event that was too large count, so that it is not asked for again.
    pub const fn advance_past_too_large(mut self) -> Self {
        self.advance_past_too_large = true;
        self
    }

    /// Has comments told as [`Update::Comment`](crate::Update::Comment).
    pub const fn keep_comments(mut self) -> Self {
        self.keep_comments = true;
        self
    }

    /// How long the head of a response may take, from the beginning of its request: thirty seconds
    /// unless told. There is no limit to how long a stream may take.
    pub const fn head_timeout(mut self, time: Duration) -> Self {
        self.head_timeout = time;
        self
    }

    /// Takes a stream for dead when not a byte has come for so long. Comments count, so a time of a
    /// few of the server's keep-alive intervals kills no healthy stream. There is none unless told:
    /// the ready transport notices by itself when the server has gone.
    pub const fn idle_timeout(mut self, time: Duration) -> Self {
        self.idle_timeout = Some(time);
        self
    }

    /// Ends the source for good at an event with this data, such as `[DONE]`, which is not handed
    /// out.
    pub fn stop_at(mut self, data: impl Into<Bytes>) -> Self {
        self.sentinel = Some(data.into());
        self
    }

    /// Reconnects to where redirects led, in place of the URL that was asked for. Credentials stay
    /// with the origin of that URL. (Browsers differ; asking anew lets a balancer choose anew.)
    pub const fn stay_where_redirected(mut self) -> Self {
        self.stays_where_redirected = true;
        self
    }

    /// Makes the source. It connects when it is first polled.
    ///
    /// # Errors
    ///
    /// When something that was set cannot be sent, or there is no transport.
    pub fn connect(mut self) -> Result<EventSource, RequestError> {
        let requests = std::mem::replace(&mut self.requests, Err(RequestError::NoTransport))?;
        let requests = match requests {
            Requests::Same(mut request) => {
                if request.method == Method::GET && !request.body.is_empty() {
                    request.method = Method::POST;
                }
                request.to_http()?;
                Requests::Same(request)
            }
            other @ Requests::From(_) => other,
        };
        let transport = match self.transport.take() {
            Some(transport) => transport,
            None => ready_transport()?,
        };
        let mut parser = Parser::growing(self.event_limit, ID_LIMIT);
        if self.keep_comments {
            parser = parser.keep_comments();
        }
        if self.advance_past_too_large {
            parser = parser.advance_past_too_large();
        }
        parser.seed_last_event_id(&self.last_event_id).map_err(|_| RequestError::LastEventId)?;
        let attempts = Attempts { transport, requests, head_timeout: self.head_timeout };
        Ok(EventSource::new(Arc::new(attempts), parser, self))
    }
}

impl fmt::Debug for EventSourceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSourceBuilder").field("policy", &self.policy).finish_non_exhaustive()
    }
}

#[cfg(feature = "reqwest")]
fn ready_transport() -> Result<Arc<dyn AnyTransport>, RequestError> {
    match crate::transport::default_client() {
        Ok(client) => Ok(Arc::new(client)),
        Err(error) => Err(RequestError::Transport(error.to_string())),
    }
}

#[cfg(not(feature = "reqwest"))]
fn ready_transport() -> Result<Arc<dyn AnyTransport>, RequestError> {
    Err(RequestError::NoTransport)
}
