//! Where an `EventSource` goes when it is redirected, and what it takes along: in memory, and on
//! sockets by the ready transport.

use sansse_tokio::{EventSource, EventSourceBuilder};
use tests::script::Connection;
use tests::scripted::Scripted;
use tests::source_case::{Case, run_in_memory, run_on_sockets};
use tests::source_log::take;

/// `Basic` with the user `me` and the password `pass word`.
const BASIC: &str = "authorization=Basic bWU6cGFzcyB3b3Jk";

#[tokio::test(start_paused = true)]
async fn in_memory() {
    run_in_memory(cases()).await;
}

#[tokio::test]
async fn on_sockets() {
    run_on_sockets(cases()).await;
}

fn cases() -> Vec<Case> {
    let parts = [kinds(), locations(), circles(), origins(), users(), staying(), dead_ends()];
    parts.into_iter().flatten().collect()
}

fn done() -> Connection {
    Connection::no_content()
}

/// Every status, with every kind of method.
fn kinds() -> Vec<Case> {
    fn post(builder: EventSourceBuilder) -> EventSourceBuilder {
        let builder = builder.header("content-type", "application/json").header("x-other", "1");
        builder.header("content-language", "en").body("{}")
    }
    fn report(builder: EventSourceBuilder) -> EventSourceBuilder {
        post(builder).method("REPORT")
    }
    const WITH: &str = " content-type=application/json content-language=en x-other=1 body={}";
    let mut cases = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        let script = || {
            [
                Connection::redirect(status, "http://{a}/new"),
                Connection::stream("id: 1\ndata: 1\n\n"),
                done(),
            ]
        };
        let tells = ["open a/new", "message:1#1", "ended, back in 5", "closed: NoContent"];
        // Reconnection goes to where the application wanted to go.
        cases.push(
            Case::new(format!("{status} GET"), script())
                .requests(["GET a/", "GET a/new", "GET a/ last-event-id=1"])
                .tells(tells),
        );
        let first = format!("POST a/{WITH}");
        let second = match status {
            301..=303 => "GET a/new x-other=1".to_owned(),
            _ => format!("POST a/new{WITH}"),
        };
        let third = first.replace("a/", "a/ last-event-id=1");
        cases.push(
            Case::new(format!("{status} POST"), script())
                .with(post)
                .requests([first, second, third])
                .tells(tells),
        );
        let first = format!("REPORT a/{WITH}");
        let second = match status {
            303 => "GET a/new x-other=1".to_owned(),
            _ => format!("REPORT a/new{WITH}"),
        };
        let third = first.replace("a/", "a/ last-event-id=1");
        cases.push(
            Case::new(format!("{status} REPORT"), script())
                .with(report)
                .requests([first, second, third])
                .tells(tells),
        );
    }
    cases.push(
        Case::new(
            "a body is not taken up again",
            [
                Connection::redirect(307, "/1"),
                Connection::redirect(303, "/2"),
                Connection::redirect(307, "/3"),
                done(),
            ],
        )
        .with(post)
        .requests([
            format!("POST a/{WITH}"),
            format!("POST a/1{WITH}"),
            "GET a/2 x-other=1".into(),
            "GET a/3 x-other=1".into(),
        ])
        .tells(["closed: NoContent"]),
    );
    cases
}

/// Every way to write a location.
fn locations() -> Vec<Case> {
    [
        ("/new?y=2", "GET a/new?y=2"),
        ("new", "GET a/folder/new"),
        ("./new", "GET a/folder/new"),
        ("../new", "GET a/new"),
        ("?y=2", "GET a/folder/events?y=2"),
        ("", "GET a/folder/events?x=1"),
        ("#fragment", "GET a/folder/events?x=1"),
        ("http://{a}/new#fragment", "GET a/new"),
        ("//{a}/new", "GET a/new"),
        ("HTTP://{a}", "GET a/"),
        ("http:new", "GET a/folder/new"),
        ("/a b", "GET a/a%20b"),
        ("/Zürich?ü", "GET a/Z%C3%BCrich?%C3%BC"),
        ("/%zz|^{x}", "GET a/%zz|^%7Bx%7D"),
        ("\\new", "GET a/new"),
    ]
    .map(|(location, request)| {
        Case::new(location, [Connection::redirect(302, location), done()])
            .at("http://{a}/folder/events?x=1#here")
            .requests(["GET a/folder/events?x=1", request])
            .tells(["closed: NoContent"])
    })
    .into()
}

