//! The log: what the ring holds, and how it is written and read.

use sansse::{EventId, EventIdCounter, ResetCause, Resume, resume};

use super::Counts;
use crate::publish_error::PublishError;
use crate::stream_options::StreamOptions;

/// What is known of the ring.
///
/// Each event is two bytes with the length of its block, and then the block, in one piece. One that does
/// not fit before the ring's end is put at its start.
///
/// Places in the ring say nothing of whether what was there still is. That is told by sequences alone,
/// which for a reader come again only after 2³² events of which it has taken none.
pub(crate) struct Log {
    /// The next event's id.
    next: EventIdCounter,
    /// How many events the ring holds.
    count: u32,
    /// Where the next event goes, if it fits there.
    head: usize,
    /// Where the oldest event is, if there is one.
    tail: usize,
    /// Where the room ends that is free from the head on: at the oldest event, or the ring's end.
    end: usize,
    /// Where the ring goes on at its start: behind the last event before its end, or 0 where the
    /// events are in one piece.
    wrap: usize,
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
    /// The last event that the reader has got all of, or was told to have missed, modulo 2³².
    pub(crate) sequence: u32,
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

impl Log {
    pub(super) const fn new() -> Self {
        Self {
            next: EventIdCounter::UNSET,
            count: 0,
            head: 0,
            tail: 0,
            end: 0,
            wrap: 0,
            run: 0,
            state: State::New,
            phase: 0,
            counts: Counts { replayed: 0, resets: 0, refused: 0 },
        }
    }

    /// Begins a run, in a ring of so many bytes.
    pub(super) fn start(&mut self, epoch: u64, size: usize) {
        // Whoever reads lacks an event of the sequence between two runs, which there never was.
        let sequence = self.next.id().sequence + 1;
        self.next = EventIdCounter::new(EventId { epoch, sequence });
        (self.count, self.head, self.tail, self.end, self.wrap) = (0, 0, 0, size, 0);
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
    #[inline(never)]
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
    ) -> Result<(), PublishError> {
        self.check_open()?;
        let block = self.next.line_len() + length;
        let length = block + HEADER;
        let Ok(header) = u16::try_from(block) else { return Err(PublishError::TooLarge) };
        if length > ring.len() {
            return Err(PublishError::TooLarge);
        }
        while self.end - self.head < length {
            self.make_room(ring);
        }

        let room = ring.get_mut(self.head..self.head + length);
        let Some((count, room)) = room.and_then(<[u8]>::split_first_chunk_mut) else {
            return Err(PublishError::TooLarge);
        };
        *count = header.to_le_bytes();
        if !self.next.write(room).is_some_and(encode) {
            return Err(PublishError::Format);
        }
        self.head += length;
        self.count += 1;
        self.next.advance();
        Ok(())
    }

    /// Makes more room from the head on, or goes on at the ring's start.
    fn make_room(&mut self, ring: &[u8]) {
        if self.end < ring.len() {
            self.count -= 1;
            let next = self.tail + HEADER + usize::from(header(ring, self.tail));
            if next == self.wrap {
                // Those that are left, if there are any, are before the head.
                (self.tail, self.end, self.wrap) = (0, ring.len(), 0);
            } else {
                (self.tail, self.end) = (next, next);
            }
        } else {
            (self.wrap, self.head, self.end) = (self.head, 0, self.tail);
        }
    }

    /// Where the event is that comes behind the one at a place.
    fn behind(&self, ring: &[u8], place: usize) -> usize {
        self.place(place + HEADER + usize::from(header(ring, place)))
    }

    /// Where the event is that comes behind one that ends at a place.
    fn place(&self, end: usize) -> usize {
        if end == self.wrap { 0 } else { end }
    }

    /// The last event's sequence.
    fn last(&self) -> u64 {
        self.next.id().sequence.wrapping_sub(1)
    }

    /// The same modulo 2³².
    fn last_low(&self) -> u32 {
        low(self.last())
    }

    /// The last event's id.
    pub(super) fn last_id(&self) -> EventId {
        EventId { sequence: self.last(), ..self.next.id() }
    }

