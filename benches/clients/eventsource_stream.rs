//! `eventsource-stream` over reqwest.

use std::error::Error;

use ::eventsource_stream::Eventsource as _;
use futures_util::StreamExt;

use super::{Reader, Tally, transport};

pub(super) struct Stream(reqwest::Client);

pub(super) fn prepare() -> Result<Stream, reqwest::Error> {
    transport::prepare().map(Stream)
}

impl Reader for Stream {
    async fn read(self, url: &str, events: u64) -> Result<Tally, Box<dyn Error>> {
        let mut stream = self.0.get(url).send().await?.bytes_stream().eventsource();
        let mut tally = Tally::default();
        while tally.events < events {
            let event = stream.next().await.ok_or("the stream has ended")??;
            tally.count(event.data.as_bytes());
        }
        Ok(tally)
    }
}
