//! A subscriber: a cursor into the log of a hub.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::{HeaderMap, Response};
use sansse::http::LAST_EVENT_ID;
use sansse::{Encoder, ResetCause, Resume};

use crate::body::HubBody;
use crate::codec::{BytesSink, put_retry};
use crate::hub::Hub;
use crate::keep_alive::COMMENT;
use crate::log::{Log, Read, Seats};
use crate::sse::{FRAME, event_stream_response};

/// Where a subscriber starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// With what is published from now on.
    Live,
    /// With the last so many events of its topics together, or as many of them as are held.
    Last(usize),
    /// Behind the event with this id, or with a reset where that cannot be done without a gap. An
    /// empty id is none: live.
    After(&'a [u8]),
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
/// As a `Stream` it yields bytes of an event stream: whole blocks, several where it is behind, shared
/// with all other subscribers where it is not. It owns no queue; when its next events have been
/// dropped from the history before it read them, it is told by a reset event. It ends when the hub
/// is closed.
///
/// # Cancel safety
///
/// Nothing is lost when a pending `next` is dropped.
#[derive(Debug)]
pub struct Subscription {
    hub: Hub,
    seats: Seats,
    /// Everything up to here has been read, or was of no concern.
    cursor: u64,
    /// The last sequence that the reader was sent as an id.
    told: u64,
    opening: Option<Bytes>,
}

impl Subscription {
    pub(crate) fn new(hub: Hub, log: &mut Log, topics: &[&str], start: Start<'_>) -> Self {
        let seats = log.subscribe(topics);
        let head = log.head();
        let (cursor, reset) = match start {
            Start::Live => (head, None),
            Start::Last(count) => (log.last(&seats, count), None),
            Start::After(id) => match log.resume(&seats, Some(id)) {
                Resume::Live => (head, None),
                Resume::From(sequence) => (sequence, None),
                Resume::Reset(cause) => (head, Some(cause)),
            },
        };
        // The position comes first: a reader that is cut behind any byte but these knows where it is.
        let mut opening = BytesMut::new();
        match reset {
            // The reset event itself names the position: were an id to come before it, a reader cut
            // between the two would never learn of the gap.
            Some(cause) => put_reset(&mut opening, &hub, log, cause),
            None => put_position(&mut opening, log, cursor),
        }
        if let Some(milliseconds) = hub.settings().retry {
            put_retry(milliseconds, &mut opening);
        }
        Self { hub, seats, cursor, told: cursor, opening: Some(opening.freeze()) }
    }

    /// The response to the request: status 200, the headers of an event stream, and this subscriber
    /// as its body.
    #[must_use]
    pub fn into_response(self) -> Response<HubBody> {
        event_stream_response(HubBody::new(self))
    }

    /// What to send when nothing has been sent for a while: the reader's position where it has moved
    /// on, so that a busy log does not leave a quiet reader behind (law 10), else a comment.
    #[must_use]
    pub fn keep_alive(&mut self) -> Bytes {
        if self.told == self.cursor {
            return COMMENT;
        }
        self.told = self.cursor;
        let mut block = BytesMut::new();
        put_position(&mut block, &self.hub.log(), self.cursor);
        block.freeze()
    }

    pub(crate) const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The next bytes; `None` when the hub has been closed.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(opening) = self.opening.take() {
            return Poll::Ready(Some(opening));
        }
        let mut log = self.hub.log();
        match log.read(&self.seats, &mut self.cursor, FRAME, cx.waker()) {
            Read::Blocks(blocks, last) => {
                drop(log);
                self.told = last;
                Poll::Ready(Some(join(blocks)))
            }
            Read::FallenBehind => {
                self.cursor = log.head();
                self.told = self.cursor;
                let mut block = BytesMut::new();
                put_reset(&mut block, &self.hub, &log, ResetCause::Dropped);
                Poll::Ready(Some(block.freeze()))
            }
            Read::UpToDate => Poll::Pending,
            Read::Closed => Poll::Ready(None),
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
        self.hub.log().unsubscribe(&self.seats);
    }
}

/// One block stays shared; several become one frame, so that they are one write.
fn join(mut blocks: Vec<Bytes>) -> Bytes {
    if blocks.len() == 1 {
        return blocks.swap_remove(0);
    }
    blocks.concat().into()
}

fn put_position(target: &mut BytesMut, log: &Log, sequence: u64) {
    // The library's own ids are valid ids.
    let _ = Encoder::new(BytesSink(target)).id(&log.id(sequence).to_text());
}

fn put_reset(target: &mut BytesMut, hub: &Hub, log: &Log, cause: ResetCause) {
    use std::fmt::Write as _;

    // The hub's builder has checked the type, and the library's own ids are valid ids.
    let _ = Encoder::new(BytesSink(target)).event_with(
        &hub.settings().reset_event,
        Some(&log.id(log.head()).to_text()),
        |data| write!(data, "{{\"reason\":\"{cause}\"}}"),
    );
}
