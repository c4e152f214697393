//! Whether a peer is still there, and when it is to be told that we are.

use super::config::Config;

/// Looks twice in each timeout after a peer, which takes no clock where events are sent.
pub(super) struct Pulse {
    /// Milliseconds between two looks.
    interval: u32,
    /// How often to look before a sign of life is due,
    patience: u16,
    /// and how often nothing had been sent so far.
    silence: u16,
    /// Bytes that were sent, modulo 2³².
    sent: u32,
    /// As many as the peer had when it was last looked after; one less where none were on the way.
    mark: u32,
}

impl Pulse {
    pub(super) fn new(config: &Config<'_>) -> Self {
        let interval = (config.keep_alive.min(config.write_timeout) / 2).max(1);
        let patience = (config.keep_alive / interval).saturating_sub(1);
        let patience = u16::try_from(patience).unwrap_or(u16::MAX);
        Self { interval, patience, silence: 0, sent: 0, mark: u32::MAX }
    }

    /// How long to wait before the next look, in milliseconds.
    pub(super) fn interval(&self) -> u32 {
        self.interval
    }

    /// So many bytes have been sent.
    pub(super) fn sent(&mut self, length: usize) {
        self.silence = 0;
        self.sent = self.sent.wrapping_add(u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// A look: so many bytes are on the way. Whether not one has arrived since the last look, at which
    /// there were some.
    #[inline(never)]
    pub(super) fn is_lost(&mut self, on_the_way: usize) -> bool {
        let on_the_way = u32::try_from(on_the_way).unwrap_or(u32::MAX);
        let arrived = self.sent.wrapping_sub(on_the_way);
        let is_lost = on_the_way > 0 && self.mark == arrived;
        self.mark = arrived.wrapping_sub(u32::from(on_the_way == 0));
        is_lost
    }

    /// The same look: whether it is time for a sign of life.
    pub(super) fn is_silent(&mut self) -> bool {
        self.silence += 1;
        self.silence >= self.patience
    }
}
