//! What a reader made of a stream, in owned form, so that readers can be compared.

use sansse::StreamEnd;

use crate::byte_string::ByteString;
use crate::utf8;

/// All that a stream came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it said, in order.
    pub items: Vec<Item>,
    /// What `Last-Event-ID` says on the next request.
    pub last_event_id: ByteString,
    /// Whether something was left over.
    pub end: StreamEnd,
}

/// One thing that a stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An event.
    Event(Event),
    /// An event over the limit.
    TooLarge {
        /// The last event ID that the event would have shown.
        last_event_id: ByteString,
    },
    /// A reconnection time, in milliseconds.
    Retry(u64),
    /// A comment.
    Comment {
        /// All behind the first colon, or as much of it as fits.
        text: ByteString,
        /// Whether it did not fit.
        truncated: bool,
    },
    /// An id over the limit.
    IdTooLong,
}

/// An event that was dispatched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its type, `message` where none was named.
    pub event_type: ByteString,
    /// Its data, joined.
    pub data: ByteString,
    /// The last event ID shown with it.
    pub last_event_id: ByteString,
    /// The id of its own block.
    pub id: Option<ByteString>,
}

impl Outcome {
    /// The outcome as it looks when all of its bytes have been decoded.
    #[must_use]
    pub fn decoded(&self) -> Self {
        let text = |bytes: &ByteString| ByteString::from(utf8::decode(bytes.as_bytes()).as_str());
        let items = self.items.iter().map(|item| match item {
            Item::Event(event) => Item::Event(Event {
                event_type: text(&event.event_type),
                data: text(&event.data),
                last_event_id: text(&event.last_event_id),
                id: event.id.as_ref().map(text),
            }),
            Item::TooLarge { last_event_id } => {
                Item::TooLarge { last_event_id: text(last_event_id) }
            }
            Item::Comment { text: comment, truncated } => {
                Item::Comment { text: text(comment), truncated: *truncated }
            }
            Item::Retry(_) | Item::IdTooLong => item.clone(),
        });
        Self { items: items.collect(), last_event_id: text(&self.last_event_id), end: self.end }
    }

    /// The events among the items.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.items.iter().filter_map(|item| match item {
            Item::Event(event) => Some(event),
            _ => None,
        })
    }
}

impl Event {
    /// Its bytes as far as a limit counts them: data, type and the id of its block. The type is taken
    /// for not named where it is `message`.
    #[must_use]
    pub fn size(&self) -> usize {
        let event_type = match self.event_type.as_bytes() {
            b"message" => 0,
            named => named.len(),
        };
        let id = self.id.as_ref().map_or(0, |id| id.as_bytes().len());
        self.data.as_bytes().len() + event_type + id
    }
}

impl From<sansse::Item<'_>> for Item {
    /// # Panics
    ///
    /// At an item that the tests do not know yet.
    fn from(item: sansse::Item<'_>) -> Self {
        match item {
            sansse::Item::Event(event) => Self::Event(event.into()),
            sansse::Item::TooLarge(event) => {
                Self::TooLarge { last_event_id: event.last_event_id().into() }
            }
            sansse::Item::Retry(milliseconds) => Self::Retry(milliseconds),
            sansse::Item::Comment(comment) => {
                Self::Comment { text: comment.text().into(), truncated: comment.is_truncated() }
            }
            sansse::Item::IdTooLong => Self::IdTooLong,
            unknown => panic!("teach the tests this item: {unknown:?}"),
        }
    }
}

impl From<sansse::Event<'_>> for Event {
    fn from(event: sansse::Event<'_>) -> Self {
        Self {
            event_type: event.event_type().into(),
            data: event.data().into(),
            last_event_id: event.last_event_id().into(),
            id: event.id().map(ByteString::from),
        }
    }
}

/// Compares without making an owned item, for tests that run millions of streams.
impl PartialEq<sansse::Item<'_>> for Item {
    fn eq(&self, other: &sansse::Item<'_>) -> bool {
        match (self, other) {
            (Self::Event(event), sansse::Item::Event(other)) => event == other,
            (Self::TooLarge { last_event_id }, sansse::Item::TooLarge(other)) => {
                *last_event_id == other.last_event_id()
            }
            (Self::Retry(milliseconds), sansse::Item::Retry(other)) => milliseconds == other,
            (Self::Comment { text, truncated }, sansse::Item::Comment(other)) => {
                *text == other.text() && *truncated == other.is_truncated()
            }
            (Self::IdTooLong, sansse::Item::IdTooLong) => true,
            _ => false,
        }
    }
}

impl PartialEq<sansse::Event<'_>> for Event {
    fn eq(&self, other: &sansse::Event<'_>) -> bool {
        self.event_type == other.event_type()
            && self.data == other.data()
            && self.last_event_id == other.last_event_id()
            && match (&self.id, other.id()) {
                (Some(id), Some(other)) => *id == other,
                (None, None) => true,
                _ => false,
            }
    }
}
