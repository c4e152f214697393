//! What an `EventSource` makes of what servers answer, case by case: in memory, and on sockets by the
//! ready transport.

use sansse_tokio::{Backoff, EventSourceBuilder, ReconnectPolicy};
use tests::script::{Connection, STREAM_HEAD, Step, chunk, open, send};
use tests::source_case::{Case, run_in_memory, run_on_sockets};

/// What follows a stream that was open: the line of its end, and the request that comes next.
const BACK: &str = ", back in 5";

#[tokio::test(start_paused = true)]
async fn in_memory() {
    run_in_memory(cases()).await;
}

#[tokio::test]
async fn on_sockets() {
    run_on_sockets(cases()).await;
}

fn cases() -> Vec<Case> {
    let parts = [statuses(), types(), ends(), heads(), lines(), limits(), once()];
    parts.into_iter().flatten().collect()
}

fn raw(head: &str, body: impl AsRef<[u8]>) -> Connection {
    Connection::sending([head.as_bytes(), b"\r\n\r\n", body.as_ref()].concat())
}

fn statuses() -> Vec<Case> {
    let stream = ["content-type: text/event-stream"];
    let fatal = [
        "201 Created",
        "202 Accepted",
        "203 Other",
        "205 Reset Content",
        "206 Partial Content",
        "300 Choices",
        "305 Use Proxy",
        "306 Unused",
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "407 Proxy",
        "408 Timeout",
        "410 Gone",
        "429 Slower",
        "500 Broken",
        "502 Bad Gateway",
        "503 Unavailable",
        "504 Timeout",
        "599 Unknown",
    ];
    let mut cases: Vec<Case> = fatal
        .map(|status| {
            let code = &status[..3];
            // Most frameworks have nothing to say with 205.
            let body = if code == "205" { "" } else { "no way" };
            Case::new(status, [Connection::answer(status, &stream, body)])
                .requests(["GET a/"])
                .tells([format!("failed: {code} from a/: {body}"), "closed: Failed".into()])
        })
        .into();
    cases.push(
        Case::new("304 has no body", [raw("HTTP/1.1 304 Not Modified", "")])
            .requests(["GET a/"])
            .tells(["failed: 304 from a/: ", "closed: Failed"]),
    );
    cases.push(
        Case::new("204 stops", [Connection::no_content()])
            .requests(["GET a/"])
            .tells(["closed: NoContent"]),
    );
    cases.push(
        Case::new(
            "204 stops for good after a stream",
            [Connection::stream("data: 1\n\n"), Connection::no_content()],
        )
        .requests(["GET a/", "GET a/"])
        .tells(["open a/", "message:1", "ended, back in 5", "closed: NoContent"]),
    );
    cases.push(
        Case::new(
            "a status that ends it, after a stream",
            [Connection::stream("id: 1\ndata: 1\n\n"), Connection::answer("404 Gone", &[], "gone")],
        )
        .requests(["GET a/", "GET a/ last-event-id=1"])
        .tells(["open a/", "message:1#1", "ended, back in 5", "failed: 404 from a/: gone"]),
    );
    cases
}

fn types() -> Vec<Case> {
    let body = "\u{FEFF}data: Grüße\n\n";
    let stream =
        |content_type: &str| raw(&format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}"), body);
    let mut cases = Vec::new();
    for content_type in [
        "text/event-stream",
        "Text/EVENT-Stream",
        "text/event-stream;charset=utf-8",
        "text/event-stream ; charset=windows-1252",
        "text/event-stream;charset=utf-16le",
        "text/event-stream; boundary=\"a;b\"",
        "text/event-stream;",
        "text/html\r\ncontent-type: text/event-stream",
    ] {
        cases.push(Case::new(content_type, [stream(content_type)]).requests(["GET a/"]).tells([
            "open a/",
            "message:Grüße",
            "ended, back in 5",
        ]));
    }
    for content_type in [
        "text/plain",
        "text/html; charset=utf-8",
        "text/event-stream-x",
        "text/event",
        "text /event-stream",
        "application/x-ndjson",
        "*/*",
        "",
        "text/event-stream\r\ncontent-type: text/html",
    ] {
        cases.push(
            Case::new(content_type, [stream(content_type)])
                .requests(["GET a/"])
                .tells([format!("failed: 200 from a/: {body}")]),
        );
    }
    let untyped = raw("HTTP/1.1 200 OK\r\nx-y: z", "data: 1\n\n");
    cases.push(
        Case::new("no type", [untyped])
            .requests(["GET a/"])
            .tells(["failed: 200 from a/: data: 1\n\n"]),
    );
    cases
}

