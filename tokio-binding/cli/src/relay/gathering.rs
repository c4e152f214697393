//! The ids that readers bring along when a relay has just started.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How many ids are taken note of. Readers with more are told of a gap.
const MOST_IDS: usize = 4096;

/// Takes note of the ids that readers ask for, who are held until it is known what can be made of
/// them.
#[derive(Debug)]
pub(super) struct Gathering {
    /// How often each was asked for, as readers have it.
    ids: Mutex<HashMap<String, usize>>,
    stage: watch::Sender<Stage>,
    patience: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Closed,
    Over,
}

impl Gathering {
    /// One that holds readers for `patience` at most.
    pub(super) fn new(patience: Duration) -> Self {
        let stage = if patience.is_zero() { Stage::Over } else { Stage::Open };
        Self { ids: Mutex::default(), stage: watch::Sender::new(stage), patience }
    }

    /// Whether nobody is held any more.
    pub(super) fn is_over(&self) -> bool {
        *self.stage.borrow() == Stage::Over
    }

    /// Takes note of an id, and resolves when it is over.
    pub(super) async fn join(&self, id: &str) {
        let mut stage = self.stage.subscribe();
        if *stage.borrow() == Stage::Open {
            let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            if ids.len() < MOST_IDS || ids.contains_key(id) {
                *ids.entry(id.into()).or_default() += 1;
            }
        }
        // Who is not told in time is served as it can be.
        let _ = timeout(self.patience, stage.wait_for(|stage| *stage == Stage::Over)).await;
    }

    /// Takes note of no more ids; returns those that came, and how often each did.
    pub(super) fn close(&self) -> HashMap<String, usize> {
        self.stage.send_replace(Stage::Closed);
        std::mem::take(&mut *self.ids.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets all go.
    pub(super) fn end(&self) {
        self.stage.send_replace(Stage::Over);
    }
}
