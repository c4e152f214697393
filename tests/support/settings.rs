//! What a reader of a stream can be told before it starts.

use crate::byte_string::ByteString;

/// The limits and options of one run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// The most bytes that an event may have: joined data, type and the id that its block carries.
    pub event_limit: usize,
    /// The most bytes that an id may have.
    pub id_limit: usize,
    /// Whether comments are items.
    pub keep_comments: bool,
    /// Whether the id of an event that was too large counts.
    pub advance_past_too_large: bool,
    /// The last event ID of the connection before.
    pub seed: ByteString,
}

impl Settings {
    /// Limits that no case reaches, and all items asked for.
    #[must_use]
    pub fn roomy() -> Self {
        Self {
            event_limit: 8192,
            id_limit: 256,
            keep_comments: true,
            advance_past_too_large: false,
            seed: ByteString::default(),
        }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, event_limit: usize, id_limit: usize) -> Self {
        Self { event_limit, id_limit, ..self }
    }
}
