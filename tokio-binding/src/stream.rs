//! One response body as a stream of items.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http_body::Body;
use http_body_util::BodyDataStream;
use pin_project_lite::pin_project;
use sansse::{GrowingStorage, Parser, StreamEnd, Text};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use crate::event::OwnedItem;
use crate::intake::{Intake, default_parser};

pin_project! {
    /// The items of one event stream, without reconnection: a response body, an `AsyncRead` or any
    /// `Stream` of bytes.
    ///
    /// Ends when its source does; [`end`](Self::end) then tells a clean end from one in mid-event.
    /// An error of the source is passed on, and the stream may be polled again.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when a pending `next` is dropped.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use sansse_tokio::{EventStream, OwnedItem, StreamEnd};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// let body = &b"data: 1\n\ndata: 2"[..];
    /// let mut items = EventStream::from_reader(body);
    /// while let Some(item) = items.next().await {
    ///     if let OwnedItem::Event(event) = item? {
    ///         assert_eq!(event.data(), "1");
    ///     }
    /// }
    /// assert_eq!(items.end(), Some(StreamEnd::Unfinished));
    /// # Ok(()) }
    /// ```
    #[derive(Debug)]
    pub struct EventStream<S> {
        #[pin]
        source: S,
        intake: Intake,
        end: Option<StreamEnd>,
        sentinel: Option<Bytes>,
        stopped: bool,
    }
}

impl<S> EventStream<S> {
    /// Reads a `Stream` of `Result<impl Buf, E>`, such as `reqwest`'s `bytes_stream`, with the
    /// [default limits](crate::default_parser).
    pub const fn new(source: S) -> Self {
        let intake = Intake::new(default_parser());
        Self { source, intake, end: None, sentinel: None, stopped: false }
    }

    /// Reads with limits and options of the caller's, from the first item on. A parser with a
    /// seeded last event ID continues an earlier stream.
    #[must_use]
    pub fn with_parser(mut self, parser: Parser<GrowingStorage, GrowingStorage>) -> Self {
        self.intake = Intake::new(parser);
        self
    }

    /// Ends at an event with this data, such as `[DONE]`, which is not handed out: behind it there
    /// are no more items, whatever the source still says. [`has_stopped`](Self::has_stopped) then
    /// tells that it came, which an answer that was cut off never does.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use sansse_tokio::EventStream;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let body = &b"data: Hello\n\ndata: [DONE]\n\ndata: ?\n\n"[..];
    /// let mut items = EventStream::from_reader(body).stop_at("[DONE]");
    /// assert_eq!(items.by_ref().count().await, 1);
    /// assert!(items.has_stopped());
    /// # }
    /// ```
    #[must_use]
    pub fn stop_at(mut self, data: impl Into<Bytes>) -> Self {
        self.sentinel = Some(data.into());
        self
    }

    /// Whether the event to [stop at](Self::stop_at) has come.
    pub const fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// The last event ID as of the last block that was read to its end.
    pub fn last_event_id(&self) -> Text<'_> {
        self.intake.last_event_id()
    }

    /// How the stream ended, once it has, unless it [stopped](Self::stop_at) before its end.
    pub const fn end(&self) -> Option<StreamEnd> {
        self.end
    }

    /// The parser back, for the next stream; it keeps the last event ID.
    pub fn into_parser(mut self) -> Parser<GrowingStorage, GrowingStorage> {
        self.intake.end_stream();
        self.intake.into_parser()
    }
}

impl<B: Body> EventStream<BodyDataStream<B>> {
    /// Reads an HTTP body; its trailers are ignored.
    pub fn from_body(body: B) -> Self {
        Self::new(BodyDataStream::new(body))
    }
}

impl<R: AsyncRead> EventStream<ReaderStream<R>> {
    /// Reads a socket, a file or a pipe.
    pub fn from_reader(reader: R) -> Self {
        Self::new(ReaderStream::with_capacity(reader, 16 << 10))
    }
}

impl<S, B, E> Stream for EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
{
    type Item = Result<OwnedItem, E>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if this.intake.advance() {
                if let Some(sentinel) = this.sentinel
                    && this.intake.is_event_with(sentinel)
                {
                    *this.stopped = true;
                    this.intake.drop_chunk();
                    return Poll::Ready(None);
                }
                if let Some(event) = this.intake.event() {
                    return Poll::Ready(Some(Ok(OwnedItem::Event(event))));
                }
                match this.intake.other_item() {
                    Some(item) => return Poll::Ready(Some(Ok(item))),
                    None => continue,
                }
            }
            if *this.stopped || this.end.is_some() {
                return Poll::Ready(None);
            }
            match ready!(this.source.as_mut().poll_next(cx)) {
                Some(Ok(mut chunk)) => this.intake.push(chunk.copy_to_bytes(chunk.remaining())),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => *this.end = Some(this.intake.end_stream()),
            }
        }
    }
}
