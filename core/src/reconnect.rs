//! When a client comes back: arithmetic, without a clock.

/// The reconnection time of a client that no server has told one, in milliseconds (9.2.2 leaves it
/// to the implementation: "probably in the region of a few seconds").
pub const DEFAULT_RECONNECTION_TIME: u64 = 3_000;

/// How a client paces its attempts, in milliseconds.
///
/// The [default](Self::STANDARD) is the standard's: each attempt comes one reconnection time after
/// the end of the one before. [`EXPONENTIAL`](Self::EXPONENTIAL) waits "some more", as the standard
/// allows, for servers that fail again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The shortest wait, whatever the server asks for, so that `retry: 0` is no busy loop.
    pub floor: u64,
    /// How far failures in a row double the reconnection time. A time that is longer by itself stays
    /// as it is.
    pub cap: u64,
    /// The longest wait that a server can ask for.
    pub longest: u64,
    /// Up to so many hundredths of the wait are added at random, at most 25. A client never comes
    /// before the time that the server asked for.
    pub jitter: u8,
}

impl Backoff {
    /// The reconnection time each time, 250 ms or more and a day at most.
    pub const STANDARD: Self = Self { floor: 250, cap: 0, longest: 24 * 60 * 60 * 1000, jitter: 0 };

    /// The reconnection time, doubled with each failure in a row up to 30 s, and up to a quarter
    /// more.
    pub const EXPONENTIAL: Self = Self { cap: 30_000, jitter: 25, ..Self::STANDARD };
}

impl Default for Backoff {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// A client's reconnection time, and how often it has failed in a row.
///
/// ```
/// use sansse::{Backoff, Reconnect};
///
/// let mut reconnect = Reconnect::new(Backoff { jitter: 0, ..Backoff::EXPONENTIAL });
/// reconnect.retry(1_000);
/// let waits = [0; 7].map(|_| reconnect.next_wait(0, 0));
/// assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
/// reconnect.proven();
/// assert_eq!(reconnect.next_wait(0, 0), 1_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconnect {
    backoff: Backoff,
    time: u64,
    failures: u32,
}

impl Reconnect {
    /// A client that has not failed yet, with the
    /// [default reconnection time](DEFAULT_RECONNECTION_TIME).
    #[must_use]
    pub const fn new(backoff: Backoff) -> Self {
        Self { backoff, time: DEFAULT_RECONNECTION_TIME, failures: 0 }
    }

    /// Takes the reconnection time over, in milliseconds, from a `retry` line or a setting.
    pub const fn retry(&mut self, milliseconds: u64) {
        self.time = milliseconds;
    }

    /// The reconnection time in milliseconds, as the server or the application gave it.
    #[must_use]
    pub const fn time(&self) -> u64 {
        self.time
    }

    /// How many attempts and streams have failed since the connection was last
    /// [proven](Self::proven) good.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The connection has shown its worth, by an event or by its age: failures count anew. That it
    /// opened shows nothing, or a server that accepts and closes would never be left in peace.
    pub const fn proven(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure; returns how many milliseconds to wait before the next attempt.
    ///
    /// * `asked`: milliseconds that the server asked for besides, by `Retry-After`; 0 if it did not.
    /// * `random`: any number of 64 random bits, for the jitter.
    pub fn next_wait(&mut self, asked: u64, random: u64) -> u64 {
        let Backoff { floor, cap, longest, jitter } = self.backoff;
        let time = self.time.min(longest).max(floor);
        let doublings = 1_u64.checked_shl(self.failures).unwrap_or(u64::MAX);
        let wait = time.saturating_mul(doublings).min(cap.max(time)).max(asked.min(longest));
        self.failures = self.failures.saturating_add(1);
        // The high half of the product: a fraction of the most that may be added, spread evenly.
        let most = u128::from(wait) * u128::from(jitter.min(25)) / 100;
        let more = u64::try_from((most * u128::from(random)) >> 64).unwrap_or(u64::MAX);
        wait.saturating_add(more)
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self::new(Backoff::STANDARD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_waits_the_reconnection_time_each_time() {
        let mut reconnect = Reconnect::default();
        assert_eq!([0; 3].map(|_| reconnect.next_wait(0, u64::MAX)), [3_000; 3]);
        assert_eq!(reconnect.failures(), 3);
        reconnect.retry(500);
        assert_eq!(reconnect.next_wait(0, 0), 500);
    }

    #[test]
    fn what_a_server_asks_for_stays_within_bounds() {
        let mut reconnect = Reconnect::default();
        // retry, Retry-After, wait
        for (time, asked, expected) in [
            (0, 0, 250),
            (0, 100, 250),
            (0, 10_000, 10_000),
            (5_000, 1_000, 5_000),
            (u64::MAX, 0, 86_400_000),
            (0, u64::MAX, 86_400_000),
        ] {
            reconnect.retry(time);
            assert_eq!(reconnect.next_wait(asked, 0), expected, "{time} {asked}");
            assert_eq!(reconnect.time(), time);
        }
    }

    #[test]
    fn waits_double_up_to_the_cap_and_never_fall_below_the_time() {
        let mut reconnect = Reconnect::new(Backoff { jitter: 0, ..Backoff::EXPONENTIAL });
        let waits = [0; 6].map(|_| reconnect.next_wait(0, 0));
        assert_eq!(waits, [3_000, 6_000, 12_000, 24_000, 30_000, 30_000]);
        reconnect.retry(40_000);
        assert_eq!(reconnect.next_wait(0, 0), 40_000);
        reconnect.retry(3);
        for _ in 0..200 {
            assert!(reconnect.next_wait(0, 0) <= 30_000);
        }
    }

    #[test]
    fn jitter_only_adds_and_at_most_a_quarter() {
        for (jitter, random, expected) in [
            (25, 0, 3_000),
            (25, u64::MAX / 2, 3_374),
            (25, u64::MAX, 3_749),
            (10, u64::MAX, 3_299),
            (200, u64::MAX, 3_749),
        ] {
            let mut reconnect = Reconnect::new(Backoff { jitter, ..Backoff::STANDARD });
            assert_eq!(reconnect.next_wait(0, random), expected, "{jitter} {random}");
        }
        let backoff = Backoff { longest: u64::MAX, ..Backoff::EXPONENTIAL };
        let mut reconnect = Reconnect::new(backoff);
        reconnect.retry(u64::MAX);
        assert_eq!(reconnect.next_wait(0, u64::MAX), u64::MAX);
    }
}
