//! The ids of a log that are given one after the other.

use crate::event_id::EventId;

/// The next id that a log gives, with its line ready to be copied.
///
/// A log that gives every id writes many lines, each of which differs from the one before by a digit.
/// Counting in the text itself costs a few instructions, where [`EventId::to_line`] divides twice for
/// each digit.
///
/// ```
/// use sansse::{EventId, EventIdCounter};
///
/// let mut next = EventIdCounter::new(EventId { epoch: 35, sequence: 35 });
/// assert_eq!(next.line(), b"id: z-z\n");
/// next.advance();
/// assert_eq!(next.line(), b"id: z-10\n");
/// assert_eq!(next.id(), EventId { epoch: 35, sequence: 36 });
/// ```
#[derive(Clone, Debug)]
pub struct EventIdCounter {
    id: EventId,
    line: [u8; EventId::MAX_LINE_LEN],
    length: usize,
}

impl EventIdCounter {
    /// One that has not begun: its line is empty.
    pub const UNSET: Self =
        Self { id: EventId { epoch: 0, sequence: 0 }, line: [0; EventId::MAX_LINE_LEN], length: 0 };

    /// Begins with this id.
    #[must_use]
    pub fn new(id: EventId) -> Self {
        let mut this = Self { id, ..Self::UNSET };
        this.write_anew();
        this
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// Its line, as [`EventId::to_line`] has it.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        self.line.get(..self.length).unwrap_or_default()
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn line_len(&self) -> usize {
        self.length
    }

    /// Writes the line to the start of a slice, and returns what is behind it, of which the first bytes
    /// mean nothing any more; `None` when the slice is shorter than the line, or than 16 bytes, which no
    /// event with a line is.
    pub fn write<'a>(&self, slice: &'a mut [u8]) -> Option<&'a mut [u8]> {
        // Most lines have no more than four words, which take no loop.
        let words = self.line.as_chunks::<4>().0;
        let [first, second, third, fourth, ..] = slice.as_chunks_mut::<4>().0 else { return None };
        *first = words[0];
        *second = words[1];
        *third = words[2];
        *fourth = words[3];
        if self.length > 16 {
            slice.get_mut(16..self.length)?.copy_from_slice(self.line.get(16..self.length)?);
        }
        slice.get_mut(self.length..)
    }

    /// Goes on to the next id. Behind the last there is none: it stays.
    pub fn advance(&mut self) {
        let sequence = self.id.sequence;
        // A sum of 32 bits is cheaper where registers have no more, and nearly always enough.
        #[expect(clippy::cast_possible_truncation, reason = "the rest is put back")]
        let low = sequence as u32;
        self.id.sequence = match low.checked_add(1) {
            Some(low) => sequence & !u64::from(u32::MAX) | u64::from(low),
            None if sequence == u64::MAX => return,
            None => sequence + 1,
        };
        // The last byte is the line's end.
        match self.line.get_mut(self.length.wrapping_sub(2)) {
            Some(digit) if !matches!(*digit, b'9' | b'z') => *digit += 1,
            _ => self.carry(),
        }
    }

    /// Counts on where the last digit is not just one more.
    fn carry(&mut self) {
        let mut place = self.length.wrapping_sub(1);
        loop {
            place = place.wrapping_sub(1);
            let Some(digit) = self.line.get_mut(place) else { break };
            match *digit {
                b'z' => *digit = b'0',
                b'9' => {
                    *digit = b'a';
                    return;
                }
                // All digits were the last one: there is one digit more.
                b'-' => break,
                other => {
                    *digit = other + 1;
                    return;
                }
            }
        }
        self.write_anew();
    }

    #[inline(never)]
    fn write_anew(&mut self) {
        let line = self.id.to_line();
        self.length = line.len();
        for (place, byte) in self.line.iter_mut().zip(&*line) {
            *place = *byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn each_line_is_that_of_its_id() {
        let starts = [0, 8, 34, 1294, 46_654, u64::from(u32::MAX) - 3, u64::MAX - 40];
        for sequence in starts {
            let mut counter = EventIdCounter::new(EventId { epoch: 9, sequence });
            for step in 0..if cfg!(miri) { 40 } else { 2000 } {
                let id = EventId { epoch: 9, sequence: sequence.saturating_add(step) };
                assert_eq!(counter.id(), id);
                assert_eq!(counter.line(), &*id.to_line());
                for room in [8, 9, 40] {
                    let mut slice = [b'x'; 80];
                    let slice = &mut slice[..counter.line().len() + room];
                    let rest = counter.write(slice).map(|rest| rest.len());
                    assert_eq!((rest, &slice[..slice.len() - room]), (Some(room), counter.line()));
                }
                assert!(counter.write(&mut vec![0; counter.line().len() - 1]).is_none());
                assert!(counter.write(&mut [0; 15]).is_none());
                counter.advance();
            }
        }
    }
}
