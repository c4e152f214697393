//! Chunks in, owned items out: what the codec and the stream have in common.

use bytes::{Buf, Bytes};
use sansse::{GrowingStorage, Parser, StreamEnd};

use crate::event::OwnedItem;

/// The parser that streams use unless they are given one: events of up to 16 MiB (data, type and id
/// together), ids of up to 64 KiB, comments skipped.
#[must_use]
pub const fn default_parser() -> Parser<GrowingStorage, GrowingStorage> {
    Parser::growing(16 << 20, 64 << 10)
}

/// A parser and the chunk that it is reading.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) parser: Parser<GrowingStorage, GrowingStorage>,
    chunk: Bytes,
    known_id: Bytes,
}

impl Intake {
    pub(crate) const fn new(parser: Parser<GrowingStorage, GrowingStorage>) -> Self {
        Self { parser, chunk: Bytes::new(), known_id: Bytes::new() }
    }

    /// Takes the next chunk; all items of the one before must have been taken.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// The next item; `None` when the chunk has been read.
    pub(crate) fn next(&mut self) -> Option<OwnedItem> {
        while !self.chunk.is_empty() {
            let mut items = self.parser.feed(&self.chunk);
            let item = items
                .next()
                .and_then(|item| OwnedItem::sharing(&item, &self.chunk, &mut self.known_id));
            let consumed = items.consumed();
            self.chunk.advance(consumed);
            if item.is_some() {
                return item;
            }
        }
        None
    }

    pub(crate) fn end_stream(&mut self) -> StreamEnd {
        self.chunk = Bytes::new();
        self.parser.end_stream()
    }
}
