//! Sockets of embassy-net, whose own buffers are all there is.

use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll};

use embassy_futures::yield_now;
use embassy_net::tcp::{Error, TcpSocket};
use embassy_sync::blocking_mutex::raw::RawMutex;
use embassy_time::Duration;

use super::config::Config;
use super::error::ServeError;
use super::session::{Session, Want};
use crate::broadcast::Broadcast;

/// Serves one request, and, where it asks for events, its stream to the end.
///
/// | | |
/// |---|---|
/// | `GET` of a [page](Config::pages) | the page |
/// | `GET` of the [events](Config::events) | 200 and the stream; 406 where `Accept` names nothing that it is; 200, a reconnection time and the end where no place is free |
/// | `POST` to [where one may](Config::posts) | what its function says; 403 from a page of another origin, 411 without a length, 413 for a content that is too long |
/// | another method | 405 with `Allow`; 204 for a preflight |
/// | anything else | 404 |
/// | what is no request | 400, 408, 431 or 505 |
///
/// When it returns, the connection is to be closed; where it returns an error, reset.
///
/// # Errors
///
/// When the peer broke the connection, took nothing for as long as [the write
/// timeout](Config::write_timeout), or was overtaken by the log in the middle of an event.
///
/// # Cancel safety
///
/// It can be dropped at any time, which gives the reader's place back; the connection is in the middle
/// of something then and must be reset.
pub async fn serve<M, const BYTES: usize, const READERS: usize>(
    socket: &mut TcpSocket<'_>,
    broadcast: &Broadcast<M, BYTES, READERS>,
    config: &Config<'_>,
) -> Result<(), ServeError<Error>>
where
    M: RawMutex,
{
    let mut session = Session::new(broadcast, config);
    session.begin();
    poll_fn(|cx| poll(socket, &mut session, cx)).await
}

/// Serves requests for ever, one after the other, on a port, which is not 0. Run it in as many tasks as
/// there may be connections, each with a socket of its own: a socket that is served does not listen, so
/// have a few more than readers.
///
/// A connection is closed as TCP means it: what was sent arrives before the peer sees the end, for
/// which it has as long as [the write timeout](Config::write_timeout).
pub async fn listen<M, const BYTES: usize, const READERS: usize>(
    socket: &mut TcpSocket<'_>,
    port: u16,
    broadcast: &Broadcast<M, BYTES, READERS>,
    config: &Config<'_>,
) -> !
where
    M: RawMutex,
{
    // Without it, who asks for a connection and never answers keeps the socket for ever.
    socket.set_timeout(Some(Duration::from_millis(config.write_timeout.into())));
    loop {
        // An error says that it was used before.
        let mut is_well = socket.accept(port).await.is_ok();
        let mut session = Session::new(broadcast, config);
        let mut step = Step::Accept;
        loop {
            step = match step {
                Step::Accept if is_well => {
                    session.begin();
                    Step::Serve
                }
                Step::Serve if is_well => {
                    socket.close();
                    session.close();
                    Step::Close
                }
                Step::Reset => break,
                _ => {
                    socket.abort();
                    session.reset();
                    Step::Reset
                }
            };
            is_well = poll_fn(|cx| poll(socket, &mut session, cx)).await.is_ok();
        }
        // Whatever happens, others have their turn.
        yield_now().await;
    }
}

/// What is done with a connection, one after the other.
enum Step {
    Accept,
    Serve,
    Close,
    Reset,
}

/// Does what the session wants, until it is over.
#[inline(never)]
fn poll<M, const BYTES: usize, const READERS: usize>(
    socket: &mut TcpSocket<'_>,
    session: &mut Session<'_, M, BYTES, READERS>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), ServeError<Error>>>
where
    M: RawMutex,
{
    loop {
        let polled = match session.want(cx) {
            Want::Receive => poll_receive(socket, cx, &mut |bytes| session.take(bytes)),
            Want::Send => poll_send(socket, cx, &mut |out| session.fill(out)),
            Want::Flush => pin!(socket.flush()).poll(cx).map_ok(|()| session.flushed()),
            Want::End => return Poll::Ready(session.result().map_err(ServeError::from)),
        };
        match polled {
            Poll::Ready(Ok(())) => {}
            // An end is an error to the socket, too.
            Poll::Ready(Err(error)) => {
                if !session.closed() {
                    return Poll::Ready(Err(ServeError::Connection(error)));
                }
            }
            Poll::Pending => match session.poll_due(cx) {
                Poll::Ready(()) => session.tick(socket.send_queue()),
                Poll::Pending => return Poll::Pending,
            },
        }
    }
}

/// Lends what has arrived.
fn poll_receive(
    socket: &mut TcpSocket<'_>,
    cx: &mut Context<'_>,
    take: &mut dyn FnMut(&[u8]),
) -> Poll<Result<(), Error>> {
    pin!(socket.read_with(|bytes| (bytes.len(), take(bytes)))).poll(cx)
}

/// Lends room for what is to be sent.
fn poll_send(
    socket: &mut TcpSocket<'_>,
    cx: &mut Context<'_>,
    fill: &mut dyn FnMut(&mut [u8]) -> usize,
) -> Poll<Result<(), Error>> {
    pin!(socket.write_with(|room| (fill(room), ()))).poll(cx)
}
