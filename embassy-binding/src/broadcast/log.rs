//! The log: what the ring holds, and how it is written and read.

use sansse::{EventId, EventIdCounter, Resume, Sink, resume};

use super::Counts;
use super::ring::{self, RingSink};
use crate::publish_error::PublishError;
use crate::stream_options::StreamOptions;

/// What is known of the ring.
///
/// Positions count bytes since the program began, so that one that has been overwritten is never
/// taken for a newer one. Each event is two bytes with its length and then its block.
pub(crate) struct Log {
    /// The next event's id. None before the start.
    next: Option<EventIdCounter>,
    /// Where the next event goes,
    head: u64,
    /// and its index in the ring.
    head_index: usize,
    /// Where the oldest event is.
    tail: u64,
    /// The sequence of the last event that was dropped.
    dropped: u64,
    is_closed: bool,
    phase: u32,
    pub(super) counts: Counts,
}

/// Bytes before an event's block, which hold its length.
const HEADER: usize = 2;

/// The golden ratio's part behind the point, in units of 2⁻³². Its multiples, taken modulo 1, fill the
/// interval more evenly than those of any other number.
const GOLDEN_RATIO: u32 = 0x9E37_79B9;

/// How far a reader has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    /// The next byte.
    position: u64,
    /// Bytes that the event at the position still has; 0 between two events.
    remaining: u16,
    /// The last event that the reader has got, or was told to have missed.
    pub(crate) id: EventId,
}

impl Cursor {
    pub(crate) fn is_between_events(&self) -> bool {
        self.remaining == 0
    }
}

/// Why there are no events.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotOpen {
    NotStarted,
    Closed,
}

/// The reader's next byte is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    BetweenEvents,
    InsideEvent,
}

impl Log {
    pub(super) const fn new() -> Self {
        Self {
            next: None,
            head: 0,
            head_index: 0,
            tail: 0,
            dropped: 0,
            is_closed: false,
            phase: 0,
            counts: Counts { replayed: 0, resets: 0, refused: 0 },
        }
    }

