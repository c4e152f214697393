//! `reqwest-eventsource`, which takes a reqwest of its own.

use std::error::Error;

use ::reqwest_eventsource::{Event, EventSource};
use futures_util::StreamExt;

use super::{Reader, Tally};

pub(super) struct Source;

pub(super) const fn prepare() -> Source {
    Source
}

impl Reader for Source {
    async fn read(self, url: &str, events: u64) -> Result<Tally, Box<dyn Error>> {
        let mut source = EventSource::get(url);
        let mut tally = Tally::default();
        while tally.events < events {
            if let Event::Message(event) = source.next().await.ok_or("the source has closed")?? {
                tally.count(event.data.as_bytes());
            }
        }
        Ok(tally)
    }
}
