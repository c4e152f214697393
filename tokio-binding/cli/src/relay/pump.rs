//! What goes from the upstream into the hub.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use sansse_tokio::{
    CloseReason, Event, EventSource, EventSourceError, Hub, OwnedEvent, PublishError, Update,
};
use tokio::time::{Instant, sleep};

use super::ids::{self, OwnIds};
use super::replay::{Limits, Replay, Step};
use super::{Relay, metrics};
use crate::client::Reason;
use crate::failure::Failure;
use crate::printable::Printable;

/// Reads the upstream, and publishes what it sends. Nothing waits for readers.
pub(super) struct Pump {
    relay: Arc<Relay>,
    hub: Hub,
    source: EventSource,
    own_ids: OwnIds,
    /// The last event ID of the upstream that the hub knows of.
    place: Bytes,
    was_open: bool,
    /// While an upstream that has just been connected again may be repeating what it sent before:
    /// the number of the last event that it has.
    repeated: Option<Option<u64>>,
}

impl Pump {
    /// Asks the upstream for what comes from now on.
    pub(super) fn new(relay: Arc<Relay>) -> Result<Self, Failure> {
        let source = relay.connect(b"")?;
        let hub = relay.hub();
        Ok(Self {
            relay,
            hub,
            source,
            own_ids: OwnIds::new(),
            place: Bytes::new(),
            was_open: false,
            repeated: None,
        })
    }

    /// Goes on for ever; when the time for readers to come back has passed, from the oldest of their
    /// ids.
    pub(super) async fn run(mut self) {
        let mut gathering = std::pin::pin!(sleep(self.relay.options.resume_wait));
        loop {
            tokio::select! {
                update = self.next() => match update {
                    Some(Ok(update)) => self.take(&update),
                    Some(Err(error)) => self.closed(Some(&error)),
                    None => break self.closed(None),
                },
                () = &mut gathering, if !self.relay.gathering.is_over() => {
                    self.resume().await;
                    self.relay.gathering.end();
                }
            }
        }
        self.relay.gathering.end();
    }

    /// The next update. Where the upstream names its place without an event, the hub is told.
    async fn next(&mut self) -> Option<Result<Update, EventSourceError>> {
        poll_fn(|cx| {
            let update = self.source.poll_next_unpin(cx);
            if update.is_pending() && self.source.last_event_id() != *self.place {
                let place = Bytes::copy_from_slice(self.source.last_event_id().as_bytes());
                self.take_place(place);
            }
            update
        })
        .await
    }

    fn take(&mut self, update: &Update) {
        match update {
            Update::Open(open) => self.opened(open.may_have_gap),
            Update::Event(event) => self.take_event(event),
            Update::TooLarge { .. } => self.tell_gap("an event was too large to be relayed"),
            Update::IdTooLong => tracing::warn!("the upstream gave an id that is too long"),
            Update::Disconnected { cause, retry_in } => {
                metrics::disconnected();
                let Reason { what, .. } = Reason::of(&self.relay.options.upstream, cause, "");
                let seconds = retry_in.as_secs_f64();
                tracing::warn!("disconnected: {}; back in {seconds:.1} s", Printable(&what));
            }
            _ => {}
        }
    }

    fn opened(&mut self, may_have_gap: bool) {
        metrics::connected(self.was_open);
        tracing::info!("connected to {}", crate::client::server(&self.relay.options.upstream));
        if std::mem::replace(&mut self.was_open, true) {
            self.repeated = Some(None);
            let asked = !self.source.last_event_id().is_empty();
            if !asked || self.relay.options.reset_on_reconnect {
                self.tell_gap("the upstream was lost, and does not say what it sent meanwhile");
                return;
            }
        }
        if may_have_gap {
            self.tell_gap("the upstream was lost, and its last id cannot be sent back to it");
        }
    }

