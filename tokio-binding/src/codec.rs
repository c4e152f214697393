//! Event streams for tokio-util's `Framed`.

use std::convert::Infallible;
use std::io;

use bytes::BytesMut;
use sansse::{Event, GrowingStorage, Parser, Sink, StreamEnd, Text};
use tokio_util::codec::{Decoder, Encoder};

use crate::event::{OwnedEvent, OwnedItem};
use crate::intake::{Intake, default_parser};

/// Decodes an event stream to [`OwnedItem`]s and encodes events.
///
/// Decoding never fails: what is too large is an item, and parsing goes on. The codec takes all
/// bytes out of the read buffer at once and holds those whose items were not asked for yet.
///
/// ```
/// use futures_util::StreamExt;
/// use sansse_tokio::{EventCodec, OwnedItem};
/// use tokio_util::codec::FramedRead;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut items = FramedRead::new(&b"data: 1\n\n"[..], EventCodec::new());
/// let Some(Ok(OwnedItem::Event(event))) = items.next().await else { panic!() };
/// assert_eq!(event.data(), "1");
/// # }
/// ```
#[derive(Debug)]
pub struct EventCodec {
    intake: Intake,
    end: Option<StreamEnd>,
}

impl EventCodec {
    /// A codec with the [default limits](crate::default_parser).
    #[must_use]
    pub const fn new() -> Self {
        Self { intake: Intake::new(default_parser()), end: None }
    }

    /// A codec with limits and options of the caller's, from the first item on.
    #[must_use]
    pub fn with_parser(mut self, parser: Parser<GrowingStorage, GrowingStorage>) -> Self {
        self.intake = Intake::new(parser);
        self
    }

    /// The last event ID as of the last block that was read to its end.
    #[must_use]
    pub fn last_event_id(&self) -> Text<'_> {
        self.intake.last_event_id()
    }

    /// How the stream ended, once it has.
    #[must_use]
    pub const fn end(&self) -> Option<StreamEnd> {
        self.end
    }
}

impl Default for EventCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for EventCodec {
    type Item = OwnedItem;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<OwnedItem>, io::Error> {
        if let Some(item) = self.intake.next() {
            return Ok(Some(item));
        }
        if source.is_empty() {
            return Ok(None);
        }
        self.intake.push(source.split().freeze());
        Ok(self.intake.next())
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<OwnedItem>, io::Error> {
        let item = self.decode(source)?;
        if item.is_none() && self.end.is_none() {
            self.end = Some(self.intake.end_stream());
        }
        Ok(item)
    }
}

impl Encoder<Event<'_>> for EventCodec {
    type Error = io::Error;

    fn encode(&mut self, event: Event<'_>, target: &mut BytesMut) -> Result<(), io::Error> {
        put_event(&event, target);
        Ok(())
    }
}

impl Encoder<OwnedEvent> for EventCodec {
    type Error = io::Error;

    fn encode(&mut self, event: OwnedEvent, target: &mut BytesMut) -> Result<(), io::Error> {
        put_event(&event.as_event(), target);
        Ok(())
    }
}

/// Appends an event's block to a buffer.
pub(crate) fn put_event(event: &Event<'_>, target: &mut BytesMut) {
    target.reserve(event.encoded_len());
    let Ok(()) = event.encode(&mut BytesSink(target));
}

/// Appends a reconnection time, in milliseconds, to a buffer.
pub(crate) fn put_retry(milliseconds: u64, target: &mut BytesMut) {
    let Ok(()) = sansse::Encoder::new(BytesSink(target)).retry(milliseconds);
}

/// The core's sink over a growing buffer.
#[derive(Debug)]
pub(crate) struct BytesSink<'a>(pub(crate) &'a mut BytesMut);

impl Sink for BytesSink<'_> {
    type Error = Infallible;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}
