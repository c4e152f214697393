//! One request and its answer, without the connection that carries them.

use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::RawMutex;
use embassy_time::{Duration, Instant, Timer};

use super::answer::{Answer, Content};
use super::config::{Config, Status};
use super::pulse::{Pulse, interval};
use super::request::Request;
use crate::broadcast::Broadcast;
use crate::subscription::Subscription;
use crate::window::Window;

/// A request and its answer. Whoever carries the bytes asks what it wants, and tells what happened.
pub(super) struct Session<'a, M: RawMutex, const BYTES: usize, const READERS: usize> {
    broadcast: &'a Broadcast<M, BYTES, READERS>,
    config: &'a Config<'a>,
    phase: Phase<'a, M, BYTES, READERS>,
    pulse: Pulse,
    /// When to [`tick`](Self::tick).
    due: Instant,
}

enum Phase<'a, M: RawMutex, const BYTES: usize, const READERS: usize> {
    Request(Request<'a>),
    /// Bytes of the answer that have gone out, and the stream that follows it.
    Answer(Answer<'a>, usize, Option<Subscription<'a, M, BYTES, READERS>>),
    Stream(Subscription<'a, M, BYTES, READERS>),
    /// Waits for the peer to close its side, too,
    #[cfg(feature = "net")]
    Closing,
    /// and until the peer has all that was sent.
    #[cfg(feature = "net")]
    Flushing,
    Over(Result<(), Failure>),
}

/// How long it may take to tell a peer that its connection is reset, in milliseconds.
#[cfg(feature = "net")]
const RESET: u32 = 1000;

/// Why the connection is to be cut.
#[derive(Clone, Copy)]
pub(super) enum Failure {
    Closed,
    Stuck,
    Overtaken,
}

/// What is to be done.
pub(super) enum Want {
    Receive,
    Send,
    #[cfg(feature = "net")]
    Flush,
    End(Result<(), Failure>),
}

impl<'a, M: RawMutex, const BYTES: usize, const READERS: usize> Session<'a, M, BYTES, READERS> {
    pub(super) fn new(broadcast: &'a Broadcast<M, BYTES, READERS>, config: &'a Config<'a>) -> Self {
        Self {
            broadcast,
            config,
            phase: Phase::Request(Request::new(config.head_limit)),
            pulse: Pulse::new(),
            due: after(config.read_timeout),
        }
    }

    /// What is to be done now. Where that is to receive, it may become another as soon as the waker is
    /// woken.
    pub(super) fn want(&mut self, cx: &mut Context<'_>) -> Want {
        match &mut self.phase {
            Phase::Request(_) => Want::Receive,
            Phase::Answer(..) => Want::Send,
            Phase::Stream(subscription) if subscription.poll_ready(cx).is_ready() => Want::Send,
            Phase::Stream(_) => Want::Receive,
            #[cfg(feature = "net")]
            Phase::Closing => Want::Receive,
            #[cfg(feature = "net")]
            Phase::Flushing => Want::Flush,
            Phase::Over(result) => Want::End(*result),
        }
    }

    /// Takes bytes that have arrived, and says how many.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        // What is behind a request is of no interest.
        let Phase::Request(request) = &mut self.phase else { return bytes.len() };
        let mut rest = bytes;
        if let Some(mut answer) = request.take(&mut rest, self.config) {
            let mut stream = None;
            if matches!(answer.content, Content::Stream) && !answer.is_head {
                match self.broadcast.subscribe(request.last_event_id(), &self.config.stream) {
                    Ok(subscription) => stream = Some(subscription),
                    // Law 15.
                    Err(_) => {
                        debug!("a reader is to come back");
                        let time = self.broadcast.come_back(&self.config.stream);
                        answer.content = Content::ComeBack(time);
                    }
                }
            }
            self.phase = Phase::Answer(answer, 0, stream);
            self.due = after(interval(self.config));
        }
        bytes.len() - rest.len()
    }

    /// The peer has closed its side, or broken the connection: whether that is how it ends.
    pub(super) fn closed(&mut self) -> bool {
        self.phase = match self.phase {
            Phase::Request(_) => Phase::Over(Err(Failure::Closed)),
            Phase::Stream(_) => Phase::Over(Ok(())),
            #[cfg(feature = "net")]
            Phase::Closing => Phase::Flushing,
            _ => return false,
        };
        true
    }

    /// Writes what is to be sent, as far as it fits, and says how many bytes.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> usize {
        let filled = match &mut self.phase {
            Phase::Answer(answer, sent, stream) => {
                let mut window = Window::new(out, *sent);
                answer.write(&mut window);
                let filled = window.filled();
                *sent += filled;
                if !window.is_cut() {
                    self.phase = match stream.take() {
                        Some(subscription) => Phase::Stream(subscription),
                        None => Phase::Over(Ok(())),
                    };
                }
                filled
            }
            Phase::Stream(subscription) => match subscription.fill(out) {
                Ok(filled) => {
                    if subscription.is_ended() {
                        self.phase = Phase::Over(Ok(()));
                    }
                    filled
                }
                Err(_) => {
                    self.phase = Phase::Over(Err(Failure::Overtaken));
                    0
                }
            },
            _ => 0,
        };
        self.pulse.sent(filled);
        filled
    }

    /// Ready at the time to [`tick`](Self::tick).
    pub(super) fn poll_due(&self, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.due {
            return Poll::Ready(());
        }
        // It is not ready when it is polled first, whatever the time.
        Pin::new(&mut Timer::at(self.due)).poll(cx)
    }

    /// Looks after the peer. So many bytes were sent and have not arrived yet.
    #[inline(never)]
    pub(super) fn tick(&mut self, on_the_way: usize) {
        match &mut self.phase {
            Phase::Request(request) => {
                let answer = request.answer(Status::REQUEST_TIMEOUT, self.config);
                self.phase = Phase::Answer(answer, 0, None);
            }
            Phase::Answer(..) | Phase::Stream(_) if self.pulse.is_lost(on_the_way, self.config) => {
                debug!("a peer takes nothing");
                self.phase = Phase::Over(Err(Failure::Stuck));
            }
            Phase::Answer(..) => {}
            Phase::Stream(subscription) => {
                if self.pulse.is_silent(self.config) {
                    subscription.keep_alive();
                }
            }
            #[cfg(feature = "net")]
            Phase::Closing | Phase::Flushing => self.phase = Phase::Over(Err(Failure::Stuck)),
            Phase::Over(_) => {}
        }
        self.due = after(interval(self.config));
    }

    /// All that was sent has arrived.
    #[cfg(feature = "net")]
    pub(super) fn flushed(&mut self) {
        self.phase = Phase::Over(Ok(()));
    }

    /// The connection has been closed: the peer is given time to have all, and to close it too.
    #[cfg(feature = "net")]
    pub(super) fn close(&mut self) {
        self.phase = Phase::Closing;
        self.due = after(self.config.write_timeout);
    }

    /// The connection has been reset, of which the peer is to be told.
    #[cfg(feature = "net")]
    pub(super) fn reset(&mut self) {
        self.phase = Phase::Flushing;
        self.due = after(RESET);
    }
}

/// The time in so many milliseconds.
#[inline(never)]
fn after(milliseconds: u32) -> Instant {
    let ticks = Duration::from_millis(milliseconds.into()).as_ticks();
    Instant::from_ticks(Instant::now().as_ticks().wrapping_add(ticks))
}
