//! When readers come back: a reconnection time, spread so that they do not come all at once.

use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A reconnection time that differs from reader to reader: at least `base`, and up to `spread` more.
///
/// The times are spread evenly rather than by chance: of any number of readers that are told one
/// after the other, in no second come back more than twice as many as in the mean.
///
/// ```
/// use std::time::Duration;
/// use sansse_tokio::{Hub, Retry};
///
/// let retry = Retry::new(Duration::from_secs(2)).spread(Duration::from_secs(1));
/// let hub = Hub::builder().retry(retry).build();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    base: Duration,
    spread: Duration,
}

impl Retry {
    /// The same time for all.
    #[must_use]
    pub const fn new(base: Duration) -> Self {
        Self { base, spread: Duration::ZERO }
    }

    /// Up to so much more.
    #[must_use]
    pub const fn spread(mut self, spread: Duration) -> Self {
        self.spread = spread;
        self
    }

    /// The time that the reader with this number is told, in milliseconds.
    #[must_use]
    pub fn milliseconds(&self, number: u64) -> u64 {
        // Multiples of the golden ratio, as fractions of 2^64, fall evenly: each one into a largest
        // gap that those before it left.
        const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;
        let fraction = u128::from(number.wrapping_mul(GOLDEN_RATIO));
        let share = (whole_milliseconds(self.spread) as u128 * fraction) >> 64;
        let base = whole_milliseconds(self.base);
        base.saturating_add(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

impl From<Duration> for Retry {
    fn from(base: Duration) -> Self {
        Self::new(base)
    }
}

fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The number of each reader that is told when to come back.
#[derive(Debug, Default)]
pub(crate) struct Numbers(AtomicU64);

impl Numbers {
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_no_second_come_twice_the_mean() {
        for (seconds, readers) in [(1, 1), (2, 10), (5, 100), (10, 1000), (60, 10_000), (7, 12_345)]
        {
            let retry = Retry::new(Duration::from_secs(1)).spread(Duration::from_secs(seconds));
            for first in [0, 1, 77, 1 << 40, u64::MAX - 5] {
                let mut counts = vec![0_u64; usize::try_from(seconds).unwrap()];
                for number in 0..readers {
                    let time = retry.milliseconds(u64::wrapping_add(first, number));
                    assert!((1000..1000 + seconds * 1000).contains(&time), "{time}");
                    counts[usize::try_from(time / 1000 - 1).unwrap()] += 1;
                }
                let most = counts.into_iter().max().unwrap();
                assert!(
                    most <= (2 * readers).div_ceil(seconds),
                    "{readers} in {seconds} s: {most}"
                );
            }
        }
    }

    #[test]
    fn without_a_spread_all_times_are_the_same() {
        let retry = Retry::new(Duration::from_millis(1500));
        assert!((0..100).all(|number| retry.milliseconds(number) == 1500));
        assert_eq!(Retry::new(Duration::MAX).milliseconds(7), u64::MAX);
    }
}
