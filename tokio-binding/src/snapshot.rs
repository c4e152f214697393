//! What a reader gets that cannot be told what it missed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::event::OwnedEvent;

/// What a reader gets whose events are gone, or whose id this hub never gave (law 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnGap {
    /// A reset event, and then the live stream: the page fetches anew what it shows.
    #[default]
    Reset,
    /// The application's [snapshot](crate::HubBuilder::snapshot), and then the live stream.
    Snapshot,
    /// The end of the stream, behind a position from which the reader can go on when it comes back.
    End,
}

/// The state of some topics, as events, and the event up to which it holds.
///
/// ```
/// use sansse_tokio::{OwnedEvent, Snapshot};
///
/// let list = OwnedEvent::new(r#"["ada","grace"]"#).with_type("users")?;
/// let snapshot = Snapshot::new([list]).as_of("z-10");
/// # Ok::<(), sansse_tokio::FieldError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) events: Vec<OwnedEvent>,
    pub(crate) as_of: Option<String>,
}

impl Snapshot {
    /// A snapshot that these events make. Ids of theirs are not sent: a position is given when the
    /// snapshot is complete, so that a reader that is cut before begins again.
    #[must_use]
    pub fn new(events: impl IntoIterator<Item = OwnedEvent>) -> Self {
        Self { events: events.into_iter().collect(), as_of: None }
    }

    /// The id of the last event that is part of the snapshot: the stream goes on right behind it, so
    /// that nothing is missing and nothing double. Take both under the lock under which the state is
    /// changed and the event published.
    ///
    /// Without it the stream goes on from where the hub was when the snapshot was asked for: nothing
    /// is missing, but events may come that the snapshot already knows.
    #[must_use]
    pub fn as_of(mut self, id: impl Into<String>) -> Self {
        self.as_of = Some(id.into());
        self
    }
}

/// A snapshot in the making; `None` when there can be none.
pub(crate) type Making = Pin<Box<dyn Future<Output = Option<Snapshot>> + Send>>;

/// The application's function that makes snapshots of topics.
#[derive(Clone)]
pub(crate) struct Source(Arc<dyn Fn(Vec<String>) -> Making + Send + Sync>);

impl Source {
    pub(crate) fn new<F, S>(make: F) -> Self
    where
        F: Fn(Vec<String>) -> S + Send + Sync + 'static,
        S: Future<Output = Option<Snapshot>> + Send + 'static,
    {
        Self(Arc::new(move |topics| Box::pin(make(topics))))
    }

    pub(crate) fn make(&self, topics: Vec<String>) -> Making {
        (self.0)(topics)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// The application's choice for each topic.
#[derive(Clone)]
pub(crate) struct GapPolicy(Arc<dyn Fn(&str) -> OnGap + Send + Sync>);

impl GapPolicy {
    pub(crate) fn new(choose: impl Fn(&str) -> OnGap + Send + Sync + 'static) -> Self {
        Self(Arc::new(choose))
    }

    /// What a reader of several topics gets. One position serves all of them, so where they differ
    /// the end comes before a reset, and a reset before a snapshot.
    pub(crate) fn of(&self, topics: &[String]) -> OnGap {
        topics.iter().map(|topic| (self.0)(topic)).fold(OnGap::Snapshot, |one, other| {
            match (one, other) {
                (OnGap::End, _) | (_, OnGap::End) => OnGap::End,
                (OnGap::Reset, _) | (_, OnGap::Reset) => OnGap::Reset,
                (OnGap::Snapshot, OnGap::Snapshot) => OnGap::Snapshot,
            }
        })
    }
}

impl fmt::Debug for GapPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GapPolicy")
    }
}
