//! What a server is told, and what it answers.

use std::fs;
use std::io;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// What a server is to do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Publish so many events in a row, with so many bytes of data each.
    Publish {
        /// How many.
        events: u64,
        /// Bytes of data of one.
        bytes: usize,
    },
    /// Say how it is.
    Report,
}

/// How a server is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The events that it has published, which is the sequence of the last.
    pub published: u64,
    /// The CPU time of all its threads, in nanoseconds.
    pub cpu: u64,
    /// The bytes of its memory that are resident.
    pub resident: u64,
}

impl Report {
    /// How this process is.
    pub(super) fn now(published: u64) -> io::Result<Self> {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        // Both are not negative.
        let cpu = (cpu.tv_sec * 1_000_000_000 + cpu.tv_nsec).unsigned_abs();
        Ok(Self { published, cpu, resident: resident()? })
    }
}

/// From `smaps_rollup`, since `status` may be off by some hundred KiB.
fn resident() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/self/smaps_rollup")?;
    let kibibytes = text.lines().find_map(|line| {
        line.strip_prefix("Rss:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    kibibytes
        .map(|kibibytes| kibibytes << 10)
        .ok_or_else(|| io::Error::other("no Rss in smaps_rollup"))
}
