//! `sse-core`, a state machine over any buffer.

use std::convert::Infallible;

use ::sse_core::{SseDecoder, SseEvent, SseStream};
use bytes::Bytes;

use super::input::Input;
use super::poll;
use super::reader::{Adapter, Events, Id};

/// Its decoder, kept with its buffers from stream to stream.
#[derive(Debug, Default)]
pub struct Decoder(SseDecoder);

impl Adapter for Decoder {
    const NAME: &'static str = "sse-core";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        self.0.clear();
        for chunk in &*input.slices {
            let mut rest = *chunk;
            while let Some(Ok(event)) = self.0.next(&mut rest) {
                show(&event, events);
            }
        }
    }
}

/// Its stream.
#[derive(Debug, Default)]
pub struct Stream;

impl Adapter for Stream {
    const NAME: &'static str = "sse-core";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let stream = SseStream::new(input.stream::<Bytes, Infallible>());
        poll::for_each(stream, |event| show(event, events));
    }
}

fn show(event: &SseEvent, events: &mut impl Events) {
    if let SseEvent::Message(event) = event {
        let id = event.last_event_id.as_ref().map_or(b"".as_slice(), |id| id.as_bytes());
        events.event(event.event.as_bytes(), event.data.as_bytes(), Some(id));
    }
}
