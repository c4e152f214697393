//! The log: every event once, in one sequence, within its limits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sansse::{EventId, ResetCause, Resume, has_fallen_behind, resume};
use slab::Slab;
use tokio::time::Instant;

use crate::given_ids::GivenIds;
use crate::history::{History, Place};
use crate::link::Link;
use crate::segment::Piece;
use crate::sync::{Mutex, lock};
use crate::topic::Topic;
use crate::waiters::Waiters;

/// How much a log keeps.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) topic_events: usize,
    pub(crate) topic_bytes: usize,
    pub(crate) total_bytes: usize,
    pub(crate) topics: usize,
    pub(crate) age: Option<Duration>,
}

/// The log of a hub. Who appends has it alone, so its head is the committed watermark: an event is
/// visible exactly when all smaller sequences are (law 9).
#[derive(Debug)]
pub(crate) struct Log {
    epoch: u64,
    head: u64,
    limits: Limits,
    /// Where the application gives the ids.
    given: Option<GivenIds>,
    /// The newest sequence that is a place and no event, and has an id of the application's; or 0.
    place: u64,
    names: HashMap<Arc<str>, usize>,
    topics: Slab<Topic>,
    /// The oldest event of each topic that holds any: whose turn it is to drop one.
    oldest: BTreeMap<u64, usize>,
    bytes: usize,
    /// The highest sequence that a forgotten topic had dropped. A topic that is new, or known again,
    /// starts there, so that a gap in it is never taken for quiet.
    forgotten: u64,
    /// Set when the hub shuts down: until when its streams may last.
    ends: Option<Instant>,
}

/// A reader's place among the topics of a log.
#[derive(Debug)]
pub(crate) struct Seats(Vec<Seat>);

/// A reader's place in a topic.
#[derive(Debug)]
struct Seat {
    topic: usize,
    /// Its number among those who follow the topic.
    number: usize,
    /// For a topic whose events change a state that the reader was told as a whole: up to which
    /// sequence it was.
    state: Option<u64>,
}

impl Seats {
    fn get(&self, topic: usize) -> Option<&Seat> {
        self.0.iter().find(|seat| seat.topic == topic)
    }

    /// Whether any topic has a state.
    pub(crate) fn have_state(&self) -> bool {
        self.0.iter().any(|seat| seat.state.is_some())
    }

    /// Notes up to where the reader was told the state of a topic.
    pub(crate) fn know_state(&mut self, topic: usize, sequence: u64) {
        if let Some(seat) = self.0.iter_mut().find(|seat| seat.topic == topic) {
            seat.state = Some(sequence);
        }
    }
}

/// What a reader finds behind its cursor.
#[derive(Debug)]
pub(crate) enum Read {
    /// Events in their order, and the sequence of the last.
    Events(Vec<Piece>, u64),
    /// Nothing; the next event wakes the reader.
    UpToDate,
    FallenBehind,
    /// It has to be told the states of its topics anew.
    StateLost,
}

impl Log {
    pub(crate) fn new(epoch: u64, limits: Limits, given: Option<GivenIds>) -> Self {
        Self {
            epoch,
            head: 0,
            limits,
            given,
            place: 0,
            names: HashMap::new(),
            topics: Slab::new(),
            oldest: BTreeMap::new(),
            bytes: 0,
            forgotten: 0,
            ends: None,
        }
    }

    pub(crate) const fn head(&self) -> u64 {
        self.head
    }

    /// The id that the next event gets, where the library gives it.
    pub(crate) const fn next_id(&self) -> EventId {
        EventId { epoch: self.epoch, sequence: self.head + 1 }
    }

    pub(crate) fn is_taken(&self, id: &str) -> bool {
        self.given.as_ref().is_some_and(|given| given.sequence(id).is_some())
    }

    /// Until when streams may last, once the hub shuts down.
    pub(crate) const fn ends(&self) -> Option<Instant> {
        self.ends
    }

