//! `sansse serve`: a hub behind HTTP, and a page to look at it.

mod activity;
mod connection;
pub(crate) mod content;
pub(crate) mod limits;
mod listener;
mod metrics;
pub(crate) mod publish;
pub(crate) mod routes;
mod socket;
mod streams;
pub(crate) mod target;
mod tick;
mod tls;

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use sansse_tokio::{Hub, Retry};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::demo::Demos;
use crate::failure::Failure;
use crate::signal;
use connection::Connections;
use limits::Limits;
use listener::Listener;
use routes::Routes;
use streams::StreamOptions;
use tls::Tls;

/// How long connections may take to end once their streams have.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  sansse serve --listen 0.0.0.0:80
  sansse serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --no-metrics

HTTP/1.1 and HTTP/2 are both spoken, over TLS as ALPN chooses, else as the client begins. A client
that closes its sending side has left. Of a head over 64 KiB the rest is not read.";

/// What `sansse serve` can be told.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Address and port to listen on, such as `0.0.0.0:80`, `[::1]:8080` or `localhost:0`
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: String,

    #[command(flatten)]
    tls: Tls,

    /// Do not offer `GET /metrics`, which is for Prometheus and not for the public
    #[arg(long)]
    no_metrics: bool,

    /// Do not offer the demos under `/demo/`, which let visitors write to each other
    #[arg(long)]
    no_demo: bool,

    #[command(flatten)]
    limits: Limits,

    #[command(flatten)]
    streams: StreamOptions,
}

/// Serves until it is told to stop.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let stop = signal::stop()?;
    let tls = options.tls.acceptor()?;
    let cannot_listen = |error| {
        let listen = &options.listen;
        Failure::new(format!(
            "cannot listen on {listen}: {error}; choose another address with --listen"
        ))
    };
    // The hub counts for the recorder that is there when it is built.
    let metrics = if options.no_metrics { None } else { metrics::start() };
    let hub = Hub::builder()
        .retry(retry())
        .come_back(come_back())
        .compression(!options.streams.no_gzip)
        .build();
    let endpoint = options.streams.endpoint(hub.clone())?;
    let demos = match options.no_demo {
        true => None,
        false => Some(Demos::start(|hub| options.streams.endpoint(hub))?),
    };
    let socket = TcpListener::bind(&options.listen).await.map_err(cannot_listen)?;
    let address = socket.local_addr().map_err(cannot_listen)?;
    announce(if tls.is_some() { "https" } else { "http" }, address);

    if let Some(metrics) = metrics.clone() {
        tokio::spawn(metrics::keep_up(metrics));
    }
    let ticking = tokio::spawn(tick::run(hub.clone()));
    let routes = Routes::new(hub.clone(), endpoint, options.limits, metrics, demos.clone());
    let stopping = CancellationToken::new();
    let connections = Connections::new(tls, routes, options.limits, stopping.clone());
    let listener = Listener::new(socket, connections, options.limits.max_connections);

    tokio::select! {
        () = listener.run() => {}
        () = stop => {}
    }
    ticking.abort();
    let deadline = options.limits.drain_timeout;
    let ending_demos = async {
        if let Some(demos) = demos {
            demos.shutdown(deadline).await;
        }
    };
    let ending = async {
        tokio::join!(hub.shutdown(deadline), ending_demos);
    };
    // Who comes meanwhile is told when to come back.
    tokio::select! {
        () = ending => {}
        () = listener.run() => return Ok(()),
    }
    stopping.cancel();
    if tokio::time::timeout(CLOSE_TIMEOUT, listener.close()).await.is_err() {
        tracing::warn!("some connections did not end in time and were cut");
    }
    Ok(())
}

/// Says where to go, on standard output, so that a script can read the port.
fn announce(scheme: &str, address: SocketAddr) {
    let mut output = std::io::stdout().lock();
    // Nobody may be listening there; the server runs all the same.
    let _ = writeln!(output, "sansse is serving on {scheme}://{address}/");
    let _ = output.flush();
}

/// The reconnection time that streams open with.
fn retry() -> Retry {
    Retry::new(Duration::from_secs(1)).spread(Duration::from_millis(500))
}

/// When readers come back after the server has stopped.
fn come_back() -> Retry {
    Retry::new(Duration::from_secs(1)).spread(Duration::from_secs(2))
}