    fn take_event(&mut self, event: &OwnedEvent) {
        metrics::event();
        let id = event.id().and_then(|id| ids::carried(id.as_bytes()));
        let had = id.as_ref().and_then(|id| self.relay.known().get(id));
        if let (Some(had), Some(last)) = (had, self.repeated) {
            if last.is_none_or(|last| had.number > last) && had.is(event) {
                self.repeated = Some(Some(had.number));
                metrics::repeated();
                return;
            }
            self.tell_gap("the upstream gives the ids of other events anew");
        }
        if id.is_some() {
            self.repeated = None;
        } else if event.last_event_id() != *self.place {
            self.take_place(Bytes::copy_from_slice(event.last_event_id().as_bytes()));
        }
        match id.filter(|_| had.is_none()) {
            Some(id) if self.publish(event, &id) => self.relay.known().push(&id, event),
            Some(_) | None => {
                let id = self.own_ids.next();
                self.publish(event, &id);
            }
        }
        if event.last_event_id() != *self.place {
            self.place = Bytes::copy_from_slice(event.last_event_id().as_bytes());
        }
    }

    /// Publishes an event with this id, and returns whether the hub took the id.
    fn publish(&mut self, event: &OwnedEvent, id: &str) -> bool {
        let (data, event_type) = (event.data(), event.event_type());
        let (data, event_type) = (data.to_string_lossy(), event_type.to_string_lossy());
        let Ok(event) =
            Event::new(&data).with_type(&event_type).and_then(|event| event.with_id(id))
        else {
            return false;
        };
        match self.hub.publish(self.relay.topic(), &event) {
            Ok(_) | Err(PublishError::Closed) => true,
            Err(PublishError::TooLarge) => {
                self.tell_gap("an event was too large to be relayed");
                true
            }
            Err(_) => false,
        }
    }

    /// Has all readers, those too who come back later, get to know that something is missing here.
    fn tell_gap(&mut self, reason: &str) {
        metrics::gap();
        tracing::warn!("readers are told of a gap: {reason}");
        let id = self.own_ids.next();
        let data = format!("{{\"reason\":\"{reason}\"}}");
        let event = Event::new(&data).with_type("reset").and_then(|event| event.with_id(&id));
        if let Ok(event) = event {
            // A hub that is closed has no readers.
            let _ = self.hub.publish(self.relay.topic(), &event);
        }
    }

    /// Tells the hub where the upstream is, which is not where its last event was.
    fn take_place(&mut self, place: Bytes) {
        if let Some(id) = ids::carried(&place) {
            // A place that the hub knows is an event's.
            let _ = self.hub.advance(&id);
        }
        self.place = place;
    }

    /// Takes the stream up again where most readers can go on.
    async fn resume(&mut self) {
        let wanted = self.relay.gathering.close();
        if wanted.is_empty() {
            return;
        }
        self.source.close();
        metrics::disconnected();
        let limits = Limits {
            events: self.relay.options.history,
            bytes: self.relay.options.history_bytes,
            until: Instant::now() + self.relay.options.resume_wait,
        };
        let connect = |id: &[u8]| self.relay.connect(id);
        let Some(replay) = Replay::of_most(&wanted, connect, limits).await else { return };
        let Replay { origin, source, steps, .. } = replay;
        let Ok(hub) = self.relay.begin_anew(&origin) else { return };
        self.hub = hub;
        self.place = ids::original(origin.as_bytes()).unwrap_or_default().into();
        self.source = source;
        (self.was_open, self.repeated) = (false, None);
        for step in steps {
            match step {
                Step::Update(update) => self.take(&update),
                Step::Place(id) => {
                    let _ = self.hub.advance(&id);
                }
            }
        }
    }

    fn closed(&self, error: Option<&EventSourceError>) {
        metrics::disconnected();
        match error {
            Some(error) => {
                let Reason { what, .. } = Reason::of_end(&self.relay.options.upstream, error, "");
                tracing::error!("the upstream is given up: {}", Printable(&what));
            }
            None if self.source.close_reason() == Some(CloseReason::NoContent) => {
                tracing::error!("the upstream answered 204 No Content: it is not asked again");
            }
            None => {}
        }
    }
}
