//! What an endpoint answers with.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

use super::occupancy::Place;
use crate::body::HubBody;
use crate::codec::put_retry;
use crate::retry::Retry;

/// The body of an [`Endpoint`](crate::Endpoint)'s answer: a stream, or a short text. Dropping it
/// unsubscribes and gives its place to others.
#[derive(Debug)]
pub struct EndpointBody(Content);

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are streams, which a box would cost more"
)]
#[derive(Debug)]
enum Content {
    Stream {
        events: HubBody,
        _place: Place,
    },
    /// What is left of a text.
    Text(Bytes),
    /// Nothing, in the place of something that is not known here.
    Omitted,
}

impl EndpointBody {
    pub(super) const fn stream(events: HubBody, place: Place) -> Self {
        Self(Content::Stream { events, _place: place })
    }

    pub(super) fn text(text: impl Into<Bytes>) -> Self {
        Self(Content::Text(text.into()))
    }

    /// The body of an answer to `HEAD`.
    pub(super) const fn omitted() -> Self {
        Self(Content::Omitted)
    }
}

impl Body for EndpointBody {
    type Data = Bytes;
    type Error = <HubBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.0 {
            Content::Stream { events, .. } => Pin::new(events).poll_frame(cx),
            Content::Text(text) if text.is_empty() => Poll::Ready(None),
            Content::Text(text) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(text))))),
            Content::Omitted => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Stream { events, .. } => events.is_end_stream(),
            Content::Text(text) => text.is_empty(),
            // Were it to end here already, a server might take its length for that of the answer.
            Content::Omitted => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Stream { .. } | Content::Omitted => SizeHint::default(),
            Content::Text(text) => SizeHint::with_exact(text.len() as u64),
        }
    }
}

/// A block that only says when to come back.
pub(super) fn retry_block(retry: &Retry) -> Bytes {
    let mut block = BytesMut::new();
    put_retry(retry.next(), &mut block);
    block.freeze()
}
