//! What carries bytes both ways.

#[cfg(feature = "net")]
use embassy_net::tcp::{self, TcpSocket};
use embedded_io_async::{ErrorType, Read, Write};

/// What carries bytes both ways, and lends its own buffers to read and to fill.
///
/// It is implemented for the sockets of embassy-net, which need no other buffer, and by [`Buffered`] for
/// all that is [`Read`] and [`Write`].
#[allow(async_fn_in_trait, reason = "executors of embassy need no `Send`")]
pub trait Connection {
    /// Why it broke.
    type Error;

    /// Waits for bytes, lends them to `take`, which says how many it takes. `None` when the peer has
    /// closed its side.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped and called again; nothing is lost.
    ///
    /// # Errors
    ///
    /// When the connection is broken.
    async fn receive<R>(
        &mut self,
        take: impl FnOnce(&[u8]) -> (usize, R),
    ) -> Result<Option<R>, Self::Error>;

    /// Waits for room, lends it to `fill`, which says how much it has filled, and sends that.
    ///
    /// # Errors
    ///
    /// When the connection is broken.
    async fn send<R>(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> (usize, R),
    ) -> Result<R, Self::Error>;

    /// Bytes that were sent and of which the peer has not said that it has them. 0 where that cannot
    /// be known.
    fn unacknowledged(&self) -> usize;
}

#[cfg(feature = "net")]
impl Connection for TcpSocket<'_> {
    type Error = tcp::Error;

    async fn receive<R>(
        &mut self,
        take: impl FnOnce(&[u8]) -> (usize, R),
    ) -> Result<Option<R>, tcp::Error> {
        match self.read_with(|bytes| take(bytes)).await {
            Ok(taken) => Ok(Some(taken)),
            // It calls an end an error, too.
            Err(_) if self.may_send() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn send<R>(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> (usize, R),
    ) -> Result<R, tcp::Error> {
        self.write_with(fill).await
    }

    fn unacknowledged(&self) -> usize {
        self.send_queue()
    }
}

/// Anything that is [`Read`] and [`Write`], with a buffer for each way: a TLS session, a serial line, the
/// socket of another library.
///
/// Its `read` must lose nothing when it is dropped before it is ready; most say whether that is so.
#[derive(Debug)]
pub struct Buffered<'a, T> {
    inner: T,
    received: &'a mut [u8],
    /// What has been received and not taken.
    start: usize,
    end: usize,
    room: &'a mut [u8],
}

impl<'a, T: Read + Write> Buffered<'a, T> {
    /// Receives into one buffer and sends from the other, of a byte at least each.
    #[must_use]
    pub const fn new(inner: T, received: &'a mut [u8], room: &'a mut [u8]) -> Self {
        Self { inner, received, start: 0, end: 0, room }
    }

    /// What it was made of. Bytes that were received and not taken are lost.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: Read + Write> Connection for Buffered<'_, T> {
    type Error = <T as ErrorType>::Error;

    async fn receive<R>(
        &mut self,
        take: impl FnOnce(&[u8]) -> (usize, R),
    ) -> Result<Option<R>, Self::Error> {
        if self.start == self.end {
            let length = self.inner.read(self.received).await?;
            if length == 0 {
                return Ok(None);
            }
            (self.start, self.end) = (0, length.min(self.received.len()));
        }
        let (taken, result) = take(&self.received[self.start..self.end]);
        self.start = self.start.saturating_add(taken).min(self.end);
        Ok(Some(result))
    }

    async fn send<R>(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> (usize, R),
    ) -> Result<R, Self::Error> {
        let (filled, result) = fill(self.room);
        if let Some(bytes) = self.room.get(..filled) {
            self.inner.write_all(bytes).await?;
            self.inner.flush().await?;
        }
        Ok(result)
    }

    fn unacknowledged(&self) -> usize {
        0
    }
}
