//! An `EventSource` over the ready transport, on real sockets: codings, TLS and HTTP/2, and servers
//! that come and go.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;
use reqwest::redirect::Policy;
use sansse_tokio::{Backoff, EventSource, EventSourceBuilder, ReconnectPolicy, Update};
use tests::client::client;
use tests::script::{Connection, Step, chunk, send};
use tests::scripted::Scripted;
use tests::server::Server;
use tests::source_log::{next, take};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

/// A source by the ready transport, which needs a TLS provider in a build of all packages.
fn get(url: &str) -> EventSourceBuilder {
    let _ = client();
    let backoff = Backoff { floor: 10, ..Backoff::STANDARD };
    EventSource::get(url)
        .reconnection_time(Duration::from_millis(10))
        .policy(ReconnectPolicy::standard().backoff(backoff))
}

/// Pieces of a stream, each compressed so that it can be read when it has come.
fn coded<W: Write>(mut coder: W, output: fn(&W) -> &Vec<u8>, pieces: &[String]) -> Vec<Vec<u8>> {
    let mut coded = Vec::new();
    for piece in pieces {
        let before = output(&coder).len();
        coder.write_all(piece.as_bytes()).unwrap();
        coder.flush().unwrap();
        coded.push(output(&coder)[before..].to_vec());
    }
    coded
}

#[tokio::test]
async fn codings_are_read_event_by_event() {
    let events = [1, 2, 3].map(|number| format!("id: {number}\ndata: {number}\n\n"));
    let gzip = GzEncoder::new(Vec::new(), Compression::best());
    let zstd = zstd::Encoder::new(Vec::new(), 3).unwrap();
    let brotli = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    for (name, pieces) in [
        ("gzip", coded(gzip, GzEncoder::get_ref, &events)),
        ("zstd", coded(zstd, zstd::Encoder::get_ref, &events)),
        ("br", coded(brotli, brotli::CompressorWriter::get_ref, &events)),
    ] {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: {name}\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        let mut steps = vec![send(head)];
        for piece in pieces {
            steps.extend([send(chunk(piece)), Step::Wait(Duration::from_millis(50))]);
        }
        // Nothing follows, so that who waits for more waits for ever.
        steps.push(Step::Hold);
        let server = Scripted::on_sockets([Connection::of(steps)]).await;
        let mut source = get(&server.url("/")).connect().unwrap();
        let told = timeout(PATIENCE, take(&mut source, &server, 4)).await.expect(name);
        assert_eq!(told, ["open a/", "message:1#1", "message:2#2", "message:3#3"], "{name}");
        let asked = server.seen()[0].header("accept-encoding").map(<[u8]>::to_vec);
        assert!(String::from_utf8(asked.unwrap()).unwrap().contains(name), "{name}");
    }
}

/// A gibibyte of comment that came as a mebibyte.
#[test]
fn what_is_small_on_the_wire_takes_no_memory() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(b"data: start\n\n:").unwrap();
    for _ in 0..1024 {
        gzip.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    gzip.write_all(b"\n\ndata: end\n\n").unwrap();
    let body = gzip.finish().unwrap();
    assert!(body.len() < 2 << 20, "{}", body.len());
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut told = Vec::new();
    let info = allocation_counter::measure(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        told = runtime.block_on(async {
            let steps = [send(head), send(body), Step::Hold];
            let server = Scripted::on_sockets([Connection::of(steps)]).await;
            let mut source = get(&server.url("/")).connect().unwrap();
            timeout(PATIENCE, take(&mut source, &server, 4)).await.expect("an end")
        });
    });
    assert_eq!(told, ["open a/", "message:start", "message:end", "ended, back in 10"]);
    // Most of it are TLS's certificates.
    assert!(info.bytes_max < 8 << 20, "{}", info.bytes_max);
}