/// How streams end.
fn ends() -> Vec<Case> {
    const TYPE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream";
    let sized =
        |length: usize, body: &str| raw(&format!("{TYPE}\r\ncontent-length: {length}"), body);
    let whole = "id: 1\ndata: 1\n\n";
    let torn = "id: 1\ndata: 1\n\nid: 2\ndata: 2\n";
    let ending = [
        ("a last chunk", Connection::stream(whole), "ended"),
        ("a last chunk in mid-event", Connection::stream(torn), "ended in mid-event"),
        ("no last chunk", Connection::cut(whole), "cut"),
        ("no last chunk, in mid-event", Connection::cut(torn), "cut"),
        ("half a chunk", Connection::of([open(whole), send("fff\r\nid: 2\ndata: 2\n")]), "cut"),
        ("half a chunk's size", Connection::of([open(whole), send("1")]), "cut"),
        ("a chunk's size that is none", Connection::of([open(whole), send("x\r\n\r\n")]), "cut"),
        ("a reset", Connection::of([open(whole), Step::Reset]), "cut"),
        ("half closed", Connection::of([open(whole), Step::HalfClose]), "cut"),
        ("a length", sized(whole.len(), whole), "ended"),
        ("a length in mid-event", sized(torn.len(), torn), "ended in mid-event"),
        ("a length that does not come", sized(100, whole), "cut"),
        ("the end of the connection", raw(TYPE, whole), "ended"),
        (
            "HTTP/1.0",
            raw("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream", torn),
            "ended in mid-event",
        ),
    ];
    let mut cases: Vec<Case> = ending
        .map(|(name, connection, end)| {
            Case::new(name, [connection, Connection::no_content()])
                .requests(["GET a/", "GET a/ last-event-id=1"])
                .tells([
                    "open a/".into(),
                    "message:1#1".into(),
                    end.to_owned() + BACK,
                    "closed: NoContent".into(),
                ])
        })
        .into();
    cases.push(
        Case::new("nothing at all", [Connection::stream(""), Connection::no_content()])
            .requests(["GET a/", "GET a/"])
            .tells(["open a/", "ended, back in 5", "closed: NoContent"]),
    );
    cases
}

