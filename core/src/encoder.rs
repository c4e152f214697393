//! The encoder: events in, bytes of an event stream out.

use core::fmt;

use crate::error::EncodeError;
use crate::event::{Event, check_id, check_received_id, one_line};
use crate::line::{self, LF};
use crate::lines::Lines;
use crate::sink::Sink;
use crate::text::Text;

/// Writes the blocks of an event stream to a [`Sink`] (HTML standard, 9.2.5).
///
/// Every field name is followed by a colon and one space, every line ends with LF and every block
/// with a blank line. Nothing is kept between two blocks.
///
/// ```
/// use core::fmt::Write;
/// use sansse::{Encoder, SliceSink};
///
/// let mut buffer = [0; 64];
/// let mut sink = SliceSink::new(&mut buffer);
/// let mut encoder = Encoder::new(&mut sink);
/// encoder.retry(3000)?;
/// encoder.event_with("reading", None, |data| write!(data, "{{\"celsius\":{:.1}}}", 21.5))?;
/// assert_eq!(sink.written(), b"retry: 3000\n\nevent: reading\ndata: {\"celsius\":21.5}\n\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Encoder<S> {
    sink: S,
}

impl<S: Sink> Encoder<S> {
    /// Writes to `sink` (or to a `&mut` of one).
    #[must_use]
    pub const fn new(sink: S) -> Self {
        Self { sink }
    }

    /// The sink back.
    pub fn into_sink(self) -> S {
        self.sink
    }

    /// Writes an event, with as many `data` lines as its data has lines.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn event(&mut self, event: &Event<'_>) -> Result<(), S::Error> {
        self.head(event.type_on_wire(), event.id().map(Text::as_bytes))?;
        let mut data = DataWriter::begin(&mut self.sink)?;
        data.push(event.data().as_bytes())?;
        data.end()
    }

    /// Writes an event whose data `format` writes, straight into the wire form: line breaks in it
    /// become further `data` lines. An empty `event_type` is `message`.
    ///
    /// # Errors
    ///
    /// When the type or the id cannot be a field (nothing has been written then), when `format`
    /// fails, or when the sink does.
    pub fn event_with<F>(
        &mut self,
        event_type: &str,
        id: Option<&str>,
        format: F,
    ) -> Result<(), EncodeError<S::Error>>
    where
        F: FnOnce(&mut DataWriter<'_, S>) -> fmt::Result,
    {
        let head = Event::new("").with_type(event_type)?;
        if let Some(id) = id {
            check_id(id)?;
        }
        self.head(head.type_on_wire(), id.map(str::as_bytes)).map_err(EncodeError::Sink)?;
        let mut data = DataWriter::begin(&mut self.sink).map_err(EncodeError::Sink)?;
        let formatted = format(&mut data);
        if let Some(error) = data.error.take() {
            return Err(EncodeError::Sink(error));
        }
        formatted.map_err(|fmt::Error| EncodeError::Format)?;
        data.end().map_err(EncodeError::Sink)
    }

    /// Writes an event of type `message` whose data `format` writes; see
    /// [`event_with`](Self::event_with).
    ///
    /// # Errors
    ///
    /// When `format` fails, or when the sink does.
    pub fn data_with<F>(&mut self, format: F) -> Result<(), EncodeError<S::Error>>
    where
        F: FnOnce(&mut DataWriter<'_, S>) -> fmt::Result,
    {
        self.event_with("", None, format)
    }

    /// Writes a block that holds only an id: it dispatches nothing and sets the reader's last event
    /// ID (law 10).
    ///
    /// # Errors
    ///
    /// When the id cannot be a field (nothing has been written then), or when the sink fails.
    pub fn id(&mut self, id: &str) -> Result<(), EncodeError<S::Error>> {
        check_id(id)?;
        self.position(id.as_bytes()).map_err(EncodeError::Sink)
    }

    /// Writes a block that holds only an id, as a stream carried it: it need not be UTF-8, and may
    /// have edge whitespace.
    ///
    /// # Errors
    ///
    /// When the id holds a line break or U+0000 (nothing has been written then), or when the sink
    /// fails.
    pub fn received_id(&mut self, id: &[u8]) -> Result<(), EncodeError<S::Error>> {
        check_received_id(id)?;
        self.position(id).map_err(EncodeError::Sink)
    }

    /// Writes a comment, as it stands behind the colon. An empty one is the shortest keep-alive.
    ///
    /// # Errors
    ///
    /// When the comment has a line break (nothing has been written then), or when the sink fails.
    pub fn comment(&mut self, text: &str) -> Result<(), EncodeError<S::Error>> {
        one_line(text.as_bytes())?;
        [b":", text.as_bytes(), b"\n\n"]
            .iter()
            .try_for_each(|bytes| self.sink.put(bytes))
            .map_err(EncodeError::Sink)
    }

    /// Writes the reconnection time, in milliseconds.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn retry(&mut self, milliseconds: u64) -> Result<(), S::Error> {
        self.sink.put(b"retry: ")?;
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = milliseconds;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.sink.put(&digits[start..])?;
        self.sink.put(b"\n\n")
    }

    fn position(&mut self, id: &[u8]) -> Result<(), S::Error> {
        self.head(b"", Some(id))?;
        self.sink.put(b"\n")
    }

    fn head(&mut self, event_type: &[u8], id: Option<&[u8]>) -> Result<(), S::Error> {
        if !event_type.is_empty() {
            self.sink.put(b"event: ")?;
            self.sink.put(event_type)?;
            self.sink.put(b"\n")?;
        }
        if let Some(id) = id {
            self.sink.put(b"id: ")?;
            self.sink.put(id)?;
            self.sink.put(b"\n")?;
        }
        Ok(())
    }
}

/// Takes the data of an event as text and writes it as `data` lines, with no buffer between.
///
/// [`Encoder::event_with`] lends one; use it through [`core::fmt::Write`].
#[derive(Debug)]
pub struct DataWriter<'a, S: Sink> {
    sink: &'a mut S,
    /// The last break was a CR, so a LF that follows belongs to it.
    after_cr: bool,
    error: Option<S::Error>,
}

impl<'a, S: Sink> DataWriter<'a, S> {
    fn begin(sink: &'a mut S) -> Result<Self, S::Error> {
        sink.put(b"data: ")?;
        Ok(Self { sink, after_cr: false, error: None })
    }

    #[inline]
    fn push(&mut self, mut bytes: &[u8]) -> Result<(), S::Error> {
        if self.after_cr && !bytes.is_empty() {
            self.after_cr = false;
            bytes = bytes.strip_prefix(&[LF]).unwrap_or(bytes);
        }
        // Data is mostly one line, and where it is long a search tells that faster.
        if bytes.len() > 128 && !line::has_end(bytes) {
            return self.sink.put(bytes);
        }
        let mut lines = Lines::new();
        while let Some(line) = lines.next(bytes, &mut self.after_cr) {
            self.sink.put(&bytes[line])?;
            self.sink.put(b"\ndata: ")?;
        }
        let rest = &bytes[lines.position()..];
        if rest.is_empty() { Ok(()) } else { self.sink.put(rest) }
    }

    fn end(self) -> Result<(), S::Error> {
        self.sink.put(b"\n\n")
    }
}

impl<S: Sink> fmt::Write for DataWriter<'_, S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.error.is_some() {
            // A gap in the middle could join what stands on either side of it.
            return Err(fmt::Error);
        }
        self.push(text.as_bytes()).map_err(|error| {
            self.error = Some(error);
            fmt::Error
        })
    }
}
