//! What is between the two stacks.

use std::collections::VecDeque;
use std::fmt;

use embassy_net_driver_channel::Runner;

/// Bytes of a frame, at most.
pub(super) const MTU: usize = 1514;

/// A cable between two stacks, that delays frames and loses some of them.
pub struct Cable {
    ends: [Runner<'static, MTU>; 2],
    /// What is on its way to each end, and the millisecond in which it arrives.
    waiting: [VecDeque<(u64, Vec<u8>)>; 2],
    /// Milliseconds from one end to the other.
    pub delay: u64,
    /// How many frames of a thousand get lost.
    pub loss: u32,
    /// Whether all frames get lost.
    pub is_cut: bool,
    /// Whether frames wait until it is so no more.
    pub is_stalled: bool,
    /// Frames that got lost.
    pub lost: usize,
    random: u32,
}

impl Cable {
    pub(super) fn new(ends: [Runner<'static, MTU>; 2]) -> Self {
        let waiting = [VecDeque::new(), VecDeque::new()];
        Self {
            ends,
            waiting,
            delay: 1,
            loss: 0,
            is_cut: false,
            is_stalled: false,
            lost: 0,
            random: 1,
        }
    }

    /// Carries what is there, and says whether there was anything.
    pub(super) fn carry(&mut self, now: u64) -> bool {
        let mut has_moved = false;
        for from in 0..2 {
            let to = 1 - from;
            while let Some(frame) = self.ends[from].try_tx_buf() {
                let frame = frame.to_vec();
                self.ends[from].tx_done();
                has_moved = true;
                if self.is_cut || self.is_unlucky() {
                    self.lost += 1;
                } else {
                    self.waiting[to].push_back((now + self.delay, frame));
                }
            }
            while !self.is_stalled
                && self.waiting[to].front().is_some_and(|(due, _)| *due <= now)
                && let Some(room) = self.ends[to].try_rx_buf()
                && let Some((_, frame)) = self.waiting[to].pop_front()
            {
                room[..frame.len()].copy_from_slice(&frame);
                self.ends[to].rx_done(frame.len());
                has_moved = true;
            }
        }
        has_moved
    }

    /// A linear congruential generator, the same in each run.
    fn is_unlucky(&mut self) -> bool {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.random >> 16) % 1000 < self.loss
    }
}

impl fmt::Debug for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cable").field("lost", &self.lost).finish_non_exhaustive()
    }
}
