//! Why an event was not published.

use core::fmt;

use sansse::FieldError;

use crate::broadcast::NotOpen;

/// Why an event was not published. No reader has noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PublishError {
    /// The log has not been started, so events would have no valid ids.
    NotStarted,
    /// The log has been closed.
    Closed,
    /// The event brings an id, but the log gives them.
    CarriesId,
    /// The event is larger than the ring.
    TooLarge,
    /// The type of the event holds a line break.
    EventType,
    /// The formatting of the data failed, or gave another text the second time.
    Format,
    /// Called from within the formatting of another event.
    Nested,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "the log has no epoch yet: call `start` before publishing",
            Self::Closed => "the log is closed: call `start` to open it anew",
            Self::CarriesId => "the log gives the ids: publish the event without one",
            Self::TooLarge => "the event is larger than the ring: send less or keep more",
            Self::EventType => "an event type must be one line: remove CR and LF",
            Self::Format => "the data's formatting failed or changed: write the same each time",
            Self::Nested => "another event is being formatted: publish after it",
        })
    }
}

impl core::error::Error for PublishError {}

impl From<FieldError> for PublishError {
    /// Only the type of an event is checked when it is published.
    fn from(_: FieldError) -> Self {
        Self::EventType
    }
}

impl From<NotOpen> for PublishError {
    fn from(state: NotOpen) -> Self {
        match state {
            NotOpen::NotStarted => Self::NotStarted,
            NotOpen::Closed => Self::Closed,
        }
    }
}
