//! One log of events, and all who read it.

mod log;

use core::cell::RefCell;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;
use sansse::{Encoder, Event, EventBlock, EventId, Length, Sink, SliceSink};

pub(crate) use self::log::{Cursor, Log, NotOpen};
use crate::publish_error::PublishError;
use crate::reader::Reader;
use crate::stream_options::StreamOptions;
use crate::subscription::{Overtaken, SubscribeError, Subscription};

/// A log of events in a ring of `BYTES`, read by up to `READERS` at once.
///
/// It is a `static`, all zeros until it is used, so it takes no flash. Events are encoded once,
/// straight into the ring, with ids of the log's; a reader is a place in it. Who was away is given what
/// it missed by its `Last-Event-ID`, as long as the ring holds it, and is told where it does not.
///
/// `M` says who may publish: with
/// [`CriticalSectionRawMutex`](embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex) any task and
/// any interrupt, with [`ThreadModeRawMutex`](embassy_sync::blocking_mutex::raw) any task of a single
/// core. Publishing never waits. It holds the lock while it copies the event into the ring, and a reader
/// while it copies what fits its socket's buffer out of it.
///
/// An event takes two bytes of the ring besides its form on the wire, which has an `id` line.
///
/// ```
/// use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
/// use sansse_embassy::{Broadcast, Event};
///
/// static FEED: Broadcast<CriticalSectionRawMutex, 4096, 4> = Broadcast::new();
///
/// FEED.start(0x5EED); // from a random number generator, or counted in flash
/// FEED.publish(&Event::new("21.5").with_type("celsius")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Broadcast<M: RawMutex, const BYTES: usize, const READERS: usize> {
    shared: Mutex<M, RefCell<Shared<BYTES, READERS>>>,
}

/// What the lock guards.
#[repr(C)]
pub(crate) struct Shared<const BYTES: usize, const READERS: usize> {
    log: Log,
    /// How many read.
    readers: usize,
    /// Who waits for what comes next, from the first place on. A reader that has gone may still be there.
    waiting: [Option<Waker>; READERS],
    /// Who waits for the last reader to go.
    drained: Option<Waker>,
    ring: [u8; BYTES],
}

/// How many times as long as if its data were one line an event may be, with its `id` line and the two
/// bytes before it.
const WORST_CASE: usize = 12;

/// What a [`Broadcast`] has done since the start of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Counts {
    /// Events that readers were given who came back for them.
    pub replayed: u32,
    /// Readers who were told that they missed something.
    pub resets: u32,
    /// Readers who were sent away because all places were taken.
    pub refused: u32,
}