    pub(super) fn start(&mut self, epoch: u64) {
        self.next = Some(EventIdCounter::new(EventId { epoch, sequence: 1 }));
        // No position of the run before is one of this.
        self.head += 1;
        self.tail = self.head;
        self.dropped = 0;
        self.is_closed = false;
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    /// Whether there are events, now or later.
    pub(crate) fn check_open(&self) -> Result<(), NotOpen> {
        if self.next.is_none() {
            Err(NotOpen::NotStarted)
        } else if self.is_closed {
            Err(NotOpen::Closed)
        } else {
            Ok(())
        }
    }

    pub(crate) fn come_back(&mut self, options: &StreamOptions<'_>) -> u32 {
        self.phase = self.phase.wrapping_add(GOLDEN_RATIO);
        let part = (u64::from(self.phase) * u64::from(options.spread)) >> 32;
        options.retry.saturating_add(u32::try_from(part).unwrap_or(u32::MAX))
    }

    /// Writes an event whose block has so many bytes without its `id` line. The oldest events make
    /// room for it.
    pub(super) fn append(
        &mut self,
        ring: &mut [u8],
        length: usize,
        encode: impl FnOnce(&mut RingSink<'_>) -> Result<(), PublishError>,
    ) -> Result<EventId, PublishError> {
        self.check_open()?;
        let Some(next) = &self.next else { return Err(PublishError::NotStarted) };
        let block = length.saturating_add(next.line().len());
        let taken = block.saturating_add(HEADER);
        let Ok(header) = u16::try_from(block) else { return Err(PublishError::TooLarge) };
        if taken > ring.len() {
            return Err(PublishError::TooLarge);
        }
        while ring.len() - distance(self.tail, self.head) < taken {
            self.drop_oldest(ring);
        }
        let Some(next) = &mut self.next else { return Err(PublishError::NotStarted) };
        let mut sink = RingSink::new(ring, self.head_index, taken);
        let id = next.id();
        sink.put(&header.to_le_bytes()).map_err(|_| PublishError::Format)?;
        sink.put(next.line()).map_err(|_| PublishError::Format)?;
        encode(&mut sink)?;
        self.head_index = sink.end().ok_or(PublishError::Format)?;
        self.head += taken as u64;
        next.advance();
        Ok(id)
    }

    fn drop_oldest(&mut self, ring: &[u8]) {
        self.tail += (HEADER + self.block_len(ring, self.tail)) as u64;
        self.dropped += 1;
    }

    /// The length of the block of the event at a position.
    fn block_len(&self, ring: &[u8], position: u64) -> usize {
        let mut header = [0; HEADER];
        ring::read(ring, self.index(ring, position), &mut header);
        usize::from(u16::from_le_bytes(header))
    }

    /// Where a position is in the ring.
    fn index(&self, ring: &[u8], position: u64) -> usize {
        let distance = distance(position, self.head);
        let index = self.head_index.wrapping_sub(distance);
        if distance > self.head_index { index.wrapping_add(ring.len()) } else { index }
    }

    /// The last event's id.
    fn last(&self) -> EventId {
        match &self.next {
            Some(next) => EventId { sequence: next.id().sequence - 1, ..next.id() },
            None => EventId { epoch: 0, sequence: 0 },
        }
    }

    /// A reader who has got all that there is.
    pub(crate) fn live(&self) -> Cursor {
        Cursor { position: self.head, remaining: 0, id: self.last() }
    }

    /// Where a reader begins. One that missed something begins live, and must be told.
    pub(crate) fn resume(&mut self, ring: &[u8], last_event_id: Option<&[u8]>) -> (Resume, Cursor) {
        let mut cursor = self.live();
        let last = cursor.id;
        let decision = resume(last_event_id, last.epoch, last.sequence, [self.dropped]);
        if let Resume::From(sequence) = decision {
            let replayed = last.sequence - sequence;
            self.counts.replayed =
                self.counts.replayed.wrapping_add(u32::try_from(replayed).unwrap_or(u32::MAX));
            cursor.id.sequence = sequence;
            if replayed > 0 {
                cursor.position = self.tail;
                for _ in self.dropped..sequence {
                    cursor.position += (HEADER + self.block_len(ring, cursor.position)) as u64;
                }
            }
        }
        (decision, cursor)
    }

    /// Copies what a reader has not got, as far as it fits, and returns how many bytes.
    pub(crate) fn read(
        &self,
        ring: &[u8],
        cursor: &mut Cursor,
        mut out: &mut [u8],
    ) -> Result<usize, Gap> {
        if cursor.position < self.tail {
            let is_inside = cursor.remaining > 0;
            return Err(if is_inside { Gap::InsideEvent } else { Gap::BetweenEvents });
        }
        let room = out.len();
        while !out.is_empty() {
            if cursor.remaining == 0 {
                if cursor.position == self.head {
                    break;
                }
                let length = self.block_len(ring, cursor.position);
                cursor.remaining = u16::try_from(length).unwrap_or(u16::MAX);
                cursor.position += HEADER as u64;
            }
            let length = usize::from(cursor.remaining).min(out.len());
            let (part, rest) = out.split_at_mut(length);
            ring::read(ring, self.index(ring, cursor.position), part);
            out = rest;
            cursor.position += length as u64;
            cursor.remaining -= u16::try_from(length).unwrap_or(cursor.remaining);
            cursor.id.sequence += u64::from(cursor.remaining == 0);
        }
        Ok(room - out.len())
    }

    /// Whether a reader lacks something: events, news of a gap, or the end.
    pub(crate) fn has_news(&self, cursor: &Cursor) -> bool {
        cursor.position != self.head || self.is_closed
    }

    /// Whether there will be no more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether nothing has happened that the reader does not know of.
    pub(crate) fn is_at_head(&self, cursor: &Cursor) -> bool {
        cursor.position == self.head
    }

    pub(crate) fn count_reset(&mut self) {
        self.counts.resets = self.counts.resets.wrapping_add(1);
    }

    pub(crate) fn count_refused(&mut self) {
        self.counts.refused = self.counts.refused.wrapping_add(1);
    }
}

/// Bytes between two positions of one ring.
fn distance(from: u64, to: u64) -> usize {
    usize::try_from(to - from).unwrap_or(usize::MAX)
}
