//! A run of encoded events of one topic, in one piece of memory that all readers share.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

/// Events of a topic that stand next to each other, encoded.
#[derive(Debug)]
pub(crate) struct Segment {
    events: Events,
    bytes: Bytes,
}

/// Most segments hold one event, those that nobody has sealed yet; they should cost no more memory.
#[derive(Debug)]
enum Events {
    One { sequence: u64, at: Instant },
    Many(Box<[Entry]>),
}

#[derive(Debug)]
struct Entry {
    sequence: u64,
    at: Instant,
    /// Where its bytes end.
    end: usize,
}

impl Segment {
    /// A segment of one event.
    pub(crate) const fn one(sequence: u64, at: Instant, bytes: Bytes) -> Self {
        Self { events: Events::One { sequence, at }, bytes }
    }

    /// One segment of several that follow each other.
    pub(crate) fn sealed<'a>(segments: impl Iterator<Item = &'a Arc<Self>> + Clone) -> Self {
        let length = segments.clone().map(|segment| segment.bytes.len()).sum();
        let mut bytes = BytesMut::with_capacity(length);
        let mut entries = Vec::with_capacity(segments.clone().map(|segment| segment.len()).sum());
        for segment in segments {
            let start = bytes.len();
            bytes.extend_from_slice(&segment.bytes);
            entries.extend((0..segment.len()).map(|index| Entry {
                sequence: segment.sequence(index),
                at: segment.at(index),
                end: start + segment.end(index),
            }));
        }
        Self { events: Events::Many(entries.into()), bytes: bytes.freeze() }
    }

    /// How many events it holds.
    pub(crate) fn len(&self) -> usize {
        match &self.events {
            Events::One { .. } => 1,
            Events::Many(entries) => entries.len(),
        }
    }

    /// The size of all its events, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The sequence of an event.
    pub(crate) fn sequence(&self, index: usize) -> u64 {
        match &self.events {
            Events::One { sequence, .. } => *sequence,
            Events::Many(entries) => entries[index].sequence,
        }
    }

    /// The sequence of the last event.
    pub(crate) fn last(&self) -> u64 {
        self.sequence(self.len() - 1)
    }

    /// When an event was published.
    pub(crate) fn at(&self, index: usize) -> Instant {
        match &self.events {
            Events::One { at, .. } => *at,
            Events::Many(entries) => entries[index].at,
        }
    }

    /// The first event behind a sequence; [`len`](Self::len) where there is none.
    pub(crate) fn after(&self, sequence: u64) -> usize {
        match &self.events {
            Events::One { sequence: own, .. } => usize::from(*own <= sequence),
            Events::Many(entries) => entries.partition_point(|entry| entry.sequence <= sequence),
        }
    }

    /// How many events from `index` on have together at most `limit` bytes and sequences below
    /// `before`.
    pub(crate) fn run(&self, index: usize, limit: usize, before: u64) -> usize {
        let start = self.start(index);
        match &self.events {
            Events::One { sequence, .. } => {
                usize::from(self.bytes.len() <= limit && *sequence < before)
            }
            Events::Many(entries) => entries[index..]
                .partition_point(|entry| entry.end - start <= limit && entry.sequence < before),
        }
    }

    /// The bytes of some events that follow each other.
    pub(crate) fn slice(&self, from: usize, to: usize) -> Bytes {
        self.bytes.slice(self.start(from)..self.start(to))
    }

    fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.end(index - 1) }
    }

    fn end(&self, index: usize) -> usize {
        match &self.events {
            Events::One { .. } => self.bytes.len(),
            Events::Many(entries) => entries[index].end,
        }
    }
}

/// Some events of a segment that follow each other, for a reader.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    segment: Arc<Segment>,
    from: usize,
    to: usize,
}

impl Piece {
    pub(crate) const fn new(segment: Arc<Segment>, from: usize, to: usize) -> Self {
        Self { segment, from, to }
    }

    /// The size of the events, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.segment.start(self.to) - self.segment.start(self.from)
    }

    /// The sequence of the last event.
    pub(crate) fn last(&self) -> u64 {
        self.segment.sequence(self.to - 1)
    }

    /// The events as they stand in an event stream.
    pub(crate) fn bytes(&self) -> Bytes {
        self.segment.slice(self.from, self.to)
    }
}
