//! One topic of a log: its name and its part of the history.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use slab::Slab;

use crate::log::Limits;

/// The longest name of a topic, in bytes.
pub(crate) const NAME_LIMIT: usize = 256;

/// A topic as the log keeps it. Its subscribers are known only by how to wake them.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) entries: VecDeque<Entry>,
    pub(crate) bytes: usize,
    /// The sequence up to which this topic has dropped events.
    pub(crate) dropped: u64,
    pub(crate) waiting: Slab<Option<Waker>>,
}

/// An event in the log, encoded.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) block: Bytes,
}

impl Topic {
    pub(crate) fn new(name: &str, dropped: u64) -> Self {
        Self {
            name: name.into(),
            entries: VecDeque::new(),
            bytes: 0,
            dropped,
            waiting: Slab::new(),
        }
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.bytes += entry.block.len();
        self.entries.push_back(entry);
    }

    /// Whether it may take another event of so many bytes.
    pub(crate) fn has_room_for(&self, length: usize, limits: &Limits) -> bool {
        self.entries.is_empty()
            || (self.entries.len() < limits.topic_events
                && self.bytes + length <= limits.topic_bytes)
    }

    /// Drops the oldest event; returns its size in bytes.
    pub(crate) fn drop_oldest(&mut self) -> Option<usize> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.block.len();
        self.dropped = entry.sequence;
        Some(entry.block.len())
    }

    /// The sequence of the oldest event held.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.sequence)
    }

    /// The first event behind a cursor.
    pub(crate) fn after(&self, sequence: u64) -> usize {
        self.entries.partition_point(|entry| entry.sequence <= sequence)
    }

    /// Whether forgetting it would lose nothing but how far it has dropped.
    pub(crate) fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.waiting.is_empty()
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