/// What comes before a stream, or instead of one.
fn heads() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("closed before its head", Connection::of([])),
        ("reset before its head", Connection::of([Step::Reset])),
        ("half a head", Connection::sending("HTTP/1.1 200 OK\r\ncontent-ty")),
        ("another protocol", Connection::sending("SSH-2.0-OpenSSH_9.2\r\n\r\n")),
        ("no protocol", Connection::sending([0xFF; 100].to_vec())),
        ("no headers", Connection::sending("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n")),
        ("103 and no more", Connection::sending("HTTP/1.1 103 Early Hints\r\n\r\n")),
    ]
    .map(|(name, connection)| {
        Case::new(name, [connection, Connection::no_content()])
            .requests(["GET a/", "GET a/"])
            .tells(["unreachable, back in 5", "closed: NoContent"])
    })
    .into();
    cases.push(
        Case::new(
            "refused, then up",
            [Connection::Refused, Connection::Refused, Connection::open("data: 1\n\n")],
        )
        .requests(["GET a/"])
        .tells([
            "unreachable, back in 5",
            "unreachable, back in 5",
            "open a/",
            "message:1",
        ]),
    );
    let hints = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n";
    let response = [hints, hints, STREAM_HEAD, &chunk("data: 1\n\n")].concat();
    cases.push(
        Case::new("103 before the head", [Connection::of([send(response), Step::Hold])])
            .requests(["GET a/"])
            .tells(["open a/", "message:1"]),
    );
    let all = [
        STREAM_HEAD,
        &chunk("\u{FEFF}retry: 7\r\nid: Zürich\r\ndata: 1\r\ndata: 2\r\n\r\n"),
        &chunk(": comment\rdata: 3\r\r"),
    ];
    let bytes = Step::Trickle(all.concat().into(), std::time::Duration::ZERO);
    cases.push(
        Case::new("byte by byte", [Connection::of([bytes]), Connection::no_content()])
            .with(EventSourceBuilder::keep_comments)
            .requests(["GET a/", "GET a/ last-event-id=Zürich"])
            .tells([
                "open a/",
                "message:1\n2#Zürich",
                ": comment",
                "message:3#Zürich",
                "cut, back in 7",
                "closed: NoContent",
            ]),
    );
    cases
}

/// What lines other than `data` and `id` do.
fn lines() -> Vec<Case> {
    let retry = |name: &str, stream: &str, end: &str| {
        Case::new(name, [Connection::stream(stream), Connection::no_content()])
            .requests(["GET a/", "GET a/"])
            .tells(["open a/", end, "closed: NoContent"])
    };
    vec![
        retry("retry", "retry: 20\n\n", "ended, back in 20"),
        retry(
            "retry in a block that is cut",
            "retry: 20\ndata: 1\n",
            "ended in mid-event, back in 20",
        ),
        retry("retry on a lone CR", "retry: 20\r", "ended, back in 20"),
        retry("retry in a line that is cut", "retry: 20", "ended in mid-event, back in 5"),
        retry(
            "retry without digits",
            "retry:\nretry: +7\nretry: 1.5\nretry: 7 \n\n",
            "ended, back in 5",
        ),
        retry("the last retry", "retry: 20\nretry: 30\n\n", "ended, back in 30"),
        Case::new(
            "retry stays over streams",
            [Connection::stream("retry: 20\n\n"), Connection::stream(""), Connection::no_content()],
        )
        .requests(["GET a/", "GET a/", "GET a/"])
        .tells([
            "open a/",
            "ended, back in 20",
            "open a/",
            "ended, back in 20",
            "closed: NoContent",
        ]),
        Case::new(
            "events of the server's, whatever they are called",
            [Connection::open(
                "event: error\ndata: e\n\nevent: open\ndata: o\n\nevent: close\ndata\n\n",
            )],
        )
        .requests(["GET a/"])
        .tells(["open a/", "error:e", "open:o", "close:"]),
        Case::new("comments, where they are wanted", [Connection::open(": a\n:b\ndata: 1\n:\n\n")])
            .with(EventSourceBuilder::keep_comments)
            .requests(["GET a/"])
            .tells(["open a/", ": a", ":b", ":", "message:1"]),
        Case::new("no comments else", [Connection::open(": a\n:b\ndata: 1\n:\n\n")])
            .requests(["GET a/"])
            .tells(["open a/", "message:1"]),
        Case::new("lone CR ends a line at once", [Connection::open("data: 1\r\r")])
            .requests(["GET a/"])
            .tells(["open a/", "message:1"]),
        Case::new("what is no UTF-8", [Connection::open(b"data: a\xFFb\n\n")])
            .requests(["GET a/"])
            .tells(["open a/", "message:a\u{FFFD}b"]),
    ]
}

