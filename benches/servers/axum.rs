//! `axum`, with what its users send events to many with: a `broadcast` channel of tokio, and a stream
//! of it for each response.

use std::convert::Infallible;
use std::future;
use std::sync::Arc;

use ::axum::response::sse::{Event, KeepAlive, Sse};
use ::axum::routing::get;
use ::axum::serve::ListenerExt as _;
use ::axum::{Router, serve};
use futures_util::{Stream, StreamExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::broadcast::Sender;
use tokio_stream::wrappers::BroadcastStream;

use super::{HISTORY_EVENTS, Publisher, prepare};

/// What a channel sends is cloned for each reader; this is the cheapest text to clone.
type Data = Arc<str>;

pub(super) fn start(runtime: &Runtime, listener: TcpListener) -> Arc<dyn Publisher> {
    let sender = Sender::<Data>::new(HISTORY_EVENTS);
    let source = sender.clone();
    let router = Router::new().route("/", get(move || future::ready(respond(&source))));
    runtime.spawn(async move {
        let listener = listener.tap_io(|socket| prepare(socket));
        serve(listener, router).await
    });
    Arc::new(sender)
}

fn respond(sender: &Sender<Data>) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    // Whoever lags is told by an error in the stream, which has no place in a response.
    let events = BroadcastStream::new(sender.subscribe())
        .filter_map(|data| future::ready(data.ok()))
        .map(|data| Ok(Event::default().data(data)));
    Sse::new(events).keep_alive(KeepAlive::default())
}

impl Publisher for Sender<Data> {
    fn publish(&self, data: String) {
        // Nobody listens: that is fine.
        let _ = self.send(data.into());
    }
}
