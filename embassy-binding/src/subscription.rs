//! One reader of a log.

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::RawMutex;
use embedded_io_async::{ErrorKind, ErrorType, Read};

use crate::broadcast::{Broadcast, NotOpen};
use crate::reader::Reader;
use crate::stream_options::StreamOptions;

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
}

impl<'a, M: RawMutex, const BYTES: usize, const READERS: usize>
    Subscription<'a, M, BYTES, READERS>
{
    pub(crate) fn new(
        broadcast: &'a Broadcast<M, BYTES, READERS>,
        last_event_id: Option<&[u8]>,
        options: &'a StreamOptions<'a>,
    ) -> Result<Self, SubscribeError> {
        let mut this = Self { broadcast, options, reader: Reader::new() };
        broadcast.open(&mut this.reader, last_event_id, options)?;
        Ok(this)
    }

    /// Copies what there is for the reader, as far as it fits, and returns how many bytes; 0 where there
    /// is nothing now. Events are copied as parts of the stream: one may end in the next call.
    ///
    /// # Errors
    ///
    /// When the log has run over the rest of an event of which the reader has got a part. Its stream
    /// must be cut, without another byte; the reader comes back and is given what it lacks.
    pub fn fill(&mut self, out: &mut [u8]) -> Result<usize, Overtaken> {
        self.broadcast.fill(&mut self.reader, self.options, out)
    }

    /// Has the stream say that it is alive, where nothing else is on its way: the next
    /// [`fill`](Self::fill) gives an empty comment.
    pub fn keep_alive(&mut self) {
        self.reader.keep_alive();
    }

    /// Whether the log has been closed and all of the stream has been given.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.reader.is_ended()
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
        self.broadcast.poll_ready(&self.reader, cx)
    }
}

impl<M: RawMutex, const BYTES: usize, const READERS: usize> Drop
    for Subscription<'_, M, BYTES, READERS>
{
    fn drop(&mut self) {
        self.broadcast.leave(&mut self.reader);
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
