//! The log: what the ring holds, and how it is written and read.

use sansse::{EventId, EventIdCounter, ResetCause, Resume, resume};

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
    /// The next event's id.
    next: EventIdCounter,
    /// How many events the ring holds.
    count: u32,
    /// Where the next event goes, if it fits there.
    head: usize,
    /// Where the oldest event is, if there is one.
    tail: usize,
    run: u16,
    state: State,
    phase: u32,
    pub(super) counts: Counts,
}

/// Bytes before an event's block, which hold its length.
const HEADER: usize = 2;

/// The golden ratio's part behind the point, in units of 2⁻³². Its multiples, taken modulo 1, fill the
/// interval more evenly than those of any other number.
const GOLDEN_RATIO: u32 = 0x9E37_79B9;

/// Whether there are events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Closed,
}

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
            next: EventIdCounter::UNSET,
            count: 0,
            head: 0,
            tail: 0,
            run: 0,
            state: State::New,
            phase: 0,
            counts: Counts { replayed: 0, resets: 0, refused: 0 },
        }
    }

    pub(super) fn start(&mut self, epoch: u64) {
        // Whoever reads lacks an event of the sequence between two runs, which there never was.
        let sequence = self.next.id().sequence + 1;
        self.next = EventIdCounter::new(EventId { epoch, sequence });
        self.count = 0;
        self.run = self.run.wrapping_add(1);
        self.state = State::Open;
    }

    pub(super) fn close(&mut self) {
        if self.state == State::Open {
            self.state = State::Closed;
        }
    }

    /// Whether there are events, now or later.
    pub(crate) fn check_open(&self) -> Result<(), NotOpen> {
        match self.state {
            State::Open => Ok(()),
            State::Closed => Err(NotOpen::Closed),
            State::New => Err(NotOpen::NotStarted),
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
        encode: impl FnOnce(&mut [u8]) -> bool,
    ) -> Result<EventId, PublishError> {
        self.check_open()?;
        let block = self.next.line().len() + length;
        let length = block + HEADER;
        let Ok(header) = u16::try_from(block) else { return Err(PublishError::TooLarge) };
        if length > ring.len() {
            return Err(PublishError::TooLarge);
        }
        let place = self.make_room(ring, length);

        let room = ring.get_mut(place..).and_then(|ring| ring.get_mut(..length));
        let Some((count, room)) = room.and_then(<[u8]>::split_first_chunk_mut) else {
            return Err(PublishError::TooLarge);
        };
        *count = header.to_le_bytes();
        if !self.next.write(room).is_some_and(encode) {
            return Err(PublishError::Format);
        }
        // Not where the event is already.
        if place < self.head {
            put_header(ring, self.head, 0);
        }
        self.head = place + length;
        self.count += 1;
        let id = self.next.id();
        self.next.advance();
        Ok(id)
    }

    /// A place for so many bytes, which is no more than there are in the ring. Drops the events that are
    /// there.
    fn make_room(&mut self, ring: &[u8], length: usize) -> usize {
        while self.count > 0 {
            let end = if self.tail < self.head { ring.len() } else { self.tail };
            if end - self.head >= length {
                return self.head;
            }
            if self.tail < self.head && self.tail >= length {
                return 0;
            }
            self.tail = behind(ring, self.tail);
            self.count -= 1;
        }
        (self.head, self.tail) = (0, 0);
        0
    }

    /// The last event's sequence.
    pub(crate) fn last(&self) -> u64 {
        self.next.id().sequence.wrapping_sub(1)
    }

    /// The id of an event of this run.
    pub(crate) fn id(&self, sequence: u64) -> EventId {
        EventId { sequence, ..self.next.id() }
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
        let dropped = last.wrapping_sub(self.count.into());
        match resume(last_event_id, self.next.id().epoch, last, [dropped]) {
            Resume::Reset(cause) => return (cursor, Some(cause)),
            Resume::Live if options.has_history => cursor.sequence = dropped,
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
            for _ in dropped..cursor.sequence {
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
        // Events of which the reader has not got all.
        let mut lacking = self.last().wrapping_sub(cursor.sequence);
        if lacking > self.count.into() {
            let is_inside = cursor.remaining > 0;
            return Err(if is_inside { Gap::InsideEvent } else { Gap::BetweenEvents });
        }
        let mut filled = 0;
        while lacking > 0 && filled < out.len() {
            if cursor.remaining == 0 {
                // What was behind the last event is known only as long as that is there.
                let is_oldest = lacking == self.count.into();
                let place = if is_oldest { self.tail } else { cursor.place };
                let (place, length) = event_at(ring, place);
                cursor.remaining = length;
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
            if cursor.remaining == 0 {
                cursor.sequence += 1;
                lacking -= 1;
            }
        }
        Ok(filled)
    }

    /// Whether a reader lacks something: events, news of a gap, or the end.
    pub(crate) fn has_news(&self, cursor: &Cursor) -> bool {
        cursor.sequence != self.last() || self.state == State::Closed
    }

    /// Whether a reader has got all that there will be.
    pub(crate) fn is_at_end(&self, cursor: &Cursor) -> bool {
        self.state == State::Closed && cursor.sequence == self.last()
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

/// Writes the length of a block, where there is room for one.
fn put_header(ring: &mut [u8], place: usize, length: u16) {
    if let Some(header) = ring.get_mut(place..).and_then(<[u8]>::first_chunk_mut) {
        *header = length.to_le_bytes();
    }
}

/// Where the event is that comes behind the one at a place.
fn behind(ring: &[u8], place: usize) -> usize {
    event_at(ring, place + HEADER + usize::from(header(ring, place))).0
}

/// Where the event really is that comes at a place, and the length of its block.
fn event_at(ring: &[u8], place: usize) -> (usize, u16) {
    match header(ring, place) {
        0 => (0, header(ring, 0)),
        length => (place, length),
    }
}
