//! What any implementation has to make of a stream, however it is cut.

use crate::byte_string::ByteString;
use crate::implementation::Implementation;
use crate::oracle;
use crate::outcome::Outcome;
use crate::settings::Settings;

/// What the oracle makes of a stream, to hold implementations against.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    settings: &'a Settings,
    stream: &'a [u8],
    outcome: Outcome,
    due: Vec<usize>,
}

impl<'a> Expectation<'a> {
    /// Asks the oracle.
    #[must_use]
    pub fn of(settings: &'a Settings, stream: &'a [u8]) -> Self {
        let (outcome, due) = oracle::interpret_with_due(settings, stream);
        Self { settings, stream, outcome, due }
    }

    /// Has an implementation read the stream in these chunks.
    ///
    /// # Panics
    ///
    /// When the outcome is another, or when an item comes in another chunk than the one that ends
    /// its line.
    pub fn check(&self, implementation: &mut dyn Implementation, chunks: &[&[u8]]) {
        let reading = implementation.run(self.settings, chunks);
        let context = || {
            let lengths: Vec<_> = chunks.iter().map(|chunk| chunk.len()).collect();
            let Self { settings, stream, .. } = self;
            let (name, stream) = (implementation.name(), ByteString::from(*stream));
            format!("{name}, {settings:?}, {stream:?} in chunks of {lengths:?}")
        };
        assert_eq!(reading.outcome, self.outcome, "{}", context());
        if let Some(arrivals) = reading.arrivals {
            assert_eq!(arrivals, oracle::arrivals(&self.due, chunks), "{}", context());
        }
    }
}
