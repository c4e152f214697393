//! `eventsource-client`, given the transport that all have.

use std::error::Error;

use ::eventsource_client::{Client as _, ClientBuilder, ReconnectOptions, SSE};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http::{Request, Response};
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture, TransportError};
use sync_wrapper::{SyncFuture, SyncStream};

use super::{Reader, Tally, transport};

#[derive(Clone)]
pub(super) struct Transport(reqwest::Client);

pub(super) fn prepare() -> Result<Transport, reqwest::Error> {
    transport::prepare().map(Transport)
}

impl HttpTransport for Transport {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let client = self.0.clone();
        Box::pin(SyncFuture::new(async move {
            let request = request.map(Option::unwrap_or_default);
            let request = request.try_into().map_err(TransportError::new)?;
            let response = client.execute(request).await.map_err(TransportError::new)?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = response.bytes_stream().map_err(TransportError::new);
            let body: ByteStream = Box::pin(SyncStream::new(body));
            let mut response = Response::new(body);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        }))
    }
}

impl Reader for Transport {
    async fn read(self, url: &str, events: u64) -> Result<Tally, Box<dyn Error>> {
        let reconnect = ReconnectOptions::reconnect(false).build();
        let client = ClientBuilder::for_url(url)
            .map_err(|error| format!("{error:?}"))?
            .reconnect(reconnect)
            .build_with_transport(self);
        let mut stream = client.stream();
        let mut tally = Tally::default();
        while tally.events < events {
            let item = stream.next().await.ok_or("the stream has ended")?;
            if let SSE::Event(event) = item.map_err(|error| format!("{error:?}"))? {
                tally.count(event.data.as_bytes());
            }
        }
        Ok(tally)
    }
}
