//! The hook that is asked about each request.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};

/// A request for a stream, as the [admission hook](crate::Endpoint::admission) sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamRequest {
    /// The head of the request, with the extensions that other layers put there.
    pub head: Parts,
    /// The topics that it asks for: 1 to 64 valid names.
    pub topics: Vec<String>,
    /// Where it comes from, as the server was told.
    pub address: Option<IpAddr>,
}

/// A request that may have its stream, and on what terms.
///
/// ```
/// use std::time::Duration;
/// use sansse_tokio::Admitted;
///
/// let admitted = Admitted::new().user("anna").topics(["news"]).expires_in(Duration::from_secs(3600));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    pub(super) user: Option<Arc<str>>,
    pub(super) topics: Option<Vec<String>>,
    pub(super) expiry: Option<Instant>,
}

impl Admitted {
    /// Admitted without a name, to all topics that it asks for, for as long as it likes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The user, for the [limit](crate::EndpointLimits::per_user) of streams that one may have.
    #[must_use]
    pub fn user(mut self, user: impl Into<Arc<str>>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Follows these topics instead of those that were asked for. Where none is left, the request
    /// is refused with status 403.
    #[must_use]
    pub fn topics<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.topics = Some(topics.into_iter().map(Into::into).collect());
        self
    }

    /// Ends the stream after so long a time, counted from now; see [`expires_at`](Self::expires_at).
    #[must_use]
    pub fn expires_in(mut self, time: Duration) -> Self {
        // What is beyond the end of the clock never comes.
        self.expiry = tokio::time::Instant::now().into_std().checked_add(time);
        self
    }

    /// Ends the stream cleanly at this moment, between two events. The client is told to come back
    /// soon, and the hook is asked again; nothing is lost meanwhile.
    #[must_use]
    pub const fn expires_at(mut self, moment: Instant) -> Self {
        self.expiry = Some(moment);
        self
    }
}

/// Why a request gets no stream.
///
/// An EventSource comes back after [`later`](Self::later) alone; all others end it for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(super) status: Option<StatusCode>,
    pub(super) sentence: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A status of 300 and more, and a sentence for whoever reads the answer. Any other status but
    /// 204 would not be a refusal and becomes 403.
    ///
    /// ```
    /// use http::{HeaderValue, StatusCode, header};
    /// use sansse_tokio::Refusal;
    ///
    /// let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "Log in first.")
    ///     .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    /// ```
    #[must_use]
    pub fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        let is_refusal = status == StatusCode::NO_CONTENT || status.as_u16() >= 300;
        let status = if is_refusal { status } else { StatusCode::FORBIDDEN };
        Self { status: Some(status), sentence: sentence.into(), headers: Vec::new() }
    }

    /// Status 204: the client is to stop for good, and nothing is wrong (9.2.3).
    #[must_use]
    pub fn stop() -> Self {
        Self::new(StatusCode::NO_CONTENT, "")
    }

    /// It cannot be served now, for instance since nobody can be asked about the user: the client
    /// gets the answer of [`WhenFull`](crate::WhenFull) and comes back.
    #[must_use]
    pub const fn later() -> Self {
        Self { status: None, sentence: String::new(), headers: Vec::new() }
    }

    /// Adds a header to the answer, such as `WWW-Authenticate` or `Location`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

type Asking = Pin<Box<dyn Future<Output = Result<Admitted, Refusal>> + Send>>;

/// The application's hook.
#[derive(Clone)]
pub(super) struct Admission(Arc<dyn Fn(StreamRequest) -> Asking + Send + Sync>);

impl Admission {
    pub(super) fn new<F, A>(hook: F) -> Self
    where
        F: Fn(StreamRequest) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Admitted, Refusal>> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(hook(request))))
    }

    pub(super) async fn ask(&self, request: StreamRequest) -> Result<Admitted, Refusal> {
        (self.0)(request).await
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission")
    }
}
