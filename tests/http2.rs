//! Many streams on one connection: `sansse serve` over HTTP/2.

use std::path::Path;
use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use reqwest::{ClientBuilder, StatusCode, Version};
use sansse_tokio::{Item, Parser};
use tests::browser::{Browser, Device};
use tests::command::sansse;
use tests::reader::Reader;
use tests::requirement::{BROWSER, CURL};
use tests::server::Server;
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_are_spoken_on_one_plain_port() {
    let server = Server::start();
    let two = server.client(ClientBuilder::http2_prior_knowledge);
    let one = server.client(ClientBuilder::http1_only);
    for (client, version) in [(&two, Version::HTTP_2), (&one, Version::HTTP_11)] {
        let mut reader = Reader::open(client.get(server.url("/topics/a"))).await;
        assert_eq!(reader.version(), version);
        let posted = client.post(server.url("/topics/a")).body("hello").send().await.unwrap();
        assert_eq!((posted.status(), posted.version()), (StatusCode::CREATED, version));
        assert_eq!(reader.next().await.unwrap(), "message:hello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reads_it_by_prior_knowledge() {
    if !CURL.is_met("curl_reads_it_by_prior_knowledge") {
        return;
    }
    let mut server = Server::start();
    server.publish("a", "one").await;
    let url = server.url("/topics/a?last=1");
    let reading = tokio::task::spawn_blocking(move || {
        std::process::Command::new("curl")
            .args(["-sSN", "--noproxy", "*", "--http2-prior-knowledge", "--max-time", "50"])
            .args(["-w", "%{http_version}", &url])
            .output()
            .unwrap()
    });
    // One is that of the publishing above.
    server
        .wait_for_metric("sansse_requests_total{route=\"topic\",status=\"2xx\"}", |requests| {
            requests >= 2.0
        })
        .await;
    server.publish("a", "two").await;
    // Its end is a clean one, so curl has no complaint.
    let (status, _) = server.stop("TERM");
    assert!(status.success());
    let output = timeout(PATIENCE, reading).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("\ndata: one\n\n") && text.contains("\ndata: two\n\n"), "{text}");
    assert!(text.ends_with("\n\n2"), "{text}");
}

/// A connection that may be sent much, on which each stream may be sent little before it is read.
async fn connect(server: &Server) -> SendRequest<Bytes> {
    let socket = TcpStream::connect(server.address()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let (client, connection) = h2::client::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(1 << 30)
        .handshake(socket)
        .await
        .unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    client
}

const STREAM_WINDOW: u32 = 16 << 10;

async fn open(client: &SendRequest<Bytes>, path: &str) -> RecvStream {
    let request = Request::get(format!("http://127.0.0.1{path}")).body(()).unwrap();
    let ready = timeout(PATIENCE, client.clone().ready());
    let mut client = ready.await.expect("room for a stream in time").unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let response = timeout(PATIENCE, response).await.expect("an answer in time").unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body()
}

/// Reads events until there are as many as are wanted, or the stream ends.
async fn read(body: &mut RecvStream, wanted: usize) -> Vec<String> {
    let mut parser = Parser::new([0; 8192], [0; 3 * 64]);
    let mut events = Vec::new();
    while events.len() < wanted {
        let Some(chunk) = timeout(PATIENCE, body.data()).await.expect("bytes in time") else {
            break;
        };
        let chunk = chunk.expect("no cut");
        body.flow_control().release_capacity(chunk.len()).unwrap();
        let mut items = parser.feed(&chunk);
        while let Some(item) = items.next() {
            if let Item::Event(event) = item {
                events.push(format!("{}:{}", event.event_type(), event.data()));
            }
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_not_read_starves_no_other_on_its_connection() {
    const EVENTS: usize = 100;
    let server = Server::start();
    let client = connect(&server).await;
    let mut stuck = open(&client, "/topics/a").await;
    let mut readers = Vec::new();
    for _ in 1..200 {
        let mut body = open(&client, "/topics/a").await;
        readers.push(tokio::spawn(async move { read(&mut body, EVENTS).await }));
    }
    // More than the window of the stuck stream and the server's buffer for it.
    let datas: Vec<String> = (0..EVENTS).map(|number| format!("{number:02048}")).collect();
    let publisher = server.client(|builder| builder);
    for data in &datas {
        let request = publisher.post(server.url("/topics/a")).body(data.clone());
        assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
    }
    let expected: Vec<String> = datas.iter().map(|data| format!("message:{data}")).collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), expected);
    }
    assert!(stuck.flow_control().used_capacity() <= STREAM_WINDOW as usize);
    // It goes on where it stood, once it is read.
    assert_eq!(read(&mut stuck, EVENTS).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_more_streams_than_browsers_ask_for() {
    let server = Server::start();
    let client = connect(&server).await;
    let mut streams = Vec::new();
    for _ in 0..1000 {
        streams.push(open(&client, "/topics/a").await);
    }
    server.publish("a", "hello").await;
    for stream in &mut streams {
        assert_eq!(read(stream, 1).await, ["message:hello"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_each_stream_of_a_connection_cleanly() {
    let mut server = Server::start();
    let client = connect(&server).await;
    let mut streams = Vec::new();
    for _ in 0..200 {
        streams.push(open(&client, "/topics/a").await);
    }
    // This one's window is shut.
    let _stuck = open(&client, "/topics/b").await;
    for _ in 0..50 {
        server.publish("b", &"x".repeat(4096)).await;
    }
    let (status, elapsed) = server.stop("TERM");
    assert!(status.success(), "{status}");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    for stream in &mut streams {
        assert_eq!(read(stream, 1).await, Vec::<String>::new());
    }
    // A connection that was told to go opens no more streams.
    assert!(client.ready().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_a_hundred_event_sources() {
    if !BROWSER.is_met("a_page_has_a_hundred_event_sources") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let server = Server::start_tls(folder, &[]);
    let browser = Browser::start(folder, Device::Desktop).await;
    browser.open(&server.url("/?topic=other")).await;
    let protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol";
    browser.wait_for(protocol, "h2").await;
    browser
        .run(
            "window.hundred = Array.from({length: 100}, () => {
                const reader = {source: new EventSource('/topics/a'), datas: []};
                reader.source.onmessage = event => reader.datas.push(event.data);
                return reader;
            });",
        )
        .await;
    browser.wait_for("hundred.filter(({source}) => source.readyState === 1).length", 100).await;
    for data in ["one", "two"] {
        server.publish("a", data).await;
    }
    browser.wait_for("hundred.filter(({datas}) => datas.join() === 'one,two').length", 100).await;
    // The page's own stream and these hundred, and all of it came over one connection.
    assert!(server.metric("sansse_requests_total{route=\"topic\",status=\"2xx\"}").await >= 100.0);
    assert!(server.metric("sansse_connections_open").await <= 4.0);
    browser.quit().await;
}

#[test]
fn the_command_says_what_it_speaks() {
    let output = sansse().args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for part in ["HTTP/2", "--tls-cert", "--max-connections", "--write-timeout", "[default: 30]"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}
