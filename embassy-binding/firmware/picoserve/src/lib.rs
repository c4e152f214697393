//! What the dashboard's firmware and the least one on picoserve share.

#![no_std]

use core::cell::Cell;

use dashboard::Line;
use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::pubsub::{PubSubChannel, WaitResult};
use embassy_time::{Duration, with_timeout};
use picoserve::response::sse::{EventSource, EventWriter};
use picoserve::{Config, Timeouts};

/// Events that a reader may be behind.
const QUEUE: usize = 8;

/// An event on its way to the readers.
#[derive(Clone, Debug)]
struct Published {
    event_type: &'static str,
    data: Line,
}

/// What is published, as users of picoserve do it: a queue for all, which each reader formats.
pub struct Feed<const READERS: usize> {
    queue: PubSubChannel<CriticalSectionRawMutex, Published, QUEUE, READERS, 0>,
    readers: Mutex<CriticalSectionRawMutex, Cell<u32>>,
}

impl<const READERS: usize> Feed<READERS> {
    /// One without events.
    #[must_use]
    pub const fn new() -> Self {
        Self { queue: PubSubChannel::new(), readers: Mutex::new(Cell::new(0)) }
    }

    /// Publishes an event.
    pub fn publish(&self, event_type: &'static str, data: Line) {
        self.queue.immediate_publisher().publish_immediate(Published { event_type, data });
    }

    /// How many read now.
    pub fn readers(&self) -> u32 {
        self.readers.lock(Cell::get)
    }

    fn count(&self, change: i32) {
        self.readers.lock(|readers| readers.set(readers.get().wrapping_add_signed(change)));
    }
}

impl<const READERS: usize> Default for Feed<READERS> {
    fn default() -> Self {
        Self::new()
    }
}

/// A reader of a feed.
pub struct Reader<const READERS: usize>(pub &'static Feed<READERS>);

impl<const READERS: usize> EventSource for Reader<READERS> {
    async fn write_events<W: picoserve::io::Write>(
        self,
        mut writer: EventWriter<'_, W>,
    ) -> Result<(), W::Error> {
        // Without a place, the stream ends, and the browser comes back.
        let Ok(mut subscriber) = self.0.queue.subscriber() else { return Ok(()) };
        self.0.count(1);
        let _place = Place(self.0);
        loop {
            match with_timeout(Duration::from_secs(15), subscriber.next_message()).await {
                Ok(WaitResult::Message(event)) => {
                    writer.write_event(event.event_type, event.data.as_str()).await?;
                    writer.flush().await?;
                }
                Ok(WaitResult::Lagged(_)) => {}
                Err(_) => writer.write_keepalive().await?,
            }
        }
    }
}

/// Counts down, whatever ends the stream.
struct Place<const READERS: usize>(&'static Feed<READERS>);

impl<const READERS: usize> Drop for Place<READERS> {
    fn drop(&mut self) {
        self.0.count(-1);
    }
}

/// As much time as the other one gives.
pub static CONFIG: Config = Config::new(Timeouts {
    start_read_request: Duration::from_secs(5),
    persistent_start_read_request: Duration::from_secs(1),
    read_request: Duration::from_secs(5),
    write: Duration::from_secs(10),
});
