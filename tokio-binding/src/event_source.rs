//! A client that never loses its place.

mod attempt;
mod builder;
mod disconnect;
mod policy;
mod request;
mod update;

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http_body::Body as _;
use sansse::{GrowingStorage, Parser, Reconnect, StreamEnd, Text};
use tokio::time::{Instant, Sleep, sleep};

use crate::event::OwnedItem;
use crate::intake::Intake;
use crate::transport::{BoxBody, BoxError, BoxFuture};

use self::attempt::{Attempts, Opened, Requests};
use self::request::{Redirected, Request};

pub use self::builder::EventSourceBuilder;
pub use self::disconnect::{Disconnect, EventSourceError, RedirectError, Refused};
pub use self::policy::{Decision, ReconnectPolicy};
pub use self::request::{Attempt, RequestError};
pub use self::update::{Open, Update};

/// After so many chunks without an item the task is given back, so that a server which sends nothing
/// but comments does not hold it.
const CHUNKS_AT_A_TIME: usize = 64;

/// An event stream that is connected again whenever it ends, and goes on behind the last event: the
/// standard's EventSource (HTML standard, 9.2), for programs.
///
/// It is a `Stream` of [`Update`]s that does everything while it is polled and spawns nothing. It
/// ends when it is closed: by the application, by the server with 204, at a
/// [sentinel](EventSourceBuilder::stop_at), after the one response of
/// [`ReconnectPolicy::once`], or behind an error, which is its last item.
/// [`close_reason`](Self::close_reason) tells which.
///
/// What it promises:
///
/// * After each disconnect, the first one too, it asks for what is behind the last event ID. Events
///   without an id of their own leave that as it is, also across streams, and so do blocks that were
///   cut off.
/// * It comes back at the server's pace: a `retry` acts at its line.
/// * `Authorization`, `Cookie` and `Proxy-Authorization` stay with the origin of the URL. (So do a
///   user in the URL and [secret headers](EventSourceBuilder::secret_header).) Reconnects go to the
///   URL that was asked for, not to where it led.
/// * Its memory is bounded: an event by the [limit](EventSourceBuilder::event_limit), an id by 64 KiB,
///   an answer that is no stream by 64 KiB.
///
/// # Cancel safety
///
/// Nothing is lost when a pending `next` is dropped. Dropping the source closes the connection.
///
/// # Examples
///
/// A dashboard, for as long as it is open:
///
/// ```no_run
/// # #[cfg(feature = "reqwest")] {
/// use futures_util::StreamExt;
/// use sansse_tokio::{EventSource, ReconnectPolicy, Update};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let mut source = EventSource::get("https://example.org/topics/prices")
///     .policy(ReconnectPolicy::persistent())
///     .connect()?;
/// while let Some(update) = source.next().await {
///     match update? {
///         Update::Event(event) => println!("{}: {}", event.event_type(), event.data()),
///         Update::Disconnected { cause, retry_in } => eprintln!("{cause}; back in {retry_in:?}"),
///         _ => {}
///     }
/// }
/// # Ok(()) }
/// # }
/// ```
///
/// The answer of a language model, which is asked for once:
///
/// ```no_run
/// # #[cfg(feature = "reqwest")] {
/// use std::time::Duration;
///
/// use futures_util::StreamExt;
/// use sansse_tokio::{EventSource, ReconnectPolicy, Update};
///
/// # async fn run(token: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let mut answer = EventSource::get("https://example.org/v1/chat/completions")
///     .bearer(token)
///     .header("content-type", "application/json")
///     .body(r#"{"stream":true,"messages":[{"role":"user","content":"Hello"}]}"#)
///     .policy(ReconnectPolicy::once())
///     .idle_timeout(Duration::from_secs(60))
///     .stop_at("[DONE]")
///     .connect()?;
/// while let Some(update) = answer.next().await {
///     if let Update::Event(event) = update? {
///         println!("{}", event.data());
///     }
/// }
/// # Ok(()) }
/// # }
/// ```
pub struct EventSource {
    state: State,
    intake: Intake,
    attempts: Arc<Attempts>,
    policy: ReconnectPolicy,
    reconnect: Reconnect,
    idle_timeout: Option<Duration>,
    sentinel: Option<Bytes>,
    /// Where redirects led, if that is to count.
    place: Option<Redirected>,
    stays_where_redirected: bool,
    number: u64,
    last: Option<Arc<Disconnect>>,
    random: RandomState,
}

