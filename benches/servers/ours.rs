//! Our hub, as the body of responses of hyper.

use std::future;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sansse_tokio::{Event, Hub};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::{HISTORY_BYTES, HISTORY_EVENTS, Publisher, prepare};

const TOPIC: &str = "news";

pub(super) fn start(runtime: &Runtime, listener: TcpListener) -> Arc<dyn Publisher> {
    let hub =
        Hub::builder().topic_history(HISTORY_EVENTS, HISTORY_BYTES).history(HISTORY_BYTES).build();
    runtime.spawn(serve(hub.clone(), listener));
    Arc::new(hub)
}

async fn serve(hub: Hub, listener: TcpListener) {
    while let Ok((socket, _)) = listener.accept().await {
        prepare(&socket);
        let hub = hub.clone();
        let service = service_fn(move |request| future::ready(hub.respond(&request, [TOPIC])));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
        tokio::spawn(connection);
    }
}

impl Publisher for Hub {
    fn publish(&self, data: String) {
        // It is not closed, and the event is far smaller than the history.
        let _ = self.publish(TOPIC, &Event::new(&data));
    }
}
