//! What `sansse serve` does to peers that ask too much of it. Each has a limit, an answer and a
//! counter, and a bystander loses nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use axum::http::Request;
use bytes::Bytes;
use reqwest::{Client, ClientBuilder, StatusCode};
use tests::reader::Reader;
use tests::server::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(30);

/// One who reads a topic of the server, and one who publishes to it.
struct Bystander {
    reader: Reader,
    publisher: Client,
    url: String,
    published: usize,
}

impl Bystander {
    async fn of(server: &Server) -> Self {
        let url = server.url("/topics/bystander");
        let publisher = server.client(ClientBuilder::http1_only);
        let reader = Reader::open(publisher.get(&url)).await;
        let mut bystander = Self { reader, publisher, url, published: 0 };
        bystander.loses_nothing().await;
        bystander
    }

    /// Publishes some events and reads them all.
    async fn loses_nothing(&mut self) {
        for _ in 0..3 {
            let data = self.published.to_string();
            self.published += 1;
            let posted = self.publisher.post(&self.url).body(data.clone()).send().await.unwrap();
            assert_eq!(posted.status(), StatusCode::CREATED);
            assert_eq!(self.reader.next().await.unwrap(), format!("message:{data}"));
        }
    }
}

async fn connect(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    socket
}

/// All that comes until the server closes; whether it does so by FIN or RST is of no matter.
async fn rest(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = socket.read_to_end(&mut answer);
    let _ = timeout(PATIENCE, reading).await.expect("the server closes in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// What comes until `end` has come.
async fn read_until(socket: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let byte = timeout(PATIENCE, socket.read_u8()).await.expect("an answer in time");
        answer.push(byte.expect("an answer before the end"));
    }
    String::from_utf8(answer).unwrap()
}

fn timeouts(limit: &str) -> String {
    format!("sansse_timeouts_total{{limit=\"{limit}\"}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_have_their_time() {
    let server = Server::start_with(&["--read-timeout", "1", "--idle-timeout", "1000"]);
    let mut bystander = Bystander::of(&server).await;
    let mut sockets = Vec::new();
    for beginning in ["", "G", "PRI * HT", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        sockets.push(connect(&server, beginning.as_bytes()).await);
    }
    // The head of a later request has no more time than that of the first.
    let mut second = connect(&server, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until(&mut second, "\r\n\r\nok\n").await;
    second.write_all(b"GET /").await.unwrap();
    sockets.push(second);
    // A byte from time to time does not help.
    let mut slow = connect(&server, b"GET /topics/a HTTP/1.1\r\nx: ").await;
    let start = Instant::now();
    while slow.write_all(b"x").await.is_ok() {
        assert!(start.elapsed() < PATIENCE, "a slow head is never cut");
        sleep(Duration::from_millis(100)).await;
    }
    for socket in &mut sockets {
        assert_eq!(rest(socket).await, "");
    }
    // The bystander's client may have opened a connection more than it needed.
    let cut = server.metric(&timeouts("head")).await;
    assert!((7.0..=9.0).contains(&cut), "{cut}");
    bystander.loses_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_have_their_time() {
    let server = Server::start_with(&["--read-timeout", "1"]);
    let mut bystander = Bystander::of(&server).await;
    let head = b"POST /topics/a HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nshort";
    let mut socket = connect(&server, head).await;
    let answer = rest(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(server.metric(&timeouts("content")).await, 1.0);
    bystander.loses_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_have_their_time() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let server = Server::start_tls(folder, &["--read-timeout", "1"]);
    let mut bystander = Bystander::of(&server).await;
    for beginning in [&b""[..], b"\x16\x03\x01\x02\0\x01"] {
        let mut socket = connect(&server, beginning).await;
        assert_eq!(rest(&mut socket).await, "");
    }
    assert_eq!(server.metric(&timeouts("handshake")).await, 2.0);
    assert_eq!(server.metric("sansse_tls_handshakes_failed_total").await, 2.0);
    bystander.loses_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_have_their_size() {
    let server = Server::start();
    let mut bystander = Bystander::of(&server).await;
    let one = server.client(ClientBuilder::http1_only);
    let two = server.client(ClientBuilder::http2_prior_knowledge);
    // What `--max-head` says, and more than is read at all.
    let long = "x".repeat(17 << 10);
    for client in [&one, &two] {
        for request in [
            client.get(server.url("/topics/a")).header("x-long", &long),
            client.get(server.url(&format!("/topics/{long}"))),
            client.get(server.url("/topics/a")).header("x-long", "x".repeat(100 << 10)),
        ] {
            assert_eq!(request.send().await.unwrap().status(), 431);
        }
    }
    let mut many = one.get(server.url("/topics/a"));
    for number in 0..150 {
        many = many.header(format!("x-{number}"), "");
    }
    assert_eq!(many.send().await.unwrap().status(), 431);
    let refused = "sansse_heads_refused_total{problem=\"too_large\"}";
    // What HTTP/2 refuses on its own is not counted.
    assert_eq!(server.metric(refused).await, 6.0);
    connect(&server, b"\0\xFF\r\n\r\n").await.shutdown().await.unwrap();
    let malformed = "sansse_heads_refused_total{problem=\"malformed\"}";
    server.wait_for_metric(malformed, |refused| refused == 1.0).await;
    let shorter = Server::start_with(&["--max-head", "1000"]);
    let request = one.get(shorter.url("/topics/a")).header("x-long", "x".repeat(1000));
    assert_eq!(request.send().await.unwrap().status(), 431);
    bystander.loses_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_closed_and_quiet_streams_are_not() {
    let server = Server::start_with(&["--idle-timeout", "1"]);
    let mut bystander = Bystander::of(&server).await;
    let mut one = connect(&server, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until(&mut one, "\r\n\r\nok\n").await;

    let socket = TcpStream::connect(server.address()).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let request = Request::get("http://127.0.0.1/healthz").body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    assert_eq!(response.await.unwrap().status(), StatusCode::OK);

    assert_eq!(rest(&mut one).await, "");
    let ended = timeout(PATIENCE, connection).await.expect("GOAWAY in time").unwrap();
    ended.expect("a clean end");
    assert!(client.ready().await.is_err());
    server.wait_for_metric(&timeouts("idle"), |idle| idle >= 2.0).await;
    // Three times the limit.
    sleep(Duration::from_secs(3)).await;
    bystander.loses_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_have_their_number() {
    const BEYOND: usize = 64;
    let server = Server::start_with(&["--max-connections", "4"]);
    // Two connections: the stream, and the publisher's, which is kept.
    let mut bystander = Bystander::of(&server).await;
    let mut seated = Vec::new();
    for _ in 0..2 {
        let mut socket = connect(&server, b"GET /topics/a HTTP/1.1\r\nhost: x\r\n\r\n").await;
        read_until(&mut socket, "\n\n").await;
        seated.push(socket);
    }

    // A stream is told to come back, at different times.
    let mut times = Vec::new();
    for number in 0..20 {
        let client = if number % 2 == 0 {
            server.client(ClientBuilder::http1_only)
        } else {
            server.client(ClientBuilder::http2_prior_knowledge)
        };
        let path = if number < 10 { "/topics/a" } else { "/events?topic=a" };
        let response = client.get(server.url(path)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
        let text = timeout(PATIENCE, response.text()).await.expect("an end in time").unwrap();
        let time = text.strip_prefix("retry: ").unwrap().trim_end().parse::<u64>().unwrap();
        assert!((5_000..15_000).contains(&time), "{time}");
        times.push(time);
    }
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 10, "{times:?}");

    // All else too; the connection ends with its answer.
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", 503),
        ("POST /topics/a HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx", 503),
        ("GET /topics/a HTTP/1.1\r\nhost: x\r\naccept: text/html\r\n\r\n", 503),
        ("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", 200),
        ("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n", 200),
    ] {
        let answer = rest(&mut connect(&server, request.as_bytes()).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert_eq!(answer.contains("\r\nretry-after: "), status == 503, "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    bystander.loses_nothing().await;

    // Those who take up even the room for being told are closed at once.
    let mut waiting = Vec::new();
    for _ in 0..BEYOND {
        waiting.push(connect(&server, b"GET /").await);
    }
    for _ in 0..3 {
        assert_eq!(rest(&mut connect(&server, b"").await).await, "");
    }
    bystander.loses_nothing().await;
    drop(waiting);
    drop(seated);

    // There is room again.
    server.wait_for_metric("sansse_connections_open", |open| open <= 3.0).await;
    let closed = "sansse_connections_refused_total{answer=\"closed\"}";
    assert_eq!(server.metric(closed).await, 3.0);
    let told = "sansse_connections_refused_total{answer=\"told\"}";
    assert!(server.metric(told).await >= (20 + 5 + BEYOND) as f64);
    let client = server.client(|builder| builder);
    let mut late = Reader::open(client.get(server.url("/topics/bystander"))).await;
    bystander.loses_nothing().await;
    assert!(late.next().await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_open_files_are_waited_for() {
    let server = Server::start_with_files(40);
    let mut bystander = Bystander::of(&server).await;
    let mut sockets = Vec::new();
    for _ in 0..60 {
        sockets.push(connect(&server, b"").await);
    }
    // Long enough for the server to run into its limit.
    sleep(Duration::from_secs(1)).await;
    bystander.loses_nothing().await;
    drop(sockets);
    server.wait_for_metric("sansse_accept_errors_total", |errors| errors > 0.0).await;
    bystander.loses_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_its_sending_side_has_left() {
    let server = Server::start();
    let mut bystander = Bystander::of(&server).await;
    let mut socket = connect(&server, b"GET /topics/a HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until(&mut socket, "\n\n").await;
    socket.shutdown().await.unwrap();
    // Nothing is published to the topic, and keep-alives are far apart: the end itself is noticed.
    let start = Instant::now();
    rest(&mut socket).await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());

    bystander.loses_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_cut() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for server in [
        Server::start_with(&["--write-timeout", "1"]),
        Server::start_tls(folder, &["--write-timeout", "1"]),
    ] {
        let mut bystander = Bystander::of(&server).await;
        // This one stalls with nothing to read, and is not cut.
        let quiet = server.client(ClientBuilder::http1_only);
        let mut quiet = Reader::open(quiet.get(server.url("/topics/quiet"))).await;
        let stuck = server.client(ClientBuilder::http1_only);
        let stuck = stuck.get(server.url("/topics/bystander")).send().await.unwrap();
        let start = Instant::now();
        let data = Bytes::from(vec![b'x'; 1 << 20]);
        // More than the buffers of both sides.
        while server.metric(&timeouts("write")).await < 1.0 {
            assert!(start.elapsed() < 2 * PATIENCE, "a client that does not read is not cut");
            let request = bystander.publisher.post(&bystander.url).body(data.clone());
            assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
            assert_eq!(bystander.reader.next().await.unwrap().len(), "message:".len() + (1 << 20));
        }
        assert!(timeout(PATIENCE, stuck.bytes()).await.expect("an end").is_err());
        assert_eq!(server.metric(&timeouts("write")).await, 1.0);
        bystander.loses_nothing().await;
        server.publish("quiet", "at last").await;
        assert_eq!(quiet.next().await.unwrap(), "message:at last");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_answer_a_ping_is_cut() {
    let server = Server::start_with(&["--ping-interval", "1", "--write-timeout", "1"]);
    let mut bystander = Bystander::of(&server).await;
    let answering = server.client(ClientBuilder::http2_prior_knowledge);
    let mut answering = Reader::open(answering.get(server.url("/topics/a"))).await;

    // A preface, empty settings, and the head of `GET /topics/a` as stream 1.
    let mut request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let head = b"\x82\x86\x04\x09/topics/a\x01\x01x";
    request.extend([0, 0, u8::try_from(head.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
    request.extend(head);
    let mut silent = connect(&server, &request).await;
    let answer = rest(&mut silent).await;
    assert!(answer.contains("\nretry: "), "{answer}");
    server.wait_for_metric(&timeouts("ping"), |cut| cut == 1.0).await;
    sleep(Duration::from_secs(2)).await;
    server.publish("a", "still here").await;
    assert_eq!(answering.next().await.unwrap(), "message:still here");
    bystander.loses_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_of_a_stream_have_their_number() {
    let server = Server::start();
    let mut bystander = Bystander::of(&server).await;
    let many = |topics: usize| {
        let pairs: Vec<_> = (0..topics).map(|number| format!("topic={number}")).collect();
        server.url(&format!("/events?{}", pairs.join("&")))
    };
    let one = server.client(ClientBuilder::http1_only);
    let two = server.client(ClientBuilder::http2_prior_knowledge);
    for client in [&one, &two] {
        drop(Reader::open(client.get(many(64))).await);
        // As many as a head has room for, and more.
        for (topics, status) in [(65, 400), (1400, 400), (5000, 431)] {
            for _ in 0..10 {
                let response = client.get(many(topics)).send().await.unwrap();
                assert_eq!(response.status().as_u16(), status, "{topics}");
                let sentence = response.text().await.unwrap();
                assert!(status == 431 || sentence.contains("at most 64"), "{sentence}");
            }
        }
    }
    let refused = "sansse_requests_total{route=\"events\",status=\"4xx\"}";
    assert_eq!(server.metric(refused).await, 60.0);
    bystander.loses_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_cannot_be_are_unknown_or_refused() {
    let server = Server::start();
    let mut bystander = Bystander::of(&server).await;
    let reset = "event: reset\nid: ";
    let long = "x".repeat(8 << 10);
    for id in [&b"\xFF\xFE"[..], b"a\tb", b"\xC3\xA9", b"z-", b"-1", b"id: 1", long.as_bytes()] {
        let mut request = b"GET /topics/a HTTP/1.1\r\nhost: x\r\nlast-event-id: ".to_vec();
        request.extend(id);
        request.extend(b"\r\n\r\n");
        let answer = read_until(&mut connect(&server, &request).await, "\n\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(reset), "{answer}");
        // Nothing of it comes back.
        assert!(!answer.contains(&long) && !answer.contains('\t'), "{answer}");
    }
    // In the query they are percent-encoded, whatever they are.
    for id in ["%00", "%0A%0Adata:x%0A%0A", "%0D%0A", "%FF", "%E2%80%A8"] {
        let path = format!("GET /topics/a?lastEventId={id} HTTP/1.1\r\nhost: x\r\n\r\n");
        let answer = read_until(&mut connect(&server, path.as_bytes()).await, "\n\n").await;
        assert!(answer.contains(reset) && !answer.contains("data:x"), "{id}: {answer}");
    }
    // In a header they make the head malformed.
    let malformed = "sansse_heads_refused_total{problem=\"malformed\"}";
    let before = server.metric(malformed).await;
    for id in [&b"\0"[..], b"a\x01b", b"a\x7Fb", b"a\rb"] {
        let mut request = b"GET /topics/a HTTP/1.1\r\nhost: x\r\nlast-event-id: ".to_vec();
        request.extend(id);
        request.extend(b"\r\n\r\n");
        let answer = rest(&mut connect(&server, &request).await).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{id:?}: {answer}");
    }
    server.wait_for_metric(malformed, |refused| refused == before + 4.0).await;
    bystander.loses_nothing().await;
}

/// Events that are too large, topics without number, and more events than the history holds.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_events_harms_nobody() {
    const PUBLISHERS: usize = 8;
    const EACH: usize = 200;
    let server = Server::start();
    let mut bystander = Bystander::of(&server).await;
    let large = Bytes::from(vec![b'x'; (1 << 20) + 1]);
    let flood: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let client = server.client(ClientBuilder::http1_only);
            let topic = server.url(&format!("/topics/flood {publisher}"));
            let large = large.clone();
            tokio::spawn(async move {
                for number in 0..EACH {
                    let (url, body, status) = match number % 10 {
                        0 => (topic.clone(), large.clone(), 413),
                        1..=4 => (format!("{topic} {number}"), Bytes::from("x"), 201),
                        _ => (topic.clone(), large.slice(..10_000), 201),
                    };
                    let response = client.post(url).body(body).send().await;
                    // A refusal may be cut off by what the server has not read.
                    if let Ok(response) = response {
                        assert_eq!(response.status().as_u16(), status);
                    } else {
                        assert_eq!(status, 413);
                    }
                }
            })
        })
        .collect();
    while !flood.iter().all(tokio::task::JoinHandle::is_finished) {
        bystander.loses_nothing().await;
    }
    for publisher in flood {
        publisher.await.unwrap();
    }
    bystander.loses_nothing().await;
    let refused = "sansse_requests_total{route=\"topic\",status=\"4xx\"}";
    assert!(server.metric(refused).await > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_make_no_sense_are_one_line() {
    for (option, value) in [
        ("--max-connections", "0"),
        ("--read-timeout", "0"),
        ("--idle-timeout", "-1"),
        ("--write-timeout", "soon"),
        ("--ping-interval", "1e9"),
    ] {
        let mut command = tests::command::sansse();
        let option_and_value = format!("{option}={value}");
        let output = command.args(["serve", &option_and_value]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(option) && error.contains("give a number"), "{error}");
    }
}