enum State {
    Connecting(BoxFuture<Result<Opened, Disconnect>>),
    Open(Connection),
    /// The application wants another one.
    Left,
    Waiting(Pin<Box<Sleep>>),
    Closed(CloseReason),
}

struct Connection {
    body: BoxBody,
    since: Instant,
    /// Whether it has brought an event.
    is_proven: bool,
    silence: Option<Silence>,
}

/// How far the connection is, in the standard's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// There is no stream, but there will be.
    Connecting,
    /// There is one.
    Open,
    /// There is none, and will not be.
    Closed,
}

/// Why a source has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application closed it.
    Closed,
    /// The server answered 204, which means: never come back.
    NoContent,
    /// The [sentinel](EventSourceBuilder::stop_at) came.
    Sentinel,
    /// The policy wants no second response, and the first one ended between two events.
    Ended,
    /// It ended with an error.
    Failed,
}

impl EventSource {
    /// A source that asks for a URL.
    pub fn get(url: impl AsRef<str>) -> EventSourceBuilder {
        EventSourceBuilder::new(Request::get(url.as_ref()).map(Requests::same))
    }

    /// A source that sends a request, each time it connects.
    pub fn request(request: http::Request<Bytes>) -> EventSourceBuilder {
        EventSourceBuilder::new(Request::from_http(request).map(Requests::same))
    }

    /// A source that asks a function for the request of each attempt: for credentials that run out,
    /// another URL, or a `GET` that takes up after a `POST`. An error of the function's is a
    /// [`Disconnect::Provider`], after which it is asked again when the reconnection time has passed.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sansse_tokio::EventSource;
    ///
    /// async fn token() -> Result<String, std::io::Error> {
    ///     Ok("fresh".into())
    /// }
    ///
    /// let builder = EventSource::with_requests(|attempt| async move {
    ///     let request = http::Request::get(format!("https://example.org/?try={}", attempt.number));
    ///     let request = request.header("authorization", format!("Bearer {}", token().await?));
    ///     Ok(request.body(Bytes::new())?)
    /// });
    /// ```
    pub fn with_requests<F, A>(requests: F) -> EventSourceBuilder
    where
        F: Fn(Attempt) -> A + Send + Sync + 'static,
        A: Future<Output = Result<http::Request<Bytes>, BoxError>> + Send + 'static,
    {
        let provider = move |attempt| -> BoxFuture<_> { Box::pin(requests(attempt)) };
        EventSourceBuilder::new(Ok(Requests::From(Box::new(provider))))
    }

    fn new(
        attempts: Arc<Attempts>,
        parser: Parser<GrowingStorage, GrowingStorage>,
        builder: EventSourceBuilder,
    ) -> Self {
        let mut reconnect = Reconnect::new(builder.policy.pace());
        if let Some(time) = builder.reconnection_time {
            reconnect.retry(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        }
        let mut source = Self {
            state: State::Closed(CloseReason::Closed),
            intake: Intake::new(parser),
            attempts,
            policy: builder.policy,
            reconnect,
            idle_timeout: builder.idle_timeout,
            sentinel: builder.sentinel,
            place: None,
            stays_where_redirected: builder.stays_where_redirected,
            number: 0,
            last: None,
            random: RandomState::new(),
        };
        source.connect();
        source
    }

    /// How far the connection is.
    #[must_use]
    pub const fn ready_state(&self) -> ReadyState {
        match self.state {
            State::Connecting(_) | State::Left | State::Waiting(_) => ReadyState::Connecting,
            State::Open(_) => ReadyState::Open,
            State::Closed(_) => ReadyState::Closed,
        }
    }

    /// Why the source has closed, once it has.
    #[must_use]
    pub const fn close_reason(&self) -> Option<CloseReason> {
        if let State::Closed(reason) = self.state { Some(reason) } else { None }
    }

    /// The last event ID as of the last block that was read to its end.
    #[must_use]
    pub fn last_event_id(&self) -> Text<'_> {
        self.intake.last_event_id()
    }

