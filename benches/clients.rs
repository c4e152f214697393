//! Clients of event streams, each alone in a process of its own: ours, and other people's. Each reads
//! one response through a socket, and says what that took.

mod eventsource_client;
mod eventsource_stream;
mod ours;
mod reqwest_eventsource;
mod transport;

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

/// A client that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// reqwest alone, whose bytes nobody looks at.
    Transport,
    /// `EventSource` of the tokio binding, over reqwest.
    Ours,
    /// `EventStream` of the tokio binding, over reqwest.
    OurStream,
    /// eventsource-client over reqwest.
    EventsourceClient,
    /// eventsource-stream over reqwest.
    EventsourceStream,
    /// reqwest-eventsource over the version of reqwest that it takes.
    ReqwestEventsource,
}

/// What a client has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many events.
    pub events: u64,
    /// The bytes of their data together.
    pub bytes: u64,
}

/// What a client has read, and what that took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Report {
    /// What it has read.
    pub tally: Tally,
    /// CPU time in nanoseconds, from the request on.
    pub cpu: u64,
    /// By how many bytes its memory grew at most meanwhile.
    pub growth: u64,
}

impl Client {
    /// All clients.
    pub const ALL: [Self; 6] = [
        Self::Transport,
        Self::Ours,
        Self::OurStream,
        Self::EventsourceClient,
        Self::EventsourceStream,
        Self::ReqwestEventsource,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transport => "reqwest alone",
            Self::Ours => "EventSource",
            Self::OurStream => "EventStream",
            Self::EventsourceClient => "eventsource-client",
            Self::EventsourceStream => "eventsource-stream",
            Self::ReqwestEventsource => "reqwest-eventsource",
        }
    }

    /// The client of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.name() == name)
    }

    /// Whether it is none of ours.
    #[must_use]
    pub const fn is_peer(self) -> bool {
        matches!(self, Self::EventsourceClient | Self::EventsourceStream | Self::ReqwestEventsource)
    }

    /// Reads so many events of a URL on this thread, and writes a [`Report`] to the standard output.
    ///
    /// # Errors
    ///
    /// When the stream fails or ends before.
    pub fn run(self, url: &str, events: u64) -> Result<(), Box<dyn Error>> {
        // All that it needs runs on this thread, so that its CPU time is the thread's.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let report = runtime.block_on(async {
            // Clients are made before the clock starts.
            match self {
                Self::Transport => measure(transport::prepare()?, url, events).await,
                Self::Ours => measure(ours::Source::prepare()?, url, events).await,
                Self::OurStream => measure(ours::Stream::prepare()?, url, events).await,
                Self::EventsourceClient => {
                    measure(eventsource_client::prepare()?, url, events).await
                }
                Self::EventsourceStream => {
                    measure(eventsource_stream::prepare()?, url, events).await
                }
                Self::ReqwestEventsource => {
                    measure(reqwest_eventsource::prepare(), url, events).await
                }
            }
        })?;
        writeln!(io::stdout().lock(), "{}", serde_json::to_string(&report)?)?;
        Ok(())
    }
}

/// A client that is ready to ask.
trait Reader {
    /// Reads so many events of a URL, or to the end of the stream.
    async fn read(self, url: &str, events: u64) -> Result<Tally, Box<dyn Error>>;
}

impl Tally {
    fn count(&mut self, data: &[u8]) {
        self.events += 1;
        self.bytes += data.len() as u64;
    }
}

async fn measure(client: impl Reader, url: &str, events: u64) -> Result<Report, Box<dyn Error>> {
    // Has the kernel forget the most that there was.
    fs::write("/proc/self/clear_refs", "5")?;
    let (memory, start) = (status("VmRSS:")?, cpu());
    let tally = client.read(url, events).await?;
    let cpu = cpu() - start;
    Ok(Report { tally, cpu, growth: status("VmHWM:")?.saturating_sub(memory) })
}

/// The CPU time of this thread, in nanoseconds.
fn cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// A size in the status of this process, in bytes.
fn status(name: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such size")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}
