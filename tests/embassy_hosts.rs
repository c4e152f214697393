//! Devices and hosts, over real connections: the client of hosts follows the server of a device, and the
//! client of a device the server of hosts.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use futures_util::StreamExt as _;
use sansse_embassy::client::Request;
use sansse_embassy::server::{Config, serve_io};
use sansse_embassy::{Broadcast, StreamOptions};
use sansse_tokio::{Event, EventSource, Hub, Item, Parser, ReconnectPolicy, Retry, Start, Update};
use tests::embassy::{TokioConnect, TokioIo, keep_time};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

type Feed = Broadcast<CriticalSectionRawMutex, 65_536, 4>;

const EVENTS: usize = 300;
const PATIENCE: Duration = Duration::from_secs(60);

static FEED: Feed = Feed::new();
static CONFIG: Config = Config::new()
    .stream(StreamOptions::new().history().retry(embassy_time::Duration::from_millis(300)));

/// Accepts connections for the device, and keeps them where they can be cut.
async fn device(listener: TcpListener, open: Rc<RefCell<Vec<JoinHandle<()>>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let connection = spawn_local(async {
            let (mut received, mut room) = ([0; 50], [0; 40]);
            let mut io = TokioIo::new(stream);
            let _ = serve_io(&mut io, &mut received, &mut room, &FEED, &CONFIG).await;
        });
        open.borrow_mut().push(connection);
    }
}

/// From a device to a host, to a device: what is published comes out at the other end, once and in
/// order, though each connection is cut over and over again.
#[tokio::test]
async fn what_a_device_publishes_goes_by_a_host_to_a_device() {
    FEED.start(35);
    let told = Rc::new(RefCell::new(Vec::new()));
    let telling = told.clone();
    LocalSet::new()
        .run_until(async move {
            spawn_local(keep_time());
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/events", listener.local_addr().unwrap());
            let open = Rc::new(RefCell::new(Vec::new()));
            spawn_local(device(listener, open.clone()));

            // The client of hosts.
            let hub = Hub::builder().retry(Retry::new(Duration::from_millis(300))).build();
            let mut source =
                EventSource::get(&url).policy(ReconnectPolicy::persistent()).connect().unwrap();
            let relay = hub.clone();
            spawn_local(async move {
                while let Some(update) = source.next().await {
                    if let Update::Event(event) = update.unwrap() {
                        assert_eq!(event.event_type(), "n");
                        relay.publish("n", &Event::new(&event.data().to_string())).unwrap();
                    }
                }
            });

            // The server of hosts, whose streams are cut too.
            let serving = hub.clone();
            let stream = async move |headers: HeaderMap| {
                let id = headers.get("last-event-id").map(|id| id.as_bytes().to_vec());
                let start = id.as_deref().map_or(Start::Last(usize::MAX), Start::After);
                let subscription = serving.subscribe(["n"], start).unwrap();
                let handle = subscription.handle();
                tokio::spawn(async move {
                    sleep(Duration::from_millis(400)).await;
                    handle.end();
                });
                subscription.into_response().map(axum::body::Body::new)
            };
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let app = Router::new().route("/n", get(stream));
            spawn_local(async move { axum::serve(listener, app).await });

            // The client of devices.
            let request = Request::new("localhost", "/n").unwrap();
            let mut source = sansse_embassy::client::EventSource::new(
                TokioConnect::new(address),
                request,
                Parser::new([0; 256], [0; 96]),
                [0; 32],
            );
            spawn_local(async move {
                loop {
                    if let Ok(Item::Event(event)) = source.next().await {
                        telling.borrow_mut().push(event.data().to_string());
                    }
                }
            });

            for number in 0..EVENTS {
                let event = number.to_string();
                FEED.publish(&Event::new(&event).with_type("n").unwrap()).unwrap();
                sleep(Duration::from_millis(10)).await;
                if number % 70 == 30 {
                    open.borrow_mut().drain(..).for_each(|connection| connection.abort());
                }
            }
            let all = async {
                while told.borrow().len() < EVENTS {
                    sleep(Duration::from_millis(10)).await;
                }
            };
            assert!(timeout(PATIENCE, all).await.is_ok(), "{:?}", told.borrow());
            let expected: Vec<_> = (0..EVENTS).map(|number| number.to_string()).collect();
            assert_eq!(*told.borrow(), expected);
            assert!(FEED.counts().replayed > 0, "the device's reader was never away");
        })
        .await;
}