    pub(crate) const fn end(&mut self, at: Instant) {
        self.ends = Some(at);
    }

    /// Appends an event: its block, which carries its id, and that id where the application gave it.
    /// Returns who follows the topic.
    pub(crate) fn append(
        &mut self,
        name: &str,
        id: Option<&str>,
        block: Bytes,
        now: Instant,
    ) -> Arc<Mutex<Waiters>> {
        self.drop_old(now);
        let known = self.names.get(name);
        if known.is_none_or(|&key| self.topics[key].history.is_empty()) {
            self.make_room_for_topic();
        }
        let key = self.topic(name);
        while !self.topics[key].has_room_for(block.len(), &self.limits) {
            self.drop_event(key);
        }
        self.head += 1;
        self.bytes += block.len();
        if let (Some(given), Some(id)) = (&mut self.given, id) {
            given.push(self.head, id);
        }
        let most = (self.limits.topic_events, self.limits.topic_bytes);
        let topic = &mut self.topics[key];
        if topic.history.is_empty() {
            self.oldest.insert(self.head, key);
        }
        topic.history.push(self.head, now, block, most);
        let waiters = topic.waiters.clone();
        while self.bytes > self.limits.total_bytes {
            self.drop_oldest();
        }
        waiters
    }

    /// Takes note of an id that the application gives to the place behind all events. Nobody is
    /// woken: it is told with the next keep-alive.
    pub(crate) fn advance(&mut self, id: &str) {
        let Some(given) = &mut self.given else { return };
        self.head += 1;
        given.push(self.head, id);
        given.forget(std::mem::replace(&mut self.place, self.head));
    }

    /// Takes a seat in each topic, for a reader that does not wait yet.
    pub(crate) fn subscribe(&mut self, names: &[&str], link: &Arc<Link>, now: Instant) -> Seats {
        self.drop_old(now);
        let mut seats = Seats(Vec::with_capacity(names.len()));
        for name in names {
            let topic = self.topic(name);
            if seats.get(topic).is_none() {
                let number = lock(&self.topics[topic].waiters).join(link.clone());
                seats.0.push(Seat { topic, number, state: None });
            }
        }
        seats
    }

    pub(crate) fn unsubscribe(&mut self, seats: &Seats) {
        for seat in &seats.0 {
            lock(&self.topics[seat.topic].waiters).leave(seat.number);
            self.forget_if_idle(seat.topic);
        }
    }

    /// Where a reader with this last event ID goes on.
    pub(crate) fn resume(&self, seats: &Seats, asked: &[u8]) -> Resume {
        let Some(given) = &self.given else {
            return resume(Some(asked), self.epoch, self.head, self.dropped(seats));
        };
        if asked.is_empty() {
            return Resume::Live;
        }
        match std::str::from_utf8(asked).ok().and_then(|id| given.sequence(id)) {
            None => Resume::Reset(ResetCause::UnknownId),
            Some(sequence) if has_fallen_behind(sequence, self.dropped(seats)) => {
                Resume::Reset(ResetCause::Dropped)
            }
            Some(sequence) => Resume::From(sequence),
        }
    }

    /// The sequence by which a reader at `cursor` is told where it is. The library's ids have one for
    /// each cursor; the application's only for events and places, so it is that of the newest event of
    /// the reader's own topics, which a busy topic cannot make unknown, or of the newest place.
    pub(crate) fn position(&self, seats: &Seats, cursor: u64) -> u64 {
        let Some(given) = &self.given else { return cursor };
        let topics = seats.0.iter().filter(|seat| seat.state.is_none());
        let topics = topics.map(|seat| &self.topics[seat.topic]);
        let own = topics.filter_map(|topic| topic.newest_until(cursor)).max();
        let known = own.filter(|&sequence| given.id(sequence).is_some());
        let known = known.max(Some(self.place).filter(|&place| 0 < place && place <= cursor));
        // Never a place behind the cursor. Who comes back with the origin when it no longer serves is
        // told of a gap.
        let has_dropped = self.dropped(seats).any(|dropped| dropped > 0);
        known.unwrap_or(if has_dropped { given.newest_until(cursor) } else { 0 })
    }

