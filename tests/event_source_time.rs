//! How long an `EventSource` waits for a server, and how soon it leaves one: in simulated time.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use http::{Request, Response};
use http_body_util::Empty;
use sansse_tokio::{
    BoxError, CloseReason, EventSource, EventSourceBuilder, ReadyState, ReconnectPolicy,
};
use tests::script::{Connection, STREAM_HEAD, Step, chunk, more, open, send};
use tests::scripted::Scripted;
use tests::source_log::{next, take};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn builder(server: &Scripted) -> EventSourceBuilder {
    EventSource::get(server.url("/")).transport(server.transport())
}

fn source(server: &Scripted) -> EventSource {
    builder(server).connect().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_is_waited_for_so_long() {
    for (name, connection) in [
        ("nothing", Connection::of([Step::Hold])),
        ("a byte a second", Connection::of([Step::Trickle(STREAM_HEAD.into(), SECOND)])),
        ("hints", Connection::of([send("HTTP/1.1 103 Hints\r\n\r\n"), Step::Hold])),
        ("half a head", Connection::of([send(&STREAM_HEAD[..40]), Step::Hold])),
    ] {
        let script = [connection.clone(), connection, Connection::no_content()];
        let server = Scripted::in_memory(script.clone());
        let told = take(&mut source(&server), &server, 2).await;
        assert_eq!(told, ["no head, back in 3000"; 2], "{name}");
        assert_eq!(server.elapsed(), 63 * SECOND, "{name}");
        server.wait_until_left(1).await;

        let server = Scripted::in_memory(script);
        let mut short = builder(&server).head_timeout(5 * SECOND).connect().unwrap();
        assert_eq!(next(&mut short, &server).await, "no head, back in 3000", "{name}");
        assert_eq!(server.elapsed(), 5 * SECOND, "{name}");
    }
    // Slow is not dead.
    let slow = [STREAM_HEAD, &chunk("data: 1\n\n")].concat();
    let server = Scripted::in_memory([Connection::of([
        Step::Trickle(slow.into(), SECOND / 10),
        Step::Hold,
    ])]);
    assert_eq!(take(&mut source(&server), &server, 2).await, ["open a/", "message:1"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_never_made_is_given_up() {
    let stuck =
        |_: Request<Bytes>| std::future::pending::<Result<Response<Empty<Bytes>>, BoxError>>();
    let server = Scripted::in_memory([]);
    let mut source = EventSource::get("http://a.test/").transport(stuck).connect().unwrap();
    assert_eq!(next(&mut source, &server).await, "no head, back in 3000");
    assert_eq!(server.elapsed(), 30 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn each_redirect_has_its_own_time() {
    let slow = |location: &str| {
        let answer = format!("HTTP/1.1 302 X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        Connection::of([Step::Wait(20 * SECOND), send(answer)])
    };
    let server = Scripted::in_memory([slow("/2"), slow("/3"), Connection::no_content()]);
    assert_eq!(next(&mut source(&server), &server).await, "closed: NoContent");
    assert_eq!(server.elapsed(), 40 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_body_of_an_answer_that_is_no_stream_is_waited_for_a_little() {
    let head = "HTTP/1.1 500 Broken\r\ncontent-length: 100\r\n\r\n";
    let server = Scripted::in_memory([Connection::of([
        send(head),
        Step::Trickle("half a body".into(), SECOND),
        Step::Hold,
    ])]);
    let told = next(&mut source(&server), &server).await;
    assert!(told.starts_with("failed: 500 from a/: half"), "{told}");
    assert_eq!(server.elapsed(), 5 * SECOND);
    server.wait_until_left(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_left_after_the_idle_timeout() {
    let connection = Connection::of([open("id: 1\ndata: 1\n\ndata: 2\n"), Step::Hold]);
    let server = Scripted::in_memory([connection, Connection::open("")]);
    let mut source = builder(&server).idle_timeout(45 * SECOND).connect().unwrap();
    assert_eq!(
        take(&mut source, &server, 4).await,
        ["open a/", "message:1#1", "idle, back in 3000", "open a/"]
    );
    assert_eq!(server.elapsed(), 48 * SECOND);
    assert_eq!(server.left(), 1);
    // A stream that says nothing at all is silent too.
    assert_eq!(next(&mut source, &server).await, "idle, back in 3000");
    assert_eq!(server.elapsed(), 93 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn any_byte_breaks_the_silence() {
    let pause = Duration::from_millis(44_999);
    for (name, piece) in [
        ("comments", ":\n\n"),
        ("ids", "id: 7\n\n"),
        ("empty lines", "\n"),
        ("bytes of an event", "data: x\n"),
        ("bytes of a line", "x"),
        ("bytes of an endless comment", ":"),
    ] {
        let mut steps = vec![open("")];
        for _ in 0..200 {
            steps.extend([Step::Wait(pause), more(piece)]);
        }
        steps.push(Step::Hold);
        let server = Scripted::in_memory([Connection::of(steps)]);
        let mut source = builder(&server).idle_timeout(45 * SECOND).connect().unwrap();
        assert_eq!(take(&mut source, &server, 2).await, ["open a/", "idle, back in 3000"]);
        assert_eq!(server.elapsed(), 200 * pause + 45 * SECOND, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_take_for_ever() {
    let mut steps = vec![open("")];
    for _ in 0..7 {
        steps.extend([Step::Wait(DAY), more("data: day\n\n")]);
    }
    steps.push(Step::Hold);
    let server = Scripted::in_memory([Connection::of(steps)]);
    let mut source = source(&server);
    let told = take(&mut source, &server, 8).await;
    assert_eq!(told[1..], ["message:day"; 7]);
    assert_eq!(server.elapsed(), 7 * DAY);
    assert!(timeout(365 * DAY, source.next()).await.is_err());
}

/// Who does not read is not silent: what has come meanwhile breaks the silence.
#[tokio::test(start_paused = true)]
async fn a_reader_that_is_slow_itself_loses_nothing() {
    let mut steps = vec![open("")];
    for number in 0..100 {
        steps.extend([Step::Wait(SECOND), more(format!("data: {number}\n\n"))]);
    }
    steps.push(Step::Hold);
    let server = Scripted::in_memory([Connection::of(steps)]);
    let mut source = builder(&server).idle_timeout(10 * SECOND).connect().unwrap();
    assert_eq!(next(&mut source, &server).await, "open a/");
    for number in 0..100 {
        assert_eq!(next(&mut source, &server).await, format!("message:{number}"));
        sleep(15 * SECOND).await;
    }
}

/// Nor is a stream silent whose bytes nobody could read, since this thread was at work.
#[tokio::test]
async fn a_thread_that_is_busy_kills_no_healthy_stream() {
    let pause = Duration::from_millis(20);
    let mut steps = vec![open("data: 0\n\n")];
    for number in 1..=50 {
        steps.extend([Step::Wait(pause), more(format!("data: {number}\n\n"))]);
    }
    // The server is another thread.
    let (sender, receiver) = std::sync::mpsc::channel();
    let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Scripted::on_sockets([Connection::of(steps)]).await;
            sender.send(server).unwrap();
            let _ = stopped.await;
        });
    });
    let server = receiver.recv().unwrap();
    let _ = tests::client::client();
    let builder = EventSource::get(server.url("/")).idle_timeout(Duration::from_millis(150));
    let mut source = builder.connect().unwrap();
    assert_eq!(take(&mut source, &server, 2).await, ["open a/", "message:0"]);
    for number in 1..=50 {
        if number % 10 == 1 {
            std::thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(next(&mut source, &server).await, format!("message:{number}"));
    }
}

#[tokio::test(start_paused = true)]
async fn its_state_can_be_asked_for() {
    let server = Scripted::in_memory([
        Connection::of([open("data: 1\n\n"), Step::Wait(SECOND)]),
        Connection::no_content(),
    ]);
    let mut source = source(&server);
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    assert_eq!(source.close_reason(), None);
    assert_eq!(next(&mut source, &server).await, "open a/");
    assert_eq!(source.ready_state(), ReadyState::Open);
    assert_eq!(next(&mut source, &server).await, "message:1");
    assert_eq!(source.ready_state(), ReadyState::Open);
    assert_eq!(next(&mut source, &server).await, "cut, back in 3000");
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    assert_eq!(next(&mut source, &server).await, "closed: NoContent");
    assert_eq!(source.ready_state(), ReadyState::Closed);
    // It does not close a second time.
    source.close();
    assert_eq!(source.close_reason(), Some(CloseReason::NoContent));
    assert!(source.next().await.is_none());
}

/// A source in each of its states, and how many connections it has then.
async fn in_each_state(server: &Scripted) -> [(&'static str, EventSource, usize); 5] {
    let fresh = source(server);
    let mut asking = source(server);
    assert!(timeout(SECOND, asking.next()).await.is_err());
    let mut reading = source(server);
    assert_eq!(take(&mut reading, server, 2).await, ["open a/", "message:1"]);
    let mut waiting = source(server);
    assert_eq!(next(&mut waiting, server).await, "unreachable, back in 3000");
    let builder = builder(server).policy(ReconnectPolicy::persistent());
    let mut refused = builder.connect().unwrap();
    // The body of a refusal is being read.
    assert!(timeout(SECOND, refused.next()).await.is_err());
    [
        ("fresh", fresh, 0),
        ("asking", asking, 1),
        ("reading", reading, 1),
        ("waiting", waiting, 0),
        ("refused", refused, 1),
    ]
}

fn states() -> Scripted {
    Scripted::in_memory([
        Connection::of([Step::Hold]),
        Connection::open("data: 1\n\ndata: 2\n\ndata: 3\n\n"),
        Connection::Refused,
        Connection::of([send("HTTP/1.1 500 Broken\r\ncontent-length: 9\r\n\r\n"), Step::Hold]),
    ])
}

#[tokio::test(start_paused = true)]
async fn it_closes_at_once_in_every_state() {
    let server = states();
    let mut left = 0;
    for (name, mut source, connections) in in_each_state(&server).await {
        let (requests, start) = (server.seen().len(), Instant::now());
        source.close();
        assert_eq!(source.ready_state(), ReadyState::Closed, "{name}");
        assert_eq!(source.close_reason(), Some(CloseReason::Closed), "{name}");
        assert!(source.next().now_or_never().expect("an end at once").is_none(), "{name}");
        left += connections;
        server.wait_until_left(left).await;
        assert_eq!(start.elapsed(), Duration::ZERO, "{name}");
        // It is for good.
        sleep(DAY).await;
        assert_eq!((server.left(), server.seen().len()), (left, requests), "{name}");
        assert!(source.next().await.is_none(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_closed_at_once_when_it_is_dropped() {
    let server = states();
    let mut left = 0;
    for (name, source, connections) in in_each_state(&server).await {
        let (requests, start) = (server.seen().len(), Instant::now());
        drop(source);
        left += connections;
        server.wait_until_left(left).await;
        assert_eq!(start.elapsed(), Duration::ZERO, "{name}");
        sleep(DAY).await;
        assert_eq!((server.left(), server.seen().len()), (left, requests), "{name}");
    }
}

/// Each end of a source is the end of its connection.
#[tokio::test(start_paused = true)]
async fn it_leaves_no_connection_behind() {
    let head = String::from_utf8(STREAM_HEAD.to_vec()).unwrap();
    let wrong = [
        head.replace("200 OK", "500 Broken"),
        head.replace("event-stream", "html"),
        head.replace("200 OK", "302 X"),
        head.replace("200 OK", "302 X\r\nlocation: http://{b}/"),
    ];
    for head in wrong {
        let flood = Step::Flood(chunk([b'x'; 4096]).into(), u64::MAX);
        let script = [Connection::of([send(head), flood]), Connection::no_content()];
        let server = Scripted::in_memory(script);
        let mut source = source(&server);
        let _ = source.next().await;
        server.wait_until_left(1).await;
        assert_eq!(source.ready_state(), ReadyState::Closed);
    }
    let server = Scripted::in_memory([Connection::open("data: [DONE]\n\n")]);
    let mut source = builder(&server).stop_at("[DONE]").connect().unwrap();
    assert_eq!(take(&mut source, &server, 9).await, ["open a/", "closed: Sentinel"]);
    server.wait_until_left(1).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_when_a_pending_next_is_dropped() {
    let events: String = (0..20).map(|number| format!("data: {number}\n\n")).collect();
    let bytes = [STREAM_HEAD, &chunk(events)].concat();
    let server = Scripted::in_memory([
        Connection::Refused,
        Connection::of([Step::Trickle(bytes.into(), Duration::from_millis(7)), Step::Hold]),
    ]);
    let mut source = source(&server);
    let mut told = Vec::new();
    while told.len() < 22 {
        let next = pin!(next(&mut source, &server));
        told.extend(timeout(Duration::from_millis(10), next).await);
    }
    let events: Vec<_> = (0..20).map(|number| format!("message:{number}")).collect();
    assert_eq!(told[..2], ["unreachable, back in 3000", "open a/"]);
    assert_eq!(told[2..], events);
}
