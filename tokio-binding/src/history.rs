//! The events of one topic that can still be read.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use crate::segment::{Piece, Segment};

/// The most events that are made one segment, and from how many bytes on they are.
const SEAL_EVENTS: usize = 64;
const SEAL_BYTES: usize = 16 << 10;

/// The events of a topic in their order, as segments. What is new stands alone, one event a segment,
/// shared by all who are up to date; then many become one, so that who is behind gets them in one
/// piece and they cost no memory but their bytes.
#[derive(Debug, Default)]
pub(crate) struct History {
    segments: VecDeque<Arc<Segment>>,
    /// How many events of the first segment have been dropped.
    gone: usize,
    /// How many segments at the end stand alone, and their bytes.
    loose: (usize, usize),
    events: usize,
    bytes: usize,
}

/// Where an event stands in a history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    segment: usize,
    event: usize,
}

impl History {
    pub(crate) fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// How many events it holds.
    pub(crate) const fn len(&self) -> usize {
        self.events
    }

    /// How much memory its events take, in bytes: a segment counts until its last event is dropped.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The sequence of the oldest event and when it was published.
    pub(crate) fn oldest(&self) -> Option<(u64, Instant)> {
        let segment = self.segments.front()?;
        Some((segment.sequence(self.gone), segment.at(self.gone)))
    }

    /// The sequence of the newest event.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.segments.back().map(|segment| segment.last())
    }

    /// Adds an event. `most` is how many events and bytes the history may come to hold: a segment is
    /// a small part of it, since its memory goes only as a whole.
    pub(crate) fn push(&mut self, sequence: u64, at: Instant, block: Bytes, most: (usize, usize)) {
        let length = block.len();
        let (events, bytes) = (SEAL_EVENTS.min(most.0 / 8).max(1), SEAL_BYTES.min(most.1 / 8));
        // What is large is not copied: it stays a segment of its own.
        if length >= bytes {
            self.seal();
        }
        self.segments.push_back(Arc::new(Segment::one(sequence, at, block)));
        self.events += 1;
        self.bytes += length;
        self.loose = (self.loose.0 + 1, self.loose.1 + length);
        if self.loose.0 >= events || self.loose.1 >= bytes {
            self.seal();
        }
    }

    /// Drops the oldest event; returns its sequence and how many bytes that frees.
    pub(crate) fn drop_oldest(&mut self) -> Option<(u64, usize)> {
        let segment = self.segments.front()?;
        let sequence = segment.sequence(self.gone);
        self.gone += 1;
        self.events -= 1;
        if self.gone < segment.len() {
            return Some((sequence, 0));
        }
        let size = segment.size();
        self.segments.pop_front();
        self.gone = 0;
        self.bytes -= size;
        if self.loose.0 > self.segments.len() {
            self.loose = (self.loose.0 - 1, self.loose.1 - size);
        }
        Some((sequence, size))
    }

    /// The first event behind a sequence.
    pub(crate) fn after(&self, sequence: u64) -> Option<Place> {
        if self.newest()? <= sequence {
            return None;
        }
        let segment = self.segments.partition_point(|segment| segment.last() <= sequence);
        let event = self.segments[segment].after(sequence);
        Some(Place { segment, event: event.max(self.gone_of(segment)) })
    }

    /// The newest event up to a sequence.
    pub(crate) fn newest_until(&self, sequence: u64) -> Option<u64> {
        let newest = self.newest()?;
        if newest <= sequence {
            return Some(newest);
        }
        let place = self.after(sequence)?;
        if place.event > self.gone_of(place.segment) {
            return Some(self.segments[place.segment].sequence(place.event - 1));
        }
        let before = self.segments.get(place.segment.checked_sub(1)?)?;
        Some(before.last())
    }

    /// The sequence of the event at a place.
    pub(crate) fn sequence(&self, place: Place) -> u64 {
        self.segments[place.segment].sequence(place.event)
    }

    /// The sequences of the newest `count` events, the newest first.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = u64> {
        let events = self.segments.iter().enumerate().rev().flat_map(|(index, segment)| {
            (self.gone_of(index)..segment.len()).rev().map(|event| segment.sequence(event))
        });
        events.take(count)
    }

    /// The events from a place on, as far as they lie in one piece, have at most `limit` bytes
    /// together and sequences below `before`; with `always_one` the first whatever its size. Moves
    /// the place behind them. A piece that `looks_back` knows the event before it.
    pub(crate) fn piece(
        &self,
        place: &mut Option<Place>,
        limit: usize,
        always_one: bool,
        before: u64,
        looks_back: bool,
    ) -> Option<Piece> {
        let Place { segment: index, event } = (*place)?;
        let segment = &self.segments[index];
        let mut count = segment.run(event, limit, before);
        if count == 0 && always_one {
            count = 1;
        }
        if count == 0 {
            return None;
        }
        let end = event + count;
        *place = if end < segment.len() {
            Some(Place { segment: index, event: end })
        } else if index + 1 < self.segments.len() {
            Some(Place { segment: index + 1, event: 0 })
        } else {
            None
        };
        let piece = Piece::new(segment.clone(), event, end);
        #[cfg(feature = "gzip")]
        if looks_back && event == 0 {
            let before = index.checked_sub(1).map(|index| self.segments[index].clone());
            return Some(piece.behind(before));
        }
        let _ = looks_back;
        Some(piece)
    }

    /// How many events of a segment have been dropped.
    const fn gone_of(&self, segment: usize) -> usize {
        if segment == 0 { self.gone } else { 0 }
    }

    /// Makes one segment of those at the end that stand alone.
    fn seal(&mut self) {
        let loose = self.loose.0;
        self.loose = (0, 0);
        if loose > 1 {
            let start = self.segments.len() - loose;
            let sealed = Segment::sealed(self.segments.range(start..));
            self.segments.truncate(start);
            self.segments.push_back(Arc::new(sealed));
        }
    }
}
