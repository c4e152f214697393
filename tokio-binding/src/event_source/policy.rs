//! Whether and when an event source comes back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use sansse::Backoff;

use crate::event_source::disconnect::Disconnect;

/// After what, how often and how soon an [`EventSource`](crate::EventSource) reconnects.
///
/// ```
/// use sansse_tokio::{Decision, Disconnect, ReconnectPolicy};
///
/// // As a browser does, but a session that has run out is asked for again, with new credentials.
/// let policy = ReconnectPolicy::standard().decide(|cause, usual| match cause.refused() {
///     Some(refused) if refused.status == 401 => Decision::Reconnect,
///     _ => usual,
/// });
/// ```
#[derive(Clone)]
pub struct ReconnectPolicy {
    backoff: Backoff,
    usual: fn(&Disconnect) -> Decision,
    decide: Option<Arc<Decide>>,
    attempts: Option<u32>,
    proven_after: Duration,
}

type Decide = dyn Fn(&Disconnect, Decision) -> Decision + Send + Sync;

/// What follows a disconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Come back, when the reconnection time and `Retry-After` have passed.
    Reconnect,
    /// Give up.
    Stop,
}

impl ReconnectPolicy {
    /// What the standard asks of browsers (9.2.3): a connection that is refused, dropped or ended is
    /// made again after the reconnection time, the first one too; an answer that is no event stream
    /// ends the source.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            backoff: Backoff::STANDARD,
            usual: standard,
            decide: None,
            attempts: None,
            proven_after: Duration::from_secs(60),
        }
    }

    /// For services that must go on: as [`standard`](Self::standard), and after 408, 425, 429 and
    /// all 5xx too, no sooner than `Retry-After` says; failures in a row are answered by ever longer
    /// waits, of about 30 s at most.
    #[must_use]
    pub fn persistent() -> Self {
        Self { backoff: Backoff::EXPONENTIAL, usual: persistent, ..Self::standard() }
    }

    /// One request, never another: for answers that are made when they are asked for, such as those
    /// of language models. The source ends when the response does; where that is no clean end, with
    /// an error.
    #[must_use]
    pub fn once() -> Self {
        Self { usual: once, ..Self::standard() }
    }

    /// Paces the attempts.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Gives up when so many attempts in a row have failed. A stream that opened and ended without
    /// an event, before it was [proven by its age](Self::proven_after), is one of them.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Forgets failures once a stream has been open for so long without an event. One minute unless
    /// told.
    #[must_use]
    pub const fn proven_after(mut self, time: Duration) -> Self {
        self.proven_after = time;
        self
    }

    /// Asks a function after each disconnect, with what this policy would do.
    #[must_use]
    pub fn decide(
        mut self,
        decide: impl Fn(&Disconnect, Decision) -> Decision + Send + Sync + 'static,
    ) -> Self {
        self.decide = Some(Arc::new(decide));
        self
    }

    pub(crate) const fn pace(&self) -> Backoff {
        self.backoff
    }

    pub(crate) const fn life(&self) -> Duration {
        self.proven_after
    }

    pub(crate) fn is_exhausted(&self, failures: u32) -> bool {
        self.attempts.is_some_and(|attempts| failures >= attempts)
    }

    pub(crate) fn decision(&self, cause: &Disconnect) -> Decision {
        let usual = (self.usual)(cause);
        self.decide.as_ref().map_or(usual, |decide| decide(cause, usual))
    }
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self::standard()
    }
}

impl fmt::Debug for ReconnectPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectPolicy")
            .field("backoff", &self.backoff)
            .field("attempts", &self.attempts)
            .field("proven_after", &self.proven_after)
            .finish_non_exhaustive()
    }
}

fn standard(cause: &Disconnect) -> Decision {
    match cause {
        Disconnect::Refused(_) | Disconnect::Redirect(_) => Decision::Stop,
        _ => Decision::Reconnect,
    }
}

fn persistent(cause: &Disconnect) -> Decision {
    match cause {
        Disconnect::Refused(refused) if is_passing(refused.status) => Decision::Reconnect,
        _ => standard(cause),
    }
}

fn once(cause: &Disconnect) -> Decision {
    match cause {
        Disconnect::Asked => Decision::Reconnect,
        _ => Decision::Stop,
    }
}

/// Whether a status says "not now" rather than "no".
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500..=599)
}
