//! One event: what a reader is given and what a server sends.

use core::fmt;
use core::hash::{Hash, Hasher};

use crate::checked::Checked;
use crate::encoder::Encoder;
use crate::error::{BufferTooSmall, FieldError};
use crate::line;
use crate::line_ends::LineEnds;
use crate::sink::{Length, Sink, SliceSink};
use crate::text::Text;

/// The type of an event whose block names none.
pub(crate) static MESSAGE: &str = "message";

/// An event, borrowed: its data, its type and its id.
///
/// A parser hands it out; a server makes it with [`new`](Self::new) and encodes it. Whichever way it
/// came, no part of it can forge another field on the wire (law 6): type and id are one line each,
/// and data is split into as many `data` lines as it has.
///
/// ```
/// use sansse::Event;
///
/// let event = Event::new("a\nb").with_type("tick")?.with_id("7")?;
/// let mut buffer = [0; 64];
/// let length = event.encode_to_slice(&mut buffer)?;
/// assert_eq!(&buffer[..length], b"event: tick\nid: 7\ndata: a\ndata: b\n\n");
/// assert_eq!(length, event.encoded_len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Event<'a> {
    data: &'a [u8],
    /// Never empty.
    event_type: &'a [u8],
    last_event_id: &'a [u8],
    carries_id: bool,
    /// Where its parts may lie, if that was checked.
    checked: Option<&'a Checked<'a>>,
}

impl<'a> Event<'a> {
    /// An event of type `message` without an id. The data may hold line breaks; readers get each of
    /// CR, LF and CRLF as LF.
    #[must_use]
    pub const fn new(data: &'a str) -> Self {
        Self::received(data.as_bytes(), b"", b"", false)
    }

    /// An event out of the parts of another one, which need not be UTF-8.
    ///
    /// # Errors
    ///
    /// When the type holds a line break, or the id a line break or U+0000. Unlike
    /// [`with_id`](Self::with_id) it takes edge whitespace in an id, as a stream may carry it.
    pub fn from_parts(
        data: &'a [u8],
        event_type: &'a [u8],
        id: Option<&'a [u8]>,
    ) -> Result<Self, FieldError> {
        one_line(event_type)?;
        if let Some(id) = id {
            check_received_id(id)?;
        }
        Ok(Self::received(data, event_type, id.unwrap_or_default(), id.is_some()))
    }

