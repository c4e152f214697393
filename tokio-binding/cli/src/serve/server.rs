//! What listens and serves, whatever its routes lead to.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use metrics_exporter_prometheus::PrometheusHandle;
use sansse_tokio::{Hub, HubBuilder, Retry};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::connection::Connections;
use super::limits::Limits;
use super::listener::Listener;
use super::metrics;
use super::routes::Routes;
use super::streams::StreamOptions;
use super::tls::Tls;
use crate::failure::Failure;

/// How long connections may take to end once their streams have.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// What all that serves can be told.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerOptions {
    /// Address and port to listen on, such as `0.0.0.0:80`, `[::1]:8080` or `localhost:0`
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: String,

    #[command(flatten)]
    tls: Tls,

    /// Do not offer `GET /metrics`, which is for Prometheus and not for the public
    #[arg(long)]
    no_metrics: bool,

    #[command(flatten)]
    pub(crate) limits: Limits,

    #[command(flatten)]
    pub(crate) streams: StreamOptions,
}

impl ServerOptions {
    /// Starts to count, if that is wanted.
    pub(crate) fn metrics(&self) -> Option<PrometheusHandle> {
        let metrics = if self.no_metrics { None } else { metrics::start() };
        if let Some(metrics) = metrics.clone() {
            tokio::spawn(metrics::keep_up(metrics));
        }
        metrics
    }

    /// A hub with the manners of the server.
    pub(crate) fn hub(&self) -> HubBuilder {
        Hub::builder().retry(retry()).come_back(come_back()).compression(!self.streams.no_gzip)
    }
}

/// A server that listens.
pub(crate) struct Server {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: Limits,
}

impl Server {
    /// Listens, and says where.
    pub(crate) async fn start(options: &ServerOptions) -> Result<Self, Failure> {
        let ServerOptions { listen, limits, .. } = options;
        let tls = options.tls.acceptor()?;
        let cannot_listen = |error| {
            Failure::new(format!(
                "cannot listen on {listen}: {error}; choose another address with --listen"
            ))
        };
        let socket = TcpListener::bind(listen).await.map_err(cannot_listen)?;
        let address = socket.local_addr().map_err(cannot_listen)?;
        announce(if tls.is_some() { "https" } else { "http" }, address);
        Ok(Self { socket, tls, limits: *limits })
    }

    /// Serves until it has to `stop` and what that leads to is at its `end`. Who comes meanwhile is
    /// served as well.
    pub(crate) async fn run(
        self,
        routes: Routes,
        stop: impl Future<Output = ()>,
        end: impl Future<Output = ()>,
    ) {
        let stopping = CancellationToken::new();
        let connections = Connections::new(self.tls, routes, self.limits, stopping.clone());
        let listener = Listener::new(self.socket, connections, self.limits.max_connections);
        tokio::select! {
            () = listener.run() => {}
            () = async { stop.await; end.await } => {}
        }
        stopping.cancel();
        if tokio::time::timeout(CLOSE_TIMEOUT, listener.close()).await.is_err() {
            tracing::warn!("some connections did not end in time and were cut");
        }
    }
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