impl<M: RawMutex, const BYTES: usize, const READERS: usize> Broadcast<M, BYTES, READERS> {
    /// An empty log, which takes events from [`start`](Self::start) on.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(BYTES > 0 && READERS > 0 && READERS < 256) }
        Self {
            shared: Mutex::new(RefCell::new(Shared {
                log: Log::new(),
                readers: 0,
                waiting: [const { None }; READERS],
                drained: None,
                ring: [0; BYTES],
            })),
        }
    }

    /// Begins a run of the log. Its ids carry the epoch, so that one from another run is recognised and
    /// its reader told (law 12): take a number that no earlier run had, out of a random number
    /// generator, the time, or a counter in flash.
    ///
    /// A log that runs or has been closed begins anew: its history is gone, and its readers are told.
    pub fn start(&self, epoch: u64) {
        self.with((), |shared| {
            shared.log.start(epoch, BYTES);
            shared.wake_readers();
        });
    }

    /// Publishes an event, and returns the id that it was given.
    ///
    /// # Errors
    ///
    /// When the log has not been started or is closed, when the event brings an id, or when it is
    /// larger than the ring. No reader notices then.
    pub fn publish(&self, event: &Event<'_>) -> Result<EventId, PublishError> {
        if event.id().is_some() {
            return Err(PublishError::CarriesId);
        }
        let block = EventBlock::new(event);
        self.append(|shared| shared.append_block(&block))
    }

    /// Publishes an event whose data `format` writes, straight into the ring. It is called twice, first
    /// to learn the length, and has to write the same each time. An empty type is `message`.
    ///
    /// ```
    /// # use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
    /// # use sansse_embassy::Broadcast;
    /// # static FEED: Broadcast<CriticalSectionRawMutex, 4096, 4> = Broadcast::new();
    /// # FEED.start(1);
    /// let celsius = 21.5;
    /// FEED.publish_with("reading", |data| write!(data, "{{\"celsius\":{celsius}}}"))?;
    /// # Ok::<(), sansse_embassy::PublishError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); and when the type holds a line break, or `format` fails, writes
    /// something else the second time, or publishes an event itself.
    pub fn publish_with(
        &self,
        event_type: &str,
        format: impl Fn(&mut dyn fmt::Write) -> fmt::Result,
    ) -> Result<EventId, PublishError> {
        Event::new("").with_type(event_type)?;
        let mut length = Length::default();
        if !encode_with(&mut length, event_type, &format) {
            return Err(PublishError::Format);
        }
        self.append(|shared| {
            shared.log.append(&mut shared.ring, length.bytes(), |room| {
                let length = room.len();
                let mut sink = SliceSink::new(room);
                encode_with(&mut sink, event_type, &format) && sink.written().len() == length
            })
        })
    }

    /// Follows the log, behind the event that `last_event_id` names, or from now on.
    ///
    /// This is for servers of other libraries; [`serve`](crate::server::serve) does it by itself.
    ///
    /// # Errors
    ///
    /// When the log has not been started or is closed, or when all places are taken. A browser must be
    /// told by [`come_back`](Self::come_back) then, since it gives up for good on any status but 200
    /// (law 15).
    pub fn subscribe<'a>(
        &'a self,
        last_event_id: Option<&[u8]>,
        options: &'a StreamOptions<'a>,
    ) -> Result<Subscription<'a, M, BYTES, READERS>, SubscribeError> {
        Subscription::new(self, last_event_id, options)
    }

    /// Milliseconds after which a reader who is sent away may come back: the reconnection time and a
    /// part of the spread, another for each.
    pub fn come_back(&self, options: &StreamOptions<'_>) -> u32 {
        self.with(options.retry, |shared| shared.log.come_back(options))
    }

    /// Closes the log: it takes no events any more, and each reader gets what it lacks, a reconnection
    /// time of its own, and the end of its stream (law 14). [`start`](Self::start) opens it anew.
    pub fn close(&self) {
        self.with((), |shared| {
            shared.log.close();
            shared.wake_readers();
        });
    }

    /// Waits until nobody reads. After [`close`](Self::close) that takes no longer than the write
    /// deadline of the server, so a device can restart then.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped and called again. Only one task may wait at a time.
    pub async fn drained(&self) {
        poll_fn(|cx| {
            self.with(Poll::Pending, |shared| {
                if shared.readers == 0 {
                    return Poll::Ready(());
                }
                register(&mut shared.drained, cx.waker());
                Poll::Pending
            })
        })
        .await;
    }

    /// How many read now.
    pub fn readers(&self) -> usize {
        self.with(0, |shared| shared.readers)
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.with(Counts::default(), |shared| shared.log.counts)
    }

    /// Adds an event, and says which id it has.
    fn append(
        &self,
        add: impl FnOnce(&mut Shared<BYTES, READERS>) -> Result<(), PublishError>,
    ) -> Result<EventId, PublishError> {
        self.with(Err(PublishError::Nested), |shared| {
            add(shared)?;
            shared.wake_readers();
            Ok(shared.log.last_id())
        })
    }

    /// Has a reader follow the log; where it cannot, it is told when to come back.
    #[inline(never)]
    pub(crate) fn open(
        &self,
        reader: &mut Reader,
        last_event_id: Option<&[u8]>,
        options: &StreamOptions<'_>,
    ) -> Result<(), SubscribeError> {
        reader.send_away(options.retry);
        self.with(Err(SubscribeError::Nested), |shared| {
            let taken = shared.take_place();
            if taken.is_ok() {
                reader.has_place = true;
                reader.begin(&mut shared.log, &shared.ring, last_event_id, options);
            } else {
                reader.send_away(shared.log.come_back(options));
            }
            taken
        })
    }

    /// Gives the place back that a reader has.
    #[inline(never)]
    pub(crate) fn leave(&self, reader: &mut Reader) {
        if reader.has_place {
            reader.has_place = false;
            self.with((), Shared::free_place);
        }
    }

    /// [`Subscription::fill`].
    pub(crate) fn fill(
        &self,
        reader: &mut Reader,
        options: &StreamOptions<'_>,
        out: &mut [u8],
    ) -> Result<usize, Overtaken> {
        self.with(Ok(0), |shared| reader.fill(&mut shared.log, &shared.ring, options, out))
    }

    /// [`Subscription::poll_ready`].
    pub(crate) fn poll_ready(&self, reader: &Reader, cx: &mut Context<'_>) -> Poll<()> {
        if reader.is_told() {
            return Poll::Ready(());
        }
        self.with(Poll::Pending, |shared| {
            if shared.log.has_news(&reader.cursor) {
                return Poll::Ready(());
            }
            shared.register(cx.waker());
            Poll::Pending
        })
    }

    /// Does something under the lock, unless that is held by a caller of this call.
    fn with<R>(&self, nested: R, f: impl FnOnce(&mut Shared<BYTES, READERS>) -> R) -> R {
        self.shared.lock(|shared| match shared.try_borrow_mut() {
            Ok(mut shared) => f(&mut shared),
            Err(_) => nested,
        })
    }
}

