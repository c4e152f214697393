//! A run of encoded events of one topic, in one piece of memory that all readers share.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

#[cfg(feature = "gzip")]
use self::gzip::Runs;

/// Events of a topic that stand next to each other, encoded.
#[derive(Debug)]
pub(crate) struct Segment {
    events: Events,
    bytes: Bytes,
    #[cfg(feature = "gzip")]
    runs: Runs,
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
    pub(crate) fn one(sequence: u64, at: Instant, bytes: Bytes) -> Self {
        Self::new(Events::One { sequence, at }, bytes)
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
        Self::new(Events::Many(entries.into()), bytes.freeze())
    }

    fn new(events: Events, bytes: Bytes) -> Self {
        Self {
            events,
            bytes,
            #[cfg(feature = "gzip")]
            runs: Runs::default(),
        }
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
    /// The segment before this one, where the reader wants to know.
    #[cfg(feature = "gzip")]
    before: Option<Arc<Segment>>,
}

impl Piece {
    pub(crate) const fn new(segment: Arc<Segment>, from: usize, to: usize) -> Self {
        Self {
            segment,
            from,
            to,
            #[cfg(feature = "gzip")]
            before: None,
        }
    }

    /// The size of the events, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.segment.start(self.to) - self.segment.start(self.from)
    }

    /// How many events there are.
    pub(crate) const fn len(&self) -> usize {
        self.to - self.from
    }

    /// How many events there are up to a sequence.
    pub(crate) fn until(&self, sequence: u64) -> usize {
        self.segment.after(sequence).clamp(self.from, self.to) - self.from
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

#[cfg(feature = "gzip")]
mod gzip {
    //! The gzip form of events, made when it is first asked for and then shared.

    use std::ops::DerefMut;
    use std::sync::OnceLock;

    use super::{Arc, Bytes, Piece, Segment};
    use crate::gzip::Compressor;

    /// The runs of a segment's events, none of which is made before somebody wants one.
    #[derive(Debug, Default)]
    pub(super) struct Runs(OnceLock<Box<[Run]>>);

    /// An event as gzip: alone, and after the event before it in its topic.
    #[derive(Debug, Default)]
    struct Run {
        alone: OnceLock<Bytes>,
        after: OnceLock<Bytes>,
    }

    impl Runs {
        fn of(&self, segment: &Segment, index: usize) -> &Run {
            let runs = self.0.get_or_init(|| (0..segment.len()).map(|_| Run::default()).collect());
            &runs[index]
        }
    }

    /// An event of a segment.
    #[derive(Debug)]
    pub(crate) struct EventOfPiece<'a> {
        segment: &'a Segment,
        index: usize,
        before: Option<(&'a Segment, usize)>,
    }

    impl Piece {
        /// The same piece behind a segment, if that one is still held.
        pub(crate) fn behind(mut self, before: Option<Arc<Segment>>) -> Self {
            self.before = before;
            self
        }

        pub(crate) fn events(&self) -> impl Iterator<Item = EventOfPiece<'_>> {
            (self.from..self.to).map(|index| {
                let before = match (index.checked_sub(1), &self.before) {
                    (Some(before), _) => Some((&*self.segment, before)),
                    (None, Some(segment)) => Some((&**segment, segment.len() - 1)),
                    (None, None) => None,
                };
                EventOfPiece { segment: &self.segment, index, before }
            })
        }
    }

    impl EventOfPiece<'_> {
        pub(crate) fn sequence(&self) -> u64 {
            self.segment.sequence(self.index)
        }

        /// The sequence of the event before it in its topic, where that is known.
        pub(crate) fn sequence_before(&self) -> Option<u64> {
            self.before.map(|(segment, index)| segment.sequence(index))
        }

        pub(crate) fn bytes(&self) -> Bytes {
            self.segment.slice(self.index, self.index + 1)
        }

        /// The event as gzip, for readers who were sent the event before it last, or for any.
        pub(crate) fn gzip<C>(&self, is_next: bool, compressor: impl FnOnce() -> C) -> Bytes
        where
            C: DerefMut<Target = Compressor>,
        {
            let run = self.segment.runs.of(self.segment, self.index);
            let made = match self.before.filter(|_| is_next) {
                Some((segment, index)) => run.after.get_or_init(|| {
                    let before = segment.slice(index, index + 1);
                    compressor().after(&before, &self.bytes())
                }),
                None => run.alone.get_or_init(|| compressor().alone(&self.bytes())),
            };
            made.clone()
        }
    }
}
