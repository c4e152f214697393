//! What a hostile server can do to an `EventSource`: nothing. Its memory is bounded, its work is
//! linear, and it starves nobody.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use http::{Request, Response};
use http_body::{Body, Frame};
use proptest::prelude::*;
use sansse_tokio::{BoxError, EventSource, EventSourceBuilder, ReconnectPolicy};
use tests::client::client;
use tests::script::{Connection, STREAM_HEAD, Step, chunk, open, send};
use tests::scripted::Scripted;
use tests::source_log::{next, take};
use tokio::time::timeout;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// What a server in memory, a client's HTTP and a runtime need, without an event. Both ends of the
/// connection are in it.
const MACHINERY: usize = 2 * MIB;

const PATIENCE: Duration = Duration::from_secs(120);

fn builder(server: &Scripted) -> EventSourceBuilder {
    EventSource::get(server.url("/")).transport(server.transport())
}

/// The most bytes that this thread has allocated at a time, while something runs that it returns too.
fn most_bytes<T>(run: impl AsyncFnOnce() -> T) -> (T, usize) {
    let mut result = None;
    let info = allocation_counter::measure(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        result = Some(runtime.block_on(async { timeout(PATIENCE, run()).await.expect("an end") }));
    });
    (result.unwrap(), usize::try_from(info.bytes_max).unwrap())
}

/// What a source with a limit of 1 MiB tells of a stream that has begun so and then goes on with the
/// same for ever, or for so many bytes; and the memory that it takes.
fn flooded(start: Vec<Step>, piece: Vec<u8>, bytes: usize, count: usize) -> (Vec<String>, usize) {
    let flood = Step::Flood(piece.into(), bytes as u64);
    let steps = [start, vec![flood, send(chunk("\n\ndata: end\n\n")), Step::Hold]].concat();
    most_bytes(async || {
        let server = Scripted::in_memory([Connection::of(steps)]);
        let mut source = builder(&server).event_limit(MIB).connect().unwrap();
        take(&mut source, &server, count).await
    })
}

#[test]
fn a_comment_of_a_gibibyte_takes_no_memory() {
    let piece = chunk([b'x'; 64 * KIB]);
    let start = vec![open("data: start\n\n:")];
    let (told, most) = flooded(start, piece, 1024 * MIB, 3);
    assert_eq!(told, ["open a/", "message:start", "message:end"]);
    assert!(most < MACHINERY, "{most}");
}

#[test]
fn an_event_takes_no_more_than_its_limit() {
    let line = chunk(format!("data: {}\n", "x".repeat(1000)).repeat(64));
    for (name, start, piece) in [
        ("one line", "id: 1\ndata: ", chunk([b'x'; 64 * KIB])),
        ("many lines", "id: 1\n", line),
        ("empty lines", "id: 1\n", chunk("data\n".repeat(10_000))),
        ("a type", "id: 1\ndata: 1\nevent: ", chunk([b'x'; 64 * KIB])),
    ] {
        let (told, most) = flooded(vec![open(start)], piece, 64 * MIB, 3);
        assert_eq!(told, ["open a/", "too large #1", "message:end"], "{name}");
        // Storage that grows is twice as large for a moment.
        assert!(most < 3 * MIB + MACHINERY, "{name}: {most}");
    }
}

#[test]
fn an_id_takes_no_more_than_its_limit() {
    let (told, most) = flooded(vec![open("id: ")], chunk([b'x'; 64 * KIB]), 64 * MIB, 3);
    assert_eq!(told, ["open a/", "id too long", "message:end"]);
    assert!(most < MACHINERY, "{most}");
}

#[test]
fn lines_that_say_nothing_take_no_memory() {
    for piece in ["retry: 1\n", "x: y\n", "\n", "id: 1\n\n", "event: x\n\n", ":\n\n", "\r", "x"] {
        let piece = chunk(piece.repeat(64 * KIB / piece.len()));
        let (told, most) = flooded(vec![open("data: start\n\n")], piece, 16 * MIB, 3);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[2].starts_with("message:end"), "{told:?}");
        assert!(most < MACHINERY, "{most}");
    }
}

#[test]
fn a_head_without_end_is_left() {
    for (name, piece) in [
        ("headers", "x-y: 1234567890\r\n".repeat(1000)),
        ("one header", "x".repeat(16 * KIB)),
        ("hints", "HTTP/1.1 103 Hints\r\n\r\n".repeat(1000)),
    ] {
        let first = if name == "hints" { "" } else { "HTTP/1.1 200 OK\r\nx-z: " };
        let script = [Connection::of([send(first), Step::Flood(piece.into(), u64::MAX)])];
        let (told, most) = most_bytes(async || {
            let server = Scripted::in_memory(script);
            let builder = builder(&server).head_timeout(Duration::from_secs(2));
            let mut source = builder.connect().unwrap();
            let told = next(&mut source, &server).await;
            server.wait_until_left(1).await;
            told
        });
        assert!(
            ["unreachable, back in 3000", "no head, back in 3000"].contains(&&*told),
            "{name}: {told}"
        );
        assert!(most < 2 * MACHINERY, "{name}: {most}");
    }
}

