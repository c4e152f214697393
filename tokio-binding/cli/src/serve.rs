//! `sansse serve`: a hub behind HTTP, and a page to look at it.

mod activity;
mod connection;
pub(crate) mod content;
pub(crate) mod limits;
mod listener;
pub(crate) mod metrics;
pub(crate) mod publish;
pub(crate) mod routes;
mod server;
mod socket;
mod streams;
pub(crate) mod target;
mod tick;
mod tls;

use clap::Args;

use crate::demo::Demos;
use crate::failure::Failure;
use crate::signal;
use routes::{Door, Routes};

pub(crate) use server::{Server, ServerOptions};

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
    #[command(flatten)]
    server: ServerOptions,

    /// Most bytes of an event's data that are taken from a POST
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    max_body: usize,

    /// Do not offer the demos under `/demo/`, which let visitors write to each other
    #[arg(long)]
    no_demo: bool,
}

/// Serves until it is told to stop.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let stop = signal::stop()?;
    let Options { server: options, max_body, no_demo } = options;
    // The hub counts for the recorder that is there when it is built.
    let metrics = options.metrics();
    let hub = options.hub().build();
    let endpoint = options.streams.endpoint(hub.clone())?;
    let demos = match no_demo {
        true => None,
        false => Some(Demos::start(|hub| options.streams.endpoint(hub))?),
    };
    let server = Server::start(&options).await?;
    let ticking = tokio::spawn(tick::run(hub.clone()));
    let door = Door::Own { hub: hub.clone(), endpoint, max_body, demos: demos.clone() };
    let routes = Routes::new(door, options.limits, metrics);
    let deadline = options.limits.drain_timeout;
    let ending_demos = async {
        if let Some(demos) = demos {
            demos.shutdown(deadline).await;
        }
    };
    let ending = async {
        ticking.abort();
        tokio::join!(hub.shutdown(deadline), ending_demos);
    };
    server.run(routes, stop, ending).await;
    Ok(())
}