    /// The reconnection time, as the server or the application gave it.
    #[must_use]
    pub const fn reconnection_time(&self) -> Duration {
        Duration::from_millis(self.reconnect.time())
    }

    /// Closes the connection at once. The stream then ends; what had been received and not been
    /// handed out is gone.
    pub fn close(&mut self) {
        self.end(CloseReason::Closed);
    }

    /// Ends the connection at once, to come back after the reconnection time, as the stream then
    /// tells. What had been received and not been handed out is asked for again. Does nothing where
    /// there is no connection.
    pub fn reconnect(&mut self) {
        if matches!(self.state, State::Open(_) | State::Connecting(_)) {
            self.intake.end_stream();
            self.state = State::Left;
        }
    }

    /// Begins the next attempt.
    fn connect(&mut self) {
        self.number += 1;
        let attempt = Attempt {
            number: self.number,
            failures: self.reconnect.failures(),
            last_event_id: Bytes::copy_from_slice(self.intake.last_event_id().as_bytes()),
            last: self.last.clone(),
        };
        let open = Arc::clone(&self.attempts).open(attempt, self.place.clone());
        self.state = State::Connecting(Box::pin(open));
    }

    fn opened(&mut self, opened: Opened) -> Option<Update> {
        let Opened::Stream { open, body, place } = opened else {
            self.end(CloseReason::NoContent);
            return None;
        };
        if self.stays_where_redirected {
            self.place = Some(place);
        }
        let silence = self.idle_timeout.map(Silence::new);
        self.state =
            State::Open(Connection { body, since: Instant::now(), is_proven: false, silence });
        Some(Update::Open(open))
    }

    /// What an item of the stream means that is not the sentinel; `None` where it is nothing to tell.
    fn update(&mut self, item: OwnedItem) -> Option<Update> {
        match item {
            OwnedItem::Event(event) => {
                self.proven();
                Some(Update::Event(event))
            }
            OwnedItem::Retry(milliseconds) => {
                self.reconnect.retry(milliseconds);
                None
            }
            OwnedItem::Comment { text, truncated } => Some(Update::Comment { text, truncated }),
            OwnedItem::TooLarge { last_event_id } => {
                self.proven();
                Some(Update::TooLarge { last_event_id })
            }
            OwnedItem::IdTooLong => Some(Update::IdTooLong),
        }
    }

    fn proven(&mut self) {
        if let State::Open(connection) = &mut self.state {
            connection.is_proven = true;
        }
    }

    /// The stream has ended, or did not begin: waits, or gives up. `None` where that is no news,
    /// since it is what the policy wants.
    fn disconnected(&mut self, cause: Disconnect) -> Option<Result<Update, EventSourceError>> {
        let is_proven = matches!(&self.state, State::Open(connection)
            if connection.is_proven || connection.since.elapsed() >= self.policy.life());
        if is_proven {
            self.reconnect.proven();
        }
        let asked = cause.refused().and_then(Refused::retry_after).unwrap_or(0);
        let decision = self.policy.decision(&cause);
        if decision == Decision::Stop && matches!(cause, Disconnect::Ended(StreamEnd::Clean)) {
            self.end(CloseReason::Ended);
            return None;
        }
        let cause = Arc::new(cause);
        if decision == Decision::Stop {
            self.end(CloseReason::Failed);
            return Some(Err(EventSourceError::Failed(cause)));
        }
        let mut reconnect = self.reconnect;
        let wait = reconnect.next_wait(asked, self.random.hash_one(self.number));
        // That a good stream ended is no failed attempt, nor is what the application wanted.
        if !is_proven && !matches!(*cause, Disconnect::Asked) {
            self.reconnect = reconnect;
            let attempts = reconnect.failures();
            if self.policy.is_exhausted(attempts) {
                self.end(CloseReason::Failed);
                return Some(Err(EventSourceError::OutOfAttempts { attempts, cause }));
            }
        }
        self.intake.end_stream();
        self.last = Some(Arc::clone(&cause));
        let retry_in = Duration::from_millis(wait);
        self.state = State::Waiting(Box::pin(sleep(retry_in)));
        Some(Ok(Update::Disconnected { cause, retry_in }))
    }

