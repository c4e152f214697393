//! Whether a peer is still there, and when it is to be told that we are.

use super::config::Config;

/// Looks twice in each timeout after a peer, which takes no clock where events are sent.
pub(super) struct Pulse {
    /// Bytes that were sent, modulo 2³².
    sent: u32,
    /// As many as the peer had when it was last looked after; one less where none were on the way.
    mark: u32,
    /// How often nothing had been sent so far.
    silence: u32,
}

impl Pulse {
    pub(super) const fn new() -> Self {
        Self { sent: 0, mark: u32::MAX, silence: 0 }
    }

    /// So many bytes have been sent.
    pub(super) fn sent(&mut self, length: usize) {
        self.silence = 0;
        self.sent = self.sent.wrapping_add(u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// A look: so many bytes are on the way. Whether not one has arrived since the last look, at which
    /// there were some.
    pub(super) fn is_lost(&mut self, on_the_way: usize) -> bool {
        let on_the_way = u32::try_from(on_the_way).unwrap_or(u32::MAX);
        let arrived = self.sent.wrapping_sub(on_the_way);
        let is_lost = on_the_way > 0 && self.mark == arrived;
        self.mark = arrived.wrapping_sub(u32::from(on_the_way == 0));
        is_lost
    }

    /// The same look: whether it is time for a sign of life, since there may be too long a silence
    /// before the next look.
    pub(super) fn is_silent(&mut self, config: &Config<'_>) -> bool {
        self.silence = self.silence.saturating_add(1);
        self.silence.saturating_add(2).saturating_mul(interval(config)) > config.keep_alive
    }
}

/// Milliseconds between two looks.
pub(super) fn interval(config: &Config<'_>) -> u32 {
    (config.keep_alive.min(config.write_timeout) / 2).max(1)
}
