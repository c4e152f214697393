//! One reader of a log.

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::RawMutex;
use embedded_io_async::{ErrorKind, ErrorType, Read};
use sansse::{Encoder, ResetCause, Resume};

use crate::broadcast::{Broadcast, Cursor, Gap, NotOpen};
use crate::stream_options::StreamOptions;
use crate::window::Window;

/// A reader of a [`Broadcast`]: a place in its log, and no queue.
///
/// It gives the bytes of one event stream, through [`Read`] or [`fill`](Self::fill): the position at
/// which it begins, the reconnection time, what the reader missed, and then events as they come. Drop
/// it to give the place back.
///
/// ```
/// # use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
/// # use sansse_embassy::{Broadcast, Event, StreamOptions};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// static FEED: Broadcast<CriticalSectionRawMutex, 1024, 2> = Broadcast::new();
/// FEED.start(35);
/// let options = StreamOptions::new();
/// let mut subscription = FEED.subscribe(None, &options)?;
/// FEED.publish(&Event::new("x"))?;
///
/// let mut stream = [0; 64];
/// let length = subscription.fill(&mut stream)?;
/// assert_eq!(&stream[..length], b"id: z-0\n\nretry: 3000\n\nid: z-1\ndata: x\n\n");
/// # Ok(()) }
/// ```
pub struct Subscription<'a, M: RawMutex, const BYTES: usize, const READERS: usize> {
    broadcast: &'a Broadcast<M, BYTES, READERS>,
    options: &'a StreamOptions<'a>,
    cursor: Cursor,
    private: Option<Private>,
    /// Bytes of the private blocks that have gone out.
    sent: u16,
    slot: u8,
    is_ended: bool,
}

/// What is for one reader alone. It is written anew for each part of it that goes out.
#[derive(Clone, Copy)]
enum Private {
    /// The position, and the reconnection time.
    Opening,
    /// The same for a reader that missed something,
    ResetOpening(ResetCause),
    /// and one that misses something later.
    Reset(ResetCause),
    KeepAlive,
    /// The time to come back after, in milliseconds.
    Farewell(u32),
}

impl<'a, M: RawMutex, const BYTES: usize, const READERS: usize>
    Subscription<'a, M, BYTES, READERS>
{
    pub(crate) fn new(
        broadcast: &'a Broadcast<M, BYTES, READERS>,
        last_event_id: Option<&[u8]>,
        options: &'a StreamOptions<'a>,
    ) -> Result<Self, SubscribeError> {
        let opened = broadcast.with(|shared| {
            shared.log.check_open()?;
            let Some(slot) = shared.take_slot() else {
                shared.log.count_refused();
                return Err(SubscribeError::Full);
            };
            let (decision, cursor) = shared.log.resume(&shared.ring, last_event_id);
            let private = match decision {
                Resume::Reset(cause) => {
                    shared.log.count_reset();
                    Private::ResetOpening(cause)
                }
                Resume::Live | Resume::From(_) => Private::Opening,
            };
            Ok((slot, cursor, private))
        });
        let (slot, cursor, private) = opened.unwrap_or(Err(SubscribeError::Nested))?;
        let private = Some(private);
        Ok(Self { broadcast, options, cursor, private, sent: 0, slot, is_ended: false })
    }

    /// Copies what there is for the reader, as far as it fits, and returns how many bytes; 0 where there
    /// is nothing now. Events are copied as parts of the stream: one may end in the next call.
    ///
    /// # Errors
    ///
    /// When the log has run over the rest of an event of which the reader has got a part. Its stream
    /// must be cut, without another byte; the reader comes back and is given what it lacks.
    pub fn fill(&mut self, out: &mut [u8]) -> Result<usize, Overtaken> {
        let mut filled = 0;
        while filled < out.len() && !self.is_ended {
            if let Some(private) = self.private {
                filled += self.fill_private(private, &mut out[filled..]);
                continue;
            }
            let (broadcast, cursor) = (self.broadcast, &mut self.cursor);
            let (read, next) = broadcast
                .with(|shared| {
                    let (log, out) = (&mut shared.log, &mut out[filled..]);
                    match log.read(&shared.ring, cursor, out) {
                        Ok(length) if log.is_closed() && log.is_at_head(cursor) => {
                            (Ok(length), Some(Private::Farewell(log.come_back(self.options))))
                        }
                        Ok(length) => (Ok(length), None),
                        Err(Gap::InsideEvent) => (Err(Overtaken), None),
                        Err(Gap::BetweenEvents) => {
                            let told = cursor.id;
                            *cursor = log.live();
                            log.count_reset();
                            let is_of_this_run = told.epoch == cursor.id.epoch;
                            let cause = if is_of_this_run {
                                ResetCause::Dropped
                            } else {
                                ResetCause::UnknownId
                            };
                            (Ok(0), Some(Private::Reset(cause)))
                        }
                    }
                })
                .unwrap_or((Ok(0), None));
            filled += read?;
            self.private = next;
            if next.is_none() {
                break;
            }
        }
        Ok(filled)
    }

    /// Has the stream say that it is alive, where nothing else is on its way: the next
    /// [`fill`](Self::fill) gives an empty comment.
    pub fn keep_alive(&mut self) {
        if self.private.is_none() && self.cursor.is_between_events() && !self.is_ended {
            self.private = Some(Private::KeepAlive);
        }
    }

    /// Whether the log has been closed and all of the stream has been given.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Waits until there is something for the reader, or its stream has ended.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped and called again; nothing is lost.
    pub async fn ready(&mut self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }

    /// Ready when there is something for the reader, or its stream has ended.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.private.is_some() || self.is_ended {
            return Poll::Ready(());
        }
        self.broadcast
            .with(|shared| {
                if shared.log.has_news(&self.cursor) {
                    return Poll::Ready(());
                }
                shared.register(self.slot, cx.waker());
                Poll::Pending
            })
            .unwrap_or(Poll::Pending)
    }

    fn fill_private(&mut self, private: Private, out: &mut [u8]) -> usize {
        let mut window = Window::new(out, usize::from(self.sent));
        self.write(private, &mut window);
        let filled = window.filled();
        if window.is_cut() {
            self.sent = self.sent.saturating_add(u16::try_from(filled).unwrap_or(u16::MAX));
        } else {
            self.sent = 0;
            self.private = None;
            self.is_ended = matches!(private, Private::Farewell(_));
        }
        filled
    }

    fn write(&self, private: Private, window: &mut Window<'_>) {
        match private {
            Private::Opening => {
                window.write(&self.cursor.id.to_line());
                window.write(b"\n");
                write_retry(self.options.retry, window);
            }
            Private::ResetOpening(cause) => {
                self.write_reset(cause, window);
                write_retry(self.options.retry, window);
            }
            Private::Reset(cause) => self.write_reset(cause, window),
            Private::KeepAlive => window.write(b":\n\n"),
            Private::Farewell(time) => write_retry(time, window),
        }
    }

    /// The event carries the position itself: were an id to come before it, a reader cut between the
    /// two would never learn of the gap.
    fn write_reset(&self, cause: ResetCause, window: &mut Window<'_>) {
        window.write(b"event: ");
        window.write(self.options.reset_event.as_bytes());
        window.write(b"\n");
        window.write(&self.cursor.id.to_line());
        window.write(b"data: {\"reason\":\"");
        window.write(cause.as_str().as_bytes());
        window.write(b"\"}\n\n");
    }
}