    /// Parts that came out of an event, so that they need no check.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    pub const fn received(
        data: &'a [u8],
        event_type: &'a [u8],
        last_event_id: &'a [u8],
        carries_id: bool,
    ) -> Self {
        Self::found(data, event_type, last_event_id, carries_id, None)
    }

    /// Parts that may lie in what was checked.
    #[inline(always)]
    pub(crate) const fn found(
        data: &'a [u8],
        event_type: &'a [u8],
        last_event_id: &'a [u8],
        carries_id: bool,
        checked: Option<&'a Checked<'a>>,
    ) -> Self {
        let event_type = if event_type.is_empty() { MESSAGE.as_bytes() } else { event_type };
        Self { data, event_type, last_event_id, carries_id, checked }
    }

    /// Names the type; an empty one is `message`.
    ///
    /// # Errors
    ///
    /// When the type holds a line break.
    pub fn with_type(self, event_type: &'a str) -> Result<Self, FieldError> {
        one_line(event_type.as_bytes())?;
        Ok(Self::received(self.data, event_type.as_bytes(), self.last_event_id, self.carries_id))
    }

    /// Gives the event an id, which becomes the reader's last event ID. An empty one clears it.
    ///
    /// # Errors
    ///
    /// When the id holds a line break or U+0000, or begins or ends with a space or a tab.
    pub fn with_id(self, id: &'a str) -> Result<Self, FieldError> {
        check_id(id)?;
        Ok(Self { last_event_id: id.as_bytes(), carries_id: true, ..self })
    }

    /// The same event without an id of its own.
    #[must_use]
    pub const fn without_id(self) -> Self {
        Self { last_event_id: b"", carries_id: false, ..self }
    }

    /// The data: the values of its `data` lines, joined with LF.
    #[must_use]
    pub const fn data(&self) -> Text<'a> {
        self.text(self.data)
    }

    /// The type; `message` where the block named none.
    #[must_use]
    pub const fn event_type(&self) -> Text<'a> {
        self.text(self.event_type)
    }

    /// The last event ID that a browser would show with this event: its own id, or the last one
    /// before it in the stream.
    #[must_use]
    pub const fn last_event_id(&self) -> Text<'a> {
        self.text(self.last_event_id)
    }

    /// The id that the event's own block carries, which may be empty.
    #[must_use]
    pub const fn id(&self) -> Option<Text<'a>> {
        if self.carries_id { Some(self.text(self.last_event_id)) } else { None }
    }

    /// The exact length of the event on the wire, in bytes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let mut length = Length::default();
        let Ok(()) = self.encode(&mut length);
        length.bytes()
    }

    /// Writes the event's block: `event`, `id` and `data` lines, and the blank line.
    ///
    /// # Errors
    ///
    /// Those of the sink; what it took by then is an unfinished block.
    pub fn encode<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        Encoder::new(sink).event(self)
    }

    /// Writes the event's block to the start of a slice, and returns its length.
    ///
    /// # Errors
    ///
    /// When the slice is shorter than [`encoded_len`](Self::encoded_len).
    pub fn encode_to_slice(&self, slice: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let mut sink = SliceSink::new(slice);
        self.encode(&mut sink)?;
        Ok(sink.written().len())
    }

    #[inline(always)]
    const fn text(&self, part: &'a [u8]) -> Text<'a> {
        Text::knowing(part, self.checked)
    }

    const fn parts(&self) -> (&'a [u8], &'a [u8], &'a [u8], bool) {
        (self.data, self.event_type, self.last_event_id, self.carries_id)
    }

    /// The type as it goes on the wire: empty where no `event` line is needed.
    pub(crate) fn type_on_wire(&self) -> &'a [u8] {
        // Compared in place, where a call would take longer than all the rest of a small event.
        match self.event_type.split_first_chunk() {
            Some((start, [b'a', b'g', b'e'])) if u32::from_ne_bytes(*start) == MESS => b"",
            _ => self.event_type,
        }
    }
}

/// How [`MESSAGE`] begins.
const MESS: u32 = u32::from_ne_bytes(*b"mess");

impl PartialEq for Event<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Event<'_> {}

impl Hash for Event<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("data", &self.data())
            .field("event_type", &self.event_type())
            .field("last_event_id", &self.last_event_id())
            .field("id", &self.id())
            .finish()
    }
}

/// Bytes that are looked at one by one in less time than it takes to begin a search.
const SHORT: usize = 16;

pub(crate) fn one_line(value: &[u8]) -> Result<(), FieldError> {
    let has_end = if value.len() < SHORT || !LineEnds::CHEAP {
        line::has_end_in_few(value)
    } else {
        line::has_end(value)
    };
    if has_end { Err(FieldError::LineBreak) } else { Ok(()) }
}

/// What an id must be for a stream to carry it.
pub(crate) fn check_received_id(id: &[u8]) -> Result<(), FieldError> {
    one_line(id)?;
    if memchr::memchr(0, id).is_some() { Err(FieldError::Nul) } else { Ok(()) }
}

/// What an id must be to come back whole in `Last-Event-ID`, too.
pub(crate) fn check_id(id: &str) -> Result<(), FieldError> {
    check_received_id(id.as_bytes())?;
    let edge = |c: char| c == ' ' || c == '\t';
    if id.starts_with(edge) || id.ends_with(edge) {
        Err(FieldError::EdgeWhitespace)
    } else {
        Ok(())
    }
}
