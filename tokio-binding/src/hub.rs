//! The hub: topics that many read and anyone publishes to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use sansse::{Event, EventId, GivenIdError, Text, check_given_id};
use slab::Slab;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::body::HubBody;
use crate::codec::put_event;
#[cfg(feature = "gzip")]
use crate::coding::Gzip;
#[cfg(feature = "gzip")]
use crate::gzip::Compressor;
use crate::hub_builder::{HubBuilder, Settings};
use crate::link::Link;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::publish_error::PublishError;
use crate::retry::Retry;
use crate::state::{StateSource, States};
use crate::subscription::{Start, Subscription};
use crate::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard, lock, read, write};
use crate::topic::{TopicError, check_name};
use crate::trace;
use crate::waiters::wake_all;

/// The most topics that one subscriber may follow.
pub(crate) const TOPICS_A_SUBSCRIBER: usize = 64;

/// How many streams are woken at a time when a hub shuts down.
const WAKES_AT_ONCE: usize = 256;

/// Topics with a bounded history in one sequence. Each event is encoded once and shared by all who
/// read it (law 7); a clone is another handle to the same hub.
///
/// ```
/// use futures_util::StreamExt;
/// use sansse_tokio::{Event, Hub, Start};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::builder().epoch(35).retry(None).build();
/// let mut subscription = hub.subscribe(["news"], Start::Live)?;
/// assert_eq!(subscription.next().await.unwrap(), "id: z-0\n\n");
///
/// let id = hub.publish("news", &Event::new("hello"))?;
/// assert_eq!(id.to_string(), "z-1");
/// assert_eq!(subscription.next().await.unwrap(), "id: z-1\ndata: hello\n\n");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    log: RwLock<Log>,
    links: Mutex<Slab<Arc<Link>>>,
    states: RwLock<States>,
    /// Told when the last subscriber goes.
    empty: Notify,
    settings: Settings,
    #[cfg(feature = "gzip")]
    compressor: std::sync::OnceLock<Arc<Mutex<Compressor>>>,
    metrics: Metrics,
}

impl Hub {
    /// A hub with other limits than the default ones.
    #[must_use]
    pub fn builder() -> HubBuilder {
        HubBuilder::new()
    }

    /// A hub with the defaults of its [builder](HubBuilder).
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    pub(crate) fn with(log: Log, settings: Settings) -> Self {
        Self(Arc::new(Shared {
            log: RwLock::new(log),
            links: Mutex::default(),
            states: RwLock::default(),
            empty: Notify::new(),
            settings,
            #[cfg(feature = "gzip")]
            compressor: std::sync::OnceLock::new(),
            metrics: Metrics::of_recorder(),
        }))
    }

    /// Publishes an event, and returns its id. When it returns, every reader that resumes from an
    /// earlier id gets the event.
    ///
    /// Where the [application gives the ids](HubBuilder::given_ids), the event brings its own, and
    /// what is returned is its place in the hub.
    ///
    /// # Errors
    ///
    /// When the topic's name is none, the event brings an id and should not (or the reverse), its id
    /// is taken or not fit, it is larger than the history of a topic, or the hub shuts down.
    pub fn publish(&self, topic: &str, event: &Event<'_>) -> Result<EventId, PublishError> {
        self.publish_block(topic, event.id().map(Text::as_bytes), |largest| {
            let length = event.encoded_len();
            if length > largest {
                return Err(PublishError::TooLarge);
            }
            let mut block = room_for_id_line(length);
            put_event(event, &mut block);
            Ok(block)
        })
    }

    /// Takes note that the log has got to a place for which the [application gives an
    /// id](HubBuilder::given_ids), without an event: who comes back with it gets what is published
    /// from now on. Readers who open a stream are told it, and those who are there with the next
    /// keep-alive, so that the application's own log does not leave quiet readers behind (law 10).
    ///
    /// Such an id is known until another place has come, and for the next 4,096 events and places of
    /// the hub.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use sansse_tokio::{Event, Hub, Start};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hub = Hub::builder().given_ids("offset-0")?.retry(None).build();
    /// hub.advance("offset-7")?;
    /// let mut subscription = hub.subscribe(["news"], Start::Live)?;
    /// assert_eq!(subscription.next().await.unwrap(), "id: offset-7\n\n");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the hub gives the ids, the id is taken or not fit, or the hub shuts down.
    pub fn advance(&self, id: &str) -> Result<(), PublishError> {
        if !self.settings().given_ids {
            return Err(PublishError::CarriesId);
        }
        check_given_id(id)?;
        let mut log = self.log_mut();
        if log.ends().is_some() {
            return Err(PublishError::Closed);
        }
        if log.is_taken(id) {
            return Err(PublishError::IdTaken);
        }
        log.advance(id);
        Ok(())
    }

