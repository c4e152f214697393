//! A server in a process of its own, and how to tell it what to do.

use std::error::Error;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use benches::servers::Server;
use benches::servers::order::Order;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Process {
    /// Starts this program again, as a server.
    pub(crate) async fn start(server: Server) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--serve", server.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take().ok_or("a server has no input")?;
        let output = child.stdout.take().ok_or("a server has no output")?;
        let mut output = BufReader::new(output).lines();
        let address = answer(&mut output).await?.parse()?;
        Ok(Self { _child: child, input, output, address })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has it publish so many events in a row, with so many bytes of data each, and returns how many
    /// that makes in all.
    pub(crate) async fn publish(
        &mut self,
        events: u64,
        bytes: usize,
    ) -> Result<u64, Box<dyn Error>> {
        self.tell(Order::Publish { events, bytes }).await
    }

    /// Its CPU time, in nanoseconds.
    pub(crate) async fn cpu(&mut self) -> Result<u64, Box<dyn Error>> {
        self.tell(Order::Cpu).await
    }

    /// The bytes of its memory that are resident.
    pub(crate) async fn resident(&mut self) -> Result<u64, Box<dyn Error>> {
        self.tell(Order::Resident).await
    }

    async fn tell(&mut self, order: Order) -> Result<u64, Box<dyn Error>> {
        let line = serde_json::to_string(&order)? + "\n";
        self.input.write_all(line.as_bytes()).await?;
        Ok(answer(&mut self.output).await?.parse()?)
    }
}

async fn answer(output: &mut Lines<BufReader<ChildStdout>>) -> Result<String, Box<dyn Error>> {
    let line =
        timeout(PATIENCE, output.next_line()).await.map_err(|_| "a server does not answer")?;
    Ok(line?.ok_or("a server has ended")?)
}
