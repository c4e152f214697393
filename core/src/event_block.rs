//! Blocks written to a slice of their length, in little code, and fast where the data is one line.

use crate::event::Event;
use crate::line::{CR, FIRST, HIGH, LF, last_chunk, last_chunk_mut, low_bytes};

const EVENT: &[u8; 7] = b"event: ";
const DATA: &[u8; 6] = b"data: ";
const END: &[u8; 2] = b"\n\n";
/// What a line end in data becomes.
const NEXT_LINE: &[u8; 7] = b"\ndata: ";

/// An event's block without an `id` line, for logs that give ids and know where the event goes.
///
/// ```
/// use sansse::{Event, EventBlock};
///
/// let event = Event::new("21.5").with_type("celsius")?;
/// let block = EventBlock::new(&event);
/// let mut room = [0; 27];
/// assert_eq!(block.one_line_len(), room.len());
/// assert!(block.write(&mut room));
/// assert_eq!(&room, b"event: celsius\ndata: 21.5\n\n");
/// # Ok::<(), sansse::FieldError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EventBlock<'a> {
    /// Empty where none is told.
    event_type: &'a [u8],
    data: &'a [u8],
}

impl<'a> EventBlock<'a> {
    /// The type and the data of an event.
    #[must_use]
    pub fn new(event: &Event<'a>) -> Self {
        Self { event_type: event.type_on_wire(), data: event.data().as_bytes() }
    }

    /// The length in bytes, if the data has no line ends. Each makes it up to six bytes longer.
    #[must_use]
    pub const fn one_line_len(&self) -> usize {
        let name = if self.event_type.is_empty() { 0 } else { EVENT.len() + 1 };
        name + self.event_type.len() + DATA.len() + self.data.len() + END.len()
    }

    /// How many bytes longer than [`one_line_len`](Self::one_line_len) the line ends of the data make it.
    ///
    /// ```
    /// use sansse::{Event, EventBlock};
    ///
    /// assert_eq!(EventBlock::new(&Event::new("a\r\nb\nc")).line_ends_len(), 5 + 6);
    /// ```
    #[must_use]
    pub fn line_ends_len(&self) -> usize {
        let mut length = 0;
        let mut after_cr = false;
        for &byte in self.data {
            if byte == LF && after_cr {
                length -= 1;
            } else if matches!(byte, CR | LF) {
                length += DATA.len();
            }
            after_cr = byte == CR;
        }
        length
    }

    /// Writes the block to a slice that is as long as it. False says that the slice has another length;
    /// what it holds then means nothing.
    ///
    /// Where the length is [`one_line_len`](Self::one_line_len) it takes one pass, in words.
    #[must_use]
    #[inline(never)]
    pub fn write(&self, slice: &mut [u8]) -> bool {
        let mut room = slice;
        if !self.event_type.is_empty() {
            let Some((name, rest)) = room.split_first_chunk_mut() else { return false };
            *name = *EVENT;
            let Some((value, rest)) = rest.split_at_mut_checked(self.event_type.len()) else {
                return false;
            };
            copy_name(self.event_type, value);
            let Some((end, rest)) = rest.split_first_mut() else { return false };
            *end = LF;
            room = rest;
        }
        let Some((name, rest)) = room.split_first_chunk_mut() else { return false };
        *name = *DATA;
        let Some((rest, end)) = rest.split_last_chunk_mut() else { return false };
        *end = *END;
        (rest.len() == self.data.len() && copy_line(self.data, rest)) || copy_lines(self.data, rest)
    }
}

