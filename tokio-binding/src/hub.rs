//! The hub: topics that many read and anyone publishes to.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use sansse::{Event, EventId, FieldError};

use crate::body::HubBody;
use crate::log::{Limits, Log};
use crate::subscription::{Start, Subscription};
use crate::topic::{TopicError, check_name};

/// The most topics that one subscriber may follow.
const TOPICS_A_SUBSCRIBER: usize = 64;

/// Topics with a bounded history in one sequence. Each event is encoded once and shared by all who
/// read it (law 7); a clone is another handle to the same hub.
///
/// ```
/// use futures_util::StreamExt;
/// use sansse_tokio::{Event, Hub, Start};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::builder().epoch(35).build();
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
    log: Mutex<Log>,
    settings: Settings,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) retry: Option<u64>,
    pub(crate) reset_event: String,
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

    /// Publishes an event, and returns its id. When it returns, every reader that resumes from an
    /// earlier id gets the event.
    ///
    /// # Errors
    ///
    /// When the topic's name is none, the event brings an id of its own, it is larger than the
    /// history of a topic, or the hub has been closed.
    pub fn publish(&self, topic: &str, event: &Event<'_>) -> Result<EventId, PublishError> {
        check_name(topic)?;
        if event.id().is_some() {
            return Err(PublishError::CarriesId);
        }
        let mut log = self.log();
        if log.is_closed() {
            return Err(PublishError::Closed);
        }
        let (id, waiting) = log.publish(topic, event).ok_or(PublishError::TooLarge)?;
        drop(log);
        for waker in waiting {
            waker.wake();
        }
        Ok(id)
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
        if names.is_empty() {
            return Err(SubscribeError::NoTopic);
        }
        if names.len() > TOPICS_A_SUBSCRIBER {
            return Err(SubscribeError::TooManyTopics);
        }
        for name in &names {
            check_name(name)?;
        }
        Ok(Subscription::new(self.clone(), &mut self.log(), &names, start))
    }

    /// Answers a request with the events of some topics, from its `Last-Event-ID` on.
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
        Ok(self.subscribe(topics, start)?.into_response())
    }

    /// How many subscribers there are.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.log().subscribers()
    }

    /// Ends every stream, those that are opened later too, and takes no more events.
    pub fn close(&self) {
        let waiting = self.log().close();
        for waker in waiting {
            waker.wake();
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        // No code of others runs under the lock, and the log is whole between two of its methods.
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

/// The limits and the manners of a [`Hub`].
#[derive(Clone, Debug)]
pub struct HubBuilder {
    limits: Limits,
    settings: Settings,
    epoch: Option<u64>,
}

impl HubBuilder {
    fn new() -> Self {
        Self {
            limits: Limits {
                topic_events: 1024,
                topic_bytes: 4 << 20,
                total_bytes: 64 << 20,
                topics: 10_000,
            },
            settings: Settings {
                keep_alive: Some(Duration::from_secs(15)),
                retry: None,
                reset_event: "reset".into(),
            },
            epoch: None,
        }
    }

    /// How many events and how many bytes of them a topic keeps; by default 1,024 and 4 MiB. An
    /// event over the bytes cannot be published.
    #[must_use]
    pub const fn topic_history(mut self, events: usize, bytes: usize) -> Self {
        self.limits.topic_events = events;
        self.limits.topic_bytes = bytes;
        self
    }

    /// How many bytes of events all topics keep together; by default 64 MiB. The oldest event of all
    /// goes first.
    #[must_use]
    pub const fn history(mut self, bytes: usize) -> Self {
        self.limits.total_bytes = bytes;
        self
    }

    /// How many topics may keep a history; by default 10,000. A new one then takes the place of the
    /// one that holds the oldest event, and sooner of one without readers.
    #[must_use]
    pub const fn topics(mut self, topics: usize) -> Self {
        self.limits.topics = topics;
        self
    }

    /// After how long a silence a stream says that it is alive; by default 15 s, `None` for never.
    #[must_use]
    pub const fn keep_alive(mut self, interval: Option<Duration>) -> Self {
        self.settings.keep_alive = interval;
        self
    }

    /// The reconnection time that every stream opens with, in milliseconds; by default none.
    #[must_use]
    pub const fn retry(mut self, milliseconds: u64) -> Self {
        self.settings.retry = Some(milliseconds);
        self
    }

    /// The type of the event that tells a reader of a gap; by default `reset`. Its data is a JSON
    /// object with a `reason`.
    ///
    /// # Errors
    ///
    /// When the type holds a line break.
    pub fn reset_event(mut self, event_type: impl Into<String>) -> Result<Self, FieldError> {
        let event_type = event_type.into();
        Event::new("").with_type(&event_type)?;
        self.settings.reset_event = event_type;
        Ok(self)
    }

    /// The epoch of the hub's ids. By default it is random, so that ids from before a restart are
    /// told from this hub's.
    #[must_use]
    pub const fn epoch(mut self, epoch: u64) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// The hub.
    #[must_use]
    pub fn build(self) -> Hub {
        let epoch = self.epoch.unwrap_or_else(random_epoch);
        Hub(Arc::new(Shared {
            log: Mutex::new(Log::new(epoch, self.limits)),
            settings: self.settings,
        }))
    }
}

/// 50 random bits: ten characters of an id, and never the same twice in any number of restarts that
/// a server lives to see.
fn random_epoch() -> u64 {
    RandomState::new().hash_one(std::process::id()) >> 14
}

/// Why an event was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The name cannot be a topic's.
    Topic(TopicError),
    /// The event brings an id, but this hub gives its own.
    CarriesId,
    /// The event is larger than the history of a topic may be.
    TooLarge,
    /// The hub has been closed.
    Closed,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(error) => error.fmt(f),
            Self::CarriesId => f.write_str("the hub gives the ids: publish the event without one"),
            Self::TooLarge => {
                f.write_str("the event is larger than a topic's history: send less or keep more")
            }
            Self::Closed => f.write_str("the hub is closed: it takes no more events"),
        }
    }
}

impl std::error::Error for PublishError {}

impl From<TopicError> for PublishError {
    fn from(error: TopicError) -> Self {
        Self::Topic(error)
    }
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
