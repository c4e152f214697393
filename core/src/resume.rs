//! The resume decision: where a reader that comes with a last event ID goes on.

use core::fmt;

use crate::event_id::EventId;

/// Where a reader's cursor starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// No id was asked for: only what is published from now on.
    Live,
    /// With the events behind this sequence, none of which the reader's topics have dropped.
    From(u64),
    /// What the reader missed is not known in full; it must be told (law 11).
    Reset(ResetCause),
}

/// Why a stream cannot be continued where the reader left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetCause {
    /// The id is none of this log's: malformed, or of another epoch, such as before a restart.
    UnknownId,
    /// The id is of this epoch, but its sequence has not been given yet.
    NotGivenYet,
    /// Events behind the id have been dropped from the history.
    Dropped,
}

impl ResetCause {
    /// The cause in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownId => "the id was not given by this run of the log",
            Self::NotGivenYet => "the id has not been given yet",
            Self::Dropped => "the history no longer holds all events since the id",
        }
    }
}

impl fmt::Display for ResetCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Decides where a reader goes on (laws 10 to 12).
///
/// * `asked`: the bytes of `Last-Event-ID`; absent or empty when the reader has none.
/// * `epoch`, `head`: the log's epoch and the last sequence that is visible in it.
/// * `dropped`: for each topic that the reader follows, the sequence up to which the topic has
///   dropped events, 0 where it has dropped none. A topic that was merely quiet is no gap.
///
/// ```
/// use sansse::{Resume, ResetCause, resume};
///
/// assert_eq!(resume(None, 7, 12, [0]), Resume::Live);
/// assert_eq!(resume(Some(b"7-a"), 7, 12, [0, 10]), Resume::From(10));
/// assert_eq!(resume(Some(b"7-a"), 7, 12, [0, 11]), Resume::Reset(ResetCause::Dropped));
/// assert_eq!(resume(Some(b"6-a"), 7, 12, [0]), Resume::Reset(ResetCause::UnknownId));
/// ```
#[must_use]
pub fn resume(
    asked: Option<&[u8]>,
    epoch: u64,
    head: u64,
    dropped: impl IntoIterator<Item = u64>,
) -> Resume {
    let asked = match asked {
        None | Some([]) => return Resume::Live,
        Some(text) => text,
    };
    match EventId::parse(asked) {
        Ok(id) if id.epoch == epoch => {
            if id.sequence > head {
                Resume::Reset(ResetCause::NotGivenYet)
            } else if has_fallen_behind(id.sequence, dropped) {
                Resume::Reset(ResetCause::Dropped)
            } else {
                Resume::From(id.sequence)
            }
        }
        _ => Resume::Reset(ResetCause::UnknownId),
    }
}

/// Whether a cursor has missed events that its topics dropped.
#[must_use]
pub fn has_fallen_behind(cursor: u64, dropped: impl IntoIterator<Item = u64>) -> bool {
    dropped.into_iter().max().is_some_and(|dropped| cursor < dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case() {
        use ResetCause::{Dropped, NotGivenYet, UnknownId};
        use Resume::{From, Live, Reset};

        const EPOCH: u64 = 35;
        // asked, head, dropped by each topic, decision
        let cases: &[(Option<&str>, u64, &[u64], Resume)] = &[
            // No id.
            (None, 0, &[0], Live),
            (None, 9, &[9], Live),
            (Some(""), 9, &[3], Live),
            // An empty log.
            (Some("z-0"), 0, &[0], From(0)),
            (Some("z-1"), 0, &[0], Reset(NotGivenYet)),
            // Within the history.
            (Some("z-0"), 9, &[0], From(0)),
            (Some("z-5"), 9, &[0], From(5)),
            (Some("z-9"), 9, &[0], From(9)),
            (Some("z-a"), 9, &[0], Reset(NotGivenYet)),
            // At the tail: what was dropped is what the reader has had.
            (Some("z-4"), 9, &[4], From(4)),
            (Some("z-4"), 9, &[5], Reset(Dropped)),
            (Some("z-0"), 9, &[1], Reset(Dropped)),
            // All has been dropped.
            (Some("z-9"), 9, &[9], From(9)),
            (Some("z-8"), 9, &[9], Reset(Dropped)),
            // Several topics: a quiet one beside a busy one is no gap, a dropped event is.
            (Some("z-5"), 9, &[0, 5], From(5)),
            (Some("z-5"), 9, &[0, 6], Reset(Dropped)),
            (Some("z-5"), 9, &[6, 0], Reset(Dropped)),
            (Some("z-5"), 9, &[], From(5)),
            // Other epochs, whatever their sequence.
            (Some("y-5"), 9, &[0], Reset(UnknownId)),
            (Some("10-5"), 9, &[0], Reset(UnknownId)),
            (Some("y-zzz"), 9, &[0], Reset(UnknownId)),
            // No ids of ours.
            (Some("5"), 9, &[0], Reset(UnknownId)),
            (Some("Z-5"), 9, &[0], Reset(UnknownId)),
            (Some("z-05"), 9, &[0], Reset(UnknownId)),
            (Some("z-5 "), 9, &[0], Reset(UnknownId)),
            (Some("z-5-5"), 9, &[0], Reset(UnknownId)),
            (Some("…"), 9, &[0], Reset(UnknownId)),
            (Some("z-zzzzzzzzzzzzzzz"), 9, &[0], Reset(UnknownId)),
            // The ends of the numbers.
            (Some("z-3w5e11264sgsf"), u64::MAX, &[u64::MAX], From(u64::MAX)),
            (Some("z-3w5e11264sgse"), u64::MAX, &[u64::MAX], Reset(Dropped)),
        ];
        for &(asked, head, dropped, expected) in cases {
            let decision = resume(asked.map(str::as_bytes), EPOCH, head, dropped.iter().copied());
            assert_eq!(decision, expected, "{asked:?} at head {head}, dropped {dropped:?}");
        }
    }
}
