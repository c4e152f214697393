//! One reader of a log.

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::RawMutex;
use embedded_io_async::{ErrorKind, ErrorType, Read};
use sansse::ResetCause::{self, Dropped, UnknownId};

use crate::broadcast::{Broadcast, Cursor, Gap, Log, NotOpen};
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
    reader: Reader,
    slot: u8,
}

impl<'a, M: RawMutex, const BYTES: usize, const READERS: usize>
    Subscription<'a, M, BYTES, READERS>
{
    #[inline(never)]
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
            Ok((slot, Reader::new(&mut shared.log, &shared.ring, last_event_id, options)))
        });
        let (slot, reader) = opened.unwrap_or(Err(SubscribeError::Nested))?;
        Ok(Self { broadcast, options, reader, slot })
    }

    /// Copies what there is for the reader, as far as it fits, and returns how many bytes; 0 where there
    /// is nothing now. Events are copied as parts of the stream: one may end in the next call.
    ///
    /// # Errors
    ///
    /// When the log has run over the rest of an event of which the reader has got a part. Its stream
    /// must be cut, without another byte; the reader comes back and is given what it lacks.
    pub fn fill(&mut self, out: &mut [u8]) -> Result<usize, Overtaken> {
        let Self { broadcast, options, reader, .. } = self;
        let filled = broadcast.with(|shared| {
            let log = &mut shared.log;
            if reader.is_usual(log)
                && let Ok(filled) = log.read(&shared.ring, &mut reader.cursor, out)
            {
                return Ok(filled);
            }
            reader.fill(log, &shared.ring, options, out)
        });
        filled.unwrap_or(Ok(0))
    }

    /// Has the stream say that it is alive, where nothing else is on its way: the next
    /// [`fill`](Self::fill) gives an empty comment.
    pub fn keep_alive(&mut self) {
        let reader = &mut self.reader;
        if reader.cursor.is_between_events() {
            reader.private.get_or_insert(Private::KeepAlive);
        }
    }

    /// Whether the log has been closed and all of the stream has been given.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.reader.is_ended
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
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Reader { cursor, private, is_ended, .. } = &self.reader;
        if private.is_some() || *is_ended {
            return Poll::Ready(());
        }
        self.broadcast
            .with(|shared| {
                if shared.log.has_news(cursor) {
                    return Poll::Ready(());
                }
                shared.register(self.slot, cx.waker());
                Poll::Pending
            })
            .unwrap_or(Poll::Pending)
    }
}

/// Where a reader is, whatever the log that it reads.
struct Reader {
    cursor: Cursor,
    /// What comes before anything else.
    private: Option<Private>,
    /// Bytes of it that have gone out.
    sent: u16,
    is_ended: bool,
}

/// What is for one reader alone. It is written anew for each part of it that goes out.
#[derive(Clone, Copy)]
enum Private {
    /// The position, or what was missed; and the reconnection time.
    Opening(Option<ResetCause>),
    /// What was missed later.
    Reset(ResetCause),
    KeepAlive,
    /// The time to come back after, in milliseconds.
    Farewell(u32),
}

impl Reader {
    fn new(
        log: &mut Log,
        ring: &[u8],
        last_event_id: Option<&[u8]>,
        options: &StreamOptions<'_>,
    ) -> Self {
        let (cursor, missed) = log.resume(ring, last_event_id, options);
        if missed.is_some() {
            log.count_reset();
        }
        Self { cursor, private: Some(Private::Opening(missed)), sent: 0, is_ended: false }
    }

    /// Whether there is nothing for the reader but events.
    fn is_usual(&self, log: &Log) -> bool {
        self.private.is_none() && self.cursor.run == log.run() && log.check_open().is_ok()
    }

    #[inline(never)]
    fn fill(
        &mut self,
        log: &mut Log,
        ring: &[u8],
        options: &StreamOptions<'_>,
        out: &mut [u8],
    ) -> Result<usize, Overtaken> {
        if self.cursor.run != log.run() {
            // Nothing that was begun in another run can be written to its end.
            if self.sent > 0 || !self.cursor.is_between_events() {
                return Err(Overtaken);
            }
            self.miss(log, UnknownId);
        }
        let mut filled = 0;
        while filled < out.len() && !self.is_ended {
            if let Some(private) = self.private {
                let mut window = Window::new(&mut out[filled..], self.sent.into());
                self.write(private, log, options, &mut window);
                let written = window.filled();
                filled += written;
                if window.is_cut() {
                    self.sent =
                        self.sent.saturating_add(u16::try_from(written).unwrap_or(u16::MAX));
                } else {
                    self.sent = 0;
                    self.private = None;
                    self.is_ended = matches!(private, Private::Farewell(_));
                }
                continue;
            }
            match log.read(ring, &mut self.cursor, &mut out[filled..]) {
                Ok(read) => {
                    filled += read;
                    if !log.is_at_end(&self.cursor) {
                        break;
                    }
                    self.private = Some(Private::Farewell(log.come_back(options)));
                }
                Err(Gap::InsideEvent) => return Err(Overtaken),
                Err(Gap::BetweenEvents) => self.miss(log, Dropped),
            }
        }
        Ok(filled)
    }

    /// Goes on with what comes from now on, and tells that something was missed.
    #[inline(never)]
    fn miss(&mut self, log: &mut Log, cause: ResetCause) {
        log.count_reset();
        self.cursor = log.live();
        self.private = Some(match self.private {
            Some(Private::Opening(_)) => Private::Opening(Some(cause)),
            _ => Private::Reset(cause),
        });
    }

    fn write(
        &self,
        private: Private,
        log: &Log,
        options: &StreamOptions<'_>,
        window: &mut Window<'_>,
    ) {
        let (is_opening, missed) = match private {
            Private::Opening(missed) => (true, missed),
            Private::Reset(cause) => (false, Some(cause)),
            Private::KeepAlive => return window.write(b":\n\n"),
            Private::Farewell(time) => return write_retry(time, window),
        };
        let line = log.id(self.cursor.sequence).to_line();
        if let Some(cause) = missed {
            // The event carries the position itself: were an id to come before it, a reader cut
            // between the two would never learn of the gap.
            window.write(b"event: ");
            window.write(options.reset_event.as_bytes());
            window.write(b"\n");
            window.write(&line);
            window.write(b"data: {\"reason\":\"");
            window.write(cause.as_str().as_bytes());
            window.write(b"\"}\n");
        } else {
            window.write(&line);
        }
        window.write(b"\n");
        if is_opening {
            write_retry(options.retry, window);
        }
    }
}

/// The block that names a reconnection time.
pub(crate) fn write_retry(milliseconds: u32, window: &mut Window<'_>) {
    window.write(b"retry: ");
    window.write_number(milliseconds);
    window.write(b"\n\n");
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
            .field("cursor", &self.reader.cursor)
            .field("is_ended", &self.is_ended())
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
            if filled > 0 || out.is_empty() || self.is_ended() {
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
