//! `sse-stream`, whose parser is only public as a stream over buffers.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::time::Duration;

use ::sse_stream::{Sse, SseByteStream};

use super::encoder::{self, EncoderAdapter, Shape};
use super::input::{Chunk, Input};
use super::poll;
use super::reader::{Adapter, Events, Id};

/// Its stream. It gives blocks without data, too, which are no events.
#[derive(Debug, Default)]
pub struct Stream<C>(PhantomData<C>);

impl<C: Chunk + Default> Adapter for Stream<C> {
    const NAME: &'static str = "sse-stream";
    const ID: Id = Id::Own;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        poll::for_each(SseByteStream::new(input.stream::<C, Infallible>()), |block| {
            if let Some(data) = &block.data {
                let event_type = block.event.as_deref().unwrap_or("message");
                let id = block.id.as_deref().map(str::as_bytes);
                events.event(event_type.as_bytes(), data.as_bytes(), id);
            }
        });
    }
}

/// Its encoder, which uses up the event.
#[derive(Debug, Default)]
pub struct Encoder;

impl EncoderAdapter for Encoder {
    const NAME: &'static str = "sse-stream";

    fn run(&mut self, shape: &Shape, times: u32, wire: &mut impl FnMut(&[u8])) -> Duration {
        let event = Sse {
            event: shape.event_type.map(Into::into),
            data: Some(shape.data.into()),
            id: shape.id.map(Into::into),
            retry: None,
        };
        encoder::repeat_with(times, &event, |event| {
            if let Ok(encoded) = event.encode() {
                wire(&encoded);
            }
        })
    }
}