impl<M: RawMutex, const BYTES: usize, const READERS: usize> Default
    for Broadcast<M, BYTES, READERS>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<M: RawMutex, const BYTES: usize, const READERS: usize> fmt::Debug
    for Broadcast<M, BYTES, READERS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("bytes", &BYTES)
            .field("places", &READERS)
            .field("readers", &self.readers())
            .finish_non_exhaustive()
    }
}

impl<const BYTES: usize, const READERS: usize> Shared<BYTES, READERS> {
    /// Adds an event.
    fn append_block(&mut self, block: &EventBlock<'_>) -> Result<(), PublishError> {
        let one_line = block.one_line_len();
        let mut length = one_line;
        // Room is made before the data is looked at, so that it is read once; unless all the room there
        // is might not be enough.
        if length > BYTES / WORST_CASE {
            length += block.line_ends_len();
        }
        loop {
            let added = self.log.append(&mut self.ring, length, |room| block.write(room));
            if added != Err(PublishError::Format) || length != one_line {
                return added;
            }
            length += block.line_ends_len().max(1);
        }
    }

    fn take_place(&mut self) -> Result<(), SubscribeError> {
        self.log.check_open()?;
        if self.readers >= READERS {
            self.log.count_refused();
            return Err(SubscribeError::Full);
        }
        self.readers += 1;
        Ok(())
    }

    fn free_place(&mut self) {
        self.readers -= 1;
        if self.readers == 0
            && let Some(waker) = self.drained.take()
        {
            waker.wake();
        }
    }

    /// Has a task woken by what comes next.
    #[inline(never)]
    fn register(&mut self, waker: &Waker) {
        loop {
            for place in &mut self.waiting {
                match place {
                    Some(known) if known.will_wake(waker) => return,
                    Some(_) => {}
                    None => {
                        *place = Some(waker.clone());
                        return;
                    }
                }
            }
            // Some are of readers that have gone. The others come back.
            self.wake_all();
        }
    }

    #[inline(always)]
    fn wake_readers(&mut self) {
        if let Some(Some(_)) = self.waiting.first() {
            self.wake_all();
        }
    }

    #[inline(never)]
    fn wake_all(&mut self) {
        for place in &mut self.waiting {
            let Some(waker) = place.take() else { break };
            waker.wake();
        }
    }
}

fn register(place: &mut Option<Waker>, waker: &Waker) {
    if !place.as_ref().is_some_and(|known| known.will_wake(waker)) {
        *place = Some(waker.clone());
    }
}

/// Whether the formatting was well.
fn encode_with<S: Sink>(
    sink: &mut S,
    event_type: &str,
    format: &impl Fn(&mut dyn fmt::Write) -> fmt::Result,
) -> bool {
    Encoder::new(sink).event_with(event_type, None, |data| format(data)).is_ok()
}
