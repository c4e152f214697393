//! `sansse relay`: the events of one URL for any number of readers, over one connection.
//!
//! What the upstream sends goes into a hub, with [the upstream's ids](ids). The upstream never waits:
//! a reader that is too slow for the history is told of a gap.
//!
//! A relay keeps nothing on disk. When it has just started, it takes note of the ids that readers come
//! back with, [for a while](Options::resume_wait), and holds those readers; others are served at once.
//! Then it asks the upstream from the [likely oldest](candidates) of those ids. Ids that [the
//! replay](replay) has are good: their readers go on behind them. Where some are missing, up to three
//! more of them are tried, and the replay that has most is taken. Readers whose id it does not have
//! are told of a gap by the hub; those who were served meanwhile come back by themselves.
//!
//! What a relay tells its readers of, by an event `reset` in its place in the stream: that the
//! upstream was lost and has never given an id from which to ask again, or one that no header can
//! hold; that it gives the ids of earlier events to other ones after it was lost; that an event was
//! too large. What the upstream itself says of a gap is an event like any other.
//!
//! What a relay cannot know: whether an upstream that is asked from an id does go on behind it, and
//! what it sent without ids while it was lost. It is taken at its word, as a browser takes it, unless
//! [told otherwise](Options::reset_on_reconnect).

mod candidates;
mod gathering;
mod ids;
mod known;
mod metrics;
mod pump;
mod replay;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use clap::Args;
use reqwest::Url;
use sansse_tokio::{Decision, Endpoint, EventSource, Hub, ReconnectPolicy};

use crate::client::{self, RequestOptions, StreamRequest};
use crate::failure::Failure;
use crate::serve::limits::{LONGEST, seconds};
use crate::serve::routes::{Door, Routes};
use crate::serve::{Server, ServerOptions};
use crate::signal;
use gathering::Gathering;
use ids::OwnIds;
use known::Known;
use pump::Pump;

/// For how many events after it the hub knows an id at least.
const RECENT: usize = 8192;

const EXAMPLES: &str = "\
Examples:
  sansse relay http://192.168.1.20/events --topic sensors --listen 0.0.0.0:8080
  sansse relay https://example.org/stream -H 'Authorization: Bearer …' --topic news --history 10000

Readers ask for /topics/TOPIC, or /events?topic=TOPIC, as with `sansse serve`. The upstream is asked
again and again, whatever it answers but 204; readers stay connected meanwhile. /metrics tells how it is.

Ids are the upstream's. One that does not fit into every reader's Last-Event-ID (1 to 128 visible ASCII
characters without \"():<>?@[\\]{}) is percent-encoded, and so are those with % or a leading ~. An event
without an id, with that of another one, or with one that is longer, gets one of the relay's own, which
begins with ~ and holds until the relay ends. What the upstream repeats when it is connected again is
dropped. Its comments and reconnection times are not passed on.

Readers are told of gaps by an event `reset`: when the upstream was lost and cannot be asked for what is
missing, when an event was too large, when their id is not known. That an upstream goes on behind the id
that it is asked for is taken on trust; where it does not, use --reset-on-reconnect.";

/// What `sansse relay` can be told.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The event stream that is relayed, such as `http://192.168.1.20/events`
    #[arg(value_parser = client::parse_url)]
    upstream: Url,

    /// The topic that readers find it under
    #[arg(long)]
    topic: String,

    /// How many events are kept for readers who come back
    #[arg(long, value_name = "EVENTS", default_value_t = 1024, value_parser = number)]
    history: usize,

    /// How many bytes those events may have, and one alone
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20, value_parser = number)]
    history_bytes: usize,

    /// How long a relay that has just started waits for readers from before. From the oldest id with
    /// which they come back it then asks the upstream, for as long again at most, so that they
    /// miss nothing; who comes later or with an older one is told of a gap. 0 is not to wait
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds_or_none)]
    resume_wait: Duration,

    /// Tell readers of a gap whenever the upstream was lost: for one that does not go on where it is
    /// asked to by Last-Event-ID
    #[arg(long)]
    reset_on_reconnect: bool,

    /// Take the upstream's stream for dead when not a byte has come for so long; comments count.
    /// Without it the network tells when the upstream has gone
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    upstream_idle_timeout: Option<Duration>,

    #[command(flatten)]
    request: RequestOptions,

    #[command(flatten)]
    server: ServerOptions,
}

fn seconds_or_none(text: &str) -> Result<Duration, &'static str> {
    if text == "0" { Ok(Duration::ZERO) } else { seconds(text) }
}

fn number(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(number @ 1..=0x4000_0000) => Ok(number),
        _ => Err("give a number from 1 to 1073741824"),
    }
}

