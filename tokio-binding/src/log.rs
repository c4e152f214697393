//! The log: every event once, in one sequence, within its limits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::task::Waker;

use bytes::{Bytes, BytesMut};
use sansse::{Event, EventId, Resume, has_fallen_behind, resume};
use slab::Slab;

use crate::codec::put_event;
use crate::topic::{Entry, Topic};

/// How much a log keeps.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) topic_events: usize,
    pub(crate) topic_bytes: usize,
    pub(crate) total_bytes: usize,
    pub(crate) topics: usize,
}

/// The log of a hub. Whoever has it has it alone, so its head is the committed watermark: an event
/// is visible exactly when all smaller sequences are (law 9).
#[derive(Debug)]
pub(crate) struct Log {
    epoch: u64,
    head: u64,
    limits: Limits,
    names: HashMap<Arc<str>, usize>,
    topics: Slab<Topic>,
    /// The oldest event of each topic that holds any: whose turn it is to drop one.
    oldest: BTreeMap<u64, usize>,
    bytes: usize,
    /// The highest sequence that a forgotten topic had dropped. A topic that is new, or known again,
    /// starts there, so that a gap in it is never taken for quiet.
    forgotten: u64,
    subscribers: usize,
    closed: bool,
}

/// A reader's place among the topics of a log: each topic and its seat among those who wait there.
#[derive(Debug)]
pub(crate) struct Seats(Vec<(usize, usize)>);

/// What a reader finds behind its cursor.
#[derive(Debug)]
pub(crate) enum Read {
    /// Events in their order, and the sequence of the last.
    Blocks(Vec<Bytes>, u64),
    /// Nothing; the waker is kept.
    UpToDate,
    FallenBehind,
    Closed,
}

impl Log {
    pub(crate) fn new(epoch: u64, limits: Limits) -> Self {
        Self {
            epoch,
            head: 0,
            limits,
            names: HashMap::new(),
            topics: Slab::new(),
            oldest: BTreeMap::new(),
            bytes: 0,
            forgotten: 0,
            subscribers: 0,
            closed: false,
        }
    }

    pub(crate) const fn id(&self, sequence: u64) -> EventId {
        EventId { epoch: self.epoch, sequence }
    }

