//! What an upstream sends to who asks for the events behind an id.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use sansse_tokio::{EventId, EventSource, Update};
use tokio::time::{Instant, timeout_at};

use super::{candidates, ids};
use crate::failure::Failure;

/// From how many ids the upstream is asked, at most.
const TRIES: usize = 4;
/// After so long a silence there is no more to be replayed.
const SILENCE: Duration = Duration::from_millis(500);

/// A replay, and the source that goes on with it.
pub(super) struct Replay {
    /// The id behind which it begins, as readers have it.
    pub(super) origin: String,
    pub(super) source: EventSource,
    pub(super) steps: Vec<Step>,
    /// Which of the readers' ids it has: they can go on behind them.
    covered: HashSet<String>,
}

/// A part of a replay.
pub(super) enum Step {
    Update(Update),
    /// Where a reader is that has been told its place between two events.
    Place(String),
}

/// How much of a replay is read before it is decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) until: Instant,
}

impl Replay {
    /// The one that has most of the readers' ids. `connect` asks the upstream from an id, and may go
    /// on with it.
    pub(super) async fn of_most(
        wanted: &HashMap<String, usize>,
        connect: impl Fn(&[u8]) -> Result<EventSource, Failure>,
        limits: Limits,
    ) -> Option<Self> {
        let mut best: Option<Self> = None;
        let mut tried = HashSet::new();
        let order = candidates::order(wanted);
        while tried.len() < TRIES {
            let covered = best.as_ref().map(|best| &best.covered);
            let is_left = |id: &&&str| {
                !tried.contains(**id) && !covered.is_some_and(|covered| covered.contains(**id))
            };
            let Some(&origin) = order.iter().find(is_left) else { break };
            if best.is_some() && Instant::now() >= limits.until {
                break;
            }
            tried.insert(origin);
            let Some(original) = ids::original(origin.as_bytes()) else { continue };
            let Ok(source) = connect(&original) else { continue };
            let replay = Self::read(origin, source, wanted, limits).await;
            if best.as_ref().is_none_or(|best| replay.covered.len() > best.covered.len()) {
                best = Some(replay);
            }
        }
        best
    }

    /// Reads until all ids have been found, or there is no more.
    async fn read(
        origin: &str,
        source: EventSource,
        wanted: &HashMap<String, usize>,
        limits: Limits,
    ) -> Self {
        let covered = HashSet::from([origin.to_owned()]);
        let mut this = Self { origin: origin.into(), source, steps: Vec::new(), covered };
        let (mut bytes, mut is_open, mut is_complete) = (0, false, false);
        while this.covered.len() < wanted.len()
            && this.steps.len() < limits.events
            && bytes < limits.bytes
        {
            let silent = Instant::now() + SILENCE;
            let until = if is_open { silent.min(limits.until) } else { limits.until };
            match timeout_at(until, this.source.next()).await {
                Ok(Some(Ok(update))) => {
                    is_open |= matches!(update, Update::Open(_));
                    let is_over = matches!(update, Update::Disconnected { .. });
                    if let Update::Event(event) = &update {
                        bytes += event.data().as_bytes().len();
                        let id = event.id().and_then(|id| ids::carried(id.as_bytes()));
                        this.covered.extend(id.filter(|id| wanted.contains_key(id)));
                    }
                    this.steps.push(Step::Update(update));
                    if is_over {
                        break;
                    }
                }
                Ok(_) => break,
                Err(_) => {
                    is_complete = is_open && Instant::now() < limits.until;
                    break;
                }
            }
        }
        this.place(wanted, is_complete);
        this
    }

    /// Finds the places of ids that no event has. That can be told of this library's own ids alone,
    /// which have an order, and not where the upstream says that it does not go on where it was asked.
    fn place(&mut self, wanted: &HashMap<String, usize>, is_complete: bool) {
        let Some(origin) = own(&self.origin) else { return };
        let ids = self.steps.iter().map(|step| match step {
            Step::Update(Update::Event(event)) => event
                .id()
                .map(|id| (EventId::parse(id.as_bytes()).ok(), event.event_type() == "reset")),
            _ => None,
        });
        // Where each id of the upstream stands.
        let mut known = Vec::new();
        for (index, id) in ids.enumerate() {
            match id {
                None => {}
                Some((Some(id), false)) if id.epoch == origin.epoch => {
                    known.push((index, id.sequence));
                }
                Some(_) => return,
            }
        }
        let mut places: Vec<(u64, &String)> = wanted
            .keys()
            .filter(|id| !self.covered.contains(*id))
            .filter_map(|id| Some((own(id)?, id)))
            .filter(|(place, _)| place.epoch == origin.epoch && place.sequence > origin.sequence)
            .map(|(place, id)| (place.sequence, id))
            .collect();
        places.sort_unstable();
        // From the end, so that the indexes stay.
        for (sequence, id) in places.into_iter().rev() {
            let next = known.iter().find(|(_, known)| *known > sequence).map(|(index, _)| *index);
            let end = is_complete.then_some(self.steps.len());
            let last = known.last().map(|(index, _)| index + 1);
            let end = end.map(|end| last.unwrap_or(end));
            if let Some(index) = next.or(end) {
                self.steps.insert(index, Step::Place(id.clone()));
                self.covered.insert(id.clone());
            }
        }
    }
}

fn own(id: &str) -> Option<EventId> {
    EventId::parse(id.as_bytes()).ok()
}
