//! What all parsers have in common.

use std::hint::black_box;

use super::input::Input;

/// A parser that can be run, timed and judged.
pub trait Reader {
    /// The crate, as it is called in the tables.
    fn name(&self) -> &'static str;

    /// What it gives as the id of an event.
    fn id(&self) -> Id;

    /// Reads a stream and looks at each event, as a user would.
    fn consume(&mut self, input: &Input);

    /// Reads a stream and sums up its events.
    fn digest(&mut self, input: &Input) -> Digest;
}

/// How one crate is used. What it builds in `Default` is not timed.
pub trait Adapter: Default {
    /// The crate, as it is called in the tables.
    const NAME: &'static str;
    /// What it gives as the id of an event.
    const ID: Id;

    /// Reads a stream and shows each event.
    fn read(&mut self, input: &Input, events: &mut impl Events);
}

/// What a parser gives as the id of an event. Each is judged by what it says that it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    /// The last event ID when the event is dispatched, as browsers have it; empty at first.
    Last,
    /// The id that the event's own block carries, if any.
    Own,
}

/// Somebody who is shown events.
pub trait Events {
    /// Takes an event; a type that was not named is `message`.
    fn event(&mut self, event_type: &[u8], data: &[u8], id: Option<&[u8]>);
}

impl<A: Adapter> Reader for A {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn id(&self) -> Id {
        A::ID
    }

    fn consume(&mut self, input: &Input) {
        self.read(input, &mut Consumer);
    }

    fn digest(&mut self, input: &Input) -> Digest {
        let mut digest = Digest::default();
        self.read(input, &mut digest);
        digest
    }
}

/// Does nothing with an event, and hides that from the compiler.
struct Consumer;

impl Events for Consumer {
    fn event(&mut self, event_type: &[u8], data: &[u8], id: Option<&[u8]>) {
        black_box((event_type, data, id));
    }
}

/// How many events there were, and FNV-1a over their parts and the lengths of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// How many.
    pub events: u64,
    /// 64 bits.
    pub checksum: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self { events: 0, checksum: 0xCBF2_9CE4_8422_2325 }
    }
}

impl Events for Digest {
    fn event(&mut self, event_type: &[u8], data: &[u8], id: Option<&[u8]>) {
        self.events += 1;
        self.part(Some(event_type));
        self.part(Some(data));
        self.part(id);
    }
}

impl Digest {
    fn part(&mut self, part: Option<&[u8]>) {
        // No part has this length, so that none and an empty one differ.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        self.bytes(&length.to_le_bytes());
        self.bytes(part.unwrap_or_default());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.checksum = bytes.iter().fold(self.checksum, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(event_type: &str, data: &str, id: Option<&str>) -> Digest {
        let mut digest = Digest::default();
        digest.event(event_type.as_bytes(), data.as_bytes(), id.map(str::as_bytes));
        digest
    }

    #[test]
    fn digests_tell_events_apart() {
        let event = digest("a", "b", None);
        assert_eq!(event, digest("a", "b", None));
        assert_ne!(event, digest("a", "b", Some("")));
        assert_ne!(event, digest("ab", "", None));
        assert_ne!(event, digest("", "ab", None));
    }
}
