//! The pause after which a silent stream says that it is alive.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep};

/// The shortest block that says nothing: an empty comment.
pub(crate) const COMMENT: Bytes = Bytes::from_static(b":\n\n");

/// A timer that real traffic pushes back.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    interval: Duration,
    /// Set when it is first waited for, since that is when there is a runtime for certain.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl KeepAlive {
    pub(crate) const fn new(interval: Duration) -> Self {
        Self { interval, sleep: None }
    }

    /// Real bytes go out now.
    pub(crate) fn push_back(&mut self) {
        if let Some(sleep) = &mut self.sleep {
            sleep.as_mut().reset(Instant::now() + self.interval);
        }
    }

    /// Ready once for each interval without traffic.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let interval = self.interval;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(interval)));
        std::task::ready!(sleep.as_mut().poll(cx));
        self.push_back();
        Poll::Ready(())
    }
}
