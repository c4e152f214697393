//! The items of one chunk, for who wants text.

use crate::checked::Checked;
use crate::item::Item;
use crate::items::Items;
use crate::storage::Storage;

/// So many bytes are checked at once: few enough to be in the nearest cache still when they are read.
const WINDOW: usize = 8192;

/// So many of them are left when the next ones are checked. An event that is no longer lies in what was
/// checked as a whole. (A longer one takes so long that a check of its own does not matter.)
const LEFT: usize = 1024;

/// The items of a chunk that a [`Parser`](crate::Parser) was fed by
/// [`feed_text`](crate::Parser::feed_text): the same as [`Items`] gives, and their text costs less.
///
/// To find that a short value is UTF-8 takes as long as to parse its event. So the chunk is checked some
/// KiB at a time, and [`Text::to_str`](crate::Text::to_str) returns pieces of that. What lies elsewhere
/// is checked by itself when it is asked for, as ever: values that came in several chunks or lines, an
/// id of an earlier block, the first event of a chunk, which may be its only one, unless the chunk is short
/// and begins with a type or an id, events of more than 1 KiB, and events beside bytes that are not UTF-8.
#[derive(Debug)]
pub struct TextItems<'p, 'c, E, I> {
    items: Items<'p, 'c, E, I>,
    checked: Checked<'c>,
    /// From here on, the next bytes are to be checked before they are read.
    check_from: usize,
}

impl<'p, 'c, E: Storage, I: Storage> TextItems<'p, 'c, E, I> {
    #[inline(always)]
    pub(crate) fn new(items: Items<'p, 'c, E, I>) -> Self {
        let chunk = items.chunk();
        if begins_with_short_values(chunk) {
            return Self { items, checked: Checked::start_of(chunk), check_from: usize::MAX };
        }
        Self { items, checked: Checked::NOTHING, check_from: 1 }
    }

    /// The next item; `None` when all of the chunk has been read.
    #[inline(always)]
    #[expect(clippy::should_implement_trait, reason = "the item borrows the iterator")]
    pub fn next(&mut self) -> Option<Item<'_>> {
        self.advance();
        self.item()
    }

    /// Reads to the next item, and says whether there is one. With [`item`](Self::item) this is
    /// [`next`](Self::next) in two steps, for loops that return what they find.
    #[inline(always)]
    pub fn advance(&mut self) -> bool {
        let (chunk, start) = (self.items.chunk(), self.items.consumed());
        if start >= self.check_from && start < chunk.len() {
            (self.checked, self.check_from) = check(chunk, start, self.check_from);
        }
        self.items.advance()
    }

    /// The item that [`advance`](Self::advance) came to.
    #[inline(always)]
    #[must_use]
    pub fn item(&self) -> Option<Item<'_>> {
        self.items.item_in(Some(&self.checked))
    }

    /// How many bytes of the chunk have been read; see [`Items::consumed`].
    #[must_use]
    pub const fn consumed(&self) -> usize {
        self.items.consumed()
    }
}

/// Whether a chunk is short and begins with a type or an id, behind which mostly come data: to check
/// several values one by one takes longer than to check all of it at once.
#[inline(always)]
fn begins_with_short_values(chunk: &[u8]) -> bool {
    matches!(chunk, [b'e' | b'i', ..]) && chunk.len() <= LEFT
}

/// Checks the bytes that are read next, from `start` on, as was to be done from `due` on, and says when to
/// do so again.
#[cold]
#[inline(never)]
fn check(chunk: &[u8], start: usize, due: usize) -> (Checked<'_>, usize) {
    if start - due >= LEFT {
        // The last event was a long one, and so may be the next.
        return (Checked::NOTHING, start + 1);
    }
    let rest = &chunk[start..];
    let behind = rest.get(WINDOW..).unwrap_or_default();
    // The end is not to fall into a character.
    let tail = behind.iter().take(3).take_while(|&&byte| byte & 0xC0 == 0x80).count();
    let length = rest.len().min(WINDOW + tail);
    let checked = Checked::start_of(&rest[..length]);
    let next = if checked.len() < length {
        // Only behind what is not UTF-8 is more found.
        checked.len() + 1
    } else if behind.is_empty() {
        length + 1
    } else {
        length - LEFT
    };
    (checked, start + next)
}

#[cfg(test)]
mod tests {
    use core::str::from_utf8;
    use std::vec::Vec;