fn circles() -> Vec<Case> {
    let circle = |redirects: usize, end: Connection| {
        let mut script = vec![Connection::redirect(302, "/"); redirects];
        script.push(end);
        script
    };
    vec![
        Case::new("twenty", circle(20, Connection::open("data: 1\n\n")))
            .requests(vec!["GET a/"; 21])
            .tells(["open a/", "message:1"]),
        Case::new("twenty-one", circle(21, Connection::open("data: 1\n\n")))
            .requests(vec!["GET a/"; 21])
            .tells(["failed: too many redirects", "closed: Failed"]),
        Case::new(
            "they are counted anew for each attempt",
            [circle(15, Connection::stream("")), circle(15, done())].concat(),
        )
        .requests(vec!["GET a/"; 32])
        .tells(["open a/", "ended, back in 5", "closed: NoContent"]),
    ]
}

/// What is secret stays with its origin.
fn origins() -> Vec<Case> {
    fn secrets(builder: EventSourceBuilder) -> EventSourceBuilder {
        let builder = builder.bearer("t").header("cookie", "c=1").header("x-other", "1");
        builder.header("proxy-authorization", "p")
    }
    const ALL: &str = "authorization=Bearer t cookie=c=1 proxy-authorization=p x-other=1";
    vec![
        Case::new("the same origin", [Connection::redirect(302, "http://{a}/new"), done()])
            .with(secrets)
            .requests([format!("GET a/ {ALL}"), format!("GET a/new {ALL}")])
            .tells(["closed: NoContent"]),
        Case::new(
            "another origin",
            [
                Connection::redirect(302, "http://{b}/new"),
                Connection::stream("id: 1\ndata: 1\n\n"),
                done(),
            ],
        )
        .with(secrets)
        .requests([
            format!("GET a/ {ALL}"),
            "GET b/new x-other=1".into(),
            format!("GET a/ last-event-id=1 {ALL}"),
        ])
        .tells(["open b/new", "message:1#1", "ended, back in 5", "closed: NoContent"]),
        Case::new("another origin, by `//`", [Connection::redirect(308, "//{b}/new"), done()])
            .with(secrets)
            .requests([format!("GET a/ {ALL}"), "GET b/new x-other=1".into()])
            .tells(["closed: NoContent"]),
        Case::new(
            "there and back",
            [
                Connection::redirect(307, "http://{b}/"),
                Connection::redirect(307, "http://{a}/2"),
                done(),
            ],
        )
        .with(secrets)
        .requests([format!("GET a/ {ALL}"), "GET b/ x-other=1".into(), "GET a/2 x-other=1".into()])
        .tells(["closed: NoContent"]),
    ]
}

/// A user in the URL is a secret too.
fn users() -> Vec<Case> {
    let case = |name: &str, location: &str| {
        Case::new(name, [Connection::redirect(302, location), done()])
            .at("http://me:pass%20word@{a}/")
            .tells(["closed: NoContent"])
    };
    vec![
        case("a user, and a relative location", "/new")
            .requests([format!("GET a/ {BASIC}"), format!("GET a/new {BASIC}")]),
        case("a user, and the same origin", "http://{a}/new")
            .requests([format!("GET a/ {BASIC}"), format!("GET a/new {BASIC}")]),
        case("a user, and another origin", "http://{b}/new")
            .requests([format!("GET a/ {BASIC}"), "GET b/new".into()]),
        case("a user that the location names", "http://you:x@{b}/new")
            .requests([format!("GET a/ {BASIC}"), "GET b/new authorization=Basic eW91Ong=".into()]),
        case("a header wins over a user", "http://{a}/new")
            .with(|builder| builder.bearer("t"))
            .requests(["GET a/ authorization=Bearer t", "GET a/new authorization=Bearer t"]),
    ]
}

/// Reconnects to where it was sent, where the application wants that.
fn staying() -> Vec<Case> {
    vec![
        Case::new(
            "staying where it was sent",
            [
                Connection::redirect(303, "http://{b}/new"),
                Connection::stream("id: 1\ndata: 1\n\n"),
                Connection::stream(""),
                Connection::redirect(302, "/newer"),
                Connection::stream(""),
                done(),
            ],
        )
        .with(|builder| {
            builder.stay_where_redirected().bearer("t").header("content-type", "x/y").body("{}")
        })
        .requests([
            "POST a/ authorization=Bearer t content-type=x/y body={}",
            "GET b/new",
            "GET b/new last-event-id=1",
            "GET b/new last-event-id=1",
            "GET b/newer last-event-id=1",
            "GET b/newer last-event-id=1",
        ])
        .tells([
            "open b/new",
            "message:1#1",
            "ended, back in 5",
            "open b/new",
            "ended, back in 5",
            "open b/newer",
            "ended, back in 5",
            "closed: NoContent",
        ]),
        Case::new(
            "only a stream is a place to stay",
            [Connection::redirect(302, "/new"), Connection::of([]), done()],
        )
        .with(EventSourceBuilder::stay_where_redirected)
        .requests(["GET a/", "GET a/new", "GET a/"])
        .tells(["unreachable, back in 5", "closed: NoContent"]),
    ]
}

