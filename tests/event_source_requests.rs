//! What an `EventSource` asks for.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use sansse_tokio::{
    Attempt, Disconnect, EventSource, EventSourceBuilder, ReconnectPolicy, RequestError,
};
use tests::script::Connection;
use tests::scripted::{Scripted, Seen};
use tests::source_log::{next, take};

/// The one request that a source sends before it is told not to come back.
async fn request(configure: fn(EventSourceBuilder) -> EventSourceBuilder) -> Seen {
    let server = Scripted::in_memory([Connection::no_content()]);
    let builder = configure(EventSource::get(server.url("/?x=1")));
    let mut source = builder.transport(server.transport()).connect().unwrap();
    assert_eq!(next(&mut source, &server).await, "closed: NoContent");
    server.seen().remove(0)
}

fn headers(seen: &Seen) -> Vec<String> {
    let line = |(name, value): &(String, Vec<u8>)| format!("{name}: {}", value.escape_ascii());
    let mut lines: Vec<_> = seen.headers.iter().map(line).collect();
    lines.sort();
    lines
}

#[tokio::test(start_paused = true)]
async fn a_request_says_what_the_standard_has_it_say_and_no_more() {
    let seen = request(|builder| builder).await;
    assert_eq!(seen.line(), "GET a/?x=1");
    assert_eq!(
        headers(&seen),
        ["accept: text/event-stream", "cache-control: no-cache", "host: a.test"]
    );
}

