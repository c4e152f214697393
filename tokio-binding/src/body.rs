//! A subscriber as the body of an HTTP response.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::subscription::{FRAME, Subscription};

/// The most frames that may be on their way at a time. hyper stops asking a body on when it holds
/// sixteen, and then no deadline could be kept.
const FRAMES: usize = 8;

/// The body of a response that a [`Hub`](crate::Hub) made: a [`Subscription`] that also says that it
/// is alive. Dropping it unsubscribes.
///
/// A frame is on its way until the transport drops it. While 32 KiB or eight frames are on their way
/// there are no more: a reader that does not read holds no more than that (law 8), and its body
/// knows it.
pub struct HubBody {
    subscription: Subscription,
    /// When bytes were last handed out.
    sent: Instant,
    /// How many frames had been let go when that number last changed, and when that was.
    progress: Option<(usize, Instant)>,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// Why a [`HubBody`] was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// The reader took nothing within the [write deadline](crate::HubBuilder::write_deadline).
    Stalled,
    /// The hub has shut down before the reader took all that was on its way.
    ShutDown,
}

impl HubBody {
    pub(crate) fn new(subscription: Subscription) -> Self {
        Self { subscription, sent: Instant::now(), progress: None, sleep: None }
    }

    fn send(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.sent = Instant::now();
        Poll::Ready(Some(Ok(Frame::data(self.subscription.link().send(bytes)))))
    }

    /// What the time asks for now; arms the timer for what it asks for next.
    fn poll_time(&mut self, waiting: bool, frames: usize, cx: &mut Context<'_>) -> Poll<Due> {
        loop {
            let now = Instant::now();
            let settings = self.subscription.hub().settings();
            let mut next: Option<Instant> = None;
            let mut soonest = |time: Option<Instant>| match (next, time) {
                (Some(one), Some(other)) => next = Some(one.min(other)),
                (one, other) => next = one.or(other),
            };
            if frames == 0 {
                self.progress = None;
            } else {
                let released = self.subscription.link().released();
                let (_, since) = match self.progress {
                    Some(progress) if progress.0 == released => progress,
                    _ => *self.progress.insert((released, now)),
                };
                let stalled = settings.write_deadline.map(|deadline| since + deadline);
                let ends = self.subscription.hub().log().ends();
                if ends.is_some_and(|ends| ends <= now) {
                    return Poll::Ready(Due::Cut(BodyError::ShutDown));
                }
                if stalled.is_some_and(|stalled| stalled <= now) {
                    return Poll::Ready(Due::Cut(BodyError::Stalled));
                }
                soonest(ends);
                soonest(stalled);
            }
            if !self.subscription.has_ended() {
                let expires = self.subscription.expires();
                if expires.is_some_and(|expires| expires <= now) {
                    return Poll::Ready(Due::Expiry);
                }
                soonest(expires);
            }
            if waiting && let Some(interval) = settings.keep_alive {
                let due = self.sent + interval;
                if due <= now {
                    return Poll::Ready(Due::KeepAlive);
                }
                soonest(Some(due));
            }
            let Some(next) = next else { return Poll::Pending };
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(next)));
            // Traffic only moves the time on; a timer that fires too early is set anew.
            if next < sleep.deadline() || sleep.is_elapsed() {
                sleep.as_mut().reset(next);
            }
            std::task::ready!(sleep.as_mut().poll(cx));
        }
    }
}

/// What the time asks for.
enum Due {
    KeepAlive,
    Expiry,
    Cut(BodyError),
}

impl Body for HubBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            let (bytes, frames) = this.subscription.link().on_their_way();
            let mut waiting = false;
            if frames == 0 || (bytes < FRAME && frames < FRAMES) {
                match this.subscription.poll_read(cx) {
                    Poll::Ready(Some(bytes)) => return this.send(bytes),
                    // The end is announced when all before it has gone, so that a reader that takes
                    // nothing can still be cut in time.
                    Poll::Ready(None) if frames == 0 || !this.subscription.is_watched() => {
                        return Poll::Ready(None);
                    }
                    Poll::Ready(None) => {}
                    Poll::Pending => waiting = true,
                }
            }
            if !waiting {
                this.subscription.link().wake_on_release(cx.waker());
                if this.subscription.link().on_their_way() != (bytes, frames) {
                    continue;
                }
            }
            match std::task::ready!(this.poll_time(waiting, frames, cx)) {
                Due::KeepAlive => {
                    let bytes = this.subscription.keep_alive();
                    return this.send(bytes);
                }
                Due::Expiry => this.subscription.expire(),
                Due::Cut(error) => {
                    this.subscription.record().cut(error);
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.subscription.is_at_end() && !self.subscription.is_watched()
    }
}

impl fmt::Debug for HubBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HubBody").field(&self.subscription).finish()
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stalled => "the reader took nothing for too long and was cut off",
            Self::ShutDown => "the hub has shut down before the reader took all and was cut off",
        })
    }
}

impl std::error::Error for BodyError {}
