//! Topics whose events change a state, which a reader is told as a whole when it comes.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// The state of a topic, encoded, and the sequence of the last change that is part of it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) blocks: Bytes,
    pub(crate) sequence: u64,
}

/// What tells the state of a topic at any time.
#[derive(Clone)]
pub(crate) struct StateSource(Arc<dyn Fn() -> State + Send + Sync>);

impl StateSource {
    #[cfg(feature = "presence")]
    pub(crate) fn new(state: impl Fn() -> State + Send + Sync + 'static) -> Self {
        Self(Arc::new(state))
    }

    pub(crate) fn state(&self) -> State {
        (self.0)()
    }
}

impl fmt::Debug for StateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateSource")
    }
}

/// The topics of a hub that have a state. Their events carry no id, since they are never replayed.
#[derive(Debug, Default)]
pub(crate) struct States(HashMap<String, StateSource>);

impl States {
    #[cfg(feature = "presence")]
    pub(crate) fn insert(&mut self, topic: &str, source: StateSource) {
        self.0.insert(topic.to_owned(), source);
    }

    pub(crate) fn get(&self, topic: &str) -> Option<StateSource> {
        self.0.get(topic).cloned()
    }
}
