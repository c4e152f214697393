//! Everything that claims to read event streams.

use crate::core_parsers;
use crate::outcome::Outcome;
use crate::settings::Settings;

/// One way to read an event stream.
pub trait Implementation {
    /// What a failing test calls it.
    fn name(&self) -> String;

    /// Whether it can be run with these settings.
    fn supports(&self, _settings: &Settings) -> bool {
        true
    }

    /// Reads a stream, from its first byte to its end.
    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading;
}

/// What an implementation reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the stream came to.
    pub outcome: Outcome,
    /// How many items had come out after each chunk, if the implementation can tell.
    pub arrivals: Option<Vec<usize>>,
}

/// All implementations, each of which has to pass every case.
#[must_use]
pub fn implementations() -> Vec<Box<dyn Implementation>> {
    #[cfg_attr(not(feature = "hosts"), expect(unused_mut, reason = "some need a host"))]
    let mut implementations: Vec<Box<dyn Implementation>> = vec![
        Box::new(core_parsers::Buffered { buffer: 1 }),
        Box::new(core_parsers::OverSlices),
        Box::new(core_parsers::OverArrays),
        Box::new(core_parsers::Growing),
        Box::new(core_parsers::StoppingEarly),
        Box::new(core_parsers::Cloned),
        Box::new(core_parsers::AsText { stopping_early: false }),
        Box::new(core_parsers::AsText { stopping_early: true }),
        Box::new(core_parsers::Owning),
        Box::new(core_parsers::Buffered { buffer: 3 }),
        Box::new(core_parsers::Buffered { buffer: 4096 }),
        Box::new(core_parsers::BufferedInTwoSteps { buffer: 5 }),
    ];
    #[cfg(feature = "hosts")]
    implementations.extend(crate::tokio_streams::implementations());
    implementations
}
