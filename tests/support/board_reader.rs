//! A reader of the events of a board, which takes no gap between them.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use reqwest::Client;
use sansse_tokio::{EventId, OwnedItem};
use serde_json::Value;
use tokio::time::timeout;

use crate::client::client;
use crate::events::{Events, stream_of};

const PATIENCE: Duration = Duration::from_secs(60);

/// An event of a board.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id, which is one of the library's.
    pub id: EventId,
    /// Its type.
    pub event_type: String,
    /// Its data, which is JSON.
    pub data: Value,
}

/// A reader of the events of a board.
pub struct Reader {
    events: Events,
    last: Option<EventId>,
    /// How many readers the board has told of last.
    readers: Option<u64>,
}

impl Reader {
    /// One that is given all that the board remembers.
    ///
    /// # Panics
    ///
    /// When the answer is no stream.
    pub async fn open(url: &str) -> Self {
        Self::open_by(&client(), url).await
    }

    /// The same by a client that others use, too: to make one for each of many takes long.
    ///
    /// # Panics
    ///
    /// As [`open`](Self::open).
    pub async fn open_by(client: &Client, url: &str) -> Self {
        Self { events: stream_of(client.get(url)).await, last: None, readers: None }
    }

    /// One that has got a place, which takes as long as the board needs to notice that others have
    /// gone.
    ///
    /// # Panics
    ///
    /// When no place becomes free.
    pub async fn with_place(url: &str) -> Self {
        let start = Instant::now();
        loop {
            let mut reader = Self::open(url).await;
            if reader.try_next().await.is_some() {
                return reader;
            }
            assert!(start.elapsed() < PATIENCE, "no place becomes free");
        }
    }

    /// One that comes back.
    ///
    /// # Panics
    ///
    /// When the answer is no stream.
    pub async fn resume(url: &str, id: EventId) -> Self {
        let request = client().get(url).header("last-event-id", id.to_string());
        Self { events: stream_of(request).await, last: Some(id), readers: None }
    }

    /// The next event; none at the end of the stream, clean or not.
    ///
    /// # Panics
    ///
    /// When there is neither in a minute, or an event is missing before it and no reset says so.
    pub async fn try_next(&mut self) -> Option<Event> {
        let event = async {
            loop {
                match self.events.next().await? {
                    Ok(OwnedItem::Event(event)) => return Some(event),
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
        };
        let event = timeout(PATIENCE, event).await.expect("an event in time")?;
        let event = Event {
            id: EventId::parse(event.last_event_id().as_bytes()).expect("an id of the library's"),
            event_type: event.event_type().to_string(),
            data: serde_json::from_str(&event.data().to_string()).expect("JSON"),
        };
        if let Some(last) = self.last.replace(event.id)
            && event.event_type != "reset"
        {
            assert_eq!(event.id, EventId { sequence: last.sequence + 1, ..last });
        }
        if event.event_type == "board" {
            self.readers = event.data["readers"].as_u64();
        }
        Some(event)
    }

    /// The next event.
    ///
    /// # Panics
    ///
    /// When the stream ends before; and as [`try_next`](Self::try_next).
    pub async fn next(&mut self) -> Event {
        self.try_next().await.expect("an event")
    }

    /// The next event of a type.
    ///
    /// # Panics
    ///
    /// As [`next`](Self::next).
    pub async fn find(&mut self, event_type: &str) -> Event {
        loop {
            let event = self.next().await;
            if event.event_type == event_type {
                return event;
            }
        }
    }

    /// Waits until the board has told of so many readers, and returns how many readings it has made
    /// meanwhile, one a second by its own clock.
    ///
    /// # Panics
    ///
    /// When it makes a hundred; and as [`next`](Self::next).
    pub async fn until_readers(&mut self, readers: u64) -> usize {
        let mut readings = 0;
        while self.readers != Some(readers) {
            readings += usize::from(self.next().await.event_type == "reading");
            assert!(readings < 100, "there are {:?} readers, not {readers}", self.readers);
        }
        readings
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("last", &self.last).finish_non_exhaustive()
    }
}
