//! The tokio binding: its codec, and its stream over each kind of source.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use sansse_tokio::{EventCodec, EventStream, GrowingStorage, OwnedItem, Parser};
use tokio_util::codec::FramedRead;
use tokio_util::io::StreamReader;

use crate::core_parsers::configure;
use crate::implementation::{Implementation, Reading};
use crate::outcome::{Item, Outcome};
use crate::settings::Settings;

/// All of the binding's readers.
#[must_use]
pub fn implementations() -> [Box<dyn Implementation>; 4] {
    [
        Box::new(Named("EventCodec", codec)),
        Box::new(Named("EventStream over a stream", over_stream)),
        Box::new(Named("EventStream over a body", over_body)),
        Box::new(Named("EventStream over a reader", over_reader)),
    ]
}

type GrowingParser = Parser<GrowingStorage, GrowingStorage>;

struct Named(&'static str, fn(GrowingParser, Vec<Bytes>) -> Outcome);

impl Implementation for Named {
    fn name(&self) -> String {
        self.0.into()
    }

    fn run(&mut self, settings: &Settings, chunks: &[&[u8]]) -> Reading {
        let parser = configure(Parser::growing(settings.event_limit, settings.id_limit), settings);
        let chunks = chunks.iter().map(|chunk| Bytes::copy_from_slice(chunk)).collect();
        Reading { outcome: self.1(parser, chunks), arrivals: None }
    }
}

fn codec(parser: GrowingParser, chunks: Vec<Bytes>) -> Outcome {
    let mut items = FramedRead::new(reader(chunks), EventCodec::new().with_parser(parser));
    let read = collect(&mut items);
    let codec = items.decoder();
    Outcome {
        items: read,
        last_event_id: codec.last_event_id().into(),
        end: codec.end().expect("a stream that has ended"),
    }
}

fn over_stream(parser: GrowingParser, chunks: Vec<Bytes>) -> Outcome {
    let chunks = chunks.into_iter().map(Ok::<_, Infallible>);
    outcome(EventStream::new(stream::iter(chunks)).with_parser(parser))
}

fn over_body(parser: GrowingParser, chunks: Vec<Bytes>) -> Outcome {
    let frames = chunks.into_iter().map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
    outcome(EventStream::from_body(StreamBody::new(stream::iter(frames))).with_parser(parser))
}

fn over_reader(parser: GrowingParser, chunks: Vec<Bytes>) -> Outcome {
    outcome(EventStream::from_reader(reader(chunks)).with_parser(parser))
}

/// Gives one chunk a read.
fn reader(chunks: Vec<Bytes>) -> StreamReader<impl Stream<Item = io::Result<Bytes>>, Bytes> {
    let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty());
    StreamReader::new(stream::iter(chunks.map(Ok)))
}

fn outcome<S, E>(mut items: EventStream<S>) -> Outcome
where
    EventStream<S>: Stream<Item = Result<OwnedItem, E>> + Unpin,
    E: std::fmt::Debug,
{
    let read = collect(&mut items);
    Outcome {
        items: read,
        last_event_id: items.last_event_id().into(),
        end: items.end().expect("a stream that has ended"),
    }
}

/// Takes all items of a stream that never has to wait.
fn collect<E: std::fmt::Debug>(
    items: &mut (impl Stream<Item = Result<OwnedItem, E>> + Unpin),
) -> Vec<Item> {
    let mut collected = Vec::new();
    while let Some(item) = items.next().now_or_never().expect("bytes that are there") {
        collected.push(item.expect("a source without errors").into());
    }
    collected
}

impl From<OwnedItem> for Item {
    /// # Panics
    ///
    /// At an item that the tests do not know yet.
    fn from(item: OwnedItem) -> Self {
        match item {
            OwnedItem::Event(event) => Self::Event(event.as_event().into()),
            OwnedItem::TooLarge { last_event_id } => {
                Self::TooLarge { last_event_id: sansse::Text::new(&last_event_id).into() }
            }
            OwnedItem::Retry(milliseconds) => Self::Retry(milliseconds),
            OwnedItem::Comment { text, truncated } => {
                Self::Comment { text: sansse::Text::new(&text).into(), truncated }
            }
            OwnedItem::IdTooLong => Self::IdTooLong,
            unknown => panic!("teach the tests this item: {unknown:?}"),
        }
    }
}
