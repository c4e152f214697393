//! What measures, and how that is told.

use embassy_time::Instant;

use crate::line::Line;

/// A thermometer that makes its readings up, the same in every run.
#[derive(Debug)]
pub struct Sensor {
    /// What it wanders around with, in hundredths of a degree.
    drift: i32,
    random: u32,
    count: u32,
}

/// What it is on average, in hundredths of a degree Celsius.
const MEAN: i32 = 2150;
/// Readings from one peak to the next.
const PERIOD: i32 = 96;

impl Sensor {
    /// One that begins at its first reading.
    #[must_use]
    pub const fn new() -> Self {
        Self { drift: 0, random: 0x5eed, count: 0 }
    }

    /// The next reading, in hundredths of a degree Celsius: a slow wave with some noise.
    pub fn read(&mut self) -> i32 {
        // A linear congruential generator, whose upper bits are good enough for noise.
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (self.random >> 24) as i32 % 13 - 6;
        self.drift += noise - self.drift / 8;
        let phase = (self.count % PERIOD as u32) as i32;
        self.count = self.count.wrapping_add(1);
        // Two parabolas, nearly a sine.
        let half = PERIOD / 2;
        let place = phase % half;
        let height = place * (half - place) / 4;
        let wave = if phase < half { height } else { -height };
        MEAN + wave + self.drift
    }
}

impl Default for Sensor {
    fn default() -> Self {
        Self::new()
    }
}

/// What a `reading` event tells, of hundredths of a degree Celsius.
#[must_use]
pub fn reading(hundredths: i32) -> Line {
    let tenths = Instant::now().as_millis() / 100;
    let mut line = Line::new();
    line.text(if hundredths < 0 { "{\"celsius\":-" } else { "{\"celsius\":" })
        .number(hundredths.unsigned_abs(), 2)
        .text(",\"uptime\":")
        .number(tenths as u32, 1)
        .text("}");
    line
}
