//! The clock.

use std::time::{Duration, Instant};

/// So often everybody has a turn, unless its samples take long.
const ROUNDS: u32 = 21;
/// A sample repeats its work until it lasts so many seconds.
const SAMPLE: f64 = 300e-6;
/// About the most seconds that all samples of one participant may take.
const BUDGET: f64 = 0.2;

/// Does a piece of work so many times and says how long that took.
pub(crate) type Participant<'a> = Box<dyn FnMut(u32) -> Duration + 'a>;

/// A participant whose work is this.
pub(crate) fn repeat<'a>(mut work: impl FnMut() + 'a) -> Participant<'a> {
    Box::new(move |times| {
        let start = Instant::now();
        for _ in 0..times {
            work();
        }
        start.elapsed()
    })
}

/// The seconds that each needs to do its work once: the best of several samples, taken in turns, so
/// that what disturbs the machine disturbs all.
pub(crate) fn run(participants: &mut [Participant<'_>]) -> Vec<f64> {
    let mut lanes: Vec<_> = participants.iter_mut().map(Lane::new).collect();
    for round in 0..ROUNDS {
        for lane in &mut lanes {
            if round % lane.every == 0 {
                lane.sample();
            }
        }
    }
    lanes.into_iter().map(|lane| lane.best).collect()
}

/// A participant and how it does.
struct Lane<'p, 'a> {
    participant: &'p mut Participant<'a>,
    /// How often it does its work in one sample.
    times: u32,
    /// It has a turn each so many rounds.
    every: u32,
    best: f64,
}

impl<'p, 'a> Lane<'p, 'a> {
    /// Warms up, and finds how long a sample is and how many can be afforded.
    fn new(participant: &'p mut Participant<'a>) -> Self {
        let mut lane = Self { participant, times: 1, every: 1, best: f64::INFINITY };
        // The first one finds cold caches, so that more is needed than it says.
        for _ in 0..3 {
            lane.sample();
            while lane.times < 1 << 24 && f64::from(lane.times) * lane.best < SAMPLE {
                lane.times *= 2;
            }
        }
        let sample = f64::from(lane.times) * lane.best;
        while lane.every < ROUNDS && f64::from(ROUNDS / lane.every) * sample > BUDGET {
            lane.every += 1;
        }
        lane
    }

    fn sample(&mut self) {
        let seconds = (self.participant)(self.times).as_secs_f64() / f64::from(self.times);
        self.best = self.best.min(seconds);
    }
}
