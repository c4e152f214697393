//! What is counted and told of one stream, from when it is opened until it is dropped.

use sansse::ResetCause;

use crate::body::BodyError;
use crate::metrics::{Metrics, Refused};
use crate::segment::Piece;
use crate::subscription::Start;
use crate::trace::StreamTrace;

/// What is counted and told of one stream.
#[derive(Debug)]
pub(crate) struct StreamRecord {
    metrics: Metrics,
    trace: StreamTrace,
    /// The newest event when it was opened: those up to it are replayed.
    head: u64,
}

impl StreamRecord {
    /// A stream is opened. Call it, as all the others that do not say otherwise, without a lock of
    /// the hub.
    pub(crate) fn open(metrics: &Metrics, topics: &[&str], start: Start<'_>) -> Self {
        metrics.subscribed();
        Self { metrics: metrics.clone(), trace: StreamTrace::opened(topics, start), head: 0 }
    }

    /// What is the newest event when the stream is opened; under a lock.
    pub(crate) const fn at(mut self, head: u64) -> Self {
        self.head = head;
        self
    }

    /// It goes on behind the event of this sequence.
    pub(crate) fn resumed(&self, sequence: u64) {
        self.trace.resumed(self.head.saturating_sub(sequence));
    }

    /// It told its reader to come back later.
    pub(crate) fn refused(&self) {
        self.metrics.stream_refused(Refused::ShuttingDown);
    }

    /// Its reader was handed events.
    pub(crate) fn delivered(&mut self, pieces: &[Piece]) {
        if cfg!(any(feature = "metrics", feature = "tracing")) {
            let (events, replayed) = pieces.iter().fold((0, 0), |(events, replayed), piece| {
                (events + piece.len(), replayed + piece.until(self.head))
            });
            self.metrics.delivered(events, replayed);
            self.trace.delivered(events, replayed);
        }
    }

    /// Its reader has missed something.
    pub(crate) fn lagged(&mut self, cause: ResetCause) {
        self.metrics.lagged(cause);
        self.trace.lagged(cause);
    }

    /// It is cut.
    pub(crate) fn cut(&self, error: BodyError) {
        self.metrics.cut(error);
        self.trace.cut(error);
    }
}

impl Drop for StreamRecord {
    fn drop(&mut self) {
        self.metrics.unsubscribed();
        self.trace.ended();
    }
}