    use crate::parser::Parser;

    use super::*;

    /// Miri is slow.
    const FILLINGS: &[&str] = if cfg!(miri) { &["€"] } else { &["x", "é", "€", "😀"] };
    const LENGTH: usize = if cfg!(miri) { WINDOW + 2 * LEFT } else { 3 * WINDOW };

    /// More than a window of events that hold so many of each of these.
    fn stream(fillings: &[&[u8]], times: usize) -> Vec<u8> {
        let mut stream = Vec::new();
        for filling in fillings.iter().cycle() {
            if stream.len() > LENGTH {
                break;
            }
            for part in [&b"event: "[..], filling, b"\nid: ", filling, b"\ndata: "] {
                stream.extend_from_slice(part);
            }
            stream.extend(filling.iter().cycle().take(filling.len() * times));
            stream.extend_from_slice(b"\n\n");
        }
        stream
    }

    /// Reads for text, and returns how many events there are and how much of the data of how many lies
    /// in what was checked.
    fn read(stream: &[u8], chunk_size: usize) -> (usize, usize) {
        let mut parser = Parser::new([0; 2 * WINDOW], [0; 48]);
        let (mut events, mut checked) = (0, 0);
        for chunk in stream.chunks(chunk_size) {
            let mut items = parser.feed_text(chunk);
            while items.advance() {
                let Some(Item::Event(event)) = items.item() else { continue };
                let id = event.last_event_id();
                for text in [event.data(), event.event_type(), id] {
                    let alone = from_utf8(text.as_bytes());
                    assert_eq!(text.to_str(), alone);
                    assert_eq!(text.to_str().map(str::as_ptr), alone.map(str::as_ptr));
                }
                events += 1;
                checked += usize::from(items.checked.piece(event.data().as_bytes()).is_some());
            }
            assert_eq!(items.consumed(), chunk.len());
        }
        (events, checked)
    }

    #[test]
    fn events_behind_the_first_lie_in_what_was_checked() {
        for filling in FILLINGS {
            for times in [20, 200] {
                let (events, checked) = read(&stream(&[filling.as_bytes()], times), usize::MAX);
                assert!(events > 1, "{filling} {times}");
                assert_eq!(checked, events - 1, "{filling} {times}");
            }
            let (events, checked) = read(&stream(&[filling.as_bytes()], 2 * LEFT), usize::MAX);
            assert!(events > 1);
            assert_eq!(checked, 0, "{filling}: too long to be looked at twice");
        }
    }

    #[test]
    fn what_is_not_text_hides_no_text_behind_it() {
        let fillings: [&[u8]; 4] = [b"x", b"\xFF", "€".as_bytes(), b"\xE2\x82"];
        let (events, checked) = read(&stream(&fillings, 100), usize::MAX);
        assert!(checked + 1 >= events / 2, "{checked} of {events}");
        for chunk_size in [100, 1000] {
            assert_eq!(read(&stream(&fillings, 100), chunk_size).0, events);
        }
    }

    #[test]
    fn short_values_of_a_first_event_are_checked_at_once() {
        let long = [b'x'; LEFT];
        let ends: [&[u8]; 3] = [b"\n\n", b"\n\ndata: 2\n\n", b"\r\rda"];
        for (start, is_checked) in [
            (&b"event: message\nid: 1\ndata: "[..], true),
            (b"event: message\ndata: 1, ", true),
            (b"id: a-b\ndata: 1, and ", true),
            (b"event: tick\ndata:", true),
            (b"id\ndata:", true),
            (b"data: 1, and more", false),
            (b"data: 1\nevent: tick\nid: 1", false),
        ] {
            for (filling, behind) in FILLINGS.iter().zip(ends.iter().cycle()) {
                let mut stream = Vec::from(start);
                stream.extend_from_slice(filling.as_bytes());
                stream.extend_from_slice(behind);
                let (events, checked) = read(&stream, usize::MAX);
                let first = usize::from(is_checked);
                assert_eq!(checked + 1, events + first, "{:?}", stream.escape_ascii());
            }
        }
        for (filling, checked) in [(&b"x"[..], 1), (b"\xFF", 0), (&long, 0)] {
            let stream = [b"id: a-b\ndata: 1, and ", filling, b"\n\n"].concat();
            assert_eq!(read(&stream, usize::MAX), (1, checked));
        }
    }
}