    fn end(&mut self, reason: CloseReason) {
        if !matches!(self.state, State::Closed(_)) {
            self.intake.end_stream();
            self.state = State::Closed(reason);
        }
    }
}

impl Stream for EventSource {
    type Item = Result<Update, EventSourceError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut chunks = 0;
        loop {
            match &mut this.state {
                State::Open(connection) => {
                    if this.intake.advance() {
                        if let Some(sentinel) = &this.sentinel
                            && this.intake.is_event_with(sentinel)
                        {
                            connection.is_proven = true;
                            this.end(CloseReason::Sentinel);
                            continue;
                        }
                        if let Some(event) = this.intake.event() {
                            connection.is_proven = true;
                            return Poll::Ready(Some(Ok(Update::Event(event))));
                        }
                        match this.intake.other_item().and_then(|item| this.update(item)) {
                            Some(update) => return Poll::Ready(Some(Ok(update))),
                            None => continue,
                        }
                    }
                    if chunks == CHUNKS_AT_A_TIME {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    chunks += 1;
                    let ended = match ready!(connection.poll_chunk(cx)) {
                        Ok(Some(chunk)) => {
                            this.intake.push(chunk);
                            continue;
                        }
                        Ok(None) => Disconnect::Ended(this.intake.end_stream()),
                        Err(cause) => cause,
                    };
                    if let Some(item) = this.disconnected(ended) {
                        return Poll::Ready(Some(item));
                    }
                }
                State::Connecting(opening) => {
                    let item = match ready!(opening.as_mut().poll(cx)) {
                        Ok(opened) => this.opened(opened).map(Ok),
                        Err(cause) => this.disconnected(cause),
                    };
                    if item.is_some() {
                        return Poll::Ready(item);
                    }
                }
                State::Left => {
                    if let Some(item) = this.disconnected(Disconnect::Asked) {
                        return Poll::Ready(Some(item));
                    }
                }
                State::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    this.connect();
                }
                State::Closed(_) => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("ready_state", &self.ready_state())
            .field("close_reason", &self.close_reason())
            .field("last_event_id", &self.last_event_id())
            .field("reconnect", &self.reconnect)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// The next bytes; `None` at the end of the response.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Disconnect>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let chunk = frame.into_data().unwrap_or_default();
                if let (Some(silence), false) = (&mut self.silence, chunk.is_empty()) {
                    silence.broken();
                }
                Poll::Ready(Ok(Some(chunk)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(Disconnect::Cut(error))),
            Poll::Ready(None) => Poll::Ready(Ok(None)),
            Poll::Pending => {
                let Some(silence) = &mut self.silence else { return Poll::Pending };
                ready!(silence.poll_too_long(cx));
                Poll::Ready(Err(Disconnect::IdleTimeout(silence.limit)))
            }
        }
    }
}

/// How long no byte has come. Its timer runs on while bytes come, and is set anew when it fires too
/// early.
struct Silence {
    limit: Duration,
    since: Instant,
    /// The timer was noticed late, and has been set anew.
    looks_again: bool,
    sleep: Pin<Box<Sleep>>,
}

impl Silence {
    /// Who notices the timer so much later was kept from it, and the transport from the bytes.
    const LATE: Duration = Duration::from_millis(20);
    /// Time for the transport to read them.
    const SECOND_LOOK: Duration = Duration::from_millis(100);

    fn new(limit: Duration) -> Self {
        let sleep = Box::pin(sleep(limit));
        Self { limit, since: Instant::now(), looks_again: false, sleep }
    }

    fn broken(&mut self) {
        self.since = Instant::now();
        self.looks_again = false;
    }

    fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            let silence = self.since.elapsed();
            if silence < self.limit {
                self.sleep.as_mut().reset(self.since + self.limit);
            } else if silence - self.limit >= Self::LATE && !self.looks_again {
                self.looks_again = true;
                self.sleep.as_mut().reset(Instant::now() + Self::SECOND_LOOK.min(self.limit));
            } else {
                return Poll::Ready(());
            }
        }
    }
}
