//! `stream-rs`, a toolkit for the answers of language models; what counts here is its `sse`.

use ::stream_rs::sse::{SseEvent, SseParser};
use ::stream_rs::stream::SseStream;
use bytes::Bytes;

use super::input::Input;
use super::poll;
use super::reader::{Adapter, Events, Id};

/// Its parser. The vector that it writes to is kept from stream to stream.
#[derive(Debug, Default)]
pub struct Parser(Vec<SseEvent>);

impl Adapter for Parser {
    const NAME: &'static str = "stream-rs";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let mut parser = SseParser::new();
        for chunk in &*input.slices {
            parser.feed(chunk, &mut self.0);
            self.0.drain(..).for_each(|event| show(&event, events));
        }
    }
}

/// Its stream.
#[derive(Debug, Default)]
pub struct Stream;

impl Adapter for Stream {
    const NAME: &'static str = "stream-rs";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let stream = SseStream::new(input.stream::<Bytes, ()>());
        poll::for_each(stream, |event| show(event, events));
    }
}

fn show(event: &SseEvent, events: &mut impl Events) {
    let event_type = event.event.as_deref().unwrap_or("message");
    let id = event.id.as_deref().unwrap_or_default();
    events.event(event_type.as_bytes(), event.data.as_bytes(), Some(id.as_bytes()));
}
