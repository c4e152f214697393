//! The log: what the ring holds, and how it is written and read.

use sansse::{EventId, EventIdCounter, ResetCause, Resume, has_fallen_behind, resume};

use super::Counts;
use crate::publish_error::PublishError;
use crate::stream_options::StreamOptions;

/// What is known of the ring.
///
/// Each event is two bytes with the length of its block, and then the block, in one piece. One that does
/// not fit before the ring's end is put at its start, and a length of 0 says so where there is room
/// for one.
///
/// Places in the ring say nothing of whether what was there still is. That is told by sequences alone,
/// which never come again.
pub(crate) struct Log {
    /// The next event's id. None before the start.
    next: Option<EventIdCounter>,
    /// The sequence of the last event that was dropped.
    dropped: u64,
    /// Where the next event goes, if it fits there.
    head: usize,
    /// Where the oldest event is, if there is one.
    tail: usize,
    /// Which run this is.
    run: u16,
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
    /// The last event that the reader has got all of, or was told to have missed.
    pub(crate) sequence: u64,
    /// Where its next byte is.
    place: usize,
    /// Bytes that the event which it is in the middle of still has; 0 between two events.
    remaining: u16,
    /// The run that it reads.
    pub(crate) run: u16,
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
            dropped: 0,
            head: 0,
            tail: 0,
            run: 0,
            is_closed: false,
            phase: 0,
            counts: Counts { replayed: 0, resets: 0, refused: 0 },
        }
    }

    pub(super) fn start(&mut self, epoch: u64) {
        // Whoever reads lacks an event of this sequence, which there never was.
        self.dropped = match &self.next {
            Some(next) => next.id().sequence,
            None => 0,
        };
        self.next = Some(EventIdCounter::new(EventId { epoch, sequence: self.dropped + 1 }));
        self.run = self.run.wrapping_add(1);
        self.is_closed = false;
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    /// Whether there are events, now or later.
    pub(crate) fn check_open(&self) -> Result<(), NotOpen> {
        match (&self.next, self.is_closed) {
            (None, _) => Err(NotOpen::NotStarted),
            (Some(_), true) => Err(NotOpen::Closed),
            (Some(_), false) => Ok(()),
        }
    }

    /// Milliseconds after which a reader who is sent away may come back.
    pub(crate) fn come_back(&mut self, options: &StreamOptions<'_>) -> u32 {
        self.phase = self.phase.wrapping_add(GOLDEN_RATIO);
        let part = (u64::from(self.phase) * u64::from(options.spread)) >> 32;
        options.retry.saturating_add(u32::try_from(part).unwrap_or(u32::MAX))
    }

    /// Adds an event whose block has so many bytes behind its `id` line, which `encode` writes; where it
    /// says that it cannot, nothing is added. The oldest events make room.
    pub(super) fn append(
        &mut self,
        ring: &mut [u8],
        length: usize,
        encode: &mut dyn FnMut(&mut [u8]) -> bool,
    ) -> Result<EventId, PublishError> {
        self.check_open()?;
        let Some(next) = &self.next else { return Err(PublishError::NotStarted) };
        let start = HEADER + next.line().len();
        let Some(length) = start.checked_add(length).filter(|length| *length <= ring.len()) else {
            return Err(PublishError::TooLarge);
        };
        let Ok(header) = u16::try_from(length - HEADER) else { return Err(PublishError::TooLarge) };
        let place = self.make_room(ring, length);

        let Some(next) = &mut self.next else { return Err(PublishError::NotStarted) };
        let id = next.id();
        let Some((head, block)) =
            ring.get_mut(place..place + length).and_then(|room| room.split_at_mut_checked(start))
        else {
            return Err(PublishError::TooLarge);
        };
        if !encode(block) {
            return Err(PublishError::Format);
        }
        let (count, line) = head.split_at_mut(HEADER);
        count.copy_from_slice(&header.to_le_bytes());
        line.copy_from_slice(next.line());
        next.advance();
        // Not where the event is already.
        if place < self.head
            && let Some(count) = ring.get_mut(self.head..self.head + HEADER)
        {
            count.copy_from_slice(&[0; HEADER]);
        }
        self.head = place + length;
        Ok(id)
    }

    /// A place for so many bytes, which is no more than there are in the ring. Drops the events that are
    /// there.
    fn make_room(&mut self, ring: &[u8], length: usize) -> usize {
        loop {
            if self.dropped == self.last() {
                (self.head, self.tail) = (0, 0);
                return 0;
            }
            let end = if self.tail < self.head { ring.len() } else { self.tail };
            if end - self.head >= length {
                return self.head;
            }
            if self.tail < self.head && self.tail >= length {
                return 0;
            }
            self.tail = behind(ring, self.tail);
            self.dropped += 1;
        }
    }

    /// The last event's sequence.
    pub(crate) fn last(&self) -> u64 {
        match &self.next {
            Some(next) => next.id().sequence - 1,
            None => 0,
        }
    }

    /// The id of an event of this run.
    pub(crate) fn id(&self, sequence: u64) -> EventId {
        let epoch = self.next.as_ref().map_or(0, |next| next.id().epoch);
        EventId { epoch, sequence }
    }

    /// Which run this is.
    pub(crate) fn run(&self) -> u16 {
        self.run
    }

    /// A reader who has got all that there is.
    pub(crate) fn live(&self) -> Cursor {
        Cursor { sequence: self.last(), place: self.head, remaining: 0, run: self.run }
    }

    /// Where a reader begins. One that missed something begins live, and must be told.
    pub(crate) fn resume(
        &mut self,
        ring: &[u8],
        last_event_id: Option<&[u8]>,
        options: &StreamOptions<'_>,
    ) -> (Cursor, Option<ResetCause>) {
        let mut cursor = self.live();
        let last = cursor.sequence;
        let epoch = self.id(0).epoch;
        match resume(last_event_id, epoch, last, [self.dropped]) {
            Resume::Reset(cause) => return (cursor, Some(cause)),
            Resume::Live if options.has_history => cursor.sequence = self.dropped,
            Resume::Live => {}
            Resume::From(sequence) => {
                cursor.sequence = sequence;
                #[expect(clippy::cast_possible_truncation, reason = "it is counted modulo 2³²")]
                let replayed = (last - sequence) as u32;
                self.counts.replayed = self.counts.replayed.wrapping_add(replayed);
            }
        }
        if cursor.sequence != last {
            cursor.place = self.tail;
            for _ in self.dropped..cursor.sequence {
                cursor.place = behind(ring, cursor.place);
            }
        }
        (cursor, None)
    }

    /// Copies what a reader has not got, as far as it fits, and returns how many bytes.
    pub(crate) fn read(
        &self,
        ring: &[u8],
        cursor: &mut Cursor,
        out: &mut [u8],
    ) -> Result<usize, Gap> {
        if has_fallen_behind(cursor.sequence, [self.dropped]) {
            let is_inside = cursor.remaining > 0;
            return Err(if is_inside { Gap::InsideEvent } else { Gap::BetweenEvents });
        }
        let mut filled = 0;
        while filled < out.len() {
            if cursor.remaining == 0 {
                if cursor.sequence == self.last() {
                    break;
                }
                // What was behind the last event is known only as long as that is there.
                let place = if cursor.sequence == self.dropped {
                    self.tail
                } else {
                    settle(ring, cursor.place)
                };
                cursor.remaining = header(ring, place);
                cursor.place = place + HEADER;
            }
            let length = usize::from(cursor.remaining).min(out.len() - filled);
            let Some(bytes) = ring.get(cursor.place..cursor.place + length) else { break };
            out[filled..filled + length].copy_from_slice(bytes);
            filled += length;
            cursor.place += length;
            #[expect(clippy::cast_possible_truncation, reason = "it is no more than remains")]
            {
                cursor.remaining -= length as u16;
            }
            cursor.sequence += u64::from(cursor.remaining == 0);
        }
        Ok(filled)
    }

    /// Whether a reader lacks something: events, news of a gap, or the end.
    pub(crate) fn has_news(&self, cursor: &Cursor) -> bool {
        cursor.sequence != self.last() || self.is_closed
    }

    /// Whether a reader has got all that there will be.
    pub(crate) fn is_at_end(&self, cursor: &Cursor) -> bool {
        self.is_closed && cursor.sequence == self.last()
    }

    pub(crate) fn count_reset(&mut self) {
        self.counts.resets = self.counts.resets.wrapping_add(1);
    }

    pub(crate) fn count_refused(&mut self) {
        self.counts.refused = self.counts.refused.wrapping_add(1);
    }
}

impl Cursor {
    pub(crate) fn is_between_events(&self) -> bool {
        self.remaining == 0
    }
}

/// The length of the block of the event at a place; 0 where none is.
fn header(ring: &[u8], place: usize) -> u16 {
    match ring.get(place..).and_then(<[u8]>::first_chunk) {
        Some(header) => u16::from_le_bytes(*header),
        None => 0,
    }
}

/// Where the event is that comes behind the one at a place.
fn behind(ring: &[u8], place: usize) -> usize {
    settle(ring, place + HEADER + usize::from(header(ring, place)))
}

/// Where the event really is that comes at a place.
fn settle(ring: &[u8], place: usize) -> usize {
    if header(ring, place) == 0 { 0 } else { place }
}
