//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, Phase};
use super::limits::Limits;
use super::metrics;
use super::routes::Routes;
use super::socket::{self, Socket};

/// Streams that one HTTP/2 connection may have open at a time.
const STREAMS: u32 = 4096;
/// Most bytes that are kept for a stream of HTTP/2, or for a connection of HTTP/1, until its peer
/// takes them: one frame of the hub's. Also the longest head that is read at all, in bytes.
const BUFFER: usize = 64 << 10;

/// What all connections of a server have in common.
pub(super) struct Connections {
    http: auto::Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    routes: Routes,
    limits: Limits,
    stop: CancellationToken,
}

/// Whether there is room for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Free,
    /// The first request gets to know when to come back, and ends the connection.
    Full,
}

/// What ends a connection that its peer leaves open.
#[derive(Clone, Copy, Debug)]
enum End {
    Overdue(Phase),
    Refused,
    Stopped,
}

impl Connections {
    /// Connections that end soon once `stop` says so.
    pub(super) fn new(
        tls: Option<TlsAcceptor>,
        routes: Routes,
        limits: Limits,
        stop: CancellationToken,
    ) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        // The time of a head is ours to watch: hyper's clock runs between requests too.
        http.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(BUFFER);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_send_buf_size(BUFFER)
            .max_header_list_size(u32::try_from(BUFFER).unwrap_or(u32::MAX))
            .keep_alive_interval(limits.ping_interval)
            .keep_alive_timeout(limits.write_timeout);
        Self { http, tls, routes, limits, stop }
    }

    /// Serves a connection until it ends.
    pub(super) async fn serve(&self, socket: TcpStream, peer: SocketAddr, room: Room) {
        socket::prepare(&socket, peer, &self.limits);
        let activity = Activity::new();
        let socket = Socket::new(socket, activity.clone(), self.limits.write_timeout);
        let Some(tls) = &self.tls else {
            return self.serve_http(socket, activity, peer, room).await;
        };
        let handshake = timeout(self.limits.read_timeout, tls.accept(socket));
        let socket = tokio::select! {
            result = handshake => result,
            () = self.stop.cancelled() => return,
        };
        match socket {
            Ok(Ok(socket)) => self.serve_http(socket, activity, peer, room).await,
            Ok(Err(error)) => {
                metrics::handshake_failed();
                tracing::debug!(%peer, %error, "TLS handshake failed");
            }
            Err(_) => {
                metrics::handshake_failed();
                metrics::timeout("handshake");
                tracing::debug!(%peer, "TLS handshake took too long");
            }
        }
    }

    async fn serve_http<S>(&self, socket: S, activity: Activity, peer: SocketAddr, room: Room)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let requests = activity.clone();
        let service = service_fn(|request: Request<Incoming>| {
            let request_phase = requests.begin(request.version());
            let routes = self.routes.clone();
            async move {
                let response = match room {
                    Room::Free => routes.answer(request, peer.ip()).await,
                    Room::Full => routes.refuse(request, peer.ip()).await,
                };
                Ok::<_, Infallible>(response.map(|body| request_phase.until_end_of(body)))
            }
        });
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(socket), service));
        let end = tokio::select! {
            result = connection.as_mut() => return ended(result, peer),
            end = self.end(&activity, room) => end,
        };
        tracing::debug!(%peer, ?end, "ending a connection");
        match end {
            End::Overdue(Phase::Head) => return metrics::timeout("head"),
            End::Overdue(_) => metrics::timeout("idle"),
            End::Refused | End::Stopped => {}
        }
        connection.as_mut().graceful_shutdown();
        // What goes on now is one answer, or streams whose hub has been closed.
        match timeout(self.limits.read_timeout, connection).await {
            Ok(result) => ended(result, peer),
            Err(_) => tracing::debug!(%peer, "a connection did not end in time and was cut"),
        }
    }

    /// Resolves when a connection should end.
    async fn end(&self, activity: &Activity, room: Room) -> End {
        let refused = async {
            match room {
                Room::Free => std::future::pending().await,
                Room::Full => activity.begun().await,
            }
        };
        tokio::select! {
            phase = activity.overdue(self.limits.read_timeout, self.limits.idle_timeout) => {
                End::Overdue(phase)
            }
            () = refused => End::Refused,
            () = self.stop.cancelled() => End::Stopped,
        }
    }
}

/// Counts what ended a connection, where that was not its peer's good will.
fn ended(result: Result<(), Box<dyn Error + Send + Sync>>, peer: SocketAddr) {
    let Err(error) = result else { return };
    tracing::debug!(%peer, %error, "connection ended");
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_parse_too_large() => metrics::head_refused("too_large"),
        Some(error) if error.is_parse() => metrics::head_refused("malformed"),
        // The only clock of hyper's that runs is that of the answers to pings.
        Some(error) if error.is_timeout() => metrics::timeout("ping"),
        _ => {}
    }
}
