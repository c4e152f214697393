//! What all encoders have in common.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// An event to encode. Its parts live as long as the program, since some encoders keep them.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What it is called in the tables.
    pub name: &'static str,
    /// Its type, if it is not `message`.
    pub event_type: Option<&'static str>,
    /// Its id.
    pub id: Option<&'static str>,
    /// Its data.
    pub data: &'static str,
}

impl Shape {
    /// 240 bytes on the wire, many lines, and a small event that has all parts.
    #[must_use]
    pub fn all() -> [Self; 3] {
        let one_line = "x".repeat(232).leak();
        let lines = vec!["x".repeat(60); 20].join("\n").leak();
        [
            Self { name: "240B", event_type: None, id: None, data: one_line },
            Self { name: "20x60B", event_type: None, id: None, data: lines },
            Self {
                name: "type+id+11B",
                event_type: Some("tick"),
                id: Some("7f3a-21"),
                data: "{\"ok\":true}",
            },
        ]
    }
}

/// An encoder that can be timed and judged.
pub trait Encoder {
    /// The crate, as it is called in the tables.
    fn name(&self) -> &'static str;

    /// Encodes an event so many times, and says how long that took.
    fn time(&mut self, shape: &Shape, times: u32) -> Duration;

    /// The event on the wire.
    fn encode(&mut self, shape: &Shape) -> Vec<u8>;
}

/// How one crate is used. What it builds in `Default` is not timed.
pub trait EncoderAdapter: Default {
    /// The crate, as it is called in the tables.
    const NAME: &'static str;

    /// Encodes an event so many times, and says how long that took. What goes before the encoding
    /// of an event and could be done once for many, as making the event, need not be timed.
    fn run(&mut self, shape: &Shape, times: u32, wire: &mut impl FnMut(&[u8])) -> Duration;
}

impl<A: EncoderAdapter> Encoder for A {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn time(&mut self, shape: &Shape, times: u32) -> Duration {
        self.run(shape, times, &mut |wire| {
            black_box(wire);
        })
    }

    fn encode(&mut self, shape: &Shape) -> Vec<u8> {
        let mut encoded = Vec::new();
        self.run(shape, 1, &mut |wire| encoded.extend_from_slice(wire));
        encoded
    }
}

/// Times a piece of work that is done so often.
pub(crate) fn repeat(times: u32, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        work();
    }
    start.elapsed()
}

/// Times work that uses up what it is given: a few clones at a time are made beforehand, few enough
/// to stay in the nearest cache.
pub(crate) fn repeat_with<T: Clone>(times: u32, item: &T, mut work: impl FnMut(T)) -> Duration {
    const BATCH: u32 = 64;
    let mut items = Vec::new();
    let mut time = Duration::ZERO;
    let mut left = times;
    while left > 0 {
        let batch = left.min(BATCH);
        left -= batch;
        items.extend((0..batch).map(|_| item.clone()));
        let start = Instant::now();
        items.drain(..).for_each(&mut work);
        time += start.elapsed();
    }
    time
}
