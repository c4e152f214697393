//! Events whose data is a value as JSON.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use bytes::BytesMut;
use sansse::{DataWriter, EncodeError, Encoder, EventId, Sink};
use serde::{Deserialize, Serialize};

use crate::event::OwnedEvent;
use crate::hub::{Hub, room_for_id_line};
use crate::publish_error::PublishError;

/// The length for which there is room from the beginning, in bytes.
const USUAL: usize = 512;

/// How many bytes of JSON are gathered before they are looked through for line breaks.
const GATHERED: usize = 256;

impl Hub {
    /// Publishes a value as JSON, and returns the id of its event. The value is written straight
    /// into the bytes that all readers share, and no further than the largest event goes. An empty
    /// type is `message`.
    ///
    /// ```
    /// use sansse_tokio::Hub;
    /// use serde::Serialize;
    ///
    /// #[derive(Serialize)]
    /// struct Reading {
    ///     celsius: f32,
    /// }
    ///
    /// let hub = Hub::new();
    /// hub.publish_json("weather", "reading", &Reading { celsius: 21.5 })?;
    /// # Ok::<(), sansse_tokio::PublishError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`publish`](Self::publish), and when the type holds a line break or the value cannot
    /// be JSON: its `Serialize` fails, or it holds a map whose keys are no text.
    pub fn publish_json<T: Serialize + ?Sized>(
        &self,
        topic: &str,
        event_type: &str,
        value: &T,
    ) -> Result<EventId, PublishError> {
        self.publish_block(topic, None, |largest| encode(event_type, None, value, largest))
    }

    /// [`publish_json`](Self::publish_json) where the
    /// [application gives the ids](crate::HubBuilder::given_ids).
    ///
    /// # Errors
    ///
    /// Those of [`publish_json`](Self::publish_json).
    pub fn publish_json_with_id<T: Serialize + ?Sized>(
        &self,
        topic: &str,
        event_type: &str,
        id: &str,
        value: &T,
    ) -> Result<EventId, PublishError> {
        self.publish_block(topic, Some(id.as_bytes()), |largest| {
            encode(event_type, Some(id), value, largest)
        })
    }
}

impl OwnedEvent {
    /// An event of type `message` whose data is a value as JSON.
    ///
    /// ```
    /// use sansse_tokio::OwnedEvent;
    ///
    /// let event = OwnedEvent::json(&["a", "b"])?.with_type("letters")?;
    /// assert_eq!(event.data(), r#"["a","b"]"#);
    /// assert_eq!(event.parse_json::<[String; 2]>()?, ["a", "b"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the value cannot be JSON: its `Serialize` fails, or it holds a map whose keys are no
    /// text.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        serde_json::to_string(value).map(Self::new)
    }

    /// The value that the data is as JSON; it may borrow from the event.
    ///
    /// # Errors
    ///
    /// When the data is no JSON, not UTF-8, or not of this type.
    pub fn parse_json<'a, T: Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_slice(self.data().as_bytes())
    }
}

/// The block of an event, of at most `largest` bytes, behind room for the line of an id.
fn encode<T: Serialize + ?Sized>(
    event_type: &str,
    id: Option<&str>,
    value: &T,
    largest: usize,
) -> Result<BytesMut, PublishError> {
    let mut block = room_for_id_line(USUAL);
    let mut problem = None;
    let encoded = Encoder::new(Bounded { target: &mut block, room: largest }).event_with(
        event_type,
        id,
        |data| {
            let mut text = JsonText { data, pieces: [0; GATHERED], length: 0 };
            let written = serde_json::to_writer(&mut text, value);
            written.and_then(|()| text.flush().map_err(serde_json::Error::io)).map_err(|error| {
                problem = Some(error);
                fmt::Error
            })
        },
    );
    match (encoded, problem) {
        // It stays in the history, where only its length counts.
        (Ok(()), _) => Ok(BytesMut::from(&*block)),
        // The id has been checked by stricter rules.
        (Err(EncodeError::Field(error)), _) => Err(PublishError::EventType(error)),
        (Err(EncodeError::Sink(Full)), _) => Err(PublishError::TooLarge),
        (Err(_), problem) => {
            Err(PublishError::Json(problem.map_or_else(
                || "its serialisation failed".to_owned(),
                |problem| problem.to_string(),
            )))
        }
    }
}

/// A buffer that takes so many bytes more.
struct Bounded<'a> {
    target: &'a mut BytesMut,
    room: usize,
}

/// The buffer takes no more.
struct Full;

impl Sink for Bounded<'_> {
    type Error = Full;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.room = self.room.checked_sub(bytes.len()).ok_or(Full)?;
        self.target.extend_from_slice(bytes);
        Ok(())
    }
}

/// The data of an event, for a writer of JSON, whose many small pieces are gathered.
struct JsonText<'a, 'b, S: Sink> {
    data: &'a mut DataWriter<'b, S>,
    pieces: [u8; GATHERED],
    length: usize,
}

impl<S: Sink> JsonText<'_, '_, S> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        // No character is cut: serde_json writes strings, whole or up to what it escapes.
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.data.write_str(text).map_err(io::Error::other)
    }
}

impl<S: Sink> Write for JsonText<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > GATHERED - self.length {
            self.flush()?;
        }
        match self.pieces.get_mut(self.length..self.length + bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.length += bytes.len();
                Ok(())
            }
            None => self.put(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let (pieces, length) = (self.pieces, std::mem::take(&mut self.length));
        self.put(&pieces[..length])
    }
}