    /// The id of a sequence that [`position`](Self::position) or an event had.
    pub(crate) fn id(&self, sequence: u64) -> String {
        match &self.given {
            None => EventId { epoch: self.epoch, sequence }.to_string(),
            Some(given) => given.id(sequence).map_or_else(String::new, ToString::to_string),
        }
    }

    /// The names of a reader's topics.
    pub(crate) fn names(&self, seats: &Seats) -> Vec<String> {
        seats.0.iter().map(|seat| self.topics[seat.topic].name.to_string()).collect()
    }

    /// The topic of this name, where a reader has a seat in it.
    pub(crate) fn topic_of(&self, seats: &Seats, name: &str) -> Option<usize> {
        self.names.get(name).copied().filter(|&topic| seats.get(topic).is_some())
    }

    /// The cursor that has the last `count` events of the topics, or as many as are held, before it.
    pub(crate) fn last(&self, seats: &Seats, count: usize) -> u64 {
        let seats_without_state = seats.0.iter().filter(|seat| seat.state.is_none());
        let mut newest: Vec<u64> = seats_without_state
            .flat_map(|seat| self.topics[seat.topic].history.last(count))
            .collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let first = match count {
            0 => None,
            _ => newest.get(count - 1).or(newest.last()).map(|first| first - 1),
        };
        let dropped = self.dropped(seats).max().unwrap_or(0);
        first.unwrap_or(self.head).max(dropped)
    }

    /// Reads on from a cursor and moves it: to the last event returned or, when that is all there
    /// is, to the head. At most `limit` bytes, or one event. The next event wakes a reader for whom
    /// there is nothing; its link has to know the waker before.
    pub(crate) fn read(
        &self,
        seats: &Seats,
        cursor: &mut u64,
        limit: usize,
        looks_back: bool,
    ) -> Read {
        if has_fallen_behind(*cursor, self.dropped(seats)) {
            return Read::FallenBehind;
        }
        if seats.0.iter().any(|seat| {
            seat.state.is_some_and(|state| state.max(*cursor) < self.topics[seat.topic].dropped)
        }) {
            return Read::StateLost;
        }
        let (pieces, last, complete) = self.collect(seats, *cursor, limit, looks_back);
        *cursor = if complete { self.head } else { last };
        if !pieces.is_empty() {
            return Read::Events(pieces, last);
        }
        for seat in &seats.0 {
            lock(&self.topics[seat.topic].waiters).wait(seat.number);
        }
        Read::UpToDate
    }

    /// Up to where each topic of a reader has dropped events that it would have to be told.
    fn dropped(&self, seats: &Seats) -> impl Iterator<Item = u64> {
        let seats = seats.0.iter().filter(|seat| seat.state.is_none());
        seats.map(|seat| self.topics[seat.topic].dropped)
    }

    /// What each topic of a reader holds, and from where on it is of concern.
    fn histories(&self, seats: &Seats) -> impl Iterator<Item = (&History, u64)> {
        let seats = seats.0.iter();
        seats.map(|seat| (&self.topics[seat.topic].history, seat.state.unwrap_or(0)))
    }

