//! Which events of the upstream a relay has had.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use sansse_tokio::OwnedEvent;

/// The ids of the last events, as readers get them, in their order.
#[derive(Debug)]
pub(super) struct Known {
    capacity: usize,
    ids: VecDeque<Arc<str>>,
    events: HashMap<Arc<str>, Had>,
    next: u64,
}

/// An event that the relay has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Had {
    /// Which one.
    pub(super) number: u64,
    /// What became of its type and data.
    digest: u64,
}

impl Had {
    pub(super) fn is(&self, event: &OwnedEvent) -> bool {
        self.digest == digest(event)
    }
}

impl Known {
    /// Remembers so many events.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, ids: VecDeque::new(), events: HashMap::new(), next: 0 }
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.events.contains_key(id)
    }

    pub(super) fn get(&self, id: &str) -> Option<Had> {
        self.events.get(id).copied()
    }

    /// Remembers an event whose id it does not know.
    pub(super) fn push(&mut self, id: &str, event: &OwnedEvent) {
        let id: Arc<str> = id.into();
        self.events.insert(id.clone(), Had { number: self.next, digest: digest(event) });
        self.next += 1;
        self.ids.push_back(id);
        if self.ids.len() > self.capacity
            && let Some(oldest) = self.ids.pop_front()
        {
            self.events.remove(&oldest);
        }
    }
}

fn digest(event: &OwnedEvent) -> u64 {
    let mut hasher = DefaultHasher::new();
    event.event_type().as_bytes().hash(&mut hasher);
    event.data().as_bytes().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_so_many() {
        let mut known = Known::new(2);
        for id in ["a", "b", "c"] {
            known.push(id, &OwnedEvent::new(id));
        }
        assert_eq!(["a", "b", "c"].map(|id| known.contains(id)), [false, true, true]);
        let had = known.get("c").unwrap();
        assert!(had.is(&OwnedEvent::new("c")) && !had.is(&OwnedEvent::new("d")));
        assert!(had.number > known.get("b").unwrap().number);
        assert_eq!(known.events.len(), 2);
    }
}
