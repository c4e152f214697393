//! A subscriber as the body of an HTTP response.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

use crate::keep_alive::KeepAlive;
use crate::subscription::Subscription;

/// The body of a response that a [`Hub`](crate::Hub) made: a [`Subscription`] that also says that it
/// is alive. Dropping it unsubscribes.
#[derive(Debug)]
pub struct HubBody {
    subscription: Subscription,
    keep_alive: Option<KeepAlive>,
}

impl HubBody {
    pub(crate) fn new(subscription: Subscription) -> Self {
        let keep_alive = subscription.hub().settings().keep_alive.map(KeepAlive::new);
        Self { subscription, keep_alive }
    }
}

impl Body for HubBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if let Poll::Ready(bytes) = this.subscription.poll_read(cx) {
            if let Some(keep_alive) = &mut this.keep_alive {
                keep_alive.push_back();
            }
            return Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))));
        }
        match &mut this.keep_alive {
            Some(keep_alive) => {
                std::task::ready!(keep_alive.poll_due(cx));
                Poll::Ready(Some(Ok(Frame::data(this.subscription.keep_alive()))))
            }
            None => Poll::Pending,
        }
    }
}
