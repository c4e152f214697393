//! Events and items that own their bytes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use sansse::{Event, EventRanges, FieldError, Item, Text};

use crate::chunk::{Chunk, Part};
use crate::spare_memory::SpareMemory;

/// An event that owns its bytes: what a stream hands out, and what one sends through a channel.
///
/// Cloning shares the bytes. Data that came in one chunk shares that chunk, and keeps it alive. Data of
/// 64 KiB and more that came in several has memory of its own, which the stream uses again (of one event,
/// up to 1 MiB) when its last owner is gone.
///
/// ```
/// use sansse_tokio::OwnedEvent;
///
/// let event = OwnedEvent::new("hello").with_type("greeting")?.with_id("7")?;
/// assert_eq!(event.data(), "hello");
/// assert_eq!(event.as_event().encoded_len(), 35);
/// # Ok::<(), sansse_tokio::FieldError>(())
/// ```
#[derive(Clone)]
pub struct OwnedEvent {
    chunk: Chunk,
    /// The data, the type (empty for `message`), and the id if the block carries one.
    data: Part,
    event_type: Part,
    id: Part,
    /// The last event ID of a block that carries none, unless it is empty.
    sticky_id: Option<Arc<Bytes>>,
}

impl OwnedEvent {
    /// An event of type `message` without an id.
    #[must_use]
    pub fn new(data: impl Into<String>) -> Self {
        let data = data.into().into_bytes();
        let length = data.len();
        Self {
            chunk: data.into(),
            data: (0..length).into(),
            event_type: Part::EMPTY,
            id: Part::NONE,
            sticky_id: None,
        }
    }

    /// Names the type; an empty one is `message`.
    ///
    /// # Errors
    ///
    /// When the type holds a line break.
    pub fn with_type(self, event_type: impl AsRef<str>) -> Result<Self, FieldError> {
        let named = self.as_event().with_type(event_type.as_ref())?;
        Ok(Self::copied(&named, self.sticky_id.clone()))
    }

    /// Gives the event an id. An empty one clears the reader's last event ID.
    ///
    /// # Errors
    ///
    /// When the id holds a line break or U+0000, or begins or ends with a space or a tab.
    pub fn with_id(self, id: impl AsRef<str>) -> Result<Self, FieldError> {
        let identified = self.as_event().with_id(id.as_ref())?;
        Ok(Self::copied(&identified, None))
    }

