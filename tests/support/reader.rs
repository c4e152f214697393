//! A reader of a stream, by a client of others.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::{RequestBuilder, StatusCode, Version};
use sansse_tokio::{EventStream, OwnedItem};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// An open stream.
pub struct Reader {
    events: EventStream<BoxStream<'static, reqwest::Result<Bytes>>>,
    version: Version,
}

impl Reader {
    /// Opens the stream that a request asks for.
    ///
    /// # Panics
    ///
    /// When it does not open.
    pub async fn open(request: RequestBuilder) -> Self {
        let response = timeout(PATIENCE, request.send()).await.expect("an answer in time");
        let response = response.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let version = response.version();
        Self { events: EventStream::new(response.bytes_stream().boxed()), version }
    }

    /// The version of HTTP that carries it.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The type and data of the next event, as `type:data`; nothing at the clean end of the stream.
    ///
    /// # Panics
    ///
    /// When there is neither in time, or the stream is cut.
    pub async fn next(&mut self) -> Option<String> {
        let event = async {
            loop {
                match self.events.next().await? {
                    Ok(OwnedItem::Event(event)) => {
                        return Some(format!("{}:{}", event.event_type(), event.data()));
                    }
                    Ok(_) => {}
                    Err(error) => panic!("the stream was cut: {error}"),
                }
            }
        };
        timeout(PATIENCE, event).await.expect("an event in time")
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("version", &self.version).finish_non_exhaustive()
    }
}
