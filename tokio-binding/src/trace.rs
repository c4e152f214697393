//! What a hub tells of itself through `tracing`: a span for each stream, with what happens to it, at
//! DEBUG, and shutting down at INFO.
//!
//! Nothing is told under a lock of the hub, so that what listens may use the hub. Without the feature
//! `tracing` nothing is told, and all of this is empty.

#[cfg(not(feature = "tracing"))]
pub(crate) use silent::{StreamTrace, event_refused, shut_down, shutting_down};
#[cfg(feature = "tracing")]
pub(crate) use telling::{StreamTrace, event_refused, shut_down, shutting_down};

#[cfg(feature = "tracing")]
mod telling {
    use std::cell::Cell;
    use std::time::Duration;

    use sansse::ResetCause;
    use tracing::{Level, Span, debug, debug_span, info, span_enabled};

    use crate::body::BodyError;
    use crate::hub::Shutdown;
    use crate::publish_error::PublishError;
    use crate::subscription::Start;

    thread_local! {
        /// Whether this thread is telling of a refused event.
        static IS_TELLING: Cell<bool> = const { Cell::new(false) };
    }

    /// An event was not published.
    pub(crate) fn event_refused(topic: &str, error: &PublishError) {
        // What listens may itself publish what it hears, and be refused.
        if !IS_TELLING.replace(true) {
            debug!(topic, %error, "event refused");
            IS_TELLING.set(false);
        }
    }

    pub(crate) fn shutting_down(streams: usize, deadline: Duration) {
        info!(streams, ?deadline, "shutting down");
    }

    pub(crate) fn shut_down(shutdown: &Shutdown) {
        info!(closed = shutdown.closed, left = shutdown.left, "streams have ended");
    }

    /// The span of a stream and what it counts, where anybody listens.
    #[derive(Debug)]
    pub(crate) struct StreamTrace(Option<Box<Traced>>);

    #[derive(Debug)]
    struct Traced {
        span: Span,
        delivered: usize,
        replayed: usize,
        gaps: usize,
    }

    impl StreamTrace {
        pub(crate) fn opened(topics: &[&str], start: Start<'_>) -> Self {
            if !span_enabled!(Level::DEBUG) {
                return Self(None);
            }
            let span = debug_span!("stream", ?topics);
            span.in_scope(|| match start {
                Start::After(id) => {
                    debug!(last_event_id = %id.escape_ascii(), "opened");
                }
                start => debug!(?start, "opened"),
            });
            Self(Some(Box::new(Traced { span, delivered: 0, replayed: 0, gaps: 0 })))
        }

        pub(crate) fn resumed(&self, behind: u64) {
            if let Some(traced) = &self.0 {
                traced.span.in_scope(|| debug!(behind, "resumed"));
            }
        }

        pub(crate) const fn delivered(&mut self, events: usize, replayed: usize) {
            if let Some(traced) = &mut self.0 {
                traced.delivered += events;
                traced.replayed += replayed;
            }
        }

        pub(crate) fn lagged(&mut self, cause: ResetCause) {
            if let Some(traced) = &mut self.0 {
                traced.gaps += 1;
                traced.span.in_scope(|| debug!(%cause, "lagged"));
            }
        }

        pub(crate) fn cut(&self, error: BodyError) {
            if let Some(traced) = &self.0 {
                traced.span.in_scope(|| debug!(%error, "cut"));
            }
        }

        pub(crate) fn ended(&self) {
            if let Some(Traced { span, delivered, replayed, gaps }) = self.0.as_deref() {
                span.in_scope(|| debug!(delivered, replayed, gaps, "ended"));
            }
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod silent {
    use std::time::Duration;

    use sansse::ResetCause;

    use crate::body::BodyError;
    use crate::hub::Shutdown;
    use crate::publish_error::PublishError;
    use crate::subscription::Start;

    pub(crate) const fn event_refused(_topic: &str, _: &PublishError) {}

    pub(crate) const fn shutting_down(_streams: usize, _deadline: Duration) {}

    pub(crate) const fn shut_down(_: &Shutdown) {}

    #[derive(Debug)]
    pub(crate) struct StreamTrace;

    impl StreamTrace {
        pub(crate) const fn opened(_topics: &[&str], _: Start<'_>) -> Self {
            Self
        }

        pub(crate) const fn resumed(&self, _behind: u64) {}

        pub(crate) const fn delivered(&mut self, _events: usize, _replayed: usize) {}

        pub(crate) const fn lagged(&mut self, _: ResetCause) {}

        pub(crate) const fn cut(&self, _: BodyError) {}

        pub(crate) const fn ended(&self) {}
    }
}
