//! A server for one device: a page, its events, and what the page sends back.
//!
//! It answers one request on a connection and closes it, since a device has few sockets: a stream is
//! followed until it ends. All that a peer sends is bounded in bytes and in time.

mod answer;
mod config;
mod error;
mod origin;
mod request;
mod stream;

use embassy_futures::select::{Either, select};
#[cfg(feature = "net")]
use embassy_net::tcp::TcpSocket;
use embassy_sync::blocking_mutex::raw::RawMutex;
use embassy_time::{Duration, Timer};

pub use self::config::{Config, Page, Post, Status};
pub use self::error::ServeError;
use self::request::Asked;
use crate::broadcast::Broadcast;
use crate::connection::Connection;

/// Serves one request, and, where it asks for events, its stream to the end.
///
/// | | |
/// |---|---|
/// | `GET` of a [`Page`] | the page |
/// | `GET` of the [events](Config::events) | 200 and the stream; 406 where `Accept` excludes it; 200, a reconnection time and the end where no place is free |
/// | `POST` to a [`Post`] | what its function says; 413 for a content that is too long |
/// | another method | 405 with `Allow` |
/// | anything else | 404 |
/// | `OPTIONS` of a browser that asks for a page of [another origin](Config::origins) | 204 |
///
/// When it returns, the connection is to be closed; where it returns an error, at once.
///
/// # Errors
///
/// When the peer broke the connection, took nothing for as long as [the write
/// timeout](Config::write_timeout), or was overtaken by the log in the middle of an event.
///
/// # Cancel safety
///
/// It can be dropped at any time, which gives the reader's place back; the connection is in no known
/// state then and must be closed.
pub async fn serve<C, M, const BYTES: usize, const READERS: usize>(
    connection: &mut C,
    broadcast: &Broadcast<M, BYTES, READERS>,
    config: &Config<'_>,
) -> Result<(), ServeError<C::Error>>
where
    C: Connection,
    M: RawMutex,
{
    match request::read(connection, config).await? {
        Asked::Answer(answer) => answer.send(connection, config).await,
        Asked::Events(head, fields) => {
            stream::serve(connection, broadcast, config, head, &fields).await
        }
    }
}

/// Serves requests for ever, one after the other, on a port. Run it in as many tasks as there may be
/// connections, each with a socket of its own.
///
/// A connection is closed as TCP means it: what was sent arrives before the peer sees the end, for
/// which it has as long as [the write timeout](Config::write_timeout).
#[cfg(feature = "net")]
pub async fn listen<M, const BYTES: usize, const READERS: usize>(
    socket: &mut TcpSocket<'_>,
    port: u16,
    broadcast: &Broadcast<M, BYTES, READERS>,
    config: &Config<'_>,
) -> !
where
    M: RawMutex,
{
    loop {
        if socket.accept(port).await.is_ok() {
            if serve(socket, broadcast, config).await.is_ok() {
                socket.close();
                let _ = within(config.write_timeout, finish(socket)).await;
            } else {
                debug!("a connection is cut");
            }
        }
        socket.abort();
        // So that the peer is told.
        let _ = within(config.write_timeout, socket.flush()).await;
    }
}

/// Waits until the peer has closed its side too. It may still send what nobody wants.
#[cfg(feature = "net")]
async fn finish(socket: &mut TcpSocket<'_>) {
    while let Ok(Some(())) = socket.receive(|bytes| (bytes.len(), ())).await {}
    let _ = socket.flush().await;
}

/// Gives something so much time; `None` when it is over. There is no timer where it is ready at once.
async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let timer = async {
        Timer::after(time).await;
    };
    match select(future, timer).await {
        Either::First(output) => Some(output),
        Either::Second(()) => None,
    }
}