    /// Publishes what `encode` makes of at most so many bytes: the block of an event, with the id
    /// that the application gave, [behind room](room_for_id_line) for the line of another.
    pub(crate) fn publish_block(
        &self,
        topic: &str,
        id: Option<&[u8]>,
        encode: impl FnOnce(usize) -> Result<BytesMut, PublishError>,
    ) -> Result<EventId, PublishError> {
        let published = self.append(topic, id, encode);
        match &published {
            Ok(_) => self.0.metrics.published(),
            Err(error) => {
                self.0.metrics.event_refused(error);
                trace::event_refused(topic, error);
            }
        }
        published
    }

    fn append(
        &self,
        topic: &str,
        id: Option<&[u8]>,
        encode: impl FnOnce(usize) -> Result<BytesMut, PublishError>,
    ) -> Result<EventId, PublishError> {
        check_name(topic)?;
        let settings = &self.0.settings;
        let id = match (id, settings.given_ids) {
            (None, false) => None,
            (Some(_), false) => return Err(PublishError::CarriesId),
            (None, true) => return Err(PublishError::LacksId),
            (Some(id), true) => {
                let id = std::str::from_utf8(id).map_err(|_| GivenIdError)?;
                check_given_id(id)?;
                Some(id)
            }
        };
        // Encoded before the log is locked.
        let block = encode(settings.largest_event)?;
        self.commit(topic, id, |place| with_id_line(block, id.is_none().then_some(place)))
    }

    /// Appends the block that `finish` makes once the event has its place, and wakes who waits.
    fn commit(
        &self,
        topic: &str,
        id: Option<&str>,
        finish: impl FnOnce(EventId) -> Bytes,
    ) -> Result<EventId, PublishError> {
        let now = Instant::now();
        let mut log = self.log_mut();
        if log.ends().is_some() {
            return Err(PublishError::Closed);
        }
        if id.is_some_and(|id| log.is_taken(id)) {
            return Err(PublishError::IdTaken);
        }
        let place = log.next_id();
        let block = finish(place);
        if block.len() > self.settings().largest_event {
            return Err(PublishError::TooLarge);
        }
        let waiters = log.append(topic, id, block, now);
        drop(log);
        wake_all(&waiters);
        Ok(place)
    }

    /// Has a topic begin with a state.
    #[cfg(feature = "presence")]
    pub(crate) fn add_state(&self, topic: &str, source: StateSource) {
        write(&self.0.states).insert(topic, source);
    }

    /// What tells the state of a topic that has one.
    pub(crate) fn state(&self, topic: &str) -> Option<StateSource> {
        read(&self.0.states).get(topic)
    }

    /// Publishes a change of a topic's state, without an id, and returns its sequence.
    #[cfg(feature = "presence")]
    pub(crate) fn publish_change(
        &self,
        topic: &str,
        event: &Event<'_>,
    ) -> Result<u64, PublishError> {
        let mut block = BytesMut::new();
        put_event(event, &mut block);
        Ok(self.commit(topic, None, |_| block.freeze())?.sequence)
    }

    /// Follows some topics, in one sequence: one cursor, one last event ID.
    ///
    /// # Errors
    ///
    /// When there is no topic, there are more than 64, or a name is none.
    pub fn subscribe<T: AsRef<str>>(
        &self,
        topics: impl IntoIterator<Item = T>,
        start: Start<'_>,
    ) -> Result<Subscription, SubscribeError> {
        let topics: Vec<T> = topics.into_iter().take(TOPICS_A_SUBSCRIBER + 1).collect();
        let names: Vec<&str> = topics.iter().map(AsRef::as_ref).collect();
        check_topics(&names)?;
        Ok(Subscription::new(self, &names, start))
    }

    /// Answers a request with the events of some topics, from its `Last-Event-ID` on, as gzip where
    /// [the hub does so](HubBuilder::compression) and the request takes it.
    ///
    /// # Errors
    ///
    /// Those of [`subscribe`](Self::subscribe).
    pub fn respond<B, T: AsRef<str>>(
        &self,
        request: &Request<B>,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Response<HubBody>, SubscribeError> {
        let start = Start::of_request(request.headers());
        Ok(self.subscribe(topics, start)?.respond_to(request.headers()))
    }

    /// How many subscribers there are.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        lock(&self.0.links).len()
    }

