//! Servers of event streams, each alone in a process of its own: ours, and other people's.
//!
//! A server writes the address on which it listens to its standard output, then takes [`Order`]s from
//! its standard input, a line of JSON each, answers each with a number, and ends with its input.

pub mod axum;
pub mod order;
pub mod ours;
pub mod payload;

use std::error::Error;
use std::io::{self, Write as _};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use crate::servers::order::Order;

/// How many events each server keeps for those who are slow.
const HISTORY_EVENTS: usize = 1024;
/// How many bytes of them ours keeps at most; the others do not ask.
const HISTORY_BYTES: usize = 8 << 20;

/// A server that can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// The hub of the tokio binding on hyper.
    Ours,
    /// axum with a `broadcast` of tokio.
    Axum,
}

/// Where a server takes its events.
trait Publisher: Send + Sync + 'static {
    /// Publishes an event to all subscribers.
    fn publish(&self, data: String);
}

impl Server {
    /// All servers.
    pub const ALL: [Self; 2] = [Self::Ours, Self::Axum];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "sansse",
            Self::Axum => "axum",
        }
    }

    /// The server of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.name() == name)
    }

    /// Serves with two workers until the standard input ends.
    ///
    /// # Errors
    ///
    /// When it cannot listen, or an order is none.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        answer(&listener.local_addr()?.to_string())?;
        let publisher: Arc<dyn Publisher> = match self {
            Self::Ours => ours::start(&runtime, listener),
            Self::Axum => axum::start(&runtime, listener),
        };
        let mut published = 0;
        for line in io::stdin().lines() {
            let number = match serde_json::from_str(&line?)? {
                Order::Publish { events, bytes } => {
                    let publisher = publisher.clone();
                    let sequences = published + 1..=published + events;
                    published += events;
                    // On a worker, as from a handler, and without yielding in between.
                    runtime.block_on(runtime.spawn(async move {
                        for sequence in sequences {
                            publisher.publish(payload::data(sequence, bytes));
                        }
                    }))?;
                    published
                }
                Order::Cpu => order::cpu(),
                Order::Resident => order::resident()?,
            };
            answer(&number.to_string())?;
        }
        Ok(())
    }
}

fn answer(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// What both do with a socket: small writes leave at once.
fn prepare(socket: &TcpStream) {
    // Without it the figures are worse, not wrong.
    let _ = socket.set_nodelay(true);
}
