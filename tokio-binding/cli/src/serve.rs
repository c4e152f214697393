//! `sansse serve`: a hub behind HTTP, and a page to look at it.

mod content;
mod publish;
mod routes;
mod streams;
mod target;
mod tick;

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use sansse_tokio::{Hub, Retry};
use tokio::net::{TcpListener, TcpStream};

use crate::failure::Failure;
use crate::signal;
use routes::Routes;
use streams::StreamOptions;

/// How long a client may take for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long connections may take to end once they have been asked to.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(1500);
/// The reconnection time that streams open with.
const RETRY: Retry = Retry::new(Duration::from_secs(1)).spread(Duration::from_millis(500));
/// When readers come back after the server has stopped.
const COME_BACK: Retry = Retry::new(Duration::from_secs(1)).spread(Duration::from_secs(2));

/// What `sansse serve` can be told.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Address and port to listen on, such as `0.0.0.0:80`, `[::1]:8080` or `localhost:0`
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: String,

    /// Most bytes of an event's data that are taken from a POST
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    max_body: usize,

    #[command(flatten)]
    streams: StreamOptions,
}

/// Serves until it is told to stop.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let stop = signal::stop()?;
    let cannot_listen = |error| {
        let listen = &options.listen;
        Failure::new(format!(
            "cannot listen on {listen}: {error}; choose another address with --listen"
        ))
    };
    let hub = Hub::builder().retry(RETRY).build();
    let endpoint = options.streams.endpoint(hub.clone())?;
    let listener = TcpListener::bind(&options.listen).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    announce(address);

    let ticking = tokio::spawn(tick::run(hub.clone()));
    let routes = Routes::new(hub.clone(), endpoint, options.max_body);
    let connections = GracefulShutdown::new();

    tokio::select! {
        () = accept(&listener, &routes, &connections) => {}
        () = stop => {}
    }
    tracing::info!(streams = hub.subscribers(), "stopping");
    ticking.abort();
    let draining = async { tokio::join!(hub.shutdown(DRAIN_TIMEOUT), connections.shutdown()) };
    if tokio::time::timeout(DRAIN_TIMEOUT + Duration::from_millis(200), draining).await.is_err() {
        tracing::warn!("some connections did not end in time and were cut");
    }
    Ok(())
}

/// Says where to go, on standard output, so that a script can read the port.
fn announce(address: SocketAddr) {
    let mut output = std::io::stdout().lock();
    // Nobody may be listening there; the server runs all the same.
    let _ = writeln!(output, "sansse is serving on http://{address}/");
    let _ = output.flush();
}

async fn accept(listener: &TcpListener, routes: &Routes, connections: &GracefulShutdown) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => serve(socket, peer, routes.clone(), connections),
            Err(error) => {
                // Most likely there are too many open files; some will be closed.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn serve(socket: TcpStream, peer: SocketAddr, routes: Routes, connections: &GracefulShutdown) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let routes = routes.clone();
        async move { Ok::<_, Infallible>(routes.answer(request, peer.ip()).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(socket), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%peer, %error, "connection ended");
        }
    });
}
