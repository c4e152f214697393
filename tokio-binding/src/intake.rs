//! Chunks in, owned items out: what the codec and the stream have in common.

use std::sync::Arc;

use bytes::Bytes;
use sansse::{ChunkParser, GrowingStorage, Item, Parser, StreamEnd, Text};

use crate::chunk::Chunk;
use crate::event::{OwnedEvent, OwnedItem};
use crate::spare_memory::SpareMemory;

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
    parser: ChunkParser<GrowingStorage, GrowingStorage, Held>,
    /// The chunk, once it has more events than one.
    shared: Option<Arc<Bytes>>,
    /// The place of an earlier one, to be used again.
    spare: Option<Arc<Bytes>>,
    sticky_id: Option<Arc<Bytes>>,
    /// Of large events, once there has been one.
    spare_memory: Option<SpareMemory>,
}

/// The chunk being read, until an event takes it: to drop empty `Bytes` is a call, to drop none is not.
#[derive(Debug, Default)]
struct Held(Option<Bytes>);

impl AsRef<[u8]> for Held {
    #[inline(always)]
    fn as_ref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Intake {
    pub(crate) const fn new(parser: Parser<GrowingStorage, GrowingStorage>) -> Self {
        let parser = ChunkParser::new(parser, Held(None));
        Self { parser, shared: None, spare: None, sticky_id: None, spare_memory: None }
    }

    /// Takes the next chunk. What has not been read of the one before is dropped.
    #[inline]
    pub(crate) fn push(&mut self, chunk: Bytes) {
        if self.shared.is_some() {
            self.retire_chunk();
        }
        self.parser.push(Held(Some(chunk)));
    }

    /// The next item; `None` when the chunk has been read.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<OwnedItem> {
        while self.advance() {
            if let Some(event) = self.event() {
                return Some(OwnedItem::Event(event));
            }
            let item = self.other_item();
            if item.is_some() {
                return item;
            }
        }
        None
    }

    /// Reads to the next item, and says whether there is one in the chunk, if there is a chunk.
    #[inline(always)]
    pub(crate) fn advance(&mut self) -> bool {
        self.parser.chunk().0.is_some() && self.parser.advance()
    }

    /// Whether [`advance`](Self::advance) came to an event with this data.
    pub(crate) fn is_event_with(&self, data: &[u8]) -> bool {
        matches!(self.parser.item(), Some(Item::Event(event)) if event.data() == data)
    }

    /// The event that [`advance`](Self::advance) came to, if it lies in the chunk. To be called once.
    ///
    /// It is made where it is returned: moving one takes longer than making it.
    #[inline(always)]
    pub(crate) fn event(&mut self) -> Option<OwnedEvent> {
        let ranges = self.parser.event_ranges()?;
        let sticky_id = match ranges.id {
            Some(_) => None,
            None => sticky_id(&mut self.sticky_id, self.parser.last_event_id()),
        };
        let chunk = match &self.shared {
            Some(chunk) => Chunk::Shared(Arc::clone(chunk)),
            // Nobody else needs it, and nobody has to be counted. It is gone from the parser then, which
            // is asked for nothing more before the next chunk. (`take_chunk` would wind the parser back,
            // and so does the next chunk.)
            None if self.parser.is_at_end() => Chunk::Own(self.parser.chunk_mut().0.take()?),
            None => Chunk::Shared(self.share_chunk()),
        };
        Some(OwnedEvent::in_chunk(chunk, ranges, sticky_id))
    }

    /// Keeps the place of the chunk, if its events are gone.
    #[inline(never)]
    fn retire_chunk(&mut self) {
        self.spare = self.shared.take();
        match self.spare.as_mut().and_then(Arc::get_mut) {
            Some(chunk) => *chunk = Bytes::new(),
            None => self.spare = None,
        }
    }

    /// Makes the chunk one that many share, and returns an owner of it.
    #[inline(never)]
    fn share_chunk(&mut self) -> Arc<Bytes> {
        let mut chunk = self.spare.take().unwrap_or_default();
        let bytes = self.parser.chunk().0.clone().unwrap_or_default();
        match Arc::get_mut(&mut chunk) {
            Some(place) => *place = bytes,
            None => chunk = Arc::new(bytes),
        }
        self.shared = Some(Arc::clone(&chunk));
        chunk
    }

    /// An item that is no event, or an event that does not lie in the chunk.
    #[inline(never)]
    pub(crate) fn other_item(&mut self) -> Option<OwnedItem> {
        let event = match self.parser.item()? {
            Item::Event(event) => event,
            item => return OwnedItem::copied(&item),
        };
        let sticky_id = match event.id() {
            Some(_) => None,
            None => sticky_id(&mut self.sticky_id, event.last_event_id()),
        };
        if event.data().len() >= LARGE {
            return self.large_event(sticky_id);
        }
        Some(OwnedItem::Event(OwnedEvent::copied(&event, sticky_id)))
    }

    /// A large event that does not lie in the chunk. If its data came in several, it is moved.
    #[inline(never)]
    fn large_event(&mut self, sticky_id: Option<Arc<Bytes>>) -> Option<OwnedItem> {
        let Item::Event(event) = self.parser.item()? else { return None };
        let rest = OwnedEvent::without_data(&event, sticky_id.clone());
        let spare = self.spare_memory.get_or_insert_default();
        if let Some(data) = self.parser.replace_data(spare.take()) {
            return Some(OwnedItem::Event(rest.with_data(data, spare)));
        }
        match self.parser.item()? {
            Item::Event(event) => Some(OwnedItem::Event(OwnedEvent::copied(&event, sticky_id))),
            _ => None,
        }
    }

