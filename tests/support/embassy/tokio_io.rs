//! Connections of tokio, for devices.

use std::io;
use std::net::SocketAddr;

use embassy_time::{Duration, MockDriver};
use embedded_io_async::{ErrorType, Read, Write};
use sansse_embassy::client::Connect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// A connection of tokio.
#[derive(Debug)]
pub struct TokioIo(TcpStream);

impl TokioIo {
    /// A connection that was accepted.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        Self(stream)
    }
}

impl ErrorType for TokioIo {
    type Error = io::Error;
}

impl Read for TokioIo {
    async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room).await
    }
}

impl Write for TokioIo {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.0.flush().await
    }
}

/// Connections to an address.
#[derive(Debug)]
pub struct TokioConnect {
    address: SocketAddr,
    io: Option<TokioIo>,
}

impl TokioConnect {
    /// None yet.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, io: None }
    }

    fn io(&mut self) -> io::Result<&mut TokioIo> {
        self.io.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Connect for TokioConnect {
    type ConnectError = io::Error;

    async fn connect(&mut self) -> io::Result<()> {
        self.io = None;
        self.io = Some(TokioIo(TcpStream::connect(self.address).await?));
        Ok(())
    }
}

impl ErrorType for TokioConnect {
    type Error = io::Error;
}

impl Read for TokioConnect {
    async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.io()?.read(room).await
    }
}

impl Write for TokioConnect {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.io()?.write(bytes).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.io()?.flush().await
    }
}

/// Has the time of devices go by as that of hosts does.
pub async fn keep_time() -> ! {
    let mut last = Instant::now();
    loop {
        sleep(std::time::Duration::from_millis(1)).await;
        let now = Instant::now();
        let micros = u64::try_from((now - last).as_micros()).unwrap_or_default();
        MockDriver::get().advance(Duration::from_micros(micros));
        last = now;
    }
}
