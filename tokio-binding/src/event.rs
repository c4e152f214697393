//! Events and items that own their bytes.

use bytes::Bytes;
use sansse::{Event, FieldError, Item, Text};

/// An event that owns its bytes: what a stream hands out, and what one sends through a channel.
///
/// Cloning shares the bytes. Data that came in one chunk shares that chunk, and keeps it alive.
///
/// ```
/// use sansse_tokio::OwnedEvent;
///
/// let event = OwnedEvent::new("hello").with_type("greeting")?.with_id("7")?;
/// assert_eq!(event.data(), "hello");
/// assert_eq!(event.as_event().encoded_len(), 35);
/// # Ok::<(), sansse_tokio::FieldError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnedEvent {
    data: Bytes,
    /// Empty for `message`.
    event_type: Bytes,
    last_event_id: Bytes,
    carries_id: bool,
}

impl OwnedEvent {
    /// An event of type `message` without an id.
    #[must_use]
    pub fn new(data: impl Into<String>) -> Self {
        Self {
            data: data.into().into(),
            event_type: Bytes::new(),
            last_event_id: Bytes::new(),
            carries_id: false,
        }
    }

    /// Names the type; an empty one is `message`.
    ///
    /// # Errors
    ///
    /// When the type holds a line break.
    pub fn with_type(mut self, event_type: impl Into<String>) -> Result<Self, FieldError> {
        let event_type = event_type.into();
        Event::new("").with_type(&event_type)?;
        self.event_type = event_type.into();
        Ok(self)
    }

    /// Gives the event an id. An empty one clears the reader's last event ID.
    ///
    /// # Errors
    ///
    /// When the id holds a line break or U+0000, or begins or ends with a space or a tab.
    pub fn with_id(mut self, id: impl Into<String>) -> Result<Self, FieldError> {
        let id = id.into();
        Event::new("").with_id(&id)?;
        self.last_event_id = id.into();
        self.carries_id = true;
        Ok(self)
    }

    /// The same event, borrowed.
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        Event::received(&self.data, &self.event_type, &self.last_event_id, self.carries_id)
    }

    /// The data, its lines joined with LF.
    #[must_use]
    pub fn data(&self) -> Text<'_> {
        self.as_event().data()
    }

    /// The data's bytes, shared.
    #[must_use]
    pub const fn data_bytes(&self) -> &Bytes {
        &self.data
    }

    /// The type; `message` where none was named.
    #[must_use]
    pub fn event_type(&self) -> Text<'_> {
        self.as_event().event_type()
    }

    /// The last event ID that a browser would show with this event.
    #[must_use]
    pub fn last_event_id(&self) -> Text<'_> {
        Text::new(&self.last_event_id)
    }

    /// The id that the event's own block carries.
    #[must_use]
    pub fn id(&self) -> Option<Text<'_>> {
        self.carries_id.then(|| self.last_event_id())
    }

    /// Owns what `event` borrows: shares what lies in `chunk`, and the id where it is `known`.
    pub(crate) fn sharing(event: &Event<'_>, chunk: &Bytes, known_id: &mut Bytes) -> Self {
        Self {
            data: share(chunk, event.data().as_bytes()),
            event_type: match event.event_type().as_bytes() {
                b"message" => Bytes::new(),
                event_type => share(chunk, event_type),
            },
            last_event_id: share_id(known_id, event.last_event_id()),
            carries_id: event.id().is_some(),
        }
    }
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        Self::sharing(&event, &Bytes::new(), &mut Bytes::new())
    }
}

/// An [`Item`] that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnedItem {
    /// An event was dispatched.
    Event(OwnedEvent),
    /// An event passed the limit and was skipped.
    TooLarge {
        /// The last event ID that the event would have shown.
        last_event_id: Bytes,
    },
    /// The server asks for this reconnection time, in milliseconds.
    Retry(u64),
    /// A comment, where the parser keeps them.
    Comment {
        /// All of the line behind its leading colon.
        text: Bytes,
        /// Whether the end of the comment did not fit.
        truncated: bool,
    },
    /// An `id` line was longer than the parser can keep, and dropped.
    IdTooLong,
}

impl OwnedItem {
    /// Owns what `item` borrows; `None` for a kind of item that this version does not know.
    pub(crate) fn sharing(item: &Item<'_>, chunk: &Bytes, known_id: &mut Bytes) -> Option<Self> {
        Some(match item {
            Item::Event(event) => Self::Event(OwnedEvent::sharing(event, chunk, known_id)),
            Item::TooLarge(event) => Self::TooLarge {
                last_event_id: Bytes::copy_from_slice(event.last_event_id().as_bytes()),
            },
            Item::Retry(milliseconds) => Self::Retry(*milliseconds),
            Item::Comment(comment) => Self::Comment {
                text: share(chunk, comment.text().as_bytes()),
                truncated: comment.is_truncated(),
            },
            Item::IdTooLong => Self::IdTooLong,
            _ => return None,
        })
    }
}

/// The bytes of `part`: shared where they lie in `chunk`, else copied.
fn share(chunk: &Bytes, part: &[u8]) -> Bytes {
    if part.is_empty() {
        Bytes::new()
    } else if chunk.as_ptr_range().contains(&part.as_ptr()) {
        chunk.slice_ref(part)
    } else {
        Bytes::copy_from_slice(part)
    }
}

/// Streams without ids, and events between two ids, all share one.
fn share_id(known: &mut Bytes, id: Text<'_>) -> Bytes {
    if *known != id.as_bytes() {
        *known = Bytes::copy_from_slice(id.as_bytes());
    }
    known.clone()
}
