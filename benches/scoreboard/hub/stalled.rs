//! A client that asks for a stream and does not read it, until it does.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use benches::servers::payload;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::crowd::REQUEST;
use super::response::Response;

/// What the kernel keeps for it: little, so that it is the server that feels it.
const RECEIVE_BUFFER: u32 = 16 << 10;
/// How long it waits for the next bytes when it reads again.
const SILENCE: Duration = Duration::from_secs(20);

/// The type of the event that tells of a gap.
const RESET: &[u8] = b"reset";

/// A client that has asked.
#[derive(Debug)]
pub(crate) struct Stalled {
    address: SocketAddr,
    socket: TcpStream,
    /// The sequence of the last event that it got, at first of the last that it is not to get.
    last: u64,
    gap: Gap,
}

/// What became of the events that it did not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gap {
    /// It got them all.
    #[default]
    None,
    /// A reset event came in their place, on this stream or the next.
    Told,
    /// The stream went on as if they had never been.
    Silent,
}

impl Stalled {
    /// Asks, and waits until there is an answer to read.
    pub(crate) async fn connect(
        address: SocketAddr,
        published: u64,
    ) -> Result<Self, Box<dyn Error>> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        let mut socket = socket.connect(address).await?;
        socket.write_all(REQUEST).await?;
        timeout(SILENCE, socket.readable()).await??;
        Ok(Self { address, socket, last: published, gap: Gap::None })
    }

    /// Reads until an event behind this one; comes again once when its stream is cut.
    pub(crate) async fn read_past(mut self, sequence: u64) -> Result<Gap, String> {
        let mut response = Response::new();
        let mut is_told = false;
        let mut buffer = vec![0; 64 << 10];
        let mut has_come_again = false;
        while self.last <= sequence {
            let read = timeout(SILENCE, self.socket.read(&mut buffer)).await;
            match read.map_err(|_| "a client that reads again gets nothing")? {
                Ok(length) if length > 0 => {
                    response.feed(&buffer[..length], |event| {
                        if event.event_type().as_bytes() == RESET {
                            is_told = true;
                        } else if let Some(sequence) = payload::sequence_of(event) {
                            self.take(sequence, std::mem::take(&mut is_told));
                        }
                    })?;
                }
                _ if has_come_again => return Err("a stream was cut twice".into()),
                _ => {
                    has_come_again = true;
                    self.come_again(&response.last_event_id())
                        .await
                        .map_err(|error| error.to_string())?;
                    response = Response::new();
                }
            }
        }
        Ok(self.gap)
    }

    fn take(&mut self, sequence: u64, is_told: bool) {
        if sequence != self.last + 1 && self.gap != Gap::Silent {
            self.gap = if is_told { Gap::Told } else { Gap::Silent };
        }
        self.last = sequence;
    }

    async fn come_again(&mut self, last_event_id: &str) -> Result<(), Box<dyn Error>> {
        self.socket = TcpStream::connect(self.address).await?;
        let head = &REQUEST[..REQUEST.len() - 2];
        self.socket.write_all(head).await?;
        if !last_event_id.is_empty() {
            self.socket.write_all(format!("last-event-id: {last_event_id}\r\n").as_bytes()).await?;
        }
        self.socket.write_all(b"\r\n").await?;
        Ok(())
    }
}
