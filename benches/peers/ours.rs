//! Our parsers, and our encoder.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use sansse::{Event, Item};
use sansse_tokio::{EventStream, OwnedItem};

use super::encoder::{self, EncoderAdapter, Shape};
use super::input::Input;
use super::reader::{Adapter, Events, Id};
use super::{page, poll};

const EVENT_LIMIT: usize = 128 * 1024;

/// The core's parser with storage of the caller's; the parts of events are bytes.
#[derive(Debug)]
pub struct Parser {
    event_storage: Vec<u8>,
    id_storage: [u8; 3 * 64],
}

impl Parser {
    pub(super) fn parser(&mut self) -> sansse::Parser<&mut [u8], &mut [u8; 3 * 64]> {
        let start = page::next(&self.event_storage);
        let event_storage = &mut self.event_storage[start..][..EVENT_LIMIT];
        sansse::Parser::new(event_storage, &mut self.id_storage)
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self { event_storage: vec![0; EVENT_LIMIT + page::SIZE], id_storage: [0; 3 * 64] }
    }
}

impl Adapter for Parser {
    const NAME: &'static str = "sansse";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let mut parser = self.parser();
        for chunk in &*input.slices {
            let mut items = parser.feed(chunk);
            while let Some(item) = items.next() {
                if let Item::Event(event) = item {
                    let id = event.last_event_id().as_bytes();
                    events.event(event.event_type().as_bytes(), event.data().as_bytes(), Some(id));
                }
            }
        }
    }
}

/// The core's parser; the parts of events are checked to be UTF-8.
#[derive(Debug, Default)]
pub struct TextParser(Parser);

impl Adapter for TextParser {
    const NAME: &'static str = "sansse, as text";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let mut parser = self.0.parser();
        for chunk in &*input.slices {
            let mut items = parser.feed_text(chunk);
            while let Some(item) = items.next() {
                if let Item::Event(event) = item
                    && let Ok(event_type) = event.event_type().to_str()
                    && let Ok(data) = event.data().to_str()
                    && let Ok(id) = event.last_event_id().to_str()
                {
                    events.event(event_type.as_bytes(), data.as_bytes(), Some(id.as_bytes()));
                }
            }
        }
    }
}

/// The tokio binding's stream; events own their bytes.
#[derive(Debug, Default)]
pub struct Stream;

impl Adapter for Stream {
    const NAME: &'static str = "sansse-tokio";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        poll::for_each(EventStream::new(input.stream::<Bytes, ()>()), |item| {
            if let OwnedItem::Event(event) = item {
                let id = event.last_event_id();
                events.event(
                    event.event_type().as_bytes(),
                    event.data().as_bytes(),
                    Some(id.as_bytes()),
                );
            }
        });
    }
}

/// The core's encoder, into a slice.
#[derive(Debug)]
pub struct Encoder(Vec<u8>);

impl Default for Encoder {
    fn default() -> Self {
        Self(vec![0; 2 * page::SIZE])
    }
}

impl EncoderAdapter for Encoder {
    const NAME: &'static str = "sansse";

    fn run(&mut self, shape: &Shape, times: u32, wire: &mut impl FnMut(&[u8])) -> Duration {
        let event = Event::from_parts(
            shape.data.as_bytes(),
            shape.event_type.unwrap_or_default().as_bytes(),
            shape.id.map(str::as_bytes),
        );
        let Ok(event) = event else { return Duration::MAX };
        let start = page::next(&self.0);
        let slice = &mut self.0[start..];
        encoder::repeat(times, || {
            if let Ok(length) = black_box(&event).encode_to_slice(black_box(slice)) {
                wire(&slice[..length]);
            }
        })
    }
}
