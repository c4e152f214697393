//! Why an event was not published.

use std::fmt;

#[cfg(feature = "serde")]
use sansse::FieldError;
use sansse::GivenIdError;

use crate::topic::TopicError;

/// Why an event was not published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The name cannot be a topic's.
    Topic(TopicError),
    /// The event brings an id, but this hub gives its own.
    CarriesId,
    /// The event brings no id, but the application gives them.
    LacksId,
    /// The id is not fit to be sent back by every reader.
    Id(GivenIdError),
    /// The id is that of another event that readers may still name.
    IdTaken,
    /// The event is larger than the history of a topic may be.
    TooLarge,
    /// The type of the event holds a line break.
    #[cfg(feature = "serde")]
    EventType(FieldError),
    /// The value cannot be written as JSON: what its serialisation said.
    #[cfg(feature = "serde")]
    Json(String),
    /// The hub shuts down, or has.
    Closed,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(error) => error.fmt(f),
            Self::CarriesId => f.write_str("the hub gives the ids: publish the event without one"),
            Self::LacksId => {
                f.write_str("the application gives the ids: publish the event with one")
            }
            Self::Id(error) => error.fmt(f),
            Self::IdTaken => f.write_str("the id is taken: give each event one of its own"),
            Self::TooLarge => {
                f.write_str("the event is larger than a topic's history: send less or keep more")
            }
            #[cfg(feature = "serde")]
            Self::EventType(error) => error.fmt(f),
            #[cfg(feature = "serde")]
            Self::Json(problem) => write!(f, "the value cannot be written as JSON: {problem}"),
            Self::Closed => f.write_str("the hub shuts down: it takes no more events"),
        }
    }
}

impl std::error::Error for PublishError {}

impl From<GivenIdError> for PublishError {
    fn from(error: GivenIdError) -> Self {
        Self::Id(error)
    }
}

impl From<TopicError> for PublishError {
    fn from(error: TopicError) -> Self {
        Self::Topic(error)
    }
}
