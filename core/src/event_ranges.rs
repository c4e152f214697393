//! Where an event lies in its chunk.

use core::ops::Range;

/// Where the parts of an event lie in its chunk, for adapters whose events share the chunk's bytes; see
/// [`ChunkParser::event_ranges`](crate::ChunkParser::event_ranges).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventRanges {
    /// The data, which is one line.
    pub data: Range<usize>,
    /// The type; empty where the block named none, or an empty one: then it is `message`.
    pub event_type: Range<usize>,
    /// The id that the event's own block carries.
    pub id: Option<Range<usize>>,
}
