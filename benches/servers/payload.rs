//! The data of the events that servers publish: JSON that counts them.

use sansse::Event;

/// A byte that is once in each event, and nowhere else in a response.
pub const MARK: u8 = b'~';

const START: &str = "{\"sequence\":";
const TEXT: &str = "The quick brown fox jumps over the lazy dog, and nobody minds. ";

/// The data of an event, of so many bytes (at least 64).
#[must_use]
pub fn data(sequence: u64, bytes: usize) -> String {
    let mut data = String::with_capacity(bytes);
    data.push_str(START);
    data.push_str(&sequence.to_string());
    data.push_str(",\"text\":\"~");
    while data.len() + 2 < bytes {
        let rest = bytes - 2 - data.len();
        data.push_str(&TEXT[..rest.min(TEXT.len())]);
    }
    data.push_str("\"}");
    data
}

/// The sequence in an event; none in one that is not of this kind.
#[must_use]
pub fn sequence_of(event: Event<'_>) -> Option<u64> {
    event.data().to_str().ok()?.strip_prefix(START)?.split_once(',')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_has_its_size_its_mark_and_its_sequence() {
        for (number, bytes) in [(1, 64), (20_000_000, 200), (u64::MAX, 2048)] {
            let data = data(number, bytes);
            assert_eq!(data.len(), bytes);
            assert_eq!(memchr::memchr_iter(MARK, data.as_bytes()).count(), 1);
            assert_eq!(sequence_of(Event::new(&data)), Some(number));
            assert!(serde_json::from_str::<serde_json::Value>(&data).is_ok());
        }
        assert_eq!(sequence_of(Event::new("{\"reason\":\"dropped\"}")), None);
    }
}
