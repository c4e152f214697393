//! Whatever carries bytes both ways.

use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::RawMutex;
use embedded_io_async::{Read, Write};

use super::config::Config;
use super::error::ServeError;
use super::session::{Session, Want};
use crate::broadcast::Broadcast;

/// Serves one request as [`serve`](super::serve) does, on anything that can be read and written: a TLS
/// session, a socket of another library. It receives into one buffer and sends from the other, of a byte
/// at least each; what is sent is flushed.
///
/// The `read` of `io` must lose nothing when it is dropped before it is ready; most say whether that is
/// so.
///
/// # Errors
///
/// As [`serve`](super::serve).
///
/// # Cancel safety
///
/// As [`serve`](super::serve).
pub async fn serve_io<T, M, const BYTES: usize, const READERS: usize>(
    io: &mut T,
    received: &mut [u8],
    room: &mut [u8],
    broadcast: &Broadcast<M, BYTES, READERS>,
    config: &Config<'_>,
) -> Result<(), ServeError<T::Error>>
where
    T: Read + Write,
    M: RawMutex,
{
    let mut session = Session::new(broadcast, config);
    session.begin();
    loop {
        match poll_fn(|cx| Poll::Ready(session.want(cx))).await {
            Want::End => return session.result().map_err(ServeError::from),
            Want::Send => {
                let filled = session.fill(room);
                let Some(bytes) = room.get(..filled) else { continue };
                let mut sending = pin!(async {
                    io.write_all(bytes).await?;
                    io.flush().await
                });
                // Nothing of it has arrived until all of it has.
                let sent = poll_fn(|cx| {
                    if let Poll::Ready(sent) = sending.as_mut().poll(cx) {
                        return Poll::Ready(Some(sent));
                    }
                    while poll_time(&mut session, cx, filled).is_ready() {
                        if let Want::End = session.want(cx) {
                            return Poll::Ready(None);
                        }
                    }
                    Poll::Pending
                });
                if let Some(sent) = sent.await {
                    sent.map_err(ServeError::Connection)?;
                }
            }
            #[cfg(feature = "net")]
            Want::Flush => session.flushed(),
            Want::Receive => {
                let length = {
                    let mut receiving = pin!(io.read(received));
                    poll_fn(|cx| {
                        if !matches!(session.want(cx), Want::Receive) {
                            return Poll::Ready(None);
                        }
                        if let Poll::Ready(length) = receiving.as_mut().poll(cx) {
                            return Poll::Ready(Some(length));
                        }
                        poll_time(&mut session, cx, 0).map(|()| None)
                    })
                    .await
                };
                match length.transpose().map_err(ServeError::Connection)? {
                    None => {}
                    Some(0) => {
                        session.closed();
                    }
                    Some(length) => session.take(&received[..length]),
                }
            }
        }
    }
}

/// Ready when it was time to look after the peer.
fn poll_time<M, const BYTES: usize, const READERS: usize>(
    session: &mut Session<'_, M, BYTES, READERS>,
    cx: &mut Context<'_>,
    on_the_way: usize,
) -> Poll<()>
where
    M: RawMutex,
{
    session.poll_due(cx).map(|()| session.tick(on_the_way))
}