/// Where nobody can follow.
fn dead_ends() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "ftp://{a}/",
        "javascript:alert(1)",
        "data:text/event-stream,data:%201",
        "mailto:a@b",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://a b/",
        "http://{a}:99999/",
    ]
    .map(|location| {
        let told = location.replace("{a}", "a");
        Case::new(location, [Connection::redirect(302, location)]).requests(["GET a/"]).tells([
            format!("failed: redirected to '{}'", told.strip_prefix("http://").unwrap_or(&told)),
            "closed: Failed".into(),
        ])
    })
    .into();
    cases.push(
        Case::new("no location", [Connection::answer("301 Elsewhere", &[], "")])
            .requests(["GET a/"])
            .tells(["failed: 301 to nowhere", "closed: Failed"]),
    );
    let long = format!("/{}", "x".repeat(70_000));
    cases.push(
        Case::new("a location that is too long", [Connection::redirect(302, &long)])
            .requests(["GET a/"])
            .tells([format!("failed: redirected to '{}'", &long[..200])]),
    );
    cases.push(
        Case::new(
            "404 behind a redirect",
            [Connection::redirect(302, "/new"), Connection::answer("404 Not Found", &[], "no")],
        )
        .requests(["GET a/", "GET a/new"])
        .tells(["failed: 404 from a/new: no"]),
    );
    cases.push(
        Case::new(
            "refused behind a redirect",
            [Connection::redirect(302, "http://{b}/"), Connection::Refused, done()],
        )
        .requests(["GET a/", "GET a/"])
        .tells(["unreachable, back in 5", "closed: NoContent"]),
    );
    cases
}

/// Another scheme is another origin, in both directions.
#[tokio::test(start_paused = true)]
async fn schemes() {
    for (first, second, expected) in [
        ("https://{a}/", "http://{a}/", ["GET https:a/ authorization=Bearer t", "GET a/"]),
        ("http://{a}/", "https://{a}/", ["GET a/ authorization=Bearer t", "GET https:a/"]),
    ] {
        let server = Scripted::in_memory([Connection::redirect(302, second), done()]);
        let builder = EventSource::get(server.fill(first)).bearer("t");
        let mut source = builder.transport(server.transport()).connect().unwrap();
        assert_eq!(take(&mut source, &server, 1).await, ["closed: NoContent"]);
        assert_eq!(server.lines(), expected);
    }
}

/// A header whose value is marked as sensitive is a credential; the well-known ones need no mark.
#[tokio::test(start_paused = true)]
async fn what_is_secret_stays_with_its_origin() {
    const ALL: &str = "authorization=t cookie=c=1 proxy-authorization=p x-api-key=k x-other=1";
    let script = [
        Connection::redirect(307, "/2"),
        Connection::redirect(307, "http://{b}/"),
        Connection::redirect(307, "http://{a}/3"),
        done(),
    ];
    let expected = [
        format!("GET a/ {ALL}"),
        format!("GET a/2 {ALL}"),
        "GET b/ x-other=1".into(),
        "GET a/3 x-other=1".into(),
    ];
    let server = Scripted::in_memory(script.clone());
    let mut key = http::HeaderValue::from_static("k");
    key.set_sensitive(true);
    let request = http::Request::get(server.url("/")).header("x-api-key", key);
    let request = request.header("authorization", "t").header("cookie", "c=1");
    let request = request.header("proxy-authorization", "p").header("x-other", "1");
    let builder = EventSource::request(request.body(bytes::Bytes::new()).unwrap());
    let mut source = builder.transport(server.transport()).connect().unwrap();
    assert_eq!(take(&mut source, &server, 1).await, ["closed: NoContent"]);
    assert_eq!(server.lines(), expected);

    let server = Scripted::in_memory(script);
    let builder = EventSource::get(server.url("/")).secret_header("x-api-key", "k");
    let builder = builder.header("authorization", "t").header("cookie", "c=1");
    let builder = builder.header("proxy-authorization", "p").header("x-other", "1");
    let mut source = builder.transport(server.transport()).connect().unwrap();
    assert_eq!(take(&mut source, &server, 1).await, ["closed: NoContent"]);
    assert_eq!(server.lines(), expected);
}
