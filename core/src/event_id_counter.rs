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
    /// The line, at the end of its room.
    line: [u8; EventId::MAX_LINE_LEN],
    start: usize,
}

impl EventIdCounter {
    /// Begins with this id.
    #[must_use]
    pub fn new(id: EventId) -> Self {
        let mut this = Self { id, line: [0; EventId::MAX_LINE_LEN], start: 0 };
        this.write();
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
        self.line.get(self.start..).unwrap_or_default()
    }

    /// Goes on to the next id. Behind the last there is none: it stays.
    pub fn advance(&mut self) {
        let Some(sequence) = self.id.sequence.checked_add(1) else { return };
        self.id.sequence = sequence;
        // The last byte is the line's end.
        for digit in self.line.iter_mut().rev().skip(1) {
            *digit = match *digit {
                b'z' => b'0',
                b'9' => b'a',
                // All digits were the last one: there is one digit more.
                b'-' => break,
                other => {
                    *digit = other + 1;
                    return;
                }
            };
            if *digit == b'a' {
                return;
            }
        }
        self.write();
    }

    fn write(&mut self) {
        let line = self.id.to_line();
        self.start = self.line.len() - line.len();
        self.line[self.start..].copy_from_slice(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_that_of_its_id() {
        let starts = [0, 8, 34, 1294, 46_654, u64::from(u32::MAX) - 3, u64::MAX - 40];
        for sequence in starts {
            let mut counter = EventIdCounter::new(EventId { epoch: 9, sequence });
            for step in 0..2000 {
                let id = EventId { epoch: 9, sequence: sequence.saturating_add(step) };
                assert_eq!(counter.id(), id);
                assert_eq!(counter.line(), &*id.to_line());
                counter.advance();
            }
        }
    }
}
