//! How the ids of the upstream get to readers and back.
//!
//! Readers send an id back in a header, which not every id fits into (law 12). One that does is
//! carried as it came; any other percent-encoded, as far as that is at most 128 bytes; and an event
//! for which that is not possible, since its id is longer, or it has none, or that of another event,
//! gets an id of the relay's own: `~`, the epoch of its run, `-`, a number.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};
use sansse_tokio::{EventId, check_given_id};

/// What begins an id of the relay's own.
const OWN: u8 = b'~';

/// Whatever ids may not hold, and what makes the encoding of others.
const UNFIT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b'(')
    .add(b')')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'{')
    .add(b'}');

/// An id of the upstream, as readers get it; `None` where they cannot.
pub(super) fn carried(id: &[u8]) -> Option<String> {
    let carried = match id {
        // One of another relay's, which may be our upstream.
        [OWN, rest @ ..] => format!("%7E{}", percent_encode(rest, UNFIT)),
        id => percent_encode(id, UNFIT).to_string(),
    };
    check_given_id(&carried).is_ok().then_some(carried)
}

/// The id of the upstream that readers got so; `None` where it is none of the upstream's.
pub(super) fn original(id: &[u8]) -> Option<Vec<u8>> {
    let original: Vec<u8> = percent_decode(id).collect();
    let is_ours = carried(&original).is_some_and(|carried| carried.as_bytes() == id);
    is_ours.then_some(original)
}

/// The ids that a run of the relay gives.
#[derive(Debug)]
pub(super) struct OwnIds(EventId);

impl OwnIds {
    /// Others than those of any run before.
    pub(super) fn new() -> Self {
        Self(EventId { epoch: fastrand::u64(..1 << 50), sequence: 0 })
    }

    /// One that has not been given.
    pub(super) fn next(&mut self) -> String {
        let id = format!("{}{}", char::from(OWN), self.0);
        self.0.sequence += 1;
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_that_is_carried_comes_back() {
        for (id, expected) in [
            ("7", Some("7")),
            ("k3j2-4f", Some("k3j2-4f")),
            ("a=b;c,d~", Some("a=b;c,d~")),
            ("2024-01-01T00:00:00Z", Some("2024-01-01T00%3A00%3A00Z")),
            ("[{\"offset\":1}]", Some("%5B%7B%22offset%22%3A1%7D%5D")),
            ("Zürich", Some("Z%C3%BCrich")),
            ("100%", Some("100%25")),
            ("%3A", Some("%253A")),
            (" ", Some("%20")),
            ("\u{1}", Some("%01")),
            ("~k3j2-4f", Some("%7Ek3j2-4f")),
            (&"x".repeat(128), Some(&"x".repeat(128))),
            (&"x".repeat(129), None),
            (&"ü".repeat(22), None),
            ("", None),
        ] {
            assert_eq!(carried(id.as_bytes()).as_deref(), expected, "{id}");
            if let Some(carried) = expected {
                assert_eq!(original(carried.as_bytes()).as_deref(), Some(id.as_bytes()));
            }
        }
        assert_eq!(original(b"\xFF"), None);
        assert_eq!(carried(b"\xFF").as_deref(), Some("%FF"));
    }

    #[test]
    fn what_was_never_carried_is_none_of_the_upstreams() {
        let own = OwnIds::new().next();
        for id in ["", "a b", "a:b", "%3a", "%41", "%", "~1-0", &own, &"x".repeat(129)] {
            assert_eq!(original(id.as_bytes()), None, "{id}");
        }
        let mut ids = OwnIds::new();
        assert_ne!(ids.next(), ids.next());
        assert!(check_given_id(&own).is_ok());
    }
}
