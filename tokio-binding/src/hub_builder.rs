//! What a hub can be told before it starts.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use sansse::{Event, FieldError, GivenIdError, check_given_id};

use crate::given_ids::GivenIds;
use crate::hub::Hub;
use crate::log::{Limits, Log};
use crate::retry::Retry;
use crate::snapshot::{GapPolicy, OnGap, Snapshot, Source};

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) write_deadline: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    pub(crate) come_back: Retry,
    pub(crate) reset_event: String,
    pub(crate) on_gap: GapPolicy,
    pub(crate) snapshot: Option<Source>,
    pub(crate) given_ids: bool,
    #[cfg(feature = "gzip")]
    pub(crate) compression: bool,
    /// In bytes, encoded.
    pub(crate) largest_event: usize,
}

/// The limits and the manners of a [`Hub`].
#[derive(Clone, Debug)]
pub struct HubBuilder {
    limits: Limits,
    settings: Settings,
    epoch: Option<u64>,
    origin: Option<String>,
}

impl HubBuilder {
    pub(crate) fn new() -> Self {
        Self {
            limits: Limits {
                topic_events: 1024,
                topic_bytes: 4 << 20,
                total_bytes: 64 << 20,
                topics: 10_000,
                age: None,
            },
            settings: Settings {
                keep_alive: Some(Duration::from_secs(15)),
                write_deadline: None,
                retry: Some(Retry::new(Duration::from_secs(2)).spread(Duration::from_secs(1))),
                come_back: Retry::new(Duration::from_secs(1)).spread(Duration::from_secs(9)),
                reset_event: "reset".into(),
                on_gap: GapPolicy::new(|_| OnGap::Reset),
                snapshot: None,
                given_ids: false,
                #[cfg(feature = "gzip")]
                compression: false,
                largest_event: 0,
            },
            epoch: None,
            origin: None,
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

    /// How old an event may become; by default as old as the other limits let it. Older ones are
    /// dropped whenever something is published or somebody subscribes.
    #[must_use]
    pub const fn max_age(mut self, age: Option<Duration>) -> Self {
        self.limits.age = age;
        self
    }

    /// How long a reader may take nothing of what waits for it before its stream is cut; by default
    /// for ever, since it holds no more than a cursor and the bytes that its connection holds.
    ///
    /// It works where the server asks the body on while a write is pending, as hyper does over
    /// HTTP/1.1 without TLS; elsewhere let the server's transport have the deadline.
    #[must_use]
    pub const fn write_deadline(mut self, deadline: Option<Duration>) -> Self {
        self.settings.write_deadline = deadline;
        self
    }

    /// Whether [`Hub::respond`](crate::Hub::respond) and an [`Endpoint`](crate::Endpoint) send gzip
    /// to who takes it; by default not. See [`Subscription::gzip`](crate::Subscription::gzip).
    #[cfg(feature = "gzip")]
    #[must_use]
    pub const fn compression(mut self, compression: bool) -> Self {
        self.settings.compression = compression;
        self
    }

    /// The reconnection time that every stream opens with; by default 2 to 3 s. With `None` streams
    /// open without, and a reader that was told another time, by a server that shut down, keeps it.
    #[must_use]
    pub fn retry(mut self, retry: impl Into<Option<Retry>>) -> Self {
        self.settings.retry = retry.into();
        self
    }

    /// When readers come back that have to leave because the hub shuts down; by default in 1 to
    /// 10 s.
    #[must_use]
    pub fn come_back(mut self, retry: Retry) -> Self {
        self.settings.come_back = retry;
        self
    }

    /// What readers get that have fallen behind, or that come with an id that this hub never gave:
    /// a choice for each topic; by default a reset event (law 11). Where the topics of a reader
    /// differ, the end comes before a reset, and a reset before a snapshot.
    #[must_use]
    pub fn on_gap(mut self, choose: impl Fn(&str) -> OnGap + Send + Sync + 'static) -> Self {
        self.settings.on_gap = GapPolicy::new(choose);
        self
    }

    /// Makes the snapshots of [`OnGap::Snapshot`] and [`Start::Snapshot`](crate::Start::Snapshot),
    /// of all topics that a reader follows. `None` is told as a reset.
    ///
    /// ```
    /// use sansse_tokio::{Hub, OnGap, OwnedEvent, Snapshot};
    ///
    /// let hub = Hub::builder()
    ///     .on_gap(|_| OnGap::Snapshot)
    ///     .snapshot(|_topics| async { Some(Snapshot::new([OwnedEvent::new("the whole state")])) })
    ///     .build();
    /// ```
    #[must_use]
    pub fn snapshot<F, S>(mut self, make: F) -> Self
    where
        F: Fn(Vec<String>) -> S + Send + Sync + 'static,
        S: Future<Output = Option<Snapshot>> + Send + 'static,
    {
        self.settings.snapshot = Some(Source::new(make));
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

    /// Takes all ids from the application: each event is published with one, unique among those that
    /// readers may still name. `origin` is the id that stands before the first event.
    ///
    /// An id is known while its event is held, while no newer event of its topic has been dropped,
    /// and for the next 4,096 events and places of the hub. A quiet reader is told the newest id of
    /// its own topics, or that of a [place](Hub::advance).
    ///
    /// # Errors
    ///
    /// When `origin` cannot be an id: see [`check_given_id`].
    pub fn given_ids(mut self, origin: impl Into<String>) -> Result<Self, GivenIdError> {
        let origin = origin.into();
        check_given_id(&origin)?;
        self.origin = Some(origin);
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
    pub fn build(mut self) -> Hub {
        let epoch = self.epoch.unwrap_or_else(random_epoch);
        self.settings.given_ids = self.origin.is_some();
        self.settings.largest_event = self.limits.topic_bytes.min(self.limits.total_bytes);
        let given = self.origin.as_deref().map(GivenIds::new);
        Hub::with(Log::new(epoch, self.limits, given), self.settings)
    }
}

/// 50 random bits: ten characters of an id, and never the same twice in any number of restarts that
/// a server lives to see.
fn random_epoch() -> u64 {
    RandomState::new().hash_one(std::process::id()) >> 14
}