#[test]
fn an_answer_without_end_is_left() {
    let head = |status: &str| {
        format!("HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\nlocation: /\r\n\r\n")
    };
    for (status, told) in [
        ("500 Broken", format!("failed: 500 from a/: {}", "x".repeat(64 * KIB))),
        ("200 OK", format!("failed: 200 from a/: {}", "x".repeat(64 * KIB))),
        ("302 Elsewhere", "closed: NoContent".into()),
    ] {
        let flood = Step::Flood(chunk([b'x'; 10_000]).into(), u64::MAX);
        let script = [Connection::of([send(head(status)), flood]), Connection::no_content()];
        let ((answer, flooded), most) = most_bytes(async || {
            let server = Scripted::in_memory(script);
            let mut source = builder(&server).connect().unwrap();
            let answer = next(&mut source, &server).await;
            server.wait_until_left(1).await;
            (answer, server.flooded())
        });
        assert!(answer == told, "{status}: {answer:.100}");
        assert!(flooded < MIB as u64, "{status}: {flooded}");
        assert!(most < MACHINERY, "{status}: {most}");
    }
}

/// Who does not read holds the server up, and takes no memory.
#[tokio::test]
async fn a_reader_that_stands_still_is_sent_little() {
    let _ = client();
    let events = "data: 0123456789\n\n".repeat(1000);
    let script = || [Connection::of([open(""), Step::Flood(chunk(&events).into(), u64::MAX)])];
    for on_sockets in [false, true] {
        let server = match on_sockets {
            true => Scripted::on_sockets(script()).await,
            false => Scripted::in_memory(script()),
        };
        let builder = EventSource::get(server.url("/"));
        let builder = if on_sockets { builder } else { builder.transport(server.transport()) };
        let mut source = builder.connect().unwrap();
        assert_eq!(take(&mut source, &server, 2).await, ["open a/", "message:0123456789"]);
        // Until it is stuck.
        let mut before = u64::MAX;
        while before != server.flooded() {
            before = server.flooded();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(before < 32 * MIB as u64, "{before}");
        assert_eq!(next(&mut source, &server).await, "message:0123456789");
    }
}

/// A body that always has another chunk.
struct Endless {
    chunk: Bytes,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Ok(Frame::data(self.chunk.clone()))))
    }
}

#[test]
fn comments_that_never_cease_starve_nobody() {
    let (sender, done) = std::sync::mpsc::channel();
    // On a thread of its own, since who is starved cannot tell.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for chunk in [":\n", ": a comment\n\n", "retry: 7\n", "", "id: 7\n\n"] {
                share_the_thread(chunk).await;
            }
        });
        sender.send(()).unwrap();
    });
    done.recv_timeout(PATIENCE).expect("others have their turn");
}

/// Reads a stream that is the same for ever, beside others.
async fn share_the_thread(chunk: &'static str) {
    let endless = move |_: Request<Bytes>| async move {
        let response = Response::builder().header("content-type", "text/event-stream");
        response.body(Endless { chunk: chunk.into() })
    };
    let mut source = EventSource::get("http://a.test/").transport(endless).connect().unwrap();
    assert!(source.next().await.unwrap().is_ok());
    // Each poll ends soon.
    for _ in 0..100 {
        assert!(source.next().now_or_never().is_none());
    }
    let event = tokio::spawn(async move { source.next().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!event.is_finished());
    event.abort();
    assert!(event.await.unwrap_err().is_cancelled());
}

/// How long a source needs for a stream with events of one line each.
async fn reading(length: usize, times: usize) -> Duration {
    let event = [b"data: ", &*vec![b'x'; length], b"\n\n"].concat();
    let server = Scripted::on_sockets([Connection::of([
        send(STREAM_HEAD),
        Step::Flood(chunk(&event).into(), (times * event.len()) as u64),
        Step::Hold,
    ])])
    .await;
    let mut source = EventSource::get(server.url("/")).connect().unwrap();
    let start = Instant::now();
    assert!(source.next().await.unwrap().is_ok());
    for _ in 0..times {
        let Some(Ok(sansse_tokio::Update::Event(event))) = source.next().await else { panic!() };
        assert_eq!(event.data().len(), length);
    }
    start.elapsed()
}

/// As `linear_time` has it: in turns, and measured again before it is believed.
#[tokio::test]
async fn a_line_of_eight_mebibytes_takes_linear_time() {
    let _ = client();
    const TIMES: usize = 32;
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let many = reading(8 * MIB / TIMES, TIMES).await;
        let one = reading(8 * MIB, 1).await;
        if one < many * 4 {
            return;
        }
        ratios.push(one.as_secs_f64() / many.as_secs_f64());
    }
    panic!("one line took {ratios:.1?} times as long as {TIMES} that are as long together");
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(STREAM_HEAD.to_vec()),
        Just(b"HTTP/1.1 302 X\r\nlocation: /\r\ncontent-length: 0\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 ".to_vec()),
        Just(b"content-length: 99999999999999999999\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"ffffffffffffffff\r\n".to_vec()),
        Just(chunk("retry: 0\ndata: x\n\n")),
        Just(b"0\r\n\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever comes, there is no panic, no end that nobody wanted and no more than an attempt a
    /// second: 204 and what is no stream aside, it comes back.
    #[test]
    fn any_bytes_are_survived(answers in prop::collection::vec(bytes(), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let last = Connection::open("event: last\ndata: 1\n\n");
            let mut script: Vec<_> = answers.iter().cloned().map(Connection::sending).collect();
            script.extend(std::iter::repeat_n(last, 21));
            let server = Scripted::in_memory(script);
            let policy = ReconnectPolicy::standard().decide(|_, _| sansse_tokio::Decision::Reconnect);
            let mut source = builder(&server).policy(policy).connect().unwrap();
            loop {
                let told = next(&mut source, &server).await;
                if told.starts_with("last:1") {
                    break;
                }
                assert!(!told.starts_with("failed") && !told.starts_with("closed"), "{told}");
            }
        });
    }
}
