//! What a server is told, and what it answers.

use std::fs;
use std::io;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// What a server is to do. It answers each with a number.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Publish so many events in a row, and say how many that makes in all.
    Publish {
        /// How many.
        events: u64,
        /// Bytes of data of one.
        bytes: usize,
    },
    /// Say how much CPU time all threads have had, in nanoseconds.
    Cpu,
    /// Say how many bytes of memory are resident. Finding out takes a while.
    Resident,
}

/// The CPU time of this process, in nanoseconds.
pub(super) fn cpu() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Neither part is ever negative.
    (time.tv_sec * 1_000_000_000 + time.tv_nsec).unsigned_abs()
}

/// The resident bytes of this process, from `smaps_rollup`, since `status` may be off by some hundred
/// KiB.
pub(super) fn resident() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/self/smaps_rollup")?;
    text.lines()
        .find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .map(|kibibytes| kibibytes << 10)
        .ok_or_else(|| io::Error::other("no Rss in smaps_rollup"))
}
