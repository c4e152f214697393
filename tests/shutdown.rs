//! Shutting down with open streams: it ends inside its deadline, under axum and under hyper.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use sansse_tokio::{Event, Hub, HubBody, Item, Parser, Retry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(10);

fn hub() -> Hub {
    Hub::builder()
        .come_back(Retry::new(Duration::from_secs(2)).spread(Duration::from_secs(10)))
        .build()
}

/// A server of a hub; it ends gracefully when told to.
#[derive(Debug)]
struct Running {
    address: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn axum(hub: &Hub) -> Running {
    async fn events(
        State(hub): State<Hub>,
        request: axum::extract::Request,
    ) -> axum::response::Response {
        hub.respond(&request, ["a"]).unwrap().map(axum::body::Body::new)
    }
    let router = Router::new().route("/", get(events)).with_state(hub.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap();
    });
    Running { address, stop, task }
}

async fn hyper(hub: &Hub) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, mut stopped) = oneshot::channel();
    let hub = hub.clone();
    let task = tokio::spawn(async move {
        let connections = GracefulShutdown::new();
        loop {
            let (socket, _) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                _ = &mut stopped => break,
            };
            let hub = hub.clone();
            let service = service_fn(move |request| {
                let response: http::Response<HubBody> = hub.respond(&request, ["a"]).unwrap();
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            tokio::spawn(connections.watch(connection));
        }
        connections.shutdown().await;
    });
    Running { address, stop, task }
}

async fn connect(address: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    socket
}

/// All that a response of a stream carries, from its chunked coding.
fn content(response: &[u8]) -> Vec<u8> {
    let head = memchr::memmem::find(response, b"\r\n\r\n").expect("a whole head") + 4;
    let (mut rest, mut content) = (&response[head..], Vec::new());
    loop {
        let line = memchr::memmem::find(rest, b"\r\n").expect("a chunk's length");
        let length = std::str::from_utf8(&rest[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        content.extend_from_slice(&rest[line + 2..][..length]);
        rest = &rest[line + 2 + length + 2..];
        if length == 0 {
            assert!(rest.is_empty());
            return content;
        }
    }
}

async fn wait_for(hub: &Hub, subscribers: usize) {
    let start = Instant::now();
    while hub.subscribers() != subscribers {
        assert!(start.elapsed() < Duration::from_secs(60), "{} subscribers", hub.subscribers());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a stream that was shut down told its reader.
fn told(response: &[u8]) -> (Vec<String>, u64) {
    let content = content(response);
    let mut parser = Parser::growing(1 << 20, 64);
    let (mut data, mut retry) = (Vec::new(), 0);
    let mut items = parser.feed(&content);
    while let Some(item) = items.next() {
        match item {
            Item::Event(event) => data.push(event.data().to_string()),
            Item::Retry(milliseconds) => retry = milliseconds,
            other => panic!("{other:?}"),
        }
    }
    (data, retry)
}

async fn a_thousand_streams_end(hub: Hub, server: Running) {
    const STREAMS: usize = 1000;
    let mut readers = Vec::new();
    for _ in 0..STREAMS {
        let mut socket = connect(&server.address).await;
        readers.push(tokio::spawn(async move {
            let mut response = Vec::new();
            socket.read_to_end(&mut response).await.unwrap();
            response
        }));
    }
    wait_for(&hub, STREAMS).await;
    hub.publish("a", &Event::new("the last one")).unwrap();

    let start = Instant::now();
    server.stop.send(()).unwrap();
    let shutdown = hub.shutdown(DEADLINE).await;
    timeout(DEADLINE, server.task).await.expect("the server ends").unwrap();
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
    assert_eq!((shutdown.closed, shutdown.left), (STREAMS, 0));

    // Everything arrived, and they come back spread: in no second more than twice the mean.
    let mut seconds = [0; 10];
    for reader in readers {
        let (data, retry) = told(&reader.await.unwrap());
        assert_eq!(data, ["the last one"]);
        seconds[usize::try_from(retry / 1000).unwrap() - 2] += 1;
    }
    assert!(seconds.iter().all(|&count| count <= 2 * STREAMS / 10), "{seconds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_end_under_axum() {
    let hub = hub();
    let server = axum(&hub).await;
    a_thousand_streams_end(hub, server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_end_under_hyper() {
    let hub = hub();
    let server = hyper(&hub).await;
    a_thousand_streams_end(hub, server).await;
}

/// Readers that take nothing are cut at the deadline, and delay nobody else.
async fn stuck_readers_are_cut(hub: Hub, server: Running) {
    const STUCK: usize = 5;
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        stuck.push(connect(&server.address).await);
    }
    let mut healthy = connect(&server.address).await;
    wait_for(&hub, STUCK + 1).await;
    let reading = tokio::spawn(async move {
        let mut response = Vec::new();
        healthy.read_to_end(&mut response).await.unwrap();
        (response, Instant::now())
    });
    let data = "x".repeat(60_000);
    for number in 0..400 {
        hub.publish("a", &Event::new(&format!("{number} {data}"))).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let deadline = Duration::from_secs(3);
    let start = Instant::now();
    server.stop.send(()).unwrap();
    let shutdown = hub.shutdown(deadline).await;
    assert!(start.elapsed() < deadline + Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!((shutdown.closed, shutdown.left), (STUCK + 1, 0));
    timeout(DEADLINE, server.task).await.expect("the server ends").unwrap();
    let (response, ended) = reading.await.unwrap();
    assert!(response.ends_with(b"0\r\n\r\n"), "a healthy reader's stream ends cleanly");
    assert!(ended - start < deadline, "a healthy reader does not wait for stuck ones");
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuck_readers_are_cut_under_axum() {
    let hub = hub();
    let server = axum(&hub).await;
    stuck_readers_are_cut(hub, server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuck_readers_are_cut_under_hyper() {
    let hub = hub();
    let server = hyper(&hub).await;
    stuck_readers_are_cut(hub, server).await;
}

/// Without a shutdown, the write deadline cuts them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_takes_nothing_is_cut_at_the_write_deadline() {
    let hub = Hub::builder().write_deadline(Some(Duration::from_secs(1))).build();
    let server = hyper(&hub).await;
    let stuck = connect(&server.address).await;
    let mut healthy = connect(&server.address).await;
    wait_for(&hub, 2).await;
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        while healthy.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
    });
    let data = "x".repeat(60_000);
    let start = Instant::now();
    while hub.subscribers() == 2 {
        assert!(start.elapsed() < Duration::from_secs(30));
        hub.publish("a", &Event::new(&data)).unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(hub.subscribers(), 1);
    assert!(!reading.is_finished());
    // A quiet stream is not a stuck one.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(hub.subscribers(), 1);
    drop(stuck);
    reading.abort();
}