    pub(crate) const fn head(&self) -> u64 {
        self.head
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Appends an event, encoded once with its id, and returns who waits for it. `None` when the
    /// event is larger than the history of a topic.
    pub(crate) fn publish(
        &mut self,
        name: &str,
        event: &Event<'_>,
    ) -> Option<(EventId, Vec<Waker>)> {
        let id = self.id(self.head + 1);
        let text = id.to_text();
        let event = event.with_id(&text).ok()?;
        let length = event.encoded_len();
        if length > self.limits.topic_bytes.min(self.limits.total_bytes) {
            return None;
        }
        let mut block = BytesMut::with_capacity(length);
        put_event(&event, &mut block);

        let known = self.names.get(name);
        if known.is_none_or(|&key| self.topics[key].oldest().is_none()) {
            self.make_room_for_topic();
        }
        let key = self.topic(name);
        while !self.topics[key].has_room_for(length, &self.limits) {
            self.drop_entry(key);
        }
        self.head += 1;
        self.bytes += length;
        let topic = &mut self.topics[key];
        topic.push(Entry { sequence: self.head, block: block.freeze() });
        if topic.entries.len() == 1 {
            self.oldest.insert(self.head, key);
        }
        let waiting = topic.waiting.iter_mut().filter_map(|(_, waker)| waker.take()).collect();
        while self.bytes > self.limits.total_bytes {
            self.drop_oldest();
        }
        Some((id, waiting))
    }

    pub(crate) fn subscribe(&mut self, names: &[&str]) -> Seats {
        let mut seats: Vec<(usize, usize)> = Vec::with_capacity(names.len());
        for name in names {
            let key = self.topic(name);
            if !seats.iter().any(|&(known, _)| known == key) {
                seats.push((key, self.topics[key].waiting.insert(None)));
            }
        }
        self.subscribers += 1;
        Seats(seats)
    }

    pub(crate) fn unsubscribe(&mut self, seats: &Seats) {
        for &(key, seat) in &seats.0 {
            self.topics[key].waiting.remove(seat);
            self.forget_if_idle(key);
        }
        self.subscribers -= 1;
    }

    /// Where a reader with this last event ID goes on.
    pub(crate) fn resume(&self, seats: &Seats, asked: Option<&[u8]>) -> Resume {
        resume(asked, self.epoch, self.head, self.dropped(seats))
    }

    /// The cursor that has the last `count` events of the topics, or as many as are held, before it.
    pub(crate) fn last(&self, seats: &Seats, count: usize) -> u64 {
        let mut newest: Vec<u64> = seats
            .0
            .iter()
            .flat_map(|&(key, _)| {
                self.topics[key].entries.iter().rev().take(count).map(|entry| entry.sequence)
            })
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
    /// is, to the head. At most `limit` bytes, or one event.
    pub(crate) fn read(
        &mut self,
        seats: &Seats,
        cursor: &mut u64,
        limit: usize,
        waker: &Waker,
    ) -> Read {
        if self.closed {
            return Read::Closed;
        }
        if has_fallen_behind(*cursor, self.dropped(seats)) {
            return Read::FallenBehind;
        }
        let (blocks, complete) = self.collect(seats, cursor, limit);
        let last = *cursor;
        if complete {
            *cursor = self.head;
        }
        if !blocks.is_empty() {
            return Read::Blocks(blocks, last);
        }
        for &(key, seat) in &seats.0 {
            match &mut self.topics[key].waiting[seat] {
                Some(known) => known.clone_from(waker),
                empty => *empty = Some(waker.clone()),
            }
        }
        Read::UpToDate
    }

    /// Ends all streams; returns who waits.
    pub(crate) fn close(&mut self) -> Vec<Waker> {
        self.closed = true;
        self.topics
            .iter_mut()
            .flat_map(|(_, topic)| topic.waiting.iter_mut())
            .filter_map(|(_, waker)| waker.take())
            .collect()
    }

    pub(crate) const fn subscribers(&self) -> usize {
        self.subscribers
    }

    fn dropped(&self, seats: &Seats) -> impl Iterator<Item = u64> {
        seats.0.iter().map(|&(key, _)| self.topics[key].dropped)
    }

    /// The events behind the cursor in their order, merged over the topics; and whether that is all.
    fn collect(&self, seats: &Seats, cursor: &mut u64, limit: usize) -> (Vec<Bytes>, bool) {
        let mut sources: Vec<_> = seats
            .0
            .iter()
            .map(|&(key, _)| {
                let topic = &self.topics[key];
                topic.entries.range(topic.after(*cursor)..).peekable()
            })
            .collect();
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        loop {
            let next = sources
                .iter_mut()
                .filter_map(|source| source.peek().map(|entry| entry.sequence).map(|s| (s, source)))
                .min_by_key(|&(sequence, _)| sequence);
            let Some((sequence, source)) = next else { return (blocks, true) };
            let Some(entry) = source.next() else { return (blocks, true) };
            bytes += entry.block.len();
            if !blocks.is_empty() && bytes > limit {
                return (blocks, false);
            }
            *cursor = sequence;
            blocks.push(entry.block.clone());
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
            let unread = self.oldest.values().find(|&&key| self.topics[key].waiting.is_empty());
            let Some(&key) = unread.or(self.oldest.values().next()) else { return };
            while self.topics[key].oldest().is_some() {
                self.drop_entry(key);
            }
            self.forget_if_idle(key);
        }
    }

    /// Drops the oldest event of all.
    fn drop_oldest(&mut self) {
        if let Some(&key) = self.oldest.values().next() {
            self.drop_entry(key);
            self.forget_if_idle(key);
        }
    }

    /// Drops the oldest event of a topic, which stays.
    fn drop_entry(&mut self, key: usize) {
        let topic = &mut self.topics[key];
        if let Some(bytes) = topic.drop_oldest() {
            self.bytes -= bytes;
            self.oldest.remove(&topic.dropped);
            if let Some(oldest) = topic.oldest() {
                self.oldest.insert(oldest, key);
            }
        }
    }

    fn forget_if_idle(&mut self, key: usize) {
        if self.topics[key].is_idle() {
            let topic = self.topics.remove(key);
            self.names.remove(&topic.name);
            self.forgotten = self.forgotten.max(topic.dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_leave_nothing_behind() {
        let limits = Limits { topic_events: 9, topic_bytes: 999, total_bytes: 999, topics: 9 };
        let mut log = Log::new(35, limits);
        log.publish("kept", &Event::new("x"));
        for number in 0..100 {
            let seats = log.subscribe(&["kept", &number.to_string()]);
            log.read(&seats, &mut 1, 999, Waker::noop());
            log.unsubscribe(&seats);
        }
        assert_eq!((log.names.len(), log.topics.len(), log.subscribers), (1, 1, 0));
        let (_, topic) = log.topics.iter().next().unwrap();
        assert!(topic.waiting.is_empty());
    }
}