#[tokio::test]
async fn a_server_may_go_and_come_back() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let names = Scripted::in_memory([]);
    let mut source = get(&format!("http://{address}/topics/a")).connect().unwrap();
    for _ in 0..3 {
        assert_eq!(next(&mut source, &names).await, "unreachable, back in 10");
    }
    let mut server = Server::start_on(&address);
    timeout(PATIENCE, until(&mut source, |update| matches!(update, Update::Open(_))))
        .await
        .expect("a stream");
    server.publish("a", "one").await;
    assert!(next(&mut source, &names).await.starts_with("message:one#"));
    server.kill();
    assert!(next(&mut source, &names).await.starts_with("cut, back in "));
    let server = Server::start_on(&address);
    // It asks behind an event of another life, and is told so.
    let reset =
        |update: &Update| matches!(update, Update::Event(event) if event.event_type() == "reset");
    timeout(PATIENCE, until(&mut source, reset)).await.expect("a reset");
    server.publish("a", "two").await;
    assert!(next(&mut source, &names).await.starts_with("message:two#"));
}

async fn until(source: &mut EventSource, is_it: impl Fn(&Update) -> bool) {
    while !is_it(&source.next().await.expect("a source that goes on").expect("no error")) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_over_tls() {
    let names = Scripted::in_memory([]);
    let mut server = Server::start_tls(Path::new(env!("CARGO_TARGET_TMPDIR")), &[]);
    let url = server.url("/topics/a");
    let http2 = server.client(|builder| builder.redirect(Policy::none()).http2_prior_knowledge());
    let mut sources = Vec::new();
    for _ in 0..3 {
        let mut source = get(&url).transport(http2.clone()).connect().unwrap();
        let update = source.next().await.unwrap().unwrap();
        assert!(matches!(update, Update::Open(_)), "{update:?}");
        sources.push(source);
    }
    // One connection for all, and this one's own.
    let subscribers = "sansse_subscribers";
    server.wait_for_metric(subscribers, |subscribers| subscribers == 3.0).await;
    assert!(server.metric("sansse_connections_open").await <= 2.0);
    // Who leaves ends its stream, not the connection.
    sources[0].close();
    server.wait_for_metric(subscribers, |subscribers| subscribers == 2.0).await;
    drop(sources.remove(1));
    server.wait_for_metric(subscribers, |subscribers| subscribers == 1.0).await;
    server.publish("a", "hello").await;
    let source = &mut sources[1];
    assert!(next(source, &names).await.starts_with("message:hello#"));
    let (status, _) = server.stop("TERM");
    assert!(status.success());
    // At the pace that the server has told it last.
    assert!(next(source, &names).await.starts_with("ended, back in "));
    assert!(next(source, &names).await.starts_with("unreachable, back in "));
}

/// The ready transport believes nobody but whom the system does.
#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Server::start_tls(Path::new(env!("CARGO_TARGET_TMPDIR")), &[]);
    let mut source = get(&server.url("/topics/a")).bearer("secret").connect().unwrap();
    let Some(Ok(Update::Disconnected { cause, .. })) = source.next().await else { panic!() };
    assert!(cause.to_string().contains("certificate"), "{cause}");
}

/// Whose packets vanish is not waited for as long as for an answer.
#[tokio::test]
async fn a_connection_that_nobody_takes_is_given_up() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    // So few may wait to be accepted, and nobody is.
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) = timeout(Duration::from_secs(1), TcpStream::connect(address)).await {
        waiting.push(connected.unwrap());
    }
    let names = Scripted::in_memory([]);
    let builder = get(&format!("http://{address}/")).head_timeout(PATIENCE);
    let mut source = builder.connect().unwrap();
    assert_eq!(next(&mut source, &names).await, "unreachable, back in 10");
}

/// On real sockets too, who closes or drops a source is gone at once.
#[tokio::test]
async fn it_leaves_at_once() {
    let script = [Connection::open("data: 1\n\n"), Connection::of([Step::Hold])];
    let server = Scripted::on_sockets([script.clone(), script].concat()).await;
    let mut left = 0;
    for closes in [true, false] {
        for count in [2, 1] {
            let mut source = get(&server.url("/")).connect().unwrap();
            if count == 2 {
                assert_eq!(take(&mut source, &server, 2).await, ["open a/", "message:1"]);
            } else {
                let requests = server.seen().len();
                let asked = async {
                    while server.seen().len() == requests {
                        sleep(Duration::from_millis(1)).await;
                    }
                };
                tokio::select! {
                    told = next(&mut source, &server) => panic!("{told}"),
                    () = asked => {}
                }
            }
            assert_eq!(server.left(), left);
            if closes {
                source.close();
            } else {
                drop(source);
            }
            left += 1;
            server.wait_until_left(left).await;
        }
    }
}
