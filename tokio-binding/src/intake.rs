//! Chunks in, owned items out: what the codec and the stream have in common.

use std::sync::Arc;

use bytes::Bytes;
use sansse::{ChunkParser, GrowingStorage, Item, Parser, StreamEnd, Text};

use crate::event::{OwnedEvent, OwnedItem};

/// From so many bytes on, data that came in several chunks is moved and not copied.
const LARGE: usize = 64 << 10;

/// The parser that streams use unless they are given one: events of up to 16 MiB (data, type and id
/// together), ids of up to 64 KiB, comments skipped.
#[must_use]
pub const fn default_parser() -> Parser<GrowingStorage, GrowingStorage> {
    Parser::growing(16 << 20, 64 << 10)
}

/// A parser, the chunk that it is reading, and the id that events without one of their own have.
#[derive(Debug)]
pub(crate) struct Intake {
    parser: ChunkParser<GrowingStorage, GrowingStorage, Chunk>,
    /// The place of an earlier chunk, to be used again once its events are gone.
    spare: Option<Arc<Bytes>>,
    sticky_id: Option<Arc<Bytes>>,
}

/// A chunk. Sharing it costs something, so that it is done for its first event.
#[derive(Debug)]
enum Chunk {
    Own(Bytes),
    Shared(Arc<Bytes>),
}

impl AsRef<[u8]> for Chunk {
    #[inline(always)]
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl Intake {
    pub(crate) const fn new(parser: Parser<GrowingStorage, GrowingStorage>) -> Self {
        let chunk = Chunk::Own(Bytes::new());
        Self { parser: ChunkParser::new(parser, chunk), spare: None, sticky_id: None }
    }

    /// Takes the next chunk; all items of the one before must have been taken.
    #[inline]
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if let Chunk::Shared(_) = self.parser.chunk() {
            self.retire_chunk();
        }
        self.parser.push(Chunk::Own(bytes));
    }

    /// The next item; `None` when the chunk has been read.
    ///
    /// An event is made where it is returned: moving one takes longer than making it.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<OwnedItem> {
        while self.parser.advance() {
            if let Chunk::Own(_) = self.parser.chunk() {
                self.share_chunk();
            }
            if let (Some(Item::Event(event)), Chunk::Shared(chunk)) =
                (self.parser.item(), self.parser.chunk())
            {
                let sticky_id = || sticky_id(&mut self.sticky_id, event.last_event_id());
                if let Some(event) = OwnedEvent::sharing(&event, chunk, sticky_id) {
                    return Some(OwnedItem::Event(event));
                }
            }
            let item = self.other_item();
            if item.is_some() {
                return item;
            }
        }
        None
    }

    #[inline(never)]
    fn retire_chunk(&mut self) {
        let empty = Chunk::Own(Bytes::new());
        if let Chunk::Shared(chunk) = core::mem::replace(self.parser.chunk_mut(), empty) {
            self.spare = Some(chunk);
        }
    }

    #[inline(never)]
    fn share_chunk(&mut self) {
        if let Chunk::Own(bytes) = self.parser.chunk_mut() {
            let bytes = core::mem::take(bytes);
            let mut spare = self.spare.take();
            let chunk = match spare.as_mut().and_then(Arc::get_mut) {
                Some(place) => {
                    *place = bytes;
                    spare
                }
                None => Some(Arc::new(bytes)),
            };
            if let Some(chunk) = chunk {
                *self.parser.chunk_mut() = Chunk::Shared(chunk);
            }
        }
    }

    /// An item that is no event, or an event that does not lie in the chunk.
    #[inline(never)]
    fn other_item(&mut self) -> Option<OwnedItem> {
        let Chunk::Shared(chunk) = self.parser.chunk() else { return None };
        match self.parser.item()? {
            Item::Event(event) => {
                let is_sticky = event.id().is_none();
                let id = is_sticky.then(|| sticky_id(&mut self.sticky_id, event.last_event_id()));
                let id = id.flatten();
                if event.data().len() >= LARGE {
                    let rest = OwnedEvent::without_data(&event, id.clone());
                    if let Some(data) = self.parser.take_data() {
                        return Some(OwnedItem::Event(rest.with_data(data)));
                    }
                }
                match self.parser.item()? {
                    Item::Event(event) => Some(OwnedItem::Event(OwnedEvent::copied(&event, id))),
                    _ => None,
                }
            }
            item => OwnedItem::sharing(&item, chunk),
        }
    }

    pub(crate) fn last_event_id(&self) -> Text<'_> {
        self.parser.last_event_id()
    }

    pub(crate) fn end_stream(&mut self) -> StreamEnd {
        self.push(Bytes::new());
        self.parser.end_stream()
    }

    pub(crate) fn into_parser(self) -> Parser<GrowingStorage, GrowingStorage> {
        self.parser.into_parser()
    }
}

/// The id for an event that carries none; all of them share it until it changes.
#[inline(always)]
fn sticky_id(known: &mut Option<Arc<Bytes>>, id: Text<'_>) -> Option<Arc<Bytes>> {
    if id.is_empty() {
        return None;
    }
    if known.as_ref().is_none_or(|known| **known != id.as_bytes()) {
        *known = Some(Arc::new(Bytes::copy_from_slice(id.as_bytes())));
    }
    known.clone()
}
