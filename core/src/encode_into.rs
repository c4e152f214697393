//! Events written to a slice of their length, in little code, and fast where the data is one line.

use crate::event::Event;
use crate::line::{CR, LF};

/// A byte less than each of this word's, in one of its bytes, shows in the highest bits of
/// `word.wrapping_sub(FLOOR) & !word`. Line ends are less; so are tabs and a few that text hardly has.
const FLOOR: u32 = u32::from_ne_bytes([FIRST; 4]);
const FIRST: u8 = CR + 1;
const HIGH: u32 = u32::from_ne_bytes([0x80; 4]);

/// What a line end in data becomes.
const NEXT_LINE: &[u8] = b"\ndata: ";

impl Event<'_> {
    /// The length on the wire without the `id` line, in bytes, if the data has no line ends. Each line
    /// end makes it up to six bytes longer.
    ///
    /// ```
    /// use sansse::Event;
    ///
    /// let event = Event::new("21.5").with_type("celsius")?;
    /// assert_eq!(event.one_line_len(), event.encoded_len());
    /// # Ok::<(), sansse::FieldError>(())
    /// ```
    #[must_use]
    pub fn one_line_len(&self) -> usize {
        let event_type = self.type_on_wire();
        let name = if event_type.is_empty() { 0 } else { b"event: \n".len() };
        name + event_type.len() + b"data: \n\n".len() + self.data().len()
    }

    /// How many bytes longer than [`one_line_len`](Self::one_line_len) the line ends of the data make
    /// the event.
    ///
    /// ```
    /// assert_eq!(sansse::Event::new("a\r\nb\nc").line_ends_len(), 5 + 6);
    /// ```
    #[must_use]
    pub fn line_ends_len(&self) -> usize {
        let mut length = 0;
        let mut after_cr = false;
        for &byte in self.data().as_bytes() {
            if byte == LF && after_cr {
                length -= 1;
            } else if matches!(byte, CR | LF) {
                length += NEXT_LINE.len() - 1;
            }
            after_cr = byte == CR;
        }
        length
    }

    /// Writes the block without its `id` line to a slice that is as long as it. False says that the
    /// slice has another length; what it holds then means nothing.
    ///
    /// Where the length is [`one_line_len`](Self::one_line_len) it takes one pass, in words.
    ///
    /// ```
    /// use sansse::Event;
    ///
    /// let mut slice = [0; 9];
    /// assert!(Event::new("x").encode_into(&mut slice));
    /// assert_eq!(&slice, b"data: x\n\n");
    /// assert!(!Event::new("\n").encode_into(&mut slice));
    /// ```
    #[must_use]
    pub fn encode_into(&self, slice: &mut [u8]) -> bool {
        let event_type = self.type_on_wire();
        let mut room = slice;
        if !event_type.is_empty() {
            let Some((name, rest)) = room.split_first_chunk_mut::<7>() else { return false };
            *name = *b"event: ";
            let Some((value, rest)) = rest.split_at_mut_checked(event_type.len()) else {
                return false;
            };
            value.copy_from_slice(event_type);
            let Some((end, rest)) = rest.split_first_mut() else { return false };
            *end = LF;
            room = rest;
        }
        let Some((name, rest)) = room.split_first_chunk_mut::<6>() else { return false };
        *name = *b"data: ";
        let Some((rest, end)) = rest.split_last_chunk_mut::<2>() else { return false };
        *end = *b"\n\n";
        let data = self.data().as_bytes();
        (rest.len() == data.len() && copy_line(data, rest)) || copy_lines(data, rest)
    }
}

/// Copies a line to a target of the same length; false as soon as it may not be one line. Words at a
/// time, wherever they lie.
fn copy_line(line: &[u8], target: &mut [u8]) -> bool {
    let (words, last) = line.as_chunks::<4>();
    let (places, last_places) = target.as_chunks_mut::<4>();
    let (pairs, words) = words.as_chunks::<2>();
    let (pair_places, places) = places.as_chunks_mut::<2>();
    for ([first, second], [first_place, second_place]) in pairs.iter().zip(pair_places) {
        let (first, second) = (u32::from_ne_bytes(*first), u32::from_ne_bytes(*second));
        if (low_bytes(first) | low_bytes(second)) & HIGH != 0 {
            return false;
        }
        *first_place = first.to_ne_bytes();
        *second_place = second.to_ne_bytes();
    }
    for (word, place) in words.iter().zip(places) {
        if low_bytes(u32::from_ne_bytes(*word)) & HIGH != 0 {
            return false;
        }
        *place = *word;
    }
    for (byte, place) in last.iter().zip(last_places) {
        if *byte < FIRST {
            return false;
        }
        *place = *byte;
    }
    true
}

fn low_bytes(word: u32) -> u32 {
    word.wrapping_sub(FLOOR) & !word
}

/// Copies lines, each behind the field's name; false when the target has another length.
fn copy_lines(data: &[u8], mut target: &mut [u8]) -> bool {
    let mut after_cr = false;
    for &byte in data {
        let one = [byte];
        let part = match byte {
            LF if after_cr => &[],
            CR | LF => NEXT_LINE,
            _ => &one[..],
        };
        after_cr = byte == CR;
        let Some((place, rest)) = target.split_at_mut_checked(part.len()) else { return false };
        place.copy_from_slice(part);
        target = rest;
    }
    target.is_empty()
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;
    use std::{format, vec};

    use super::*;

    fn check(data: &[u8]) {
        for event_type in [&b""[..], b"message", b"a b"] {
            let event = Event::from_parts(data, event_type, None).unwrap();
            let mut expected = vec![0; event.encoded_len()];
            event.encode_to_slice(&mut expected).unwrap();
            let length = event.one_line_len() + event.line_ends_len();
            let mut slice = vec![0; length];
            assert!(event.encode_into(&mut slice), "{event:?}");
            assert_eq!(slice, expected, "{event:?}");
            for other in [length - 1, length + 1] {
                assert!(!event.encode_into(&mut vec![0; other]), "{event:?}");
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
        for length in 1..40 {
            for place in 0..length {
                for around in [b' ', b'~', 0x80, 0xFF, FIRST] {
                    for byte in 0..=u8::MAX {
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