    /// Whether the hub shuts down, or has.
    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        self.log().ends().is_some()
    }

    /// Shuts the hub down (laws 14 and 15). From the call on it takes no more events. Every reader
    /// gets what was published until then, is told [when to come back](HubBuilder::come_back), and
    /// its stream ends; one that has not taken all of that when the deadline passes is cut. Streams
    /// that are opened from now on are told when to come back, and end.
    ///
    /// The future is ready when the last stream has ended, soon after the deadline at the latest. It
    /// has to be polled, or the streams are not told; servers drop the bodies of ended streams, so
    /// that their own graceful shutdown can end after it.
    ///
    /// # Cancel safety
    ///
    /// Where it is dropped, streams that have not been told yet end with their next event or
    /// keep-alive.
    pub async fn shutdown(&self, deadline: Duration) -> Shutdown {
        let (ends, streams) = {
            let mut log = self.log_mut();
            let ends = Instant::now() + deadline;
            let ends = log.ends().map_or(ends, |known| known.min(ends));
            // Counted before any stream can see the end: one that is awake may be gone at once.
            let streams = self.subscribers();
            log.end(ends);
            (ends, streams)
        };
        trace::shutting_down(streams, deadline);
        let mut next = 0;
        loop {
            let links: Vec<Arc<Link>> = {
                let links = lock(&self.0.links);
                if next >= links.capacity() {
                    break;
                }
                (next..next + WAKES_AT_ONCE).filter_map(|key| links.get(key).cloned()).collect()
            };
            next += WAKES_AT_ONCE;
            links.iter().for_each(|link| link.wake());
            tokio::task::yield_now().await;
        }
        // A stream that is cut at the deadline needs a moment to be dropped.
        let last = ends + Duration::from_millis(100);
        let empty = timeout_at(last, async {
            loop {
                let empty = self.0.empty.notified();
                if self.subscribers() == 0 {
                    return;
                }
                empty.await;
            }
        })
        .await;
        // Streams that were opened since and are being sent away are not left.
        let left = if empty.is_ok() { 0 } else { self.subscribers() };
        let shutdown = Shutdown { closed: streams.saturating_sub(left), left };
        trace::shut_down(&shutdown);
        shutdown
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn log(&self) -> RwLockReadGuard<'_, Log> {
        read(&self.0.log)
    }

    pub(crate) fn log_mut(&self) -> RwLockWriteGuard<'_, Log> {
        write(&self.0.log)
    }

    /// Tells in the head of an answer how its stream is coded for a request, and returns whether
    /// that is as gzip.
    pub(crate) fn tell_coding(&self, request: &HeaderMap, answer: &mut HeaderMap) -> bool {
        #[cfg(feature = "gzip")]
        if self.settings().compression {
            return Gzip::agree(request, answer);
        }
        let _ = (request, answer);
        false
    }

    /// What compresses for all readers.
    #[cfg(feature = "gzip")]
    pub(crate) fn compressor(&self) -> Arc<Mutex<Compressor>> {
        self.0.compressor.get_or_init(|| Arc::new(Mutex::new(Compressor::new()))).clone()
    }

    /// The reconnection time that the next stream opens with, in milliseconds.
    pub(crate) fn retry(&self) -> Option<u64> {
        self.0.settings.retry.as_ref().map(Retry::next)
    }

    /// When the next reader comes back that has to leave, in milliseconds.
    pub(crate) fn come_back(&self) -> u64 {
        self.0.settings.come_back.next()
    }

    /// A new subscriber and its number.
    pub(crate) fn link(&self) -> (Arc<Link>, usize) {
        let link = Arc::new(Link::new(self.0.metrics.clone()));
        let number = lock(&self.0.links).insert(link.clone());
        (link, number)
    }

    pub(crate) fn unlink(&self, number: usize) {
        let mut links = lock(&self.0.links);
        links.remove(number);
        if links.is_empty() {
            self.0.empty.notify_waiters();
        }
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

/// Room for the line of an id that is not known yet, and for `length` bytes behind it.
pub(crate) fn room_for_id_line(length: usize) -> BytesMut {
    let mut block = BytesMut::with_capacity(EventId::MAX_LINE_LEN + length);
    block.resize(EventId::MAX_LINE_LEN, 0);
    block
}

/// Whether a subscriber may follow these topics.
pub(crate) fn check_topics(names: &[impl AsRef<str>]) -> Result<(), SubscribeError> {
    if names.is_empty() {
        return Err(SubscribeError::NoTopic);
    }
    if names.len() > TOPICS_A_SUBSCRIBER {
        return Err(SubscribeError::TooManyTopics);
    }
    Ok(names.iter().try_for_each(|name| check_name(name.as_ref()))?)
}

/// The block of an event behind the room for its id's line: with that line, or without the room.
fn with_id_line(mut block: BytesMut, id: Option<EventId>) -> Bytes {
    let line = id.map(EventId::to_line);
    let line = line.as_deref().unwrap_or_default();
    let start = EventId::MAX_LINE_LEN - line.len();
    block[start..EventId::MAX_LINE_LEN].copy_from_slice(line);
    block.freeze().slice(start..)
}

/// How a [shutdown](Hub::shutdown) went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shutdown {
    /// How many of the streams that were open have ended.
    pub closed: usize,
    /// How many streams a server still holds. Close their connections.
    pub left: usize,
}

/// Why topics cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// No topic was named.
    NoTopic,
    /// More than 64 topics were named.
    TooManyTopics,
    /// A name cannot be a topic's.
    Topic(TopicError),
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTopic => f.write_str("no topic was named: name at least one"),
            Self::TooManyTopics => {
                write!(f, "too many topics: follow at most {TOPICS_A_SUBSCRIBER} in one stream")
            }
            Self::Topic(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SubscribeError {}

impl From<TopicError> for SubscribeError {
    fn from(error: TopicError) -> Self {
        Self::Topic(error)
    }
}
