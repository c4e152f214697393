//! Events into anything that can be written.

use core::fmt;

use embedded_io_async::Write;
use sansse::{EncodeError, Encoder, Event, FieldError, Sink};

use crate::window::Window;

/// Writes events to anything that can be written: a TLS session, a serial line, a response of another
/// HTTP library.
///
/// Each is encoded into a buffer of the caller's, of a byte at least, as often as it takes to write all
/// of it: a small buffer costs time, never events. What is written is flushed.
///
/// ```
/// use sansse_embassy::{Event, EventWriter};
///
/// # embassy_futures::block_on(async {
/// let (mut stream, mut buffer) = ([0; 64], [0; 16]);
/// let mut writer = EventWriter::new(&mut stream[..], &mut buffer);
/// writer.event(&Event::new("21.5").with_type("celsius").unwrap()).await?;
/// writer.comment("").await?;
/// # drop(writer);
/// assert!(stream.starts_with(b"event: celsius\ndata: 21.5\n\n:\n\n"));
/// # Ok::<(), sansse_embassy::WriteError<_>>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct EventWriter<'a, W> {
    target: W,
    buffer: &'a mut [u8],
}

impl<'a, W: Write> EventWriter<'a, W> {
    /// Writes to a target.
    #[must_use]
    pub const fn new(target: W, buffer: &'a mut [u8]) -> Self {
        Self { target, buffer }
    }

    /// Writes an event.
    ///
    /// # Errors
    ///
    /// Those of the target.
    ///
    /// # Cancel safety
    ///
    /// This and the other methods must not be dropped before they are ready: a part of a block may have
    /// been written then, and the stream must be ended.
    pub async fn event(&mut self, event: &Event<'_>) -> Result<(), WriteError<W::Error>> {
        self.write(|window| {
            let Ok(()) = event.encode(window);
            Ok(())
        })
        .await
    }

    /// Writes an event whose data `format` writes. It is called as often as it takes to write all, and
    /// has to write the same each time. An empty type is `message`.
    ///
    /// # Errors
    ///
    /// When the type or the id cannot be a field, or `format` fails, with nothing written; and those of
    /// the target.
    pub async fn event_with(
        &mut self,
        event_type: &str,
        id: Option<&str>,
        format: impl Fn(&mut dyn fmt::Write) -> fmt::Result,
    ) -> Result<(), WriteError<W::Error>> {
        self.write(|window| {
            let encoded = Encoder::new(window).event_with(event_type, id, |data| format(data));
            encoded.map_err(|error| match error {
                EncodeError::Field(error) => Problem::Field(error),
                _ => Problem::Format,
            })
        })
        .await
    }

    /// Writes a block that holds only an id, which sets the reader's last event ID.
    ///
    /// # Errors
    ///
    /// When the id cannot be a field, and those of the target.
    pub async fn id(&mut self, id: &str) -> Result<(), WriteError<W::Error>> {
        self.write(|window| field(Encoder::new(window).id(id))).await
    }

    /// Writes a comment; an empty one is the shortest sign of life.
    ///
    /// # Errors
    ///
    /// When the comment holds a line break, and those of the target.
    pub async fn comment(&mut self, text: &str) -> Result<(), WriteError<W::Error>> {
        self.write(|window| field(Encoder::new(window).comment(text))).await
    }

    /// Writes the reconnection time, in milliseconds.
    ///
    /// # Errors
    ///
    /// Those of the target.
    pub async fn retry(&mut self, milliseconds: u64) -> Result<(), WriteError<W::Error>> {
        self.write(|window| {
            let Ok(()) = Encoder::new(window).retry(milliseconds);
            Ok(())
        })
        .await
    }

    /// The target.
    pub fn into_target(self) -> W {
        self.target
    }

    async fn write(
        &mut self,
        encode: impl Fn(&mut Window<'_>) -> Result<(), Problem>,
    ) -> Result<(), WriteError<W::Error>> {
        let mut sent = 0;
        loop {
            let mut window = Window::new(self.buffer, sent);
            encode(&mut window)?;
            let (filled, is_cut) = (window.filled(), window.is_cut());
            let bytes = self.buffer.get(..filled).unwrap_or_default();
            self.target.write_all(bytes).await.map_err(WriteError::Target)?;
            sent += filled;
            if !is_cut {
                return self.target.flush().await.map_err(WriteError::Target);
            }
        }
    }
}

/// Why something cannot be encoded.
enum Problem {
    Field(FieldError),
    Format,
}

fn field<E>(encoded: Result<(), EncodeError<E>>) -> Result<(), Problem> {
    encoded.map_err(|error| match error {
        EncodeError::Field(error) => Problem::Field(error),
        _ => Problem::Format,
    })
}

/// Why a block was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError<E> {
    /// A value cannot be a field; nothing has been written.
    Field(FieldError),
    /// The data's formatting failed.
    Format,
    /// The target failed, and the stream with it.
    Target(E),
}

impl<E> From<Problem> for WriteError<E> {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Field(error) => Self::Field(error),
            Problem::Format => Self::Format,
        }
    }
}

impl<E: fmt::Display> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(error) => error.fmt(f),
            Self::Format => f.write_str("the data's own formatting failed: see its `Display`"),
            Self::Target(error) => write!(f, "the block could not be written: {error}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for WriteError<E> {}

impl Sink for Window<'_> {
    type Error = core::convert::Infallible;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.write(bytes);
        Ok(())
    }
}
