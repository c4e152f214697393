//! `russe`, a codec of `tokio-util`.

use std::io;
use std::time::Duration;

use ::russe::{Event, Message};
use bytes::{Buf as _, Bytes, BytesMut};
use tokio_util::codec::{Decoder as _, Encoder as _, FramedRead};
use tokio_util::io::StreamReader;

use super::encoder::{self, EncoderAdapter, Shape};
use super::input::Input;
use super::reader::{Adapter, Events, Id};
use super::{page, poll};

/// Its decoder, with a buffer that is kept from stream to stream. The decoder itself, whose
/// searcher takes long to build, is kept, too: each stream here ends between two blocks.
#[derive(Debug, Default)]
pub struct Decoder {
    decoder: ::russe::Decoder,
    buffer: BytesMut,
}

impl Adapter for Decoder {
    const NAME: &'static str = "russe";
    const ID: Id = Id::Own;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        self.buffer.clear();
        for chunk in &*input.slices {
            self.buffer.extend_from_slice(chunk);
            while let Ok(Some(event)) = self.decoder.decode(&mut self.buffer) {
                show(&event, events);
            }
        }
    }
}

/// Its decoder behind a framed reader of `tokio-util`.
#[derive(Debug, Default)]
pub struct Framed(::russe::Decoder);

impl Adapter for Framed {
    const NAME: &'static str = "russe";
    const ID: Id = Id::Own;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let reader = StreamReader::new(input.stream::<Bytes, io::Error>());
        let stream = FramedRead::new(reader, self.0.clone());
        poll::for_each(stream, |event| show(event, events));
    }
}

fn show(event: &Event, events: &mut impl Events) {
    if let Event::Message(message) = event {
        let event_type = message.event.as_deref().unwrap_or("message");
        let id = message.id.as_deref().map(str::as_bytes);
        events.event(event_type.as_bytes(), message.data.as_bytes(), id);
    }
}

/// Its encoder, with a buffer that is kept. It uses up the message, whose clones share their parts
/// and cost nothing to speak of.
#[derive(Debug)]
pub struct Encoder(BytesMut);

impl Default for Encoder {
    fn default() -> Self {
        let mut buffer = BytesMut::zeroed(2 * page::SIZE);
        buffer.advance(page::next(&buffer));
        Self(buffer)
    }
}

impl EncoderAdapter for Encoder {
    const NAME: &'static str = "russe";

    fn run(&mut self, shape: &Shape, times: u32, wire: &mut impl FnMut(&[u8])) -> Duration {
        let message = Message {
            event: shape.event_type.map(Into::into),
            data: shape.data.into(),
            id: shape.id.map(Into::into),
            retry: None,
        };
        let mut encoder = ::russe::Encoder::default();
        encoder::repeat_with(times, &Event::Message(message), |event| {
            self.0.clear();
            if encoder.encode(event, &mut self.0).is_ok() {
                wire(&self.0);
            }
        })
    }
}
