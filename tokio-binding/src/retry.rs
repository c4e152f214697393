//! Reconnection times that keep clients apart.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The golden ratio's part behind the point, in units of 2⁻⁶⁴. Its multiples, taken modulo 1, fill
/// the interval more evenly than those of any other number.
const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;

/// The reconnection times of many clients, spread evenly from a base on.
///
/// Clients that are sent away together must not come back together. The times are not random but
/// follow each other at the golden ratio, so each run of them is even: of those who leave at one
/// moment, hardly more than the mean come back in any second, and never more than twice as many and
/// two. Where the spread is zero, all times are the base.
///
/// A clone goes on with the same sequence, so that all its users together keep what is promised.
///
/// ```
/// use std::time::Duration;
/// use sansse_tokio::Retry;
///
/// let retry = Retry::new(Duration::from_secs(5)).spread(Duration::from_secs(10));
/// assert!((5_000..15_000).contains(&retry.next()));
/// ```
#[derive(Clone, Debug)]
pub struct Retry {
    base: u64,
    spread: u64,
    phase: Arc<AtomicU64>,
}

impl Retry {
    /// Always this time, until there is a [`spread`](Self::spread). It counts in milliseconds.
    #[must_use]
    pub fn new(base: Duration) -> Self {
        // A random start keeps the servers of a fleet apart from each other.
        let phase = RandomState::new().hash_one(());
        Self { base: milliseconds(base), spread: 0, phase: Arc::new(AtomicU64::new(phase)) }
    }

    /// Spreads the times over so long a while behind the base.
    #[must_use]
    pub fn spread(mut self, spread: Duration) -> Self {
        self.spread = milliseconds(spread);
        self
    }

    /// The next client's reconnection time, in milliseconds: at least the base, and less than base
    /// and spread together.
    #[must_use]
    pub fn next(&self) -> u64 {
        let phase = self.phase.fetch_add(GOLDEN_RATIO, Ordering::Relaxed);
        let offset = (u128::from(phase) * u128::from(self.spread)) >> 64;
        self.base.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stay_within_their_bounds() {
        let fixed = Retry::new(Duration::from_millis(1500));
        assert_eq!([fixed.next(), fixed.next()], [1500, 1500]);

        let retry = Retry::new(Duration::from_secs(2)).spread(Duration::from_secs(3));
        retry.phase.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(retry.next(), 4_999);
        retry.phase.store(0, Ordering::Relaxed);
        assert_eq!(retry.next(), 2_000);
        assert_eq!(retry.next(), 2_000 + 1_854);

        let longest = Retry::new(Duration::MAX).spread(Duration::MAX);
        assert_eq!([longest.next(), longest.next()], [u64::MAX, u64::MAX]);
    }

    #[test]
    fn clones_share_a_sequence_and_others_do_not() {
        let retry = Retry::new(Duration::ZERO).spread(Duration::from_secs(1 << 40));
        let clone = retry.clone();
        assert_ne!(retry.next(), clone.next());
        let other = Retry::new(Duration::ZERO).spread(Duration::from_secs(1 << 40));
        assert_ne!(other.next(), retry.next());
    }
}