    /// The id of what a reader has got.
    pub(crate) fn id(&self, cursor: &Cursor) -> EventId {
        let lacking = self.last_low().wrapping_sub(cursor.sequence);
        let EventId { epoch, sequence } = self.last_id();
        EventId { epoch, sequence: sequence.wrapping_sub(lacking.into()) }
    }

    /// Which run this is.
    pub(crate) fn run(&self) -> u16 {
        self.run
    }

    /// A reader who has got all that there is.
    pub(crate) fn live(&self) -> Cursor {
        Cursor { sequence: self.last_low(), place: self.head, remaining: 0, run: self.run }
    }

    /// Where a reader begins. One that missed something begins live, and must be told.
    pub(crate) fn resume(
        &mut self,
        ring: &[u8],
        last_event_id: Option<&[u8]>,
        options: &StreamOptions<'_>,
        cursor: &mut Cursor,
    ) -> Option<ResetCause> {
        *cursor = self.live();
        let last = self.last();
        let dropped = last.wrapping_sub(self.count.into());
        let lacking = match resume(last_event_id, self.next.id().epoch, last, Some(dropped)) {
            Resume::Reset(cause) => return Some(cause),
            Resume::Live if options.has_history => self.count,
            Resume::Live => 0,
            Resume::From(sequence) => {
                let replayed = low(last.wrapping_sub(sequence));
                self.counts.replayed = self.counts.replayed.wrapping_add(replayed);
                replayed
            }
        };
        if lacking > 0 {
            cursor.sequence = cursor.sequence.wrapping_sub(lacking);
            cursor.place = self.tail;
            for _ in lacking..self.count {
                cursor.place = self.behind(ring, cursor.place);
            }
        }
        None
    }

    /// Copies what a reader has not got, as far as it fits, and returns how many bytes; `None` when the
    /// reader's next byte is no longer there.
    pub(crate) fn read(
        &self,
        ring: &[u8],
        cursor: &mut Cursor,
        mut out: &mut [u8],
    ) -> Option<usize> {
        let room = out.len();
        let mut at = *cursor;
        // Events of which the reader has not got all.
        let mut lacking = self.last_low().wrapping_sub(at.sequence);
        if lacking > self.count {
            return None;
        }
        while lacking > 0 && !out.is_empty() {
            if at.remaining == 0 {
                // What was behind the last event is known only as long as that is there.
                let is_oldest = lacking == self.count;
                let place = if is_oldest { self.tail } else { self.place(at.place) };
                at.remaining = header(ring, place);
                at.place = place + HEADER;
            }
            let length = usize::from(at.remaining).min(out.len());
            let (part, rest) = out.split_at_mut_checked(length)?;
            part.copy_from_slice(ring.get(at.place..)?.get(..length)?);
            out = rest;
            at.place += length;
            #[expect(clippy::cast_possible_truncation, reason = "it is no more than remains")]
            {
                at.remaining -= length as u16;
            }
            if at.remaining == 0 {
                at.sequence = at.sequence.wrapping_add(1);
                lacking -= 1;
            }
        }
        *cursor = at;
        Some(room - out.len())
    }

    /// Whether a reader lacks something: events, news of a gap, or the end.
    pub(crate) fn has_news(&self, cursor: &Cursor) -> bool {
        cursor.sequence != self.last_low() || self.state == State::Closed
    }

    /// Whether a reader has got all that there will be.
    pub(crate) fn is_at_end(&self, cursor: &Cursor) -> bool {
        self.state == State::Closed && cursor.sequence == self.last_low()
    }

    pub(crate) fn count_reset(&mut self) {
        self.counts.resets = self.counts.resets.wrapping_add(1);
    }

    pub(crate) fn count_refused(&mut self) {
        self.counts.refused = self.counts.refused.wrapping_add(1);
    }
}

impl Cursor {
    pub(crate) const NOWHERE: Self = Self { sequence: 0, place: 0, remaining: 0, run: 0 };

    pub(crate) fn is_between_events(&self) -> bool {
        self.remaining == 0
    }
}

/// The length of the block of the event at a place.
fn header(ring: &[u8], place: usize) -> u16 {
    match ring.get(place..place + HEADER).and_then(<[u8]>::first_chunk) {
        Some(header) => u16::from_le_bytes(*header),
        None => 0,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is counted modulo 2³²")]
fn low(sequence: u64) -> u32 {
    sequence as u32
}
