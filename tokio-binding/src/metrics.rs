//! What a hub counts and times, for whoever collects it through the `metrics` facade.
//!
//! No label names a topic, a user or an address: what clients send does not make series. Without the
//! feature `metrics` nothing is counted, and all of this is empty.

#[cfg(feature = "metrics")]
pub(crate) use counting::{Metrics, WriteTimer};
#[cfg(not(feature = "metrics"))]
pub(crate) use silent::{Metrics, WriteTimer};

/// Why a request got no stream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// Another method than `GET`, `HEAD` or `OPTIONS`.
    Method,
    /// It accepts no event stream.
    Accept,
    /// No topic, too many, or a name that is none.
    Topics,
    /// There are as many streams as there may be.
    Full,
    /// The admission hook said so.
    Admission,
    /// The application said so without being asked.
    Application,
    /// The hub shuts down.
    ShuttingDown,
}

#[cfg(feature = "metrics")]
mod counting {
    use std::sync::Arc;
    use std::time::Instant;

    use metrics::{
        Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge,
        describe_histogram, gauge, histogram,
    };
    use sansse::ResetCause;

    use super::Refused;
    use crate::body::BodyError;
    use crate::publish_error::PublishError;

    const SUBSCRIBERS: &str = "sansse_subscribers";
    const PUBLISHED: &str = "sansse_events_published_total";
    const EVENTS_REFUSED: &str = "sansse_events_refused_total";
    const DELIVERED: &str = "sansse_events_delivered_total";
    const REPLAYED: &str = "sansse_events_replayed_total";
    const BYTES: &str = "sansse_bytes_sent_total";
    const LAGGED: &str = "sansse_streams_lagged_total";
    const STREAMS_REFUSED: &str = "sansse_streams_refused_total";
    const CUT: &str = "sansse_streams_cut_total";
    const WRITE: &str = "sansse_write_seconds";

    /// Of so many frames of a stream one is timed.
    const FRAMES_A_SAMPLE: usize = 16;

    /// Where a hub's numbers go: to the recorder that was there when the hub was built. By default
    /// nowhere.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Metrics(Option<Arc<Handles>>);

    /// Looked up once, so that counting is an addition. The arrays are by the value of their label.
    #[derive(Debug)]
    struct Handles {
        subscribers: Gauge,
        published: Counter,
        events_refused: [Counter; 4],
        delivered: Counter,
        replayed: Counter,
        bytes: Counter,
        lagged: [Counter; 3],
        streams_refused: [Counter; 7],
        cut: [Counter; 2],
        write: Histogram,
    }

    impl Metrics {
        /// Describes all series to the recorder, and has those that count begin at 0.
        pub(crate) fn of_recorder() -> Self {
            describe();
            Self(Some(Arc::new(Handles {
                subscribers: gauge!(SUBSCRIBERS),
                published: counter!(PUBLISHED),
                events_refused: family(
                    EVENTS_REFUSED,
                    "reason",
                    ["malformed", "id_taken", "too_large", "shutting_down"],
                ),
                delivered: counter!(DELIVERED),
                replayed: counter!(REPLAYED),
                bytes: counter!(BYTES),
                lagged: family(LAGGED, "cause", ["unknown_id", "not_given_yet", "dropped"]),
                streams_refused: family(
                    STREAMS_REFUSED,
                    "reason",
                    [
                        "method",
                        "accept",
                        "topics",
                        "full",
                        "admission",
                        "application",
                        "shutting_down",
                    ],
                ),
                cut: family(CUT, "reason", ["stalled", "shutting_down"]),
                write: histogram!(WRITE),
            })))
        }

        pub(crate) fn subscribed(&self) {
            self.tell(|handles| handles.subscribers.increment(1.0));
        }

        pub(crate) fn unsubscribed(&self) {
            self.tell(|handles| handles.subscribers.decrement(1.0));
        }

        pub(crate) fn published(&self) {
            self.tell(|handles| handles.published.increment(1));
        }

        /// An event was not published.
        pub(crate) fn event_refused(&self, error: &PublishError) {
            let reason = match error {
                PublishError::IdTaken => 1,
                PublishError::TooLarge => 2,
                PublishError::Closed => 3,
                _ => 0,
            };
            self.tell(|handles| handles.events_refused[reason].increment(1));
        }

