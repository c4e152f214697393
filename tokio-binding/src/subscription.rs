//! A subscriber: a cursor into the log of a hub.

mod gap;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::{HeaderMap, HeaderValue, Response, header};
use sansse::http::LAST_EVENT_ID;
use sansse::{Encoder, ResetCause, Resume};
use tokio::time::Instant;

use crate::body::HubBody;
use crate::codec::{BytesSink, put_retry};
use crate::coding::Coding;
#[cfg(feature = "gzip")]
use crate::coding::Gzip;
use crate::hub::Hub;
use crate::keep_alive::COMMENT;
use crate::link::Link;
use crate::log::{Log, Read, Seats};
use crate::retry::Retry;
use crate::snapshot::Making;
use crate::sse::event_stream_response;
use crate::stream_record::StreamRecord;

/// The most bytes of a frame that holds more than one event, and the most that may be on their way to
/// a reader at a time: half of what law 8 allows, since larger writes are hardly faster.
pub(crate) const FRAME: usize = 32 << 10;

/// Where a subscriber starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// With what is published from now on.
    Live,
    /// With the last so many events of its topics together, or as many of them as are held.
    Last(usize),
    /// Behind the event with this id; where that cannot be done without a gap, as
    /// [`on_gap`](crate::HubBuilder::on_gap) says. An empty id is none: live.
    After(&'a [u8]),
    /// With a [snapshot](crate::HubBuilder::snapshot) of the application's, and then live. Where
    /// there can be none, live.
    Snapshot,
}

impl<'a> Start<'a> {
    /// Behind the event that a request's `Last-Event-ID` names; live without one.
    #[must_use]
    pub fn of_request(headers: &'a HeaderMap) -> Self {
        headers.get(LAST_EVENT_ID).map_or(Self::Live, |id| Self::After(id.as_bytes()))
    }
}

/// A subscriber of a [`Hub`]: a cursor that reads the shared log, first what it missed and then what
/// comes, with no seam between (laws 8 and 9).
///
/// As a `Stream` it yields bytes of an event stream: several blocks where it is behind, shared with
/// all other subscribers where it is not. It owns no queue; when its next events have been dropped
/// from the history before it read them, it is told (law 11). It ends when the hub shuts down, or
/// when [its handle](Self::handle) ends it.
///
/// # Cancel safety
///
/// Nothing is lost when a pending `next` is dropped.
pub struct Subscription {
    hub: Hub,
    link: Arc<Link>,
    /// Its number among the links of the hub.
    number: usize,
    seats: Seats,
    /// Everything up to here has been read, or was of no concern.
    cursor: u64,
    /// The last sequence that the reader was sent as an id.
    told: u64,
    /// Bytes for this reader alone that come before anything else.
    private: Bytes,
    coding: Coding,
    making: Option<Making>,
    /// Whether the reader has to be told the states of its topics.
    states_due: bool,
    /// How many snapshots in a row came too late.
    late: u32,
    ended: bool,
    /// Whether it ended before it began: such a stream is all in its first frame.
    was_never_open: bool,
    expires: Option<Box<(Instant, Retry)>>,
    on_disconnect: Vec<Box<dyn FnOnce() + Send>>,
    record: StreamRecord,
}

impl Subscription {
    pub(crate) fn new(hub: &Hub, topics: &[&str], start: Start<'_>) -> Self {
        let (link, number) = hub.link();
        let record = StreamRecord::open(hub.metrics(), topics, start);
        let mut log = hub.log_mut();
        let seats = log.subscribe(topics, &link, Instant::now());
        let head = log.head();
        let mut this = Self {
            link,
            number,
            seats,
            cursor: head,
            told: head,
            private: Bytes::new(),
            coding: Coding::default(),
            making: None,
            states_due: false,
            late: 0,
            ended: false,
            was_never_open: false,
            expires: None,
            on_disconnect: Vec::new(),
            record: record.at(head),
            hub: hub.clone(),
        };
        for name in topics.iter().filter(|name| hub.state(name).is_some()) {
            if let Some(topic) = log.topic_of(&this.seats, name) {
                this.seats.know_state(topic, head);
                this.states_due = true;
            }
        }
        if log.ends().is_some() {
            drop(log);
            this.states_due = false;
            this.end();
            this.was_never_open = true;
            this.record.refused();
            return this;
        }
        match start {
            Start::Live => this.go_on_from(&log, head),
            Start::Last(count) => this.go_on_from(&log, log.last(&this.seats, count)),
            Start::After(id) => match log.resume(&this.seats, id) {
                Resume::Live => this.go_on_from(&log, head),
                Resume::From(sequence) => {
                    this.go_on_from(&log, sequence);
                    drop(log);
                    this.record.resumed(sequence);
                }
                Resume::Reset(cause) => {
                    drop(log);
                    this.meet_gap(cause);
                }
            },
            Start::Snapshot => {
                drop(log);
                this.take_snapshot(None);
            }
        }
        if !this.ended {
            this.append_retry(hub.retry());
        }
        this
    }

