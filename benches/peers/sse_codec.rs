//! `sse-codec`, a codec of `futures_codec`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io;
use std::time::Duration;

use ::sse_codec::{Event, SSECodec, decode_stream};
use bytes::Bytes;
use futures_codec::{BytesMut, Decoder as _};
use futures_util::TryStreamExt;

use super::encoder::{self, EncoderAdapter, Shape};
use super::input::Input;
use super::poll;
use super::reader::{Adapter, Events, Id};

/// Its decoder, with a buffer that is kept from stream to stream.
#[derive(Debug, Default)]
pub struct Decoder(BytesMut);

impl Adapter for Decoder {
    const NAME: &'static str = "sse-codec";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let mut codec = SSECodec::default();
        self.0.clear();
        for chunk in &*input.slices {
            self.0.extend_from_slice(chunk);
            while let Ok(Some(event)) = codec.decode(&mut self.0) {
                show(&event, events);
            }
        }
    }
}

/// Its stream over a reader.
#[derive(Debug, Default)]
pub struct Framed;

impl Adapter for Framed {
    const NAME: &'static str = "sse-codec";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let reader = input.stream::<Bytes, io::Error>().into_async_read();
        poll::for_each(decode_stream(reader), |event| show(event, events));
    }
}

fn show(event: &Event, events: &mut impl Events) {
    if let Event::Message { id, event, data } = event {
        let id = id.as_deref().unwrap_or_default();
        events.event(event.as_bytes(), data.as_bytes(), Some(id.as_bytes()));
    }
}

/// What its encoder writes, into a string that is kept. The encoder itself would use up the event.
#[derive(Debug, Default)]
pub struct Encoder(String);

impl EncoderAdapter for Encoder {
    const NAME: &'static str = "sse-codec";

    fn run(&mut self, shape: &Shape, times: u32, wire: &mut impl FnMut(&[u8])) -> Duration {
        let event = Event::message(shape.event_type.unwrap_or("message"), shape.data, shape.id);
        encoder::repeat(times, || {
            self.0.clear();
            if writeln!(self.0, "{}", black_box(&event)).is_ok() {
                wire(self.0.as_bytes());
            }
        })
    }
}