    /// The same event, borrowed.
    #[inline]
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        Event::received(
            self.data().as_bytes(),
            self.chunk.part(self.event_type),
            self.last_event_id().as_bytes(),
            self.id.is_some(),
        )
    }

    /// The data, its lines joined with LF.
    #[inline]
    #[must_use]
    pub fn data(&self) -> Text<'_> {
        Text::new(self.chunk.part(self.data))
    }

    /// The data's bytes, shared.
    #[must_use]
    pub fn data_bytes(&self) -> Bytes {
        self.chunk.slice(self.data)
    }

    /// The type; `message` where none was named.
    #[inline]
    #[must_use]
    pub fn event_type(&self) -> Text<'_> {
        Event::received(b"", self.chunk.part(self.event_type), b"", false).event_type()
    }

    /// The last event ID that a browser would show with this event.
    #[inline]
    #[must_use]
    pub fn last_event_id(&self) -> Text<'_> {
        Text::new(match &self.sticky_id {
            _ if self.id.is_some() => self.chunk.part(self.id),
            Some(id) => id,
            None => b"",
        })
    }

    /// The id that the event's own block carries.
    #[must_use]
    pub fn id(&self) -> Option<Text<'_>> {
        self.id.is_some().then(|| Text::new(self.chunk.part(self.id)))
    }

    /// An event that lies in a chunk.
    #[inline(always)]
    pub(crate) fn in_chunk(
        chunk: Chunk,
        EventRanges { data, event_type, id, .. }: EventRanges,
        sticky_id: Option<Arc<Bytes>>,
    ) -> Self {
        let id = id.map_or(Part::NONE, Part::from);
        Self { chunk, data: data.into(), event_type: event_type.into(), id, sticky_id }
    }

    /// The chunk that it lies in.
    #[cfg(test)]
    pub(crate) const fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// Owns what `event` borrows. `sticky_id` is for one without an id of its own.
    #[inline(always)]
    pub(crate) fn copied(event: &Event<'_>, sticky_id: Option<Arc<Bytes>>) -> Self {
        Self::copied_with(event.data().as_bytes(), event, sticky_id)
    }

    /// Owns the type and the id that `event` borrows, for other data.
    pub(crate) fn without_data(event: &Event<'_>, sticky_id: Option<Arc<Bytes>>) -> Self {
        Self::copied_with(b"", event, sticky_id)
    }

    /// Takes data in place of its own, which is empty, in memory that comes back.
    pub(crate) fn with_data(self, mut data: Vec<u8>, spare: &SpareMemory) -> Self {
        let length = data.len();
        data.extend_from_slice(&self.chunk);
        // It may have grown by half of what it holds.
        if data.capacity() - data.len() > data.len() / 4 {
            data.shrink_to_fit();
        }
        Self {
            chunk: Chunk::Own(spare.lend(data)),
            data: (0..length).into(),
            event_type: self.event_type.behind(length),
            id: self.id.behind(length),
            sticky_id: self.sticky_id,
        }
    }

    #[inline(always)]
    fn copied_with(data: &[u8], event: &Event<'_>, sticky_id: Option<Arc<Bytes>>) -> Self {
        let event_type = type_on_wire(event).as_bytes();
        let id = event.id().unwrap_or_default().as_bytes();
        let (start_of_type, start_of_id) = (data.len(), data.len() + event_type.len());
        // `concat` takes longer for parts that are short.
        let mut chunk = Vec::with_capacity(start_of_id + id.len());
        for part in [data, event_type, id] {
            chunk.extend_from_slice(part);
        }
        Self {
            data: (0..start_of_type).into(),
            event_type: (start_of_type..start_of_id).into(),
            id: event.id().map_or(Part::NONE, |_| (start_of_id..chunk.len()).into()),
            sticky_id,
            chunk: chunk.into(),
        }
    }
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        let id = event.last_event_id().as_bytes();
        let is_sticky = event.id().is_none() && !id.is_empty();
        Self::copied(&event, is_sticky.then(|| Arc::new(Bytes::copy_from_slice(id))))
    }
}

impl fmt::Debug for OwnedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedEvent")
            .field("data", &self.data())
            .field("event_type", &self.event_type())
            .field("last_event_id", &self.last_event_id())
            .field("id", &self.id())
            .finish()
    }
}

impl PartialEq for OwnedEvent {
    fn eq(&self, other: &Self) -> bool {
        self.as_event() == other.as_event()
    }
}

impl Eq for OwnedEvent {}

impl Hash for OwnedEvent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_event().hash(state);
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
    pub(crate) fn copied(item: &Item<'_>) -> Option<Self> {
        let copy = |text: Text<'_>| Bytes::copy_from_slice(text.as_bytes());
        Some(match item {
            Item::Event(event) => Self::Event((*event).into()),
            Item::TooLarge(event) => Self::TooLarge { last_event_id: copy(event.last_event_id()) },
            Item::Retry(milliseconds) => Self::Retry(*milliseconds),
            Item::Comment(comment) => {
                Self::Comment { text: copy(comment.text()), truncated: comment.is_truncated() }
            }
            Item::IdTooLong => Self::IdTooLong,
            _ => return None,
        })
    }
}

/// The type, empty for `message`.
fn type_on_wire<'a>(event: &Event<'a>) -> Text<'a> {
    let event_type = event.event_type();
    if event_type == "message" { Text::default() } else { event_type }
}