    /// The response to the request: status 200, the headers of an event stream, and this subscriber
    /// as its body.
    #[must_use]
    pub fn into_response(self) -> Response<HubBody> {
        let encoding = self.coding.name();
        let mut response = event_stream_response(HubBody::new(self));
        if let Some(encoding) = encoding {
            let encoding = HeaderValue::from_static(encoding);
            response.headers_mut().insert(header::CONTENT_ENCODING, encoding);
        }
        response
    }

    /// The response to a request with these headers: gzip where [the hub does
    /// so](crate::HubBuilder::compression) and the request takes it.
    #[must_use]
    pub fn respond_to(self, headers: &HeaderMap) -> Response<HubBody> {
        #[cfg(feature = "gzip")]
        {
            let mut coded = HeaderMap::new();
            let is_gzip = self.hub.tell_coding(headers, &mut coded);
            let mut response = if is_gzip { self.gzip() } else { self }.into_response();
            response.headers_mut().extend(coded);
            response
        }
        #[cfg(not(feature = "gzip"))]
        {
            let _ = headers;
            self.into_response()
        }
    }

    /// Sends gzip, most of which all readers share, with every event readable as soon as it has
    /// come. The response says `Content-Encoding: gzip`; call it before the first read.
    ///
    /// Who sees how long the bytes are learns something of them: leave it where secrets and what
    /// strangers wrote share a stream.
    #[cfg(feature = "gzip")]
    #[must_use]
    pub fn gzip(mut self) -> Self {
        self.coding = Coding::Gzip(Gzip::new(self.hub.compressor()));
        self
    }

    /// What ends the stream from elsewhere.
    #[must_use]
    pub fn handle(&self) -> SubscriptionHandle {
        SubscriptionHandle(self.link.clone())
    }

    /// Runs a function when the subscriber is dropped, which a server does as soon as it notices
    /// that the reader has gone.
    #[must_use]
    pub fn on_disconnect(mut self, function: impl FnOnce() + Send + 'static) -> Self {
        self.on_disconnect.push(Box::new(function));
        self
    }

    /// Ends the stream at a time, so that the reader comes back after `renewal` and is asked again
    /// who it is. The [body](HubBody) minds the time by itself; a subscriber that is read as a stream
    /// notices it when it is read.
    #[must_use]
    pub fn expires_at(mut self, time: Instant, renewal: Retry) -> Self {
        self.expires = Some(Box::new((time, renewal)));
        self
    }

    /// What to send when nothing has been sent for a while: the reader's position where it has moved
    /// on, so that a busy log does not leave a quiet reader behind (law 10), else a comment.
    #[must_use]
    pub fn keep_alive(&mut self) -> Bytes {
        // What is not sent yet, or not made, comes before the position: a reset or a snapshot.
        if !self.private.is_empty() {
            return self.next_private();
        }
        if self.making.is_some() {
            return self.coding.private(COMMENT);
        }
        let log = self.hub.log();
        let position = log.position(&self.seats, self.cursor);
        let mut block = BytesMut::new();
        if position != self.told {
            self.told = position;
            put_position(&mut block, &log, position);
        }
        drop(log);
        self.coding.private(if block.is_empty() { COMMENT } else { block.freeze() })
    }

