//! Where connections come in, and how many there may be.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::connection::{Connections, Room};
use super::metrics::{self, OpenConnection};

/// Connections over the limit that are told so, at a time. Those beyond are closed at once, which
/// costs nothing and has an EventSource try again as well.
const REFUSALS: usize = 64;
/// How long to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes connections and has each served by a task of its own.
pub(super) struct Listener {
    listener: TcpListener,
    connections: Arc<Connections>,
    seats: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Listener {
    pub(super) fn new(
        listener: TcpListener,
        connections: Connections,
        max_connections: usize,
    ) -> Self {
        Self {
            listener,
            connections: Arc::new(connections),
            seats: Arc::new(Semaphore::new(max_connections)),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            tasks: TaskTracker::new(),
        }
    }

    /// Accepts connections, for ever.
    ///
    /// # Cancel safety
    ///
    /// Those that have been accepted are served on.
    pub(super) async fn run(&self) {
        let mut is_accepting = true;
        loop {
            match self.listener.accept().await {
                Ok((socket, peer)) => {
                    is_accepting = true;
                    self.serve(socket, peer);
                }
                Err(error) => {
                    metrics::accept_failed();
                    // It says so once, however long it lasts.
                    if std::mem::take(&mut is_accepting) {
                        tracing::warn!(%error, "cannot accept a connection");
                    }
                    if !is_of_one_connection(&error) {
                        // Most likely there are too many open files; some will be closed. New
                        // connections wait in the system's queue.
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    /// Listens no more, and resolves when all connections have ended.
    pub(super) async fn close(self) {
        drop(self.listener);
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn serve(&self, socket: TcpStream, peer: SocketAddr) {
        metrics::accepted();
        let Some((seat, room)) = self.seat() else {
            metrics::refused("closed");
            return;
        };
        let connections = Arc::clone(&self.connections);
        self.tasks.spawn(async move {
            let _seat = seat;
            let _open = (room == Room::Free).then(OpenConnection::new);
            connections.serve(socket, peer, room).await;
        });
    }

    fn seat(&self) -> Option<(OwnedSemaphorePermit, Room)> {
        if let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() {
            return Some((seat, Room::Free));
        }
        let seat = Arc::clone(&self.refusals).try_acquire_owned().ok()?;
        metrics::refused("told");
        Some((seat, Room::Full))
    }
}

/// Whether the next connection may well be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
