//! The ids that the application gives to its events.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// For how many events and places after it an id is known, whatever was dropped meanwhile.
const RECENT: u64 = 4096;

/// Which id the application gave to which event. An id is known while its event is held, while no
/// newer event of its topic has been dropped, and for the next 4,096 events of the hub. A place between
/// two events may have one as well.
#[derive(Debug)]
pub(crate) struct GivenIds {
    /// What stands before the first event.
    origin: Arc<str>,
    sequences: HashMap<Arc<str>, u64>,
    ids: BTreeMap<u64, Known>,
}

#[derive(Debug)]
struct Known {
    id: Arc<str>,
    /// Whether its topic needs it, and whether it is recent.
    needed: bool,
    recent: bool,
}

impl GivenIds {
    pub(crate) fn new(origin: &str) -> Self {
        Self { origin: origin.into(), sequences: HashMap::new(), ids: BTreeMap::new() }
    }

    /// Adds the id of the newest event.
    pub(crate) fn push(&mut self, sequence: u64, id: &str) {
        let id: Arc<str> = id.into();
        self.sequences.insert(id.clone(), sequence);
        self.ids.insert(sequence, Known { id, needed: true, recent: true });
        if let Some(old) = sequence.checked_sub(RECENT) {
            self.release(old, |known| known.recent = false);
        }
    }

    /// The newest sequence up to `sequence` whose id is known; 0 is the origin.
    pub(crate) fn newest_until(&self, sequence: u64) -> u64 {
        self.ids.range(..=sequence).next_back().map_or(0, |(&known, _)| known)
    }

    /// The topic of this event needs its id no more.
    pub(crate) fn forget(&mut self, sequence: u64) {
        self.release(sequence, |known| known.needed = false);
    }

    /// The sequence that an id stands for.
    pub(crate) fn sequence(&self, id: &str) -> Option<u64> {
        if id == &*self.origin {
            return Some(0);
        }
        self.sequences.get(id).copied()
    }

    /// The id of a sequence; 0 is the origin.
    pub(crate) fn id(&self, sequence: u64) -> Option<&Arc<str>> {
        match sequence {
            0 => Some(&self.origin),
            _ => self.ids.get(&sequence).map(|known| &known.id),
        }
    }

    fn release(&mut self, sequence: u64, change: impl FnOnce(&mut Known)) {
        if let Some(known) = self.ids.get_mut(&sequence) {
            change(known);
            if !known.needed && !known.recent {
                self.sequences.remove(&known.id);
                self.ids.remove(&sequence);
            }
        }
    }
}
