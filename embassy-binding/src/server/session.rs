//! One request and its answer, without the connection that carries them.

use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::RawMutex;
use embassy_time::{Duration, Instant, Timer};

use super::config::{Config, Status};
use super::pulse::Pulse;
use super::request::{Content, Request};
use crate::broadcast::Broadcast;
use crate::reader::Reader;
use crate::window::Window;

/// A request and its answer. Whoever carries the bytes asks what it wants, and tells what happened.
///
/// What each phase needs lies side by side, as the moves from one phase to the next would take more flash
/// than is saved in memory.
pub(super) struct Session<'a, M: RawMutex, const BYTES: usize, const READERS: usize> {
    broadcast: &'a Broadcast<M, BYTES, READERS>,
    config: &'a Config<'a>,
    /// Ready when it is time to [`tick`](Self::tick).
    due: Timer,
    pulse: Pulse,
    reader: Reader,
    request: Request<'a>,
    phase: Phase,
    result: Result<(), Failure>,
}

#[derive(Clone, Copy)]
enum Phase {
    Request,
    Answer,
    /// The stream that follows its answer.
    Stream,
    /// Waits for the peer to close its side, too,
    #[cfg(feature = "net")]
    Closing,
    /// and until the peer has all that was sent.
    #[cfg(feature = "net")]
    Flushing,
    Over,
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
    End,
}

impl<'a, M: RawMutex, const BYTES: usize, const READERS: usize> Session<'a, M, BYTES, READERS> {
    pub(super) fn new(broadcast: &'a Broadcast<M, BYTES, READERS>, config: &'a Config<'a>) -> Self {
        Self {
            broadcast,
            config,
            due: Timer::at(Instant::MIN),
            pulse: Pulse::new(),
            reader: Reader::new(),
            request: Request::new(config.head_limit),
            phase: Phase::Request,
            result: Ok(()),
        }
    }

    /// From now on the peer has its time for the request.
    pub(super) fn begin(&mut self) {
        self.wait(self.config.read_timeout);
    }

    /// What is to be done now. Where that is to receive, it may become another as soon as the waker is
    /// woken.
    pub(super) fn want(&mut self, cx: &mut Context<'_>) -> Want {
        match self.phase {
            Phase::Request => Want::Receive,
            Phase::Answer => Want::Send,
            Phase::Stream if self.broadcast.poll_ready(&self.reader, cx).is_ready() => Want::Send,
            Phase::Stream => Want::Receive,
            #[cfg(feature = "net")]
            Phase::Closing => Want::Receive,
            #[cfg(feature = "net")]
            Phase::Flushing => Want::Flush,
            Phase::Over => Want::End,
        }
    }

    /// Takes bytes that have arrived.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if let Phase::Request = self.phase
            && self.request.take(bytes, self.config)
        {
            if self.request.content == Content::Stream && !self.request.is_head() {
                let id = Some(self.request.last_event_id());
                // Who finds no place gets a stream all the same (law 15).
                if self.broadcast.open(&mut self.reader, id, &self.config.stream).is_err() {
                    debug!("a reader is to come back");
                }
            }
            self.phase = Phase::Answer;
            self.wait(self.config.pulse.interval);
        }
    }

    /// The peer has closed its side, or broken the connection: whether that is how it ends.
    pub(super) fn closed(&mut self) -> bool {
        match self.phase {
            Phase::Request => self.end(Err(Failure::Closed)),
            Phase::Stream => self.end(Ok(())),
            #[cfg(feature = "net")]
            Phase::Closing => self.phase = Phase::Flushing,
            _ => return false,
        }
        true
    }

    #[inline(never)]
    fn end(&mut self, result: Result<(), Failure>) {
        self.phase = Phase::Over;
        self.result = result;
        self.broadcast.leave(&mut self.reader);
    }

    /// Writes what is to be sent, as far as it fits, and says how many bytes.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> usize {
        let filled = match self.phase {
            Phase::Answer => {
                // Nothing else has been sent so far.
                let mut window = Window::new(out, self.pulse.sent as usize);
                self.request.write_answer(self.config, &mut window);
                if !window.is_cut() {
                    self.phase = Phase::Stream;
                }
                window.filled()
            }
            _ => match self.broadcast.fill(&mut self.reader, &self.config.stream, out) {
                Ok(filled) => filled,
                Err(_) => {
                    self.end(Err(Failure::Overtaken));
                    return 0;
                }
            },
        };
        if let Phase::Stream = self.phase
            && self.reader.is_ended()
        {
            self.end(Ok(()));
        }
        self.pulse.sent(filled);
        filled
    }

    /// Has so many milliseconds to go until the next [`tick`](Self::tick).
    #[inline(never)]
    fn wait(&mut self, milliseconds: u32) {
        let ticks = Duration::from_millis(milliseconds.into()).as_ticks();
        self.due = Timer::at(Instant::from_ticks(Instant::now().as_ticks().wrapping_add(ticks)));
    }

    /// Ready at the time to [`tick`](Self::tick).
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.due).poll(cx)
    }

    /// Looks after the peer. So many bytes were sent and have not arrived yet.
    pub(super) fn tick(&mut self, on_the_way: usize) {
        match self.phase {
            Phase::Request => {
                self.request.status = Status::REQUEST_TIMEOUT;
                self.phase = Phase::Answer;
            }
            Phase::Answer | Phase::Stream => {
                if self.pulse.is_lost(on_the_way, &self.config.pulse) {
                    debug!("a peer takes nothing");
                    self.end(Err(Failure::Stuck));
                } else if self.pulse.is_silent(&self.config.pulse) {
                    self.reader.keep_alive();
                }
            }
            _ => self.end(Err(Failure::Stuck)),
        }
        self.wait(self.config.pulse.interval);
    }

    /// How it went, once it is over.
    pub(super) fn result(&self) -> Result<(), Failure> {
        self.result
    }

    /// All that was sent has arrived.
    #[cfg(feature = "net")]
    pub(super) fn flushed(&mut self) {
        self.phase = Phase::Over;
    }

    /// The connection has been closed: the peer is given time to have all, and to close it too.
    #[cfg(feature = "net")]
    pub(super) fn close(&mut self) {
        self.phase = Phase::Closing;
        self.wait(self.config.write_timeout);
    }

    /// The connection has been reset, of which the peer is to be told.
    #[cfg(feature = "net")]
    pub(super) fn reset(&mut self) {
        self.end(Ok(()));
        self.phase = Phase::Flushing;
        self.wait(RESET);
    }
}

impl<M: RawMutex, const BYTES: usize, const READERS: usize> Drop
    for Session<'_, M, BYTES, READERS>
{
    fn drop(&mut self) {
        self.broadcast.leave(&mut self.reader);
    }
}
