//! Whether a peer is still there, and when it is to be told that we are.

use super::config::Rhythm;

/// Looks after a peer twice in each timeout, which takes no clock where events are sent.
pub(super) struct Pulse {
    /// Bytes that were sent, modulo 2³².
    pub(super) sent: u32,
    /// As many as the peer had when it was last looked after; one more where some were on the way.
    mark: u32,
    /// How often it had no more than the time before,
    stuck: u16,
    /// and how often nothing had been sent.
    silent: u16,
}

impl Pulse {
    pub(super) const fn new() -> Self {
        Self { sent: 0, mark: 0, stuck: 0, silent: 0 }
    }

    /// So many bytes have been sent.
    pub(super) fn sent(&mut self, length: usize) {
        self.silent = 0;
        self.sent = self.sent.wrapping_add(u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// A look: so many bytes are on the way. Whether none has arrived for half of the write timeout or
    /// longer, though there were some all the while.
    pub(super) fn is_lost(&mut self, on_the_way: usize, rhythm: &Rhythm) -> bool {
        let on_the_way = u32::try_from(on_the_way).unwrap_or(u32::MAX);
        let arrived = self.sent.wrapping_sub(on_the_way);
        let is_stuck = on_the_way > 0 && self.mark == arrived.wrapping_add(1);
        self.mark = arrived.wrapping_add(u32::from(on_the_way > 0));
        self.stuck = if is_stuck { self.stuck.wrapping_add(1) } else { 0 };
        self.stuck >= rhythm.looks
    }

    /// The same look: whether it is time for a sign of life, since the silence may be too long before
    /// the next look.
    pub(super) fn is_silent(&mut self, rhythm: &Rhythm) -> bool {
        self.silent = self.silent.wrapping_add(1);
        self.silent >= rhythm.silent_looks
    }
}
