//! What a parser finds in a stream.

use crate::event::Event;
use crate::text::Text;

/// One thing that an event stream says, borrowed from the chunk or from the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// A block with data ended: "dispatch the event" (9.2.6).
    Event(Event<'a>),
    /// An event passed the limit of the parser's event storage. It was skipped to its blank line.
    TooLarge(TooLarge<'a>),
    /// The server asks for this reconnection time, in milliseconds. It counts from its line on,
    /// whether its block ends or not. Values over `u64::MAX` saturate.
    Retry(u64),
    /// A comment, where the parser was asked to [keep](crate::Parser::keep_comments) them.
    Comment(Comment<'a>),
    /// An `id` line was longer than the parser can keep. It was dropped: the last event ID is the
    /// one before it, so a reconnect may bring events again.
    IdTooLong,
}

/// An event that was over the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge<'a> {
    last_event_id: &'a [u8],
}

impl<'a> TooLarge<'a> {
    pub(crate) const fn new(last_event_id: &'a [u8]) -> Self {
        Self { last_event_id }
    }

    /// The last event ID that the event would have shown: its own id, or the last one before it.
    #[must_use]
    pub const fn last_event_id(&self) -> Text<'a> {
        Text::new(self.last_event_id)
    }
}

/// A comment: all of a line behind its leading colon, no space stripped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment<'a> {
    text: &'a [u8],
    truncated: bool,
}

impl<'a> Comment<'a> {
    pub(crate) const fn new(text: &'a [u8], truncated: bool) -> Self {
        Self { text, truncated }
    }

    /// The text of the comment, or as much of its start as fit the event storage beside the event
    /// in whose block it stands.
    #[must_use]
    pub const fn text(&self) -> Text<'a> {
        Text::new(self.text)
    }

    /// Whether the end of the comment did not fit.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }
}
