//! One topic of a log: its name, its part of the history and who follows it.

use std::fmt;
use std::sync::Arc;

use crate::history::History;
use crate::log::Limits;
use crate::sync::{Mutex, lock};
use crate::waiters::Waiters;

/// The longest name of a topic, in bytes.
pub(crate) const NAME_LIMIT: usize = 256;

/// A topic as the log keeps it.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) history: History,
    /// The sequence up to which this topic has dropped events.
    pub(crate) dropped: u64,
    /// Shared, so that those who wait are woken when the log is unlocked.
    pub(crate) waiters: Arc<Mutex<Waiters>>,
}

impl Topic {
    pub(crate) fn new(name: &str, dropped: u64) -> Self {
        Self { name: name.into(), history: History::default(), dropped, waiters: Arc::default() }
    }

    /// Whether it may take another event of so many bytes.
    pub(crate) fn has_room_for(&self, length: usize, limits: &Limits) -> bool {
        self.history.is_empty()
            || (self.history.len() < limits.topic_events
                && self.history.bytes() + length <= limits.topic_bytes)
    }

    /// Whether nobody follows it.
    pub(crate) fn is_unread(&self) -> bool {
        lock(&self.waiters).is_empty()
    }

    /// Whether forgetting it would lose nothing but how far it has dropped.
    pub(crate) fn is_idle(&self) -> bool {
        self.history.is_empty() && self.is_unread()
    }

    /// The newest sequence up to `sequence` that was of this topic, as far as it is known.
    pub(crate) fn newest_until(&self, sequence: u64) -> Option<u64> {
        let dropped = Some(self.dropped).filter(|&dropped| 0 < dropped && dropped <= sequence);
        self.history.newest_until(sequence).or(dropped)
    }
}
/// A name that cannot be a topic's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// The name is empty.
    Empty,
    /// The name is longer than 256 bytes.
    TooLong,
    /// The name holds a control character.
    ControlCharacter,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the topic has no name: give it one"),
            Self::TooLong => {
                write!(f, "the name of the topic is too long: use at most {NAME_LIMIT} bytes")
            }
            Self::ControlCharacter => {
                f.write_str("the name of the topic has a control character: remove it")
            }
        }
    }
}

impl std::error::Error for TopicError {}

pub(crate) fn check_name(name: &str) -> Result<(), TopicError> {
    if name.is_empty() {
        Err(TopicError::Empty)
    } else if name.len() > NAME_LIMIT {
        Err(TopicError::TooLong)
    } else if name.chars().any(char::is_control) {
        Err(TopicError::ControlCharacter)
    } else {
        Ok(())
    }
}