fn write_retry(milliseconds: u32, window: &mut Window<'_>) {
    let Ok(()) = Encoder::new(window).retry(milliseconds.into());
}

impl<M: RawMutex, const BYTES: usize, const READERS: usize> Drop
    for Subscription<'_, M, BYTES, READERS>
{
    fn drop(&mut self) {
        self.broadcast.with(|shared| shared.free_slot(self.slot));
    }
}

impl<M: RawMutex, const BYTES: usize, const READERS: usize> fmt::Debug
    for Subscription<'_, M, BYTES, READERS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("cursor", &self.cursor)
            .field("is_ended", &self.is_ended)
            .finish_non_exhaustive()
    }
}

impl<M: RawMutex, const BYTES: usize, const READERS: usize> ErrorType
    for Subscription<'_, M, BYTES, READERS>
{
    type Error = Overtaken;
}

impl<M: RawMutex, const BYTES: usize, const READERS: usize> Read
    for Subscription<'_, M, BYTES, READERS>
{
    /// Waits for bytes of the stream; 0 is its end.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped and called again; nothing is lost.
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Overtaken> {
        loop {
            let filled = self.fill(out)?;
            if filled > 0 || out.is_empty() || self.is_ended {
                return Ok(filled);
            }
            self.ready().await;
        }
    }
}

/// The log has run over the rest of an event of which the reader has got a part: its stream must be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Overtaken;

impl fmt::Display for Overtaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader was too slow: cut its stream, and keep more history")
    }
}

impl core::error::Error for Overtaken {}

impl embedded_io_async::Error for Overtaken {
    fn kind(&self) -> ErrorKind {
        ErrorKind::TimedOut
    }
}

/// Why a reader cannot be served now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SubscribeError {
    /// The log has not been started.
    NotStarted,
    /// The log has been closed.
    Closed,
    /// All places are taken.
    Full,
    /// Called from within the formatting of an event.
    Nested,
}

impl From<NotOpen> for SubscribeError {
    fn from(state: NotOpen) -> Self {
        match state {
            NotOpen::NotStarted => Self::NotStarted,
            NotOpen::Closed => Self::Closed,
        }
    }
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "the log has no epoch yet: call `start` first",
            Self::Closed => "the log is closed: call `start` to open it anew",
            Self::Full => "all places are taken: have the reader come back, or make more",
            Self::Nested => "an event is being formatted: subscribe after it",
        })
    }
}

impl core::error::Error for SubscribeError {}