        /// A reader was handed events, some of them older than its subscription.
        pub(crate) fn delivered(&self, events: usize, replayed: usize) {
            self.tell(|handles| {
                handles.delivered.increment(events as u64);
                if replayed > 0 {
                    handles.replayed.increment(replayed as u64);
                }
            });
        }

        /// A reader has missed something, and is told or given a snapshot.
        pub(crate) fn lagged(&self, cause: ResetCause) {
            let cause = match cause {
                ResetCause::UnknownId => 0,
                ResetCause::NotGivenYet => 1,
                _ => 2,
            };
            self.tell(|handles| handles.lagged[cause].increment(1));
        }

        /// A request got no stream.
        pub(crate) fn stream_refused(&self, reason: Refused) {
            self.tell(|handles| handles.streams_refused[reason as usize].increment(1));
        }

        /// A stream was cut.
        pub(crate) fn cut(&self, error: BodyError) {
            let reason = match error {
                BodyError::Stalled => 0,
                BodyError::ShutDown => 1,
            };
            self.tell(|handles| handles.cut[reason].increment(1));
        }

        /// So many bytes go to a transport, which has let go so many frames of this stream before.
        pub(crate) fn sent(&self, bytes: usize, released: usize) -> WriteTimer {
            self.tell(|handles| handles.bytes.increment(bytes as u64));
            let is_sample = self.0.is_some() && released.is_multiple_of(FRAMES_A_SAMPLE);
            WriteTimer(is_sample.then(Instant::now))
        }

        /// The transport has let go a frame.
        pub(crate) fn written(&self, timer: &WriteTimer) {
            if let Some(start) = timer.0 {
                self.tell(|handles| handles.write.record(start.elapsed()));
            }
        }

        fn tell(&self, what: impl FnOnce(&Handles)) {
            if let Some(handles) = &self.0 {
                what(handles);
            }
        }
    }

    /// When a frame was handed to the transport, if it is one that is timed.
    #[derive(Debug)]
    pub(crate) struct WriteTimer(Option<Instant>);

    /// A counter for each value of a label.
    fn family<const N: usize>(
        name: &'static str,
        label: &'static str,
        values: [&'static str; N],
    ) -> [Counter; N] {
        values.map(|value| counter!(name, label => value))
    }

    fn describe() {
        describe_gauge!(SUBSCRIBERS, "Streams that are open");
        describe_counter!(PUBLISHED, "Events that were published");
        describe_counter!(EVENTS_REFUSED, "Events that were not published, by the reason");
        describe_counter!(DELIVERED, "Events that were handed to readers, replayed ones too");
        describe_counter!(REPLAYED, "Events older than the stream that they were handed to");
        describe_counter!(BYTES, Unit::Bytes, "Bytes of streams that were handed to transports");
        describe_counter!(LAGGED, "Times that a reader had missed events, by the cause");
        describe_counter!(STREAMS_REFUSED, "Requests that got no stream, by the reason");
        describe_counter!(CUT, "Streams that were cut before their end, by the reason");
        describe_histogram!(
            WRITE,
            Unit::Seconds,
            "How long transports held a frame; one frame of sixteen is timed"
        );
    }
}

#[cfg(not(feature = "metrics"))]
mod silent {
    use sansse::ResetCause;

    use super::Refused;
    use crate::body::BodyError;
    use crate::publish_error::PublishError;

    #[derive(Clone, Debug, Default)]
    pub(crate) struct Metrics;

    #[derive(Debug)]
    pub(crate) struct WriteTimer;

    impl Metrics {
        pub(crate) const fn of_recorder() -> Self {
            Self
        }

        pub(crate) const fn subscribed(&self) {}

        pub(crate) const fn unsubscribed(&self) {}

        pub(crate) const fn published(&self) {}

        pub(crate) const fn event_refused(&self, _: &PublishError) {}

        pub(crate) const fn delivered(&self, _events: usize, _replayed: usize) {}

        pub(crate) const fn lagged(&self, _: ResetCause) {}

        pub(crate) const fn stream_refused(&self, _: Refused) {}

        pub(crate) const fn cut(&self, _: BodyError) {}

        pub(crate) const fn sent(&self, _bytes: usize, _released: usize) -> WriteTimer {
            WriteTimer
        }

        pub(crate) const fn written(&self, _: &WriteTimer) {}
    }
}