/// Copies a line to a target of its length; false where it may not be one line. A word at a time,
/// wherever it lies, of which the last may lie over the one before.
#[inline(always)]
fn copy_line(line: &[u8], target: &mut [u8]) -> bool {
    let Some(target) = target.get_mut(..line.len()) else { return false };
    let (Some(last), Some(last_place)) = (last_chunk(line), last_chunk_mut(target)) else {
        return line.iter().zip(target).all(|(byte, place)| {
            *place = *byte;
            *byte >= FIRST
        });
    };
    *last_place = *last;
    if is_low(*last) {
        return false;
    }
    for (word, place) in line.as_chunks().0.iter().zip(target.as_chunks_mut().0) {
        *place = *word;
        if is_low(*word) {
            return false;
        }
    }
    true
}

/// Whether one of the bytes may be a line end.
#[inline(always)]
fn is_low(word: [u8; 4]) -> bool {
    low_bytes(u32::from_ne_bytes(word)) & HIGH != 0
}

/// Copies a name to a target of its length: those of a usual length as two words, which takes no call.
#[inline(always)]
fn copy_name(name: &[u8], target: &mut [u8]) {
    if let (4..=8, Some(first), Some(last)) = (name.len(), name.first_chunk(), last_chunk(name)) {
        if let Some(place) = target.first_chunk_mut::<4>() {
            *place = *first;
        }
        if let Some(place) = last_chunk_mut::<4>(target) {
            *place = *last;
        }
    } else {
        target.copy_from_slice(name);
    }
}

/// Copies lines, each behind the field's name; false when the target has another length.
fn copy_lines(data: &[u8], target: &mut [u8]) -> bool {
    let mut places = target.iter_mut();
    let mut after_cr = false;
    for byte in data {
        let part = match *byte {
            LF if after_cr => &[],
            CR | LF => &NEXT_LINE[..],
            _ => core::slice::from_ref(byte),
        };
        after_cr = *byte == CR;
        for byte in part {
            let Some(place) = places.next() else { return false };
            *place = *byte;
        }
    }
    places.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;
    use std::{format, vec};

    use super::*;

    fn check(data: &[u8]) {
        for event_type in [&b""[..], b"message", b"a b", b"a\tb"] {
            let event = Event::from_parts(data, event_type, None).unwrap();
            let mut expected = vec![0; event.encoded_len()];
            event.encode_to_slice(&mut expected).unwrap();
            let block = EventBlock::new(&event);
            let length = block.one_line_len() + block.line_ends_len();
            let mut slice = vec![0; length];
            assert!(block.write(&mut slice), "{event:?}");
            assert_eq!(slice, expected, "{event:?}");
            for other in [length - 1, length + 1] {
                assert!(!block.write(&mut vec![0; other]), "{event:?}");
            }
        }
    }

    #[test]
    fn events_are_encoded_as_they_always_are() {
        for length in 0..70 {
            check(&vec![b'x'; length]);
        }
        // All that four bytes can be that make a difference, and long lines around them.
        let bytes = [b'x', b'\r', b'\n', b'\t'];
        for word in 0..256_usize {
            let middle: Vec<u8> = (0..4).map(|place| bytes[word >> (2 * place) & 3]).collect();
            check(&middle);
            let long =
                format!("{}{}{}", "y".repeat(17), str::from_utf8(&middle).unwrap(), "z".repeat(9));
            check(long.as_bytes());
        }
    }

    #[test]
    fn no_line_end_is_missed() {
        const NEAR: &[u8] = &[0, b'\n', b'\r', FIRST - 1, FIRST, 0x7F, 0x80, u8::MAX];
        let all: Vec<u8> = (0..=u8::MAX).collect();
        // All of them would take an interpreter a quarter of an hour.
        let (lengths, bytes) = if cfg!(miri) { (14..19, NEAR) } else { (1..40, &*all) };
        for length in lengths {
            for place in 0..length {
                for around in [b' ', b'~', 0x80, 0xFF, FIRST] {
                    for &byte in bytes {
                        let mut data = vec![around; length];
                        data[place] = byte;
                        let is_done = copy_line(&data, &mut vec![0; length]);
                        assert_eq!(is_done, byte >= FIRST, "{byte} at {place} of {length}");
                    }
                }
            }
        }
    }
}
