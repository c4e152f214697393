//! The events of a stream as values.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use futures_core::Stream;
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;

use crate::event::{OwnedEvent, OwnedItem};
use crate::stream::EventStream;

pin_project! {
    /// The data of each event as a value, whatever the event's type: what
    /// [`EventStream::json`] makes.
    ///
    /// A value that cannot be read is an error, behind which the stream goes on.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when a pending `next` is dropped.
    #[derive(Debug)]
    pub struct JsonStream<S, T> {
        #[pin]
        events: EventStream<S>,
        value: PhantomData<fn() -> T>,
    }
}

impl<S> EventStream<S> {
    /// Reads the data of each event as JSON.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use sansse_tokio::EventStream;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let body = &b"data: [1,2]\n\ndata: [DONE]\n\n"[..];
    /// let mut values = EventStream::from_reader(body).stop_at("[DONE]").json::<Vec<u32>>();
    /// assert_eq!(values.next().await.unwrap().unwrap(), [1, 2]);
    /// assert!(values.next().await.is_none());
    /// assert!(values.events().has_stopped());
    /// # }
    /// ```
    pub const fn json<T: DeserializeOwned>(self) -> JsonStream<S, T> {
        JsonStream { events: self, value: PhantomData }
    }
}

impl<S, T> JsonStream<S, T> {
    /// The stream that is read, to ask how it ended.
    pub const fn events(&self) -> &EventStream<S> {
        &self.events
    }

    /// The stream back.
    pub fn into_events(self) -> EventStream<S> {
        self.events
    }
}

impl<S, B, E, T> Stream for JsonStream<S, T>
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
    T: DeserializeOwned,
{
    type Item = Result<T, JsonStreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            return Poll::Ready(Some(match ready!(this.events.as_mut().poll_next(cx)) {
                Some(Ok(OwnedItem::Event(event))) => match event.parse_json() {
                    Ok(value) => Ok(value),
                    Err(error) => Err(JsonStreamError::Json { error, event: Box::new(event) }),
                },
                Some(Ok(OwnedItem::TooLarge { .. })) => Err(JsonStreamError::TooLarge),
                Some(Ok(_)) => continue,
                Some(Err(error)) => Err(JsonStreamError::Source(error)),
                None => return Poll::Ready(None),
            }));
        }
    }
}

/// Why there is no value where one should be.
#[derive(Debug)]
#[non_exhaustive]
pub enum JsonStreamError<E> {
    /// The source of the stream reported an error.
    Source(E),
    /// The data of an event is no JSON, or not of the type that was asked for.
    Json {
        /// What is wrong, and where in the data.
        error: serde_json::Error,
        /// The event.
        event: Box<OwnedEvent>,
    },
    /// An event was over the limit of the parser, and was skipped.
    TooLarge,
}

impl<E: fmt::Display> fmt::Display for JsonStreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::Json { error, event } => {
                write!(
                    f,
                    "an event of type '{}' is not the JSON that was asked for: {error}",
                    event.event_type()
                )
            }
            Self::TooLarge => f.write_str("an event is too large: give the parser a higher limit"),
        }
    }
}

impl<E: Error + 'static> Error for JsonStreamError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Source(error) => Some(error),
            Self::Json { error, .. } => Some(error),
            Self::TooLarge => None,
        }
    }
}
