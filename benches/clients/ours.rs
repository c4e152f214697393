//! The tokio binding.

use std::error::Error;

use futures_util::StreamExt;
use sansse_tokio::{EventSource, EventStream, OwnedItem, Update};

use super::{Reader, Tally, transport};

/// `EventSource`.
pub(super) struct Source(reqwest::Client);

/// `EventStream`.
pub(super) struct Stream(reqwest::Client);

impl Source {
    pub(super) fn prepare() -> Result<Self, reqwest::Error> {
        transport::prepare().map(Self)
    }
}

impl Stream {
    pub(super) fn prepare() -> Result<Self, reqwest::Error> {
        transport::prepare().map(Self)
    }
}

impl Reader for Source {
    async fn read(self, url: &str, events: u64) -> Result<Tally, Box<dyn Error>> {
        let mut source = EventSource::get(url).transport(self.0).connect()?;
        let mut tally = Tally::default();
        while tally.events < events {
            match source.next().await.ok_or("the source has closed")?? {
                Update::Event(event) => tally.count(event.data().as_bytes()),
                Update::Disconnected { cause, .. } => return Err(cause.into()),
                _ => {}
            }
        }
        Ok(tally)
    }
}

impl Reader for Stream {
    async fn read(self, url: &str, events: u64) -> Result<Tally, Box<dyn Error>> {
        let body = self.0.get(url).send().await?.bytes_stream();
        let mut items = EventStream::new(body);
        let mut tally = Tally::default();
        while tally.events < events {
            if let OwnedItem::Event(event) = items.next().await.ok_or("the stream has ended")?? {
                tally.count(event.data().as_bytes());
            }
        }
        Ok(tally)
    }
}