#[tokio::test(start_paused = true)]
async fn all_of_a_request_can_be_set() {
    let seen = request(|builder| {
        let builder = builder.method("REPORT").bearer("t").body("{}").last_event_id("7");
        let builder = builder.header("Accept", "text/event-stream, application/json");
        builder
            .header("x-other", "1")
            .header("X-Other", b"\xFF")
            .header("cache-control", "no-store")
    })
    .await;
    assert_eq!(seen.method, "REPORT");
    assert_eq!(seen.body, b"{}");
    assert_eq!(
        headers(&seen),
        [
            "accept: text/event-stream, application/json",
            "authorization: Bearer t",
            "cache-control: no-store",
            "content-length: 2",
            "host: a.test",
            "last-event-id: 7",
            "x-other: \\xff",
        ]
    );
    assert_eq!(request(|builder| builder.body("{}")).await.method, "POST");
    assert_eq!(request(|builder| builder.method("PUT").body("{}")).await.method, "PUT");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_the_same_each_time_but_for_the_id() {
    let server = Scripted::in_memory([
        Connection::stream("id: 1\ndata: 1\n\n"),
        Connection::Refused,
        Connection::stream("id:\ndata: 1\n\n"),
        Connection::no_content(),
    ]);
    let request = Request::put(server.url("/")).header("cookie", "a=1").header("cookie", "b=2");
    let request = request.body(Bytes::from("{}")).unwrap();
    let builder = EventSource::request(request).transport(server.transport());
    let told = take(&mut builder.connect().unwrap(), &server, 99).await;
    assert_eq!(told.last().unwrap(), "closed: NoContent");
    assert_eq!(
        server.lines(),
        [
            "PUT a/ cookie=a=1 cookie=b=2 body={}",
            "PUT a/ last-event-id=1 cookie=a=1 cookie=b=2 body={}",
            "PUT a/ cookie=a=1 cookie=b=2 body={}",
        ]
    );
}

#[test]
fn what_cannot_be_sent_is_told_before_it_is_tried() {
    let canned = |_: Request<Bytes>| async {
        Err::<http::Response<http_body_util::Empty<Bytes>>, _>(io::Error::other("nobody"))
    };
    let get = || EventSource::get("http://a.test/").transport(canned);
    let url = |url: &str| EventSource::get(url).transport(canned).connect().unwrap_err();
    for wrong in ["", "/events", "a.test", "ftp://a.test/", "http://", "http://a b/", "http://a:x/"]
    {
        assert!(matches!(url(wrong), RequestError::Url(_)), "{wrong}");
    }
    let origin_form = Request::get("/events").body(Bytes::new()).unwrap();
    let error = EventSource::request(origin_form).transport(canned).connect().unwrap_err();
    assert!(matches!(error, RequestError::Url(_)), "{error}");
    for (builder, wrong) in [
        (get().header("a b", "1"), "the name of the header \"a b\""),
        (get().header("a", "1\r\nb: 2"), "the value of the header \"a\""),
        (get().bearer("t\n"), "the value of the header \"authorization\""),
        (get().method("GET /"), "the method \"GET /\""),
    ] {
        let error = builder.connect().unwrap_err();
        assert!(matches!(&error, RequestError::Header(what) if what == wrong), "{error}");
    }
    let long = "i".repeat((64 << 10) + 1);
    for id in ["a\nb", "a\rb", "a\0b", &long] {
        let error = get().last_event_id(id).connect().unwrap_err();
        assert_eq!(error, RequestError::LastEventId);
    }
    assert!(get().last_event_id(&long[1..]).connect().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_function_makes_the_request_of_each_attempt() {
    let server = Scripted::in_memory([
        Connection::stream("id: 1\ndata: 1\n\n"),
        Connection::Refused,
        Connection::answer("401 Who", &[], ""),
        Connection::stream(""),
        Connection::no_content(),
    ]);
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let noted = attempts.clone();
    let base = server.url("");
    let mut source = EventSource::with_requests(move |attempt: Attempt| {
        let last = attempt.last.as_ref().map_or("none".into(), |last| match &**last {
            Disconnect::Refused(refused) => refused.status.as_str().to_owned(),
            Disconnect::Unreachable(_) => "unreachable".into(),
            Disconnect::Ended(_) => "ended".into(),
            other => format!("{other:?}"),
        });
        let id = String::from_utf8(attempt.last_event_id.to_vec()).unwrap();
        let number = attempt.number;
        noted.lock().unwrap().push(format!("{number}, {}, {id:?}, {last}", attempt.failures));
        // A POST, then GETs elsewhere, with credentials that are never the same.
        let (method, body) = if number == 1 { ("POST", "{}") } else { ("GET", "") };
        let request = Request::builder().method(method).uri(format!("{base}/{number}"));
        let request = request.header("authorization", format!("Bearer {number}"));
        async move {
            tokio::task::yield_now().await;
            Ok(request.body(Bytes::from(body))?)
        }
    })
    .policy(ReconnectPolicy::standard().decide(|_, _| sansse_tokio::Decision::Reconnect))
    .transport(server.transport())
    .connect()
    .unwrap();
    let told = take(&mut source, &server, 99).await;
    assert_eq!(told.last().unwrap(), "closed: NoContent");
    assert_eq!(
        *attempts.lock().unwrap(),
        [
            "1, 0, \"\", none",
            "2, 0, \"1\", ended",
            "3, 1, \"1\", unreachable",
            "4, 2, \"1\", 401",
            "5, 3, \"1\", ended",
        ]
    );
    assert_eq!(
        server.lines(),
        [
            "POST a/1 authorization=Bearer 1 body={}",
            "GET a/3 last-event-id=1 authorization=Bearer 3",
            "GET a/4 last-event-id=1 authorization=Bearer 4",
            "GET a/5 last-event-id=1 authorization=Bearer 5",
        ]
    );
    // What the standard has a request say, this one says too.
    assert_eq!(server.seen()[0].header("accept"), Some(&b"text/event-stream"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_function_may_fail_and_is_asked_again() {
    let server = Scripted::in_memory([Connection::stream(""), Connection::no_content()]);
    let url = server.url("/");
    let builder = || {
        let url = url.clone();
        let source = EventSource::with_requests(move |attempt| {
            let url = url.clone();
            async move {
                match attempt.number {
                    1 => Err("no token".into()),
                    2 => Ok(Request::get("/origin-form").body(Bytes::new())?),
                    3 => Ok(Request::get(url).header("last-event-id", "mine").body(Bytes::new())?),
                    _ => Ok(Request::get(url).body(Bytes::new())?),
                }
            }
        });
        source.transport(server.transport()).last_event_id("7")
    };
    let told = take(&mut builder().connect().unwrap(), &server, 99).await;
    assert_eq!(told[0], "no request: no token, back in 3000");
    assert!(told[1].starts_with("no request: not an HTTP URL"), "{}", told[1]);
    assert_eq!(told[2..], ["open a/", "ended, back in 3000", "closed: NoContent"]);
    // It may also know better what to ask for.
    assert_eq!(server.lines(), ["GET a/ last-event-id=mine", "GET a/ last-event-id=7"]);

    let mut once = builder().policy(ReconnectPolicy::once()).connect().unwrap();
    assert_eq!(next(&mut once, &server).await, "failed: no request: no token");
    let mut twice = builder().policy(ReconnectPolicy::standard().attempts(2)).connect().unwrap();
    let told = take(&mut twice, &server, 99).await;
    assert!(told[1].starts_with("out of 2 attempts: no request: "), "{told:?}");
}
