//! Who waits for the next event of a topic.

use std::sync::Arc;

use slab::Slab;

use crate::link::Link;
use crate::sync::{Mutex, lock};

/// The most subscribers that are looked at, and the most that are woken, under one lock.
const SEATS_A_LOCK: usize = 256;
const WAKES_A_LOCK: usize = 32;

/// The subscribers of a topic, each with whether it waits.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    seats: Slab<Seat>,
    waiting: usize,
}

#[derive(Debug)]
struct Seat {
    link: Arc<Link>,
    waits: bool,
}

impl Waiters {
    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Adds a subscriber, which does not wait yet; returns its seat.
    pub(crate) fn join(&mut self, link: Arc<Link>) -> usize {
        self.seats.insert(Seat { link, waits: false })
    }

    pub(crate) fn leave(&mut self, seat: usize) {
        if self.seats.remove(seat).waits {
            self.waiting -= 1;
        }
    }

    /// Has the next event wake the subscriber.
    pub(crate) fn wait(&mut self, seat: usize) {
        let seat = &mut self.seats[seat];
        if !seat.waits {
            seat.waits = true;
            self.waiting += 1;
        }
    }

    /// Takes some of those who wait in the seats from `start` on; returns where to go on.
    fn take(&mut self, start: usize, links: &mut Vec<Arc<Link>>) -> Option<usize> {
        links.reserve(self.waiting.min(WAKES_A_LOCK));
        for key in start..self.seats.capacity() {
            if self.waiting == 0 {
                return None;
            }
            if links.len() == WAKES_A_LOCK || key - start == SEATS_A_LOCK {
                return Some(key);
            }
            if let Some(seat) = self.seats.get_mut(key).filter(|seat| seat.waits) {
                seat.waits = false;
                self.waiting -= 1;
                links.push(seat.link.clone());
            }
        }
        None
    }
}

/// Wakes all who wait, a few under each lock, so that nobody who comes or goes has to wait for long.
pub(crate) fn wake_all(waiters: &Mutex<Waiters>) {
    let mut links = Vec::new();
    let mut next = Some(0);
    while let Some(start) = next {
        next = lock(waiters).take(start, &mut links);
        for link in links.drain(..) {
            link.wake();
        }
    }
}
