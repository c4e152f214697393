//! What a subscriber sends that cannot be told what it missed (law 11).

use bytes::BytesMut;
use sansse::{Encoder, ResetCause, Resume};

use super::Subscription;
use crate::codec::{BytesSink, put_event};
use crate::keep_alive::COMMENT;
use crate::log::Log;
use crate::snapshot::{OnGap, Snapshot};

/// How many snapshots in a row may be too old when they are made, before a reset is sent instead.
const LATE_SNAPSHOTS: u32 = 3;

impl Subscription {
    /// Tells the reader that it has missed something, or makes good for it.
    pub(super) fn meet_gap(&mut self, cause: ResetCause) {
        self.record.lagged(cause);
        let hub = self.hub.clone();
        // Nothing of the application's runs under the lock.
        let names = hub.log().names(&self.seats);
        match hub.settings().on_gap.of(&names) {
            OnGap::Reset => self.reset(&hub.log(), cause),
            OnGap::Snapshot => self.take_snapshot(Some(cause)),
            OnGap::End => {
                let log = hub.log();
                self.go_on_from(&log, log.head());
                self.end_with(hub.retry());
            }
        }
    }

    /// The reset event itself names the position: were an id to come before it, a reader cut between
    /// the two would never learn of the gap.
    fn reset(&mut self, log: &Log, cause: ResetCause) {
        use std::fmt::Write as _;

        self.cursor = log.head();
        self.told = log.position(&self.seats, self.cursor);
        self.states_due = self.seats.have_state();
        let mut block = BytesMut::new();
        // The hub's builder has checked the type, and the ids of a log are valid ids.
        let _ = Encoder::new(BytesSink(&mut block)).event_with(
            &self.hub.settings().reset_event,
            Some(&log.id(self.told)),
            |data| write!(data, "{{\"reason\":\"{cause}\"}}"),
        );
        self.private = block.freeze();
    }

    /// Asks the application for a snapshot; where it makes none, `cause` is told.
    pub(super) fn take_snapshot(&mut self, cause: Option<ResetCause>) {
        let hub = self.hub.clone();
        let (head, names) = {
            let log = hub.log();
            (log.head(), log.names(&self.seats))
        };
        match (&hub.settings().snapshot, cause) {
            (Some(source), _) => {
                self.cursor = head;
                // Something at once, so that browsers and proxies open the stream; but no position.
                self.private = COMMENT;
                self.making = Some(source.make(names));
            }
            (None, Some(cause)) => self.reset(&hub.log(), cause),
            (None, None) => self.go_on_from(&hub.log(), head),
        }
    }

    /// Goes on behind a snapshot. Its position comes last, so that a reader that is cut before that
    /// begins again.
    pub(super) fn open_with(&mut self, snapshot: Option<Snapshot>) {
        let hub = self.hub.clone();
        let log = hub.log();
        let Some(snapshot) = snapshot else { return self.reset(&log, ResetCause::Dropped) };
        if let Some(id) = snapshot.as_of {
            match log.resume(&self.seats, id.as_bytes()) {
                Resume::From(sequence) => self.cursor = sequence,
                // The history ran on while the snapshot was made.
                Resume::Reset(cause @ ResetCause::Dropped) if self.late < LATE_SNAPSHOTS => {
                    drop(log);
                    self.late += 1;
                    return self.take_snapshot(Some(cause));
                }
                Resume::Reset(cause) => return self.reset(&log, cause),
                Resume::Live => return self.reset(&log, ResetCause::UnknownId),
            }
        }
        self.late = 0;
        let mut blocks = BytesMut::new();
        for event in &snapshot.events {
            put_event(&event.as_event().without_id(), &mut blocks);
        }
        self.put_position(&log, &mut blocks);
        self.states_due = self.seats.have_state();
        self.private = blocks.freeze();
    }
}
