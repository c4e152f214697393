//! `eventsource-client`, whose parser is not public: its client gets a transport that answers each
//! request with the same body.

use std::marker::PhantomData;

use ::eventsource_client::{Client as _, ClientBuilder, ReconnectOptions, SSE};
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{Request, Response};
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture};

use super::input::{Chunk, Input};
use super::poll;
use super::reader::{Adapter, Events, Id};

/// Its client.
#[derive(Debug, Default)]
pub struct Client<C>(PhantomData<C>);

impl<C: Chunk + Default> Adapter for Client<C> {
    const NAME: &'static str = "eventsource-client";
    const ID: Id = Id::Last;

    fn read(&mut self, input: &Input, events: &mut impl Events) {
        let Ok(builder) = ClientBuilder::for_url("http://localhost/") else { return };
        let client = builder
            .reconnect(ReconnectOptions::reconnect(false).build())
            .build_with_transport(Transport::<C> { input: input.clone(), chunk: PhantomData });
        poll::for_each(client.stream(), |item| {
            if let SSE::Event(event) = item {
                let id = event.id.as_deref().unwrap_or_default();
                events.event(
                    event.event_type.as_bytes(),
                    event.data.as_bytes(),
                    Some(id.as_bytes()),
                );
            }
        });
    }
}

#[derive(Clone)]
struct Transport<C> {
    input: Input,
    chunk: PhantomData<C>,
}

impl<C: Chunk> HttpTransport for Transport<C> {
    fn request(&self, _: Request<Option<Bytes>>) -> ResponseFuture {
        let body: ByteStream = Box::pin(self.input.stream::<C, _>().map_ok(Into::into));
        Box::pin(std::future::ready(Ok(Response::new(body))))
    }
}
