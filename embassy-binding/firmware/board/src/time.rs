//! Time in microseconds: `SysTick` counts, and a timer of the board's wakes.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};
use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;

/// What the processor and the timers of the boards run at.
pub const CYCLES_PER_MICROSECOND: u32 = 25;
/// `SysTick` has 24 bits: two rounds a second.
const MICROSECONDS_PER_ROUND: u32 = 500_000;
const CYCLES_PER_ROUND: u32 = MICROSECONDS_PER_ROUND * CYCLES_PER_MICROSECOND;
/// An alarm further away is set again.
const LONGEST_ALARM: u64 = 60_000_000;

/// Has an alarm come in so many cycles.
type SetAlarm = fn(u32);

time_driver_impl!(static CLOCK: Clock = Clock {
    rounds: Mutex::new(Cell::new(0)),
    queue: Mutex::new(RefCell::new(Queue::new())),
    set_alarm: Mutex::new(Cell::new(None)),
});

struct Clock {
    /// How often `SysTick` has begun anew.
    rounds: Mutex<Cell<u32>>,
    queue: Mutex<RefCell<Queue>>,
    set_alarm: Mutex<Cell<Option<SetAlarm>>>,
}

/// Starts the clock. The processor has to run at [`CYCLES_PER_MICROSECOND`]. `set_alarm` has the
/// board call [`alarm`] from an interrupt in so many cycles, in the place of the alarm before.
pub fn start(mut systick: SYST, set_alarm: SetAlarm) {
    critical_section::with(|section| CLOCK.set_alarm.borrow(section).set(Some(set_alarm)));
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(CYCLES_PER_ROUND - 1);
    systick.clear_current();
    systick.enable_counter();
    systick.enable_interrupt();
}

/// Cycles since the current round has begun, of which there are two a second.
#[must_use]
pub fn cycles() -> u32 {
    (CYCLES_PER_ROUND - SYST::get_current()) % CYCLES_PER_ROUND
}

/// Cycles since there were so many, which is less than a round ago.
#[must_use]
pub fn cycles_since(start: u32) -> u32 {
    (cycles() + CYCLES_PER_ROUND - start) % CYCLES_PER_ROUND
}

/// Wakes whose time has come.
pub fn alarm() {
    critical_section::with(|section| CLOCK.wake(section));
}

impl Clock {
    #[inline(never)]
    fn microseconds(&self, section: CriticalSection<'_>) -> u64 {
        let mut left = SYST::get_current();
        let mut rounds = self.rounds.borrow(section).get();
        // A round that has ended while interrupts wait is not counted yet.
        if SCB::is_pendst_pending() {
            left = SYST::get_current();
            rounds += 1;
        }
        // The interrupt comes with 0, which is where a round begins.
        let elapsed = (CYCLES_PER_ROUND - left) % CYCLES_PER_ROUND / CYCLES_PER_MICROSECOND;
        u64::from(rounds) * u64::from(MICROSECONDS_PER_ROUND) + u64::from(elapsed)
    }

    fn wake(&self, section: CriticalSection<'_>) {
        let now = self.microseconds(section);
        let next = self.queue.borrow_ref_mut(section).next_expiration(now);
        if next == u64::MAX {
            return;
        }
        if let Some(set_alarm) = self.set_alarm.borrow(section).get() {
            let microseconds = next.saturating_sub(now).clamp(1, LONGEST_ALARM);
            set_alarm(microseconds as u32 * CYCLES_PER_MICROSECOND);
        }
    }
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(|section| self.microseconds(section))
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| {
            if self.queue.borrow_ref_mut(section).schedule_wake(at, waker) {
                self.wake(section);
            }
        });
    }
}

#[exception]
fn SysTick() {
    critical_section::with(|section| {
        let rounds = CLOCK.rounds.borrow(section);
        rounds.set(rounds.get() + 1);
    });
}