    /// The events behind a cursor in their order, merged over the topics; the sequence of the last,
    /// and whether that is all.
    fn collect(
        &self,
        seats: &Seats,
        cursor: u64,
        limit: usize,
        looks_back: bool,
    ) -> (Vec<Piece>, u64, bool) {
        let mut sources: Vec<(&History, Option<Place>)> = self
            .histories(seats)
            .filter_map(|(history, from)| Some((history, Some(history.after(cursor.max(from))?))))
            .collect();
        let (mut pieces, mut last, mut room) = (Vec::new(), cursor, limit);
        loop {
            // The topic whose turn it is, and the sequence at which it is another's.
            let (mut turn, mut first, mut second) = (None, u64::MAX, u64::MAX);
            for (index, (history, place)) in sources.iter().enumerate() {
                let Some(place) = *place else { continue };
                let sequence = history.sequence(place);
                if sequence < first {
                    (turn, second, first) = (Some(index), first, sequence);
                } else {
                    second = second.min(sequence);
                }
            }
            let Some(turn) = turn else { return (pieces, last, true) };
            let (history, place) = &mut sources[turn];
            let Some(piece) = history.piece(place, room, pieces.is_empty(), second, looks_back)
            else {
                return (pieces, last, false);
            };
            room = room.saturating_sub(piece.size());
            last = piece.last();
            pieces.push(piece);
        }
    }

    /// The topic of this name, made on its first use.
    fn topic(&mut self, name: &str) -> usize {
        if let Some(&key) = self.names.get(name) {
            return key;
        }
        let topic = Topic::new(name, self.forgotten);
        let name = topic.name.clone();
        let key = self.topics.insert(topic);
        self.names.insert(name, key);
        key
    }

    /// Lets another topic have a history: where too many have one, that of the topic with the oldest
    /// event goes, and sooner of one without readers.
    fn make_room_for_topic(&mut self) {
        while self.oldest.len() >= self.limits.topics.max(1) {
            let unread = self.oldest.values().find(|&&key| self.topics[key].is_unread());
            let Some(&key) = unread.or(self.oldest.values().next()) else { return };
            while !self.topics[key].history.is_empty() {
                self.drop_event(key);
            }
            self.forget_if_idle(key);
        }
    }

    /// Drops all events that are too old.
    fn drop_old(&mut self, now: Instant) {
        let Some(age) = self.limits.age else { return };
        while let Some((_, &key)) = self.oldest.first_key_value() {
            match self.topics[key].history.oldest() {
                Some((_, at)) if now.duration_since(at) > age => self.drop_oldest(),
                _ => return,
            }
        }
    }

    /// Drops the oldest event of all.
    fn drop_oldest(&mut self) {
        if let Some(&key) = self.oldest.values().next() {
            self.drop_event(key);
            self.forget_if_idle(key);
        }
    }

    /// Drops the oldest event of a topic, which stays.
    fn drop_event(&mut self, key: usize) {
        let topic = &mut self.topics[key];
        if let Some((sequence, bytes)) = topic.history.drop_oldest() {
            self.bytes -= bytes;
            self.oldest.remove(&sequence);
            if let Some((oldest, _)) = topic.history.oldest() {
                self.oldest.insert(oldest, key);
            }
            if let Some(given) = &mut self.given {
                given.forget(topic.dropped);
            }
            topic.dropped = sequence;
        }
    }

    fn forget_if_idle(&mut self, key: usize) {
        if self.topics[key].is_idle() {
            let topic = self.topics.remove(key);
            self.names.remove(&topic.name);
            if let Some(given) = &mut self.given {
                given.forget(topic.dropped);
            }
            self.forgotten = self.forgotten.max(topic.dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_leave_nothing_behind() {
        let limits =
            Limits { topic_events: 9, topic_bytes: 999, total_bytes: 999, topics: 9, age: None };
        let mut log = Log::new(35, limits, None);
        let now = Instant::now();
        log.append("kept", None, Bytes::from_static(b"data: x\n\n"), now);
        for number in 0..100 {
            let seats = log.subscribe(&["kept", &number.to_string()], &Arc::default(), now);
            log.read(&seats, &mut 1, 999, false);
            log.unsubscribe(&seats);
        }
        assert_eq!((log.names.len(), log.topics.len()), (1, 1));
        let (_, topic) = log.topics.iter().next().unwrap();
        assert!(topic.is_unread());
    }
}
