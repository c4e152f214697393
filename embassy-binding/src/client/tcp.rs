//! Connections of embassy-net.

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use embassy_net::IpEndpoint;
use embassy_net::tcp::{ConnectError, Error, TcpSocket};
use embassy_time::Timer;
use embedded_io_async::{ErrorType, Read, Write};

use super::connect::Connect;

/// A socket, and the address that it connects to.
pub struct Tcp<'a> {
    socket: TcpSocket<'a>,
    address: IpEndpoint,
}

/// How long the peer of the connection before may take to be told that it is reset, in milliseconds.
const RESET: u64 = 1000;

impl<'a> Tcp<'a> {
    /// Connects to this address when it is asked to.
    pub fn new(socket: TcpSocket<'a>, address: impl Into<IpEndpoint>) -> Self {
        Self { socket, address: address.into() }
    }
}

impl Connect for Tcp<'_> {
    type ConnectError = ConnectError;

    async fn connect(&mut self) -> Result<(), ConnectError> {
        self.socket.abort();
        let mut timer = Timer::after_millis(RESET);
        poll_fn(|cx| match pin!(self.socket.flush()).poll(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => Pin::new(&mut timer).poll(cx),
        })
        .await;
        self.socket.connect(self.address).await
    }
}

impl ErrorType for Tcp<'_> {
    type Error = Error;
}

impl Read for Tcp<'_> {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        self.socket.read(bytes).await
    }
}

impl Write for Tcp<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.socket.write(bytes).await
    }

    /// Does not wait: what was written goes out by itself.
    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl fmt::Debug for Tcp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tcp").field("address", &self.address).finish_non_exhaustive()
    }
}
