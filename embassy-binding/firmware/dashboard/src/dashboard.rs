//! What a dashboard publishes.

use core::cell::Cell;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_time::{Duration, Timer};
use sansse_embassy::server::Status;
use sansse_embassy::{Broadcast, Event};

use crate::line::Line;
use crate::sensor::reading;

/// How often the board looks whether readers have come or gone.
const LOOK: Duration = Duration::from_millis(250);
/// Looks from one reading to the next.
const LOOKS: u32 = 4;

/// The events of a board, and what they tell: `reading`, `button` when that is pressed, and `board`
/// when readers come and go.
#[derive(Debug)]
pub struct Dashboard<const BYTES: usize, const READERS: usize> {
    /// The log of the events.
    pub feed: Broadcast<CriticalSectionRawMutex, BYTES, READERS>,
    presses: Mutex<CriticalSectionRawMutex, Cell<u32>>,
}

/// What a `board` event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    readers: u32,
    replayed: u32,
    resets: u32,
}

impl<const BYTES: usize, const READERS: usize> Dashboard<BYTES, READERS> {
    /// One without events. It is all zeros, so it takes no flash.
    #[must_use]
    pub const fn new() -> Self {
        Self { feed: Broadcast::new(), presses: Mutex::new(Cell::new(0)) }
    }

    /// Publishes that the button was pressed.
    pub fn press(&self) -> Status {
        let presses = self.presses.lock(|presses| {
            presses.set(presses.get().wrapping_add(1));
            presses.get()
        });
        self.publish("button", Line::new().text("{\"presses\":").number(presses, 0).text("}"));
        Status::NO_CONTENT
    }

    /// Publishes a reading each second, and the board's state when that has changed.
    /// `sensor` measures, in hundredths of a degree Celsius; `note` is what the page says of it, with
    /// nothing in it that JSON would escape.
    pub async fn run(&self, note: &str, mut sensor: impl AsyncFnMut() -> i32) -> ! {
        let mut told = None;
        loop {
            for look in 0..LOOKS {
                let now = self.state();
                if told.replace(now) != Some(now) {
                    self.publish("board", &self.describe(now, note));
                }
                if look == 0 {
                    self.publish("reading", &reading(sensor().await));
                }
                Timer::after(LOOK).await;
            }
        }
    }

    fn state(&self) -> Told {
        let counts = self.feed.counts();
        Told {
            readers: self.feed.readers() as u32,
            replayed: counts.replayed,
            resets: counts.resets,
        }
    }

    fn describe(&self, state: Told, note: &str) -> Line {
        let mut line = Line::new();
        line.text("{\"readers\":")
            .number(state.readers, 0)
            .text(",\"places\":")
            .number(READERS as u32, 0)
            .text(",\"replayed\":")
            .number(state.replayed, 0)
            .text(",\"resets\":")
            .number(state.resets, 0)
            .text(",\"presses\":")
            .number(self.presses.lock(Cell::get), 0)
            .text(",\"sensor\":\"")
            .text(note)
            .text("\"}");
        line
    }

    fn publish(&self, event_type: &str, data: &Line) {
        // Types are without line breaks, and events smaller than any ring.
        let published = Event::new(data.as_str()).with_type(event_type);
        let _ = published.map(|event| self.feed.publish(&event));
    }
}

impl<const BYTES: usize, const READERS: usize> Default for Dashboard<BYTES, READERS> {
    fn default() -> Self {
        Self::new()
    }
}
