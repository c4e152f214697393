//! Events out of anything that can be read.

use embedded_io_async::Read;
use sansse::{BufferedParser, Item, Parser, SeedError, Storage, StreamEnd, Text};

/// Reads the events of one stream from anything that can be read: a TLS session, a serial line, a
/// response of another HTTP library.
///
/// Memory is the caller's: that of the [`Parser`], and a buffer to read into, of a byte at least.
///
/// ```
/// use sansse_embassy::{EventReader, Item, Parser};
///
/// # embassy_futures::block_on(async {
/// let source = &b"data: 1\n\nevent: celsius\ndata: 21.5\n\n"[..];
/// let mut reader = EventReader::new(source, Parser::new([0; 256], [0; 3 * 32]), [0; 64]);
/// while let Some(item) = reader.next().await? {
///     if let Item::Event(event) = item {
///         assert!(event.data() == "1" || event.event_type() == "celsius");
///     }
/// }
/// # Ok::<(), core::convert::Infallible>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct EventReader<R, E, I, B> {
    source: R,
    parser: BufferedParser<E, I, B>,
}

impl<R: Read, E: Storage, I: Storage, B: Storage> EventReader<R, E, I, B> {
    /// Reads from a source, from the start of a stream on.
    #[must_use]
    pub const fn new(source: R, parser: Parser<E, I>, buffer: B) -> Self {
        Self { source, parser: BufferedParser::new(parser, buffer) }
    }

    /// The next item; `None` at the stream's end. An event that was not whole by then is dropped, as the
    /// standard has it.
    ///
    /// # Errors
    ///
    /// Those of the source.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the source loses nothing when its `read` is dropped before it is ready.
    pub async fn next(&mut self) -> Result<Option<Item<'_>>, R::Error> {
        while !self.parser.advance() {
            let length = self.source.read(self.parser.space()).await?;
            if length == 0 {
                let _: StreamEnd = self.parser.end_stream();
                return Ok(None);
            }
            self.parser.filled(length);
        }
        Ok(self.parser.item())
    }

    /// The last event ID; see [`Parser::last_event_id`].
    #[must_use]
    pub fn last_event_id(&self) -> Text<'_> {
        self.parser.last_event_id()
    }

    /// Sets the last event ID, before a stream that continues another; see
    /// [`Parser::seed_last_event_id`].
    ///
    /// # Errors
    ///
    /// Those of the parser.
    pub fn seed_last_event_id(&mut self, id: &[u8]) -> Result<(), SeedError> {
        self.parser.seed_last_event_id(id)
    }

    /// The source. What was read from it and not handed out is dropped.
    pub fn into_source(self) -> R {
        self.source
    }
}
