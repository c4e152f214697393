//! Events whose data is one line, as most are on small machines: in one pass, in little code.

use crate::event::Event;

/// A byte less than each of this word's, in one of its bytes, shows in the highest bits of
/// `word.wrapping_sub(FLOOR) & !word`. Line ends are less; so are tabs and a few that text hardly has.
const FLOOR: u32 = u32::from_ne_bytes([FIRST; 4]);
const FIRST: u8 = b'\r' + 1;
const HIGH: u32 = u32::from_ne_bytes([0x80; 4]);

impl Event<'_> {
    /// The length on the wire, in bytes, if the data is one line; no more in no case than six bytes less
    /// for each byte of the data.
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
        let field = |value: &[u8], rest| if value.is_empty() { 0 } else { value.len() + rest };
        let id = self.id().map_or(0, |id| id.len() + b"id: \n".len());
        field(self.type_on_wire(), b"event: \n".len())
            + id
            + b"data: \n\n".len()
            + self.data().len()
    }

    /// Writes the block to a slice of [`one_line_len`](Self::one_line_len) bytes, in one pass. False says
    /// that the data holds line breaks, or control characters that look like them, or that the slice has
    /// another length; what the slice holds then means nothing, and [`encode`](Self::encode) does it.
    ///
    /// ```
    /// use sansse::Event;
    ///
    /// let mut slice = [0; 9];
    /// assert!(Event::new("x").encode_one_line(&mut slice));
    /// assert_eq!(&slice, b"data: x\n\n");
    /// assert!(!Event::new("\n").encode_one_line(&mut slice));
    /// ```
    #[must_use]
    pub fn encode_one_line(&self, slice: &mut [u8]) -> bool {
        let mut room = slice;
        let (event_type, data) = (self.type_on_wire(), self.data().as_bytes());
        let head = [
            (&b"event: "[..], event_type, !event_type.is_empty()),
            (b"id: ", self.id().map_or(b"", |id| id.as_bytes()), self.id().is_some()),
        ];
        for (name, value, is_there) in head {
            if is_there {
                let parts = [name, value, b"\n"];
                for part in parts {
                    let Some((start, rest)) = room.split_at_mut_checked(part.len()) else {
                        return false;
                    };
                    start.copy_from_slice(part);
                    room = rest;
                }
            }
        }
        let Some((name, rest)) = room.split_first_chunk_mut::<6>() else { return false };
        *name = *b"data: ";
        let Some((rest, end)) = rest.split_last_chunk_mut::<2>() else { return false };
        *end = *b"\n\n";
        rest.len() == data.len() && copy_line(data, rest)
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

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn what_is_one_line_is_encoded_as_it_always_is() {
        for length in 0..70 {
            let data = vec![b'x'; length];
            for event_type in [&b""[..], b"message", b"a b"] {
                for id in [None, Some(&b""[..]), Some(b"7")] {
                    let event = Event::from_parts(&data, event_type, id).unwrap();
                    let mut expected = vec![0; event.encoded_len()];
                    event.encode_to_slice(&mut expected).unwrap();
                    let mut slice = vec![0; event.one_line_len()];
                    assert!(event.encode_one_line(&mut slice), "{event:?}");
                    assert_eq!(slice, expected, "{event:?}");
                    for other in [slice.len() - 1, slice.len() + 1] {
                        assert!(!event.encode_one_line(&mut vec![0; other]), "{event:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_line_end_is_missed_and_no_byte_of_text_taken_for_one() {
        for length in 1..40 {
            for place in 0..length {
                for around in [b' ', b'~', 0x80, 0xFF, FIRST] {
                    for byte in 0..=u8::MAX {
                        let mut data = vec![around; length];
                        data[place] = byte;
                        let event = Event::from_parts(&data, b"", None).unwrap();
                        let is_done = event.encode_one_line(&mut vec![0; event.one_line_len()]);
                        assert_eq!(is_done, byte >= FIRST, "{byte} at {place} of {length}");
                    }
                }
            }
        }
    }
}