    pub(crate) fn last_event_id(&self) -> Text<'_> {
        self.parser.last_event_id()
    }

    /// Drops what has not been read of the chunk.
    pub(crate) fn drop_chunk(&mut self) {
        self.push(Bytes::new());
    }

    pub(crate) fn end_stream(&mut self) -> StreamEnd {
        self.drop_chunk();
        self.parser.end_stream()
    }

    pub(crate) fn into_parser(self) -> Parser<GrowingStorage, GrowingStorage> {
        self.parser.into_parser()
    }
}

/// The id for an event that carries none, unless it is empty. All events share it until it changes.
#[inline(always)]
fn sticky_id(known: &mut Option<Arc<Bytes>>, id: Text<'_>) -> Option<Arc<Bytes>> {
    if id.is_empty() { None } else { Some(shared_id(known, id.as_bytes())) }
}

#[inline(never)]
fn shared_id(known: &mut Option<Arc<Bytes>>, id: &[u8]) -> Arc<Bytes> {
    match known {
        Some(known) if **known == *id => Arc::clone(known),
        _ => Arc::clone(known.insert(Arc::new(Bytes::copy_from_slice(id)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intake(chunk: &'static str) -> Intake {
        let mut intake = Intake::new(default_parser());
        intake.push(Bytes::from(chunk.as_bytes().to_vec()));
        intake
    }

    fn event(intake: &mut Intake) -> OwnedEvent {
        match intake.next() {
            Some(OwnedItem::Event(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_event_takes_the_chunk_and_the_others_share_it() {
        let mut intake = intake("id: 1\ndata: a\n\n");
        let alone = event(&mut intake);
        assert!(matches!(alone.chunk(), Chunk::Own(chunk) if chunk.is_unique()));
        assert_eq!((alone.data(), alone.id()), ("a".into(), Some("1".into())));
        assert_eq!(intake.next(), None);

        intake.push(Bytes::from_static(b"data: b\n\ndata: c\n\ndata: d"));
        let [b, c] = [event(&mut intake), event(&mut intake)];
        assert_eq!((b.data(), c.data()), ("b".into(), "c".into()));
        assert!(std::ptr::eq(b.chunk().as_ptr(), c.chunk().as_ptr()));
        assert_eq!((b.last_event_id(), b.id()), ("1".into(), None));
        assert_eq!(intake.next(), None);
        // Its data came in two chunks.
        intake.push(Bytes::from_static(b"d\n\ndata: e\n\n"));
        assert_eq!(event(&mut intake).data(), "dd");
        let e = event(&mut intake);
        assert!(matches!(e.chunk(), Chunk::Own(_)), "it is the only one that lies in its chunk");
        assert_eq!((e.data(), c.data()), ("e".into(), "c".into()));
    }

    #[test]
    fn the_place_of_a_chunk_is_used_again_when_its_events_are_gone() {
        let mut intake = intake("data: 1\n\ndata: 2\n\n");
        let place = |event: &OwnedEvent| match event.chunk() {
            Chunk::Shared(chunk) => Arc::as_ptr(chunk),
            Chunk::Own(_) => panic!("not shared"),
        };
        let first = place(&event(&mut intake));
        drop(event(&mut intake));
        intake.push(Bytes::from_static(b"data: 3\n\ndata: 4\n\n"));
        let third = event(&mut intake);
        assert_eq!(place(&third), first);
        intake.push(Bytes::from_static(b"data: 5\n\ndata: 6\n\n"));
        let fifth = event(&mut intake);
        assert_ne!(place(&fifth), place(&third), "an event of it lives");
        assert_eq!((third.data(), fifth.data()), ("3".into(), "5".into()));
    }

    #[test]
    fn the_memory_of_a_large_event_is_used_again_when_it_is_gone() {
        let mut intake = Intake::new(default_parser());
        let mut read = |byte: &str, length: usize| {
            intake.push(Bytes::from(format!("event: e\ndata: {byte}")));
            assert_eq!(intake.next(), None);
            intake.push(Bytes::from(format!("{}\nid: {byte}\n\n", byte.repeat(length - 1))));
            let event = event(&mut intake);
            assert_eq!(event.data(), byte.repeat(length).as_str());
            assert_eq!((event.event_type(), event.id()), ("e".into(), Some(byte.into())));
            event
        };
        let place = |event: &OwnedEvent| event.data().as_bytes().as_ptr();
        let first = read("1", LARGE);
        let second = read("2", LARGE);
        let places = [place(&first), place(&second)];
        assert_ne!(places[0], places[1]);
        drop(first);
        // Memory for this one was there when the one before was taken.
        let third = read("3", LARGE);
        assert!(!places.contains(&place(&third)));
        assert_eq!(read("4", 10).data(), "4444444444");
        assert_eq!(place(&read("5", LARGE)), places[0]);
        assert_eq!(second.data(), "2".repeat(LARGE).as_str());
    }

    #[test]
    fn no_chunk_is_held_without_need() {
        let mut intake = intake("data: 1\n\ndata: 2\n\n");
        let chunk = intake.parser.chunk().0.clone().unwrap();
        while intake.next().is_some() {}
        assert!(!chunk.is_unique());
        intake.push(Bytes::new());
        assert!(chunk.is_unique());

        intake.push(chunk.clone());
        let event = event(&mut intake);
        intake.push(Bytes::new());
        assert!(!chunk.is_unique());
        drop(event);
        assert!(chunk.is_unique(), "only an event of it held it");
    }
}
