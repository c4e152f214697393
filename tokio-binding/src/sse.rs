//! Any stream of events as an HTTP response.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body::{Body, Frame};
use pin_project_lite::pin_project;
use sansse::http::{ACCEL_BUFFERING, CACHE_CONTROL, MIME_TYPE};

use crate::codec::{put_event, put_retry};
use crate::event::OwnedEvent;
use crate::keep_alive::{COMMENT, KeepAlive};

/// Events that are ready together go out as one frame of about so many bytes at most.
const FRAME: usize = 64 << 10;

/// A response whose body is a stream of events.
///
/// It goes with hyper, axum, tower and whatever else takes an [`http_body::Body`]; dropping the body
/// drops the stream, so work stops when the reader leaves.
///
/// ```
/// use std::time::Duration;
/// use sansse_tokio::{OwnedEvent, Sse};
///
/// let events = futures_util::stream::iter([OwnedEvent::new("1"), OwnedEvent::new("2")]);
/// let response = Sse::new(events).keep_alive(Duration::from_secs(15)).into_response();
/// assert_eq!(response.headers()["content-type"], "text/event-stream");
/// ```
#[derive(Debug)]
pub struct Sse<S> {
    events: S,
    keep_alive: Option<Duration>,
    retry: Option<u64>,
}

impl<S> Sse<S> {
    /// A response of these events: a `Stream` of [`OwnedEvent`]s or of `Result<OwnedEvent, E>`,
    /// where an error ends the body with that error.
    pub const fn new(events: S) -> Self {
        Self { events, keep_alive: None, retry: None }
    }

    /// Sends an empty comment after each such time without an event, so that proxies keep the
    /// connection and a vanished reader is noticed.
    #[must_use]
    pub const fn keep_alive(mut self, interval: Duration) -> Self {
        self.keep_alive = Some(interval);
        self
    }

    /// Opens with this reconnection time, in milliseconds.
    #[must_use]
    pub const fn retry(mut self, milliseconds: u64) -> Self {
        self.retry = Some(milliseconds);
        self
    }

    /// The body alone.
    pub fn into_body(self) -> SseBody<S>
    where
        S: Stream,
        S::Item: IntoEvent,
    {
        let mut pending = BytesMut::new();
        match self.retry {
            Some(milliseconds) => put_retry(milliseconds, &mut pending),
            // Browsers and proxies open a stream at its first byte.
            None => pending.extend_from_slice(&COMMENT),
        }
        SseBody {
            events: self.events,
            pending,
            keep_alive: self.keep_alive.map(KeepAlive::new),
            error: None,
            ended: false,
        }
    }

    /// The response: status 200 and the headers of an event stream.
    pub fn into_response(self) -> Response<SseBody<S>>
    where
        S: Stream,
        S::Item: IntoEvent,
    {
        event_stream_response(self.into_body())
    }
}

/// What the stream behind an [`Sse`] may be made of.
pub trait IntoEvent {
    /// What ends the body.
    type Error;

    /// The event, or why there will be none any more.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    fn into_event(self) -> Result<OwnedEvent, Self::Error>;
}

impl IntoEvent for OwnedEvent {
    type Error = Infallible;

    fn into_event(self) -> Result<OwnedEvent, Infallible> {
        Ok(self)
    }
}

impl<E> IntoEvent for Result<OwnedEvent, E> {
    type Error = E;

    fn into_event(self) -> Self {
        self
    }
}

pin_project! {
    /// The body of an [`Sse`] response.
    pub struct SseBody<S>
    where
        S: Stream,
        S::Item: IntoEvent,
    {
        #[pin]
        events: S,
        pending: BytesMut,
        keep_alive: Option<KeepAlive>,
        error: Option<<S::Item as IntoEvent>::Error>,
        ended: bool,
    }
}

impl<S> Body for SseBody<S>
where
    S: Stream,
    S::Item: IntoEvent,
{
    type Data = Bytes;
    type Error = <S::Item as IntoEvent>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut this = self.project();
        while !*this.ended && this.pending.len() < FRAME {
            match this.events.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => match item.into_event() {
                    Ok(event) => put_event(&event.as_event(), this.pending),
                    Err(error) => {
                        *this.error = Some(error);
                        *this.ended = true;
                    }
                },
                Poll::Ready(None) => *this.ended = true,
                Poll::Pending => break,
            }
        }
        if !this.pending.is_empty() {
            if let Some(keep_alive) = this.keep_alive {
                keep_alive.push_back();
            }
            return Poll::Ready(Some(Ok(Frame::data(this.pending.split().freeze()))));
        }
        if *this.ended {
            return Poll::Ready(this.error.take().map(Err));
        }
        match this.keep_alive {
            Some(keep_alive) => keep_alive.poll_due(cx).map(|()| Some(Ok(Frame::data(COMMENT)))),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.pending.is_empty() && self.error.is_none()
    }
}

impl<S> fmt::Debug for SseBody<S>
where
    S: Stream,
    S::Item: IntoEvent,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseBody").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// A response of status 200 with the headers of an event stream.
pub(crate) fn event_stream_response<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MIME_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// The values of a header that may come in several lines, as one list.
pub(crate) fn list(headers: &HeaderMap, name: HeaderName) -> Vec<u8> {
    let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    values.join(&b","[..])
}
