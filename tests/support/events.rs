//! The events of a stream, one by one and in time.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::{RequestBuilder, StatusCode};
use sansse_tokio::{EventStream, OwnedItem};
use tokio::time::timeout;

use crate::client::client;

/// A stream that a client of others reads.
pub type Events = EventStream<BoxStream<'static, reqwest::Result<Bytes>>>;

/// Opens the stream at an address.
///
/// # Panics
///
/// When the answer is not a stream.
pub async fn open(url: &str) -> Events {
    stream_of(client().get(url)).await
}

/// Opens the stream that a request asks for.
///
/// # Panics
///
/// When the answer is not a stream, or does not come within ten seconds.
pub async fn stream_of(request: RequestBuilder) -> Events {
    let response = timeout(Duration::from_secs(10), request.send()).await;
    let response = response.expect("an answer in time").expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    EventStream::new(response.bytes_stream().boxed())
}

/// The next event, as `type:data@id`.
///
/// # Panics
///
/// When the stream ends or fails instead, or nothing comes for ten seconds.
pub async fn next(events: &mut Events) -> String {
    let event = async {
        loop {
            match events.next().await {
                Some(Ok(OwnedItem::Event(event))) => return event,
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let event = timeout(Duration::from_secs(10), event).await.expect("an event in time");
    format!("{}:{}@{}", event.event_type(), event.data(), event.last_event_id())
}

/// The next event that begins so, as [`next`] has it.
///
/// # Panics
///
/// When the stream ends or fails before, or there is none for twenty seconds.
pub async fn find(events: &mut Events, beginning: &str) -> String {
    let search = async {
        loop {
            let event = next(events).await;
            if event.starts_with(beginning) {
                return event;
            }
        }
    };
    let event = timeout(Duration::from_secs(20), search).await;
    event.unwrap_or_else(|_| panic!("no {beginning}"))
}
