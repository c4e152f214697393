//! What the standard makes of a stream.

use benches::corpus::Corpus;
use benches::peers::encoder::Shape;
use benches::peers::reader::{Digest, Events as _, Id};
use tests::byte_string::ByteString;
use tests::oracle;
use tests::outcome::Outcome;
use tests::settings::Settings;

/// The right events of a corpus, for each kind of id.
pub(crate) struct Expected {
    last: Digest,
    own: Digest,
}

impl Expected {
    pub(crate) fn of(corpus: &Corpus) -> Self {
        let outcome = interpret(&corpus.stream);
        Self { last: digest(&outcome, Id::Last), own: digest(&outcome, Id::Own) }
    }

    pub(crate) const fn with(&self, id: Id) -> Digest {
        match id {
            Id::Last => self.last,
            Id::Own => self.own,
        }
    }
}

/// The event that an encoder was given.
pub(crate) fn digest_of(shape: &Shape) -> Digest {
    let event_type = shape.event_type.unwrap_or("message");
    let mut digest = Digest::default();
    digest.event(event_type.as_bytes(), shape.data.as_bytes(), shape.id.map(str::as_bytes));
    digest
}

/// The events in what an encoder wrote.
pub(crate) fn digest_of_wire(wire: &[u8]) -> Digest {
    digest(&interpret(wire), Id::Own)
}

fn interpret(stream: &[u8]) -> Outcome {
    let settings = Settings { keep_comments: false, ..Settings::roomy() };
    oracle::interpret(&settings.with_limits(1 << 20, 256), stream)
}

fn digest(outcome: &Outcome, id: Id) -> Digest {
    let mut digest = Digest::default();
    for event in outcome.events() {
        let id = match id {
            Id::Last => Some(&event.last_event_id),
            Id::Own => event.id.as_ref(),
        };
        let id = id.map(ByteString::as_bytes);
        digest.event(event.event_type.as_bytes(), event.data.as_bytes(), id);
    }
    digest
}