    /// The next bytes; `None` when the stream has ended.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // Before anything is looked at, so that no change goes unnoticed.
        self.link.wait(cx.waker());
        loop {
            if std::mem::take(&mut self.states_due) {
                self.append_states();
            }
            if !self.private.is_empty() {
                return Poll::Ready(Some(self.next_private()));
            }
            if self.ended {
                return Poll::Ready(self.coding.end());
            }
            if self.expires().is_some_and(|time| time <= Instant::now()) {
                self.expire();
                continue;
            }
            if let Some(making) = &mut self.making {
                // Without its snapshot the reader is nowhere, and must come back as it came.
                if self.link.is_ended() || self.hub.is_shutting_down() {
                    self.end();
                    continue;
                }
                let snapshot = ready!(making.as_mut().poll(cx));
                self.making = None;
                self.open_with(snapshot);
                continue;
            }
            let log = self.hub.log();
            let is_over = log.ends().is_some_and(|ends| ends <= Instant::now());
            if self.link.is_ended() || is_over {
                drop(log);
                self.end();
                continue;
            }
            match log.read(&self.seats, &mut self.cursor, FRAME, self.coding.looks_back()) {
                Read::Events(pieces, last) => {
                    drop(log);
                    self.told = last;
                    self.record.delivered(&pieces);
                    return Poll::Ready(Some(self.coding.events(&pieces)));
                }
                Read::FallenBehind => {
                    drop(log);
                    self.meet_gap(ResetCause::Dropped);
                }
                Read::StateLost => {
                    drop(log);
                    self.states_due = true;
                }
                Read::UpToDate if log.ends().is_none() => return Poll::Pending,
                Read::UpToDate => {
                    drop(log);
                    self.end();
                }
            }
        }
    }

    pub(crate) const fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) const fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub(crate) const fn record(&self) -> &StreamRecord {
        &self.record
    }

    /// Whether nothing comes any more but what is ready.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether nothing comes any more at all.
    pub(crate) fn is_at_end(&self) -> bool {
        self.ended && self.private.is_empty() && self.coding.is_at_end()
    }

    /// Whether a reader that takes nothing is cut at some time, so that it must be waited for.
    pub(crate) fn is_watched(&self) -> bool {
        !self.was_never_open
            && (self.hub.settings().write_deadline.is_some() || self.hub.is_shutting_down())
    }

    /// When its time has come.
    pub(crate) fn expires(&self) -> Option<Instant> {
        self.expires.as_ref().map(|expires| expires.0)
    }

    /// Ends the stream because its time has come.
    pub(crate) fn expire(&mut self) {
        let retry = self.expires.as_ref().map(|expires| expires.1.next());
        self.end_with(retry);
    }

    /// Sends on from a sequence. The position comes first: a reader that is cut behind any byte but
    /// these knows where it is.
    fn go_on_from(&mut self, log: &Log, sequence: u64) {
        self.cursor = sequence;
        let mut block = BytesMut::new();
        self.put_position(log, &mut block);
        self.private = block.freeze();
    }

    /// The next of what is for this reader alone.
    fn next_private(&mut self) -> Bytes {
        let length = self.private.len().min(FRAME);
        let bytes = self.private.split_to(length);
        self.coding.private(bytes)
    }

    /// Ends the stream, and says when to come back.
    fn end(&mut self) {
        let retry = match self.hub.is_shutting_down() {
            true => Some(self.hub.come_back()),
            false => self.hub.retry(),
        };
        self.end_with(retry);
    }

    /// Ends the stream behind what is ready, and says when to come back, in milliseconds.
    fn end_with(&mut self, retry: Option<u64>) {
        self.append_retry(retry);
        self.making = None;
        self.ended = true;
    }

    /// Has the states of topics that have one follow what is ready.
    fn append_states(&mut self) {
        let names = self.hub.log().names(&self.seats);
        for name in names {
            let Some(source) = self.hub.state(&name) else { continue };
            let state = source.state();
            let topic = self.hub.log().topic_of(&self.seats, &name);
            if let Some(topic) = topic {
                self.seats.know_state(topic, state.sequence);
                self.private = [&*self.private, &*state.blocks].concat().into();
            }
        }
    }

    fn put_position(&mut self, log: &Log, target: &mut BytesMut) {
        self.told = log.position(&self.seats, self.cursor);
        put_position(target, log, self.told);
    }

    /// Has a reconnection time, in milliseconds, follow what is ready.
    fn append_retry(&mut self, retry: Option<u64>) {
        if let Some(milliseconds) = retry {
            let mut block = BytesMut::from(&*self.private);
            put_retry(milliseconds, &mut block);
            self.private = block.freeze();
        }
    }
}

impl Stream for Subscription {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.poll_read(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.log_mut().unsubscribe(&self.seats);
        self.hub.unlink(self.number);
        for function in self.on_disconnect.drain(..) {
            function();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("cursor", &self.cursor)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// What ends a [`Subscription`] from elsewhere.
#[derive(Clone, Debug)]
pub struct SubscriptionHandle(Arc<Link>);

impl SubscriptionHandle {
    /// Ends the stream: its reader is told the normal reconnection time and comes back.
    pub fn end(&self) {
        self.0.end();
    }
}

fn put_position(target: &mut BytesMut, log: &Log, sequence: u64) {
    // The ids of a log are valid ids.
    let _ = Encoder::new(BytesSink(target)).id(&log.id(sequence));
}