fn limits() -> Vec<Case> {
    let stream = format!("id: 1\ndata: 1\n\nid: 2\ndata: {}\n\ndata: 3\n\n", "x".repeat(200));
    let too_large = |name: &str| {
        Case::new(name, [Connection::stream(stream.clone()), Connection::no_content()])
    };
    vec![
        too_large("the id of an event that is too large is held back")
            .with(|builder| builder.event_limit(100))
            .requests(["GET a/", "GET a/ last-event-id=1"])
            .tells([
                "open a/",
                "message:1#1",
                "too large #2",
                "message:3#1",
                "ended, back in 5",
                "closed: NoContent",
            ]),
        too_large("it counts where the application wants that")
            .with(|builder| builder.event_limit(100).advance_past_too_large())
            .requests(["GET a/", "GET a/ last-event-id=2"])
            .tells([
                "open a/",
                "message:1#1",
                "too large #2",
                "message:3#2",
                "ended, back in 5",
                "closed: NoContent",
            ]),
        Case::new(
            "a long answer that is no stream",
            [Connection::answer("500 Broken", &[], vec![b'x'; 100 << 10])],
        )
        .requests(["GET a/"])
        .tells([format!("failed: 500 from a/: {}", "x".repeat(64 << 10)), "closed: Failed".into()]),
        Case::new(
            "an answer that breaks off",
            [raw("HTTP/1.1 500 Broken\r\ncontent-length: 100", "half")],
        )
        .requests(["GET a/"])
        .tells(["failed: 500 from a/: half", "closed: Failed"]),
    ]
}

/// Answers that are asked for once.
fn once() -> Vec<Case> {
    let answer = "data: Hello\n\ndata: [DONE]\n\ndata: more\n\n";
    let case = |name: &str, connection: Connection| {
        Case::new(name, [connection])
            .with(|builder| {
                let builder = builder.body("{}").header("content-type", "application/json");
                builder.policy(ReconnectPolicy::once())
            })
            .requests(["POST a/ content-type=application/json body={}"])
    };
    vec![
        case("once", Connection::stream("data: 1\n\n")).tells([
            "open a/",
            "message:1",
            "closed: Ended",
        ]),
        case("once, and cut", Connection::cut("data: 1\n\n")).tells([
            "open a/",
            "message:1",
            "failed: cut",
            "closed: Failed",
        ]),
        case("once, and torn", Connection::stream("data: 1\n\ndata: 2")).tells([
            "open a/",
            "message:1",
            "failed: ended in mid-event",
            "closed: Failed",
        ]),
        case("once, and refused", Connection::answer("429 Slower", &["retry-after: 1"], "later"))
            .tells(["failed: 429 from a/: later", "closed: Failed"]),
        case("once, and unreachable", Connection::of([Step::Reset]))
            .tells(["failed: unreachable", "closed: Failed"]),
        case("once, and nothing", Connection::no_content()).tells(["closed: NoContent"]),
        Case::new("up to a sentinel", [Connection::open(answer)])
            .with(|builder| builder.stop_at("[DONE]").policy(ReconnectPolicy::once()))
            .requests(["GET a/"])
            .tells(["open a/", "message:Hello", "closed: Sentinel"]),
        Case::new(
            "a sentinel is its whole data",
            [Connection::open("data: [DONE]!\n\ndata: [DONE]\ndata\n\n")],
        )
        .with(|builder| builder.stop_at("[DONE]"))
        .requests(["GET a/"])
        .tells(["open a/", "message:[DONE]!", "message:[DONE]\n"]),
        Case::new("two attempts", [Connection::Refused, Connection::of([Step::Reset])])
            .with(|builder| {
                let backoff = Backoff { floor: 0, ..Backoff::STANDARD };
                builder.policy(ReconnectPolicy::standard().backoff(backoff).attempts(2))
            })
            .requests(["GET a/"])
            .tells(["unreachable, back in 5", "out of 2 attempts: unreachable", "closed: Failed"]),
    ]
}
