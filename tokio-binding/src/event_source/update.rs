//! What an event source tells.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};

use crate::event::OwnedEvent;
use crate::event_source::disconnect::Disconnect;

/// What happens to an [`EventSource`](crate::EventSource). An event of the server's is always an
/// [`Event`](Self::Event), whatever its type is called.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// A stream has opened: "announce the connection" (9.2.3).
    Open(Box<Open>),
    /// An event.
    Event(OwnedEvent),
    /// A comment, where they are [kept](crate::EventSourceBuilder::keep_comments).
    Comment {
        /// All of the line behind its leading colon.
        text: Bytes,
        /// Whether the end of the comment was over the limit.
        truncated: bool,
    },
    /// An event was over the [limit](crate::EventSourceBuilder::event_limit) and was skipped.
    TooLarge {
        /// The last event ID that the event would have shown.
        last_event_id: Bytes,
    },
    /// An `id` line was longer than ids may be, and dropped: what is asked for after the next
    /// disconnect are the events after the id before it.
    IdTooLong,
    /// There is no stream; the source comes back by itself: "reestablish the connection" (9.2.3).
    Disconnected {
        /// Why.
        cause: Arc<Disconnect>,
        /// When the next attempt begins, from now.
        retry_in: Duration,
    },
}

/// A stream that has opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Open {
    /// 200.
    pub status: StatusCode,
    /// The headers of the response.
    pub headers: HeaderMap,
    /// Where the stream comes from, behind all redirects.
    pub url: Uri,
    /// Whether the stream may have begun behind events that were missed: there is a last event ID,
    /// but it holds what no header can, so the server was asked without it.
    pub may_have_gap: bool,
}
