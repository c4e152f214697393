//! `reqwest-sse`, which reads nothing but a response of `reqwest`: it is given one, made by hand.

use std::convert::Infallible;
use std::marker::PhantomData;

use ::reqwest_sse::EventSource as _;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::header::CONTENT_TYPE;
use reqwest::Body;

use super::input::{Chunk, Input};
use super::poll;
use super::reader::{Adapter, Events as Taker, Id};

/// The events of a response.
#[derive(Debug, Default)]
pub struct Events<C>(PhantomData<C>);

impl<C: Chunk + Default> Adapter for Events<C> {
    const NAME: &'static str = "reqwest-sse";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Taker) {
        let body = input.stream::<C, Infallible>().map_ok(Into::<Bytes>::into);
        let body = Body::wrap_stream(body);
        let response = http::Response::builder().header(CONTENT_TYPE, "text/event-stream");
        let Ok(response) = response.body(body) else { return };
        let Ok(stream) = poll::wait(reqwest::Response::from(response).events()) else { return };
        poll::for_each(stream, |event| {
            let id = event.last_event_id.as_deref().unwrap_or_default();
            events.event(event.event_type.as_bytes(), event.data.as_bytes(), Some(id.as_bytes()));
        });
    }
}
