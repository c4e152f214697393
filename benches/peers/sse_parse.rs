//! `sse-parse`, a parser without input and output.

use ::sse_parse::{Event, EventStream, SseParser};
use bytes::Bytes;

use super::input::Input;
use super::poll;
use super::reader::{Adapter, Events, Id};

/// Its parser.
#[derive(Debug, Default)]
pub struct Parser;

impl Adapter for Parser {
    const NAME: &'static str = "sse-parse";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let mut parser = SseParser::new();
        for chunk in &*input.slices {
            parser.feed(chunk);
            while let Some(event) = parser.next_event() {
                show(&event, events);
            }
        }
    }
}

/// Its stream.
#[derive(Debug, Default)]
pub struct Stream;

impl Adapter for Stream {
    const NAME: &'static str = "sse-parse";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let stream = EventStream::new(input.stream::<Bytes, ()>());
        poll::for_each(stream, |event| show(event, events));
    }
}

fn show(event: &Event, events: &mut impl Events) {
    events.event(event.event.as_bytes(), event.data.as_bytes(), Some(event.id.as_bytes()));
}