/// Relays until it is told to stop.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let stop = signal::stop()?;
    let handle = options.server.metrics();
    metrics::describe();
    let limits = options.server.limits;
    let relay = Arc::new(Relay::new(options)?);
    let pump = Pump::new(relay.clone())?;
    let server = Server::start(&relay.options.server).await?;
    let pumping = tokio::spawn(pump.run());
    let routes = Routes::new(Door::Relayed(relay.clone()), limits, handle);
    let ending = async {
        pumping.abort();
        relay.gathering.end();
        relay.hub().shutdown(limits.drain_timeout).await;
    };
    server.run(routes, stop, ending).await;
    Ok(())
}

/// What readers of a relay come to.
pub(crate) struct Relay {
    options: Options,
    feed: RwLock<Feed>,
    known: Mutex<Known>,
    gathering: Gathering,
}

/// The hub that holds what the upstream sent, and its door.
#[derive(Clone, Debug)]
struct Feed {
    hub: Hub,
    endpoint: Endpoint,
}

impl Relay {
    fn new(options: Options) -> Result<Self, Failure> {
        let feed = Feed::new(&options, &OwnIds::new().next())?;
        // That the topic can be one is known before anyone asks for it.
        feed.hub
            .subscribe([&options.topic], sansse_tokio::Start::Live)
            .map_err(|error| Failure::usage(format!("cannot use --topic: {error}")))?;
        let wait = if options.reset_on_reconnect { Duration::ZERO } else { options.resume_wait };
        // As long as it may take to gather, and then to ask.
        let patience = wait.saturating_mul(2).saturating_add(wait / 2).min(LONGEST);
        Ok(Self {
            known: Mutex::new(Known::new(RECENT.max(options.history * 2))),
            gathering: Gathering::new(patience),
            feed: RwLock::new(feed),
            options,
        })
    }

    pub(crate) fn topic(&self) -> &str {
        &self.options.topic
    }

    /// The door of what there is to read now.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.feed.read().unwrap_or_else(PoisonError::into_inner).endpoint.clone()
    }

    /// Holds a reader with an id from before the relay started, until it is known what can be made of
    /// it.
    pub(crate) async fn expect(&self, id: &[u8]) {
        if self.gathering.is_over() || ids::original(id).is_none() {
            return;
        }
        if let Ok(id) = std::str::from_utf8(id)
            && !self.known().contains(id)
        {
            self.gathering.join(id).await;
        }
    }

    /// The page of a server, for reading alone.
    pub(crate) fn page(&self, page: &str) -> String {
        // A topic may hold anything but control characters.
        let topic =
            self.options.topic.replace('\\', "\\\\").replace('"', "\\\"").replace('<', "\\x3c");
        page.replace("<form class=\"card\" id=\"publish\"", "<form hidden id=\"publish\"")
            .replace("<span>Publish:", "<span hidden>Publish:")
            .replace("\"demo, tick\"", &format!("\"{topic}\""))
    }

    fn hub(&self) -> Hub {
        self.feed.read().unwrap_or_else(PoisonError::into_inner).hub.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the upstream for what is behind an id, or for what comes from now on.
    fn connect(&self, id: &[u8]) -> Result<EventSource, Failure> {
        let Options { upstream, request, upstream_idle_timeout, .. } = &self.options;
        let policy = ReconnectPolicy::persistent().decide(|_, _| Decision::Reconnect);
        StreamRequest::get(upstream, request, *upstream_idle_timeout).connect(|builder| {
            builder
                .policy(policy.clone())
                .last_event_id(id)
                .event_limit(self.options.history_bytes)
                .advance_past_too_large()
        })
    }

    /// Begins a new history behind an id. Readers of the one before are told to come back, and will
    /// find theirs here.
    fn begin_anew(&self, origin: &str) -> Result<Hub, Failure> {
        let feed = Feed::new(&self.options, origin)?;
        let hub = feed.hub.clone();
        *self.known() = Known::new(RECENT.max(self.options.history * 2));
        let old = {
            let mut current = self.feed.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, feed)
        };
        let deadline = self.options.server.limits.drain_timeout;
        tokio::spawn(async move { old.hub.shutdown(deadline).await });
        Ok(hub)
    }
}

impl Feed {
    /// A history that begins behind an id.
    fn new(options: &Options, origin: &str) -> Result<Self, Failure> {
        let builder = options.server.hub().given_ids(origin);
        let builder = builder.map_err(|error| Failure::new(error.to_string()))?;
        let hub = builder
            .topic_history(options.history, options.history_bytes)
            .history(options.history_bytes)
            .build();
        Ok(Self { endpoint: options.server.streams.endpoint(hub.clone())?, hub })
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold secrets.
        f.debug_struct("Relay").field("topic", &self.options.topic).finish_non_exhaustive()
    }
}
