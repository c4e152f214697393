//! What the server of a device answers, through a stack and a cable.

use embassy_time::Duration;
use sansse_embassy::server::{Config, Page, Post, Status};
use sansse_embassy::{Event, StreamOptions};
use tests::embassy::{Answer, Client, Simulation, serve};

const GZIP: &[u8] = b"\x1F\x8B not really";

static PAGES: [Page; 2] =
    [Page::gzip("/", "text/html", GZIP), Page::new("/both", "text/plain", b"both")];
static POSTS: [Post; 2] = [Post::new("/led", switch), Post::new("/both", |_| Status(202))];
static CONFIG: Config = Config::new()
    .pages(&PAGES)
    .posts(&POSTS)
    .events("/live")
    .origins(&["https://a.example", "http://b.example:81"])
    .head_limit(1000)
    .read_timeout(Duration::from_secs(3));

fn switch(content: &[u8]) -> Status {
    match content {
        b"on" | b"off" => Status::NO_CONTENT,
        _ => Status::BAD_REQUEST,
    }
}

/// A request with the host that it must have.
fn request(line: &str, fields: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: device\r\n{fields}\r\n")
}

/// What is answered to some bytes, by a device that closes the connection then.
fn answer(simulation: &mut Simulation, bytes: impl AsRef<[u8]>) -> Answer {
    let bytes = bytes.as_ref();
    let client = Client::connect(simulation, bytes);
    simulation.run_until(&String::from_utf8_lossy(bytes), 20, || client.is_over());
    assert!(client.is_closed(), "reset: {}", String::from_utf8_lossy(bytes));
    client.answer().unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(bytes)))
}

#[test]
fn a_reader_gets_events_as_they_come() {
    let mut simulation = Simulation::new();
    let feed = serve::<2048, 2>(&mut simulation, 2, &CONFIG);
    let client = Client::connect(&mut simulation, request("GET /live", ""));
    simulation.run_until("an opening", 5, || client.last_event_id() == "z-0");
    feed.publish(&Event::new("a").with_type("b").unwrap()).unwrap();
    simulation.run_until("an event", 5, || client.events().len() == 1);
    let answer = client.answer().unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("content-type"), Some("text/event-stream"));
    assert_eq!(answer.field("cache-control"), Some("no-store, no-transform"));
    assert_eq!(answer.field("connection"), Some("close"));
    assert_eq!(answer.field("content-length"), None);
    assert_eq!(
        String::from_utf8(answer.content).unwrap(),
        "id: z-0\n\nretry: 3000\n\nid: z-1\nevent: b\ndata: a\n\n"
    );
}

#[test]
fn each_request_is_answered() {
    let mut simulation = Simulation::new();
    serve::<2048, 2>(&mut simulation, 3, &CONFIG);
    // first line, fields, content; status
    let cases = [
        ("GET /", "", "", 200),
        ("HEAD /", "", "", 200),
        (
            "GET /?a=b",
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n",
            "",
            200,
        ),
        ("GET http://device/both", "", "", 200),
        ("HEAD /live", "Accept: text/event-stream\r\n", "", 200),
        ("POST /led", "Content-Length: 2\r\n", "on", 204),
        ("POST /led", "Content-Length: 3\r\n", "off", 204),
        ("POST /led", "Content-Length: 4\r\n", "what", 400),
        ("POST /led", "", "", 400),
        ("POST /both", "Content-Length: 0\r\n", "", 202),
        // Nothing there, or not for that.
        ("GET /index.html", "", "", 404),
        ("POST /index.html", "Content-Length: 1\r\n", "x", 404),
        ("OPTIONS *", "", "", 404),
        ("DELETE /", "", "", 405),
        ("POST /", "", "", 405),
        ("POST /live", "", "", 405),
        ("GET /led", "", "", 405),
        ("OPTIONS /live", "", "", 405),
        ("get /", "", "", 405),
        ("GET /live", "Accept: text/html\r\n", "", 406),
        ("HEAD /live", "Accept: application/json, image/*\r\n", "", 406),
        ("POST /led", "Transfer-Encoding: chunked\r\n", "2\r\non\r\n0\r\n\r\n", 411),
        ("POST /led", "Content-Length: 97\r\n", "", 413),
        ("POST /led", "Content-Length: 99999999999999999999\r\n", "", 413),
        // No requests.
        ("GET", "", "", 400),
        ("GET /  ", "", "", 400),
        ("GET  /", "", "", 400),
        ("GET index.html", "", "", 400),
        ("GET /", "Host: other\r\n", "", 400),
        ("GET /", "A : b\r\n", "", 400),
        ("GET /", " folded\r\n", "", 400),
        ("GET /", "no colon\r\n", "", 400),
        ("GET /", "A: \0\r\n", "", 400),
        ("GET /", "A: b\rc\r\n", "", 400),
        ("POST /led", "Content-Length: +2\r\n", "on", 400),
        ("POST /led", "Content-Length: 2\r\nContent-Length: 3\r\n", "on", 400),
        ("POST /led", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "on", 400),
    ];
    for (line, fields, content, status) in cases {
        let bytes = request(line, fields) + content;
        let answer = answer(&mut simulation, &bytes);
        assert_eq!(answer.status, status, "{bytes:?}");
        let length = answer.field("content-length").map(|length| length.parse::<usize>().unwrap());
        match status {
            204 => assert_eq!(length, None, "{bytes:?}"),
            200 if line.ends_with("/live") => assert_eq!(length, None, "{bytes:?}"),
            _ if line.starts_with("HEAD ") => assert!(answer.content.is_empty(), "{bytes:?}"),
            _ => assert_eq!(length, Some(answer.content.len()), "{bytes:?}"),
        }
    }
    for (bytes, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\n\r\n", 200),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("\r\nGET / HTTP/1.1\nHost: a\n\n", 200),
        ("\x16\x03\x01\x02\0\x01", 400),
        ("SSH-2.0-client\r\n", 400),
    ] {
        assert_eq!(answer(&mut simulation, bytes).status, status, "{bytes:?}");
    }
}

#[test]
fn what_pages_and_methods_there_are_is_told() {
    let mut simulation = Simulation::new();
    serve::<2048, 2>(&mut simulation, 2, &CONFIG);
    let page = answer(&mut simulation, request("GET /", ""));
    assert_eq!(page.content, GZIP);
    assert_eq!(page.field("content-type"), Some("text/html"));
    assert_eq!(page.field("content-encoding"), Some("gzip"));
    let other = answer(&mut simulation, request("GET /both", ""));
    assert_eq!((other.content.as_slice(), other.field("content-encoding")), (&b"both"[..], None));
    let head = answer(&mut simulation, request("HEAD /both", ""));
    assert_eq!((head.content.as_slice(), head.field("content-length")), (&b""[..], Some("4")));
    for (line, methods) in [
        ("DELETE /", "get, head, options"),
        ("DELETE /live", "get, head, options"),
        ("DELETE /led", "post, options"),
        ("DELETE /both", "get, head, post, options"),
    ] {
        let answer = answer(&mut simulation, request(line, ""));
        assert_eq!((answer.status, answer.field("allow")), (405, Some(methods)), "{line}");
    }
}

#[test]
fn a_request_may_come_in_any_pieces() {
    let mut simulation = Simulation::new();
    let feed = serve::<2048, 2>(&mut simulation, 2, &CONFIG);
    feed.publish(&Event::new("a")).unwrap();
    let head = request("GET /live", "Cookie: x\r\nLast-Event-ID: z-0\r\n");
    let post = request("POST /led", "Content-Length: 2\r\n") + "on";
    for length in 1..40 {
        let client = Client::connect(&mut simulation, "");
        for piece in head.as_bytes().chunks(length) {
            client.send(piece);
            simulation.run_for(3);
        }
        simulation.run_until("the event", 5, || client.events().len() == 1);
        client.close();

        let client = Client::connect(&mut simulation, "");
        for piece in post.as_bytes().chunks(length) {
            client.send(piece);
            simulation.run_for(3);
        }
        simulation.run_until("an answer", 5, || client.is_closed());
        assert_eq!(client.answer().unwrap().status, 204);
    }
}

#[test]
fn heads_are_limited_in_bytes_and_in_time() {
    let mut simulation = Simulation::new();
    let feed = serve::<2048, 2>(&mut simulation, 2, &CONFIG);
    // As many bytes as there may be, with a field that is longer than what is kept of it.
    let head = |length: usize| {
        let rest = request("GET /", "Cookie: \r\n").len();
        request("GET /", &format!("Cookie: {}\r\n", "x".repeat(length - rest)))
    };
    assert_eq!(answer(&mut simulation, head(1000)).status, 200);
    assert_eq!(answer(&mut simulation, head(1001)).status, 431);
    assert_eq!(answer(&mut simulation, "x".repeat(2000)).status, 431);
    assert_eq!(answer(&mut simulation, "\r\n".repeat(700)).status, 431);
    let path = "x".repeat(200);
    assert_eq!(answer(&mut simulation, request(&format!("GET /{path}"), "")).status, 431);

    // One that comes a byte at a time has no longer than another.
    let client = Client::connect(&mut simulation, "");
    let mut seconds = 0;
    for byte in request("GET /", "").bytes() {
        client.send([byte]);
        simulation.run_for(500);
        seconds += 1;
        if client.is_over() {
            break;
        }
    }
    assert!(client.is_closed());
    assert_eq!(client.answer().unwrap().status, 408);
    assert!((5..=8).contains(&seconds), "after {seconds} halves of a second");

    // The content counts, too.
    let post = request("POST /led", "Content-Length: 2\r\n") + "o";
    assert_eq!(answer(&mut simulation, post).status, 408);

    // Who goes before that is not waited for.
    let client = Client::connect(&mut simulation, "GET");
    simulation.run_for(100);
    client.close();
    simulation.run_until("the end", 1, || client.is_over());
    assert_eq!(feed.readers(), 0);
}

#[test]
fn pages_of_other_origins_may_do_what_is_allowed_them() {
    let mut simulation = Simulation::new();
    let feed = serve::<2048, 2>(&mut simulation, 2, &CONFIG);
    let post =
        |origin: &str| request("POST /led", &format!("{origin}Content-Length: 2\r\n")) + "on";
    for (origin, status, allowed) in [
        ("", 204, None),
        ("Origin: https://a.example\r\n", 204, Some("https://a.example")),
        ("Origin: http://b.example:81\r\n", 204, Some("http://b.example:81")),
        // The page of the device itself, behind TLS too.
        ("Origin: http://device\r\n", 204, None),
        ("Origin: https://DEVICE\r\n", 204, None),
        ("Origin: http://a.example\r\n", 403, None),
        ("Origin: https://a.example:444\r\n", 403, None),
        ("Origin: https://a.example.evil\r\n", 403, None),
        ("Origin: http://b.example\r\n", 403, None),
        ("Origin: http://device.evil\r\n", 403, None),
        ("Origin: http://devic\r\n", 403, None),
        ("Origin: null\r\n", 403, None),
        ("Origin: \r\n", 403, None),
        ("Origin: device\r\n", 403, None),
        ("Origin: https://a.example\r\nOrigin: https://a.example\r\n", 403, None),
        ("Origin: http://evil\r\nOrigin: http://device\r\n", 403, None),
    ] {
        let answer = answer(&mut simulation, post(origin));
        assert_eq!(answer.status, status, "{origin}");
        assert_eq!(answer.field("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(answer.field("vary"), Some("origin"), "{origin}");
    }
    // The host may stand behind the origin, and be too long to be told from others.
    for (host, status) in [("device", 204), ("other", 403)] {
        let head = format!("POST /led HTTP/1.1\r\nOrigin: http://{host}\r\nHost: device\r\n");
        let bytes = head + "Content-Length: 2\r\n\r\non";
        assert_eq!(answer(&mut simulation, bytes).status, status, "{host}");
    }
    for (length, status) in [(40, 204), (41, 403)] {
        let host = "h".repeat(length);
        let head = format!("POST /led HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n");
        let bytes = head + "Content-Length: 2\r\n\r\non";
        assert_eq!(answer(&mut simulation, bytes).status, status, "{length}");
    }

    let preflight = |origin: &str| {
        let asks = "Access-Control-Request-Method: POST\r\n";
        request("OPTIONS /led", &format!("Origin: {origin}\r\n{asks}"))
    };
    let allowed = answer(&mut simulation, preflight("https://a.example"));
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.field("access-control-allow-origin"), Some("https://a.example"));
    assert_eq!(allowed.field("access-control-allow-methods"), Some("get, head, post"));
    assert_eq!(
        allowed.field("access-control-allow-headers"),
        Some("last-event-id, cache-control, content-type")
    );
    let refused = answer(&mut simulation, preflight("https://c.example"));
    assert_eq!((refused.status, refused.field("access-control-allow-methods")), (204, None));
    assert_eq!(refused.field("vary"), Some("origin"));

    let stream = request("GET /live", "Origin: https://a.example\r\n");
    let client = Client::connect(&mut simulation, stream);
    simulation.run_until("a stream", 5, || feed.readers() == 1);
    simulation.run_until("its head", 5, || client.answer().is_some());
    let answer = client.answer().unwrap();
    assert_eq!(answer.field("access-control-allow-origin"), Some("https://a.example"));
}

#[test]
fn who_comes_back_is_given_what_it_missed_or_told() {
    let mut simulation = Simulation::new();
    let feed = serve::<300, 1>(&mut simulation, 2, &CONFIG);
    for number in 1..=40 {
        feed.publish(&Event::new(&number.to_string())).unwrap();
    }
    let mut stream = |id: &str, events: usize| {
        let fields = format!("Last-Event-ID: {id}\r\n");
        let client = Client::connect(&mut simulation, request("GET /live", &fields));
        simulation.run_until(id, 5, || client.events().len() == events && feed.readers() == 1);
        client.abort();
        simulation.run_until("a free place", 5, || feed.readers() == 0);
        client.events().remove(0)
    };
    let event = |data: &str| (String::from("message"), String::from(data));
    let reset = |reason| (String::from("reset"), format!("{{\"reason\":\"{reason}\"}}"));
    // 38 is `12` in base 36.
    assert_eq!(stream("z-12", 2), event("39"));
    assert_eq!(stream("z-13", 1), event("40"));
    // Of several the first counts.
    assert_eq!(stream("z-13\r\nLast-Event-ID: z-1", 1), event("40"));
    let dropped = "the history no longer holds all events since the id";
    assert_eq!(stream("z-1", 1), reset(dropped));
    let unknown = "the id was not given by this run of the log";
    let long = "z-".repeat(100);
    for id in ["y-12", "z", "é", "z-12z-12z-12z-12z-12z-12z-12", &long] {
        assert_eq!(stream(id, 1), reset(unknown));
    }
    assert_eq!(stream("z-15", 1), reset("the id has not been given yet"));
    let counts = feed.counts();
    assert_eq!((counts.replayed, counts.resets, counts.refused), (4, 7, 0));
}

#[test]
fn who_finds_no_place_is_told_when_to_come_back() {
    static PATIENT: Config = Config::new()
        .stream(StreamOptions::new().retry(Duration::from_secs(1)).spread(Duration::from_secs(4)));
    let mut simulation = Simulation::new();
    let feed = serve::<2048, 2>(&mut simulation, 4, &PATIENT);
    let get = request("GET /events", "Last-Event-ID: z-0\r\n");
    let readers = [(); 2].map(|()| Client::connect(&mut simulation, get.clone()));
    simulation.run_until("all places taken", 5, || feed.readers() == 2);
    let mut times = Vec::new();
    for _ in 0..8 {
        let answer = answer(&mut simulation, &get);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.field("content-type"), Some("text/event-stream"));
        let content = String::from_utf8(answer.content).unwrap();
        let time = content.strip_prefix("retry: ").and_then(|time| time.strip_suffix("\n\n"));
        let time: u64 = time.unwrap_or_else(|| panic!("{content}")).parse().unwrap();
        assert!((1000..5000).contains(&time));
        times.push(time / 1000);
    }
    times.sort_unstable();
    assert_eq!(times, [1, 1, 2, 2, 3, 3, 4, 4]);
    assert_eq!(feed.counts().refused, 8);
    // The others have noticed nothing, and a place is free as soon as one goes.
    feed.publish(&Event::new("a")).unwrap();
    simulation.run_until("an event", 5, || readers.iter().all(|client| client.events().len() == 1));
    readers[0].close();
    simulation.run_until("a free place", 1, || feed.readers() == 1);
    let client = Client::connect(&mut simulation, get);
    simulation.run_until("the event", 5, || client.events().len() == 1);
}

#[test]
fn a_log_that_closes_ends_its_streams_and_one_that_opens_begins_anew() {
    let mut simulation = Simulation::new();
    let feed = serve::<2048, 2>(&mut simulation, 3, &CONFIG);
    let readers = [(); 2].map(|()| Client::connect(&mut simulation, request("GET /live", "")));
    simulation.run_until("readers", 5, || readers.iter().all(|client| client.answer().is_some()));
    feed.publish(&Event::new("last")).unwrap();
    feed.close();
    let is_drained = std::rc::Rc::new(std::cell::Cell::new(false));
    let drained = is_drained.clone();
    simulation.spawn(async move {
        feed.drained().await;
        drained.set(true);
    });
    simulation.run_until("the ends", 5, || readers.iter().all(Client::is_closed));
    assert!(is_drained.get());
    let mut times = readers.map(|client| {
        let content = String::from_utf8(client.answer().unwrap().content).unwrap();
        let rest = content.split_once("data: last\n\nretry: ").expect("a retry behind the event").1;
        rest.trim_end().parse::<u64>().unwrap()
    });
    times.sort_unstable();
    assert!(times[0] >= 3000 && times[1] < 8000 && times[1] - times[0] > 100, "{times:?}");
    let late = answer(&mut simulation, request("GET /live", "Last-Event-ID: z-1\r\n"));
    assert!(late.content.starts_with(b"retry: "), "{late:?}");

    feed.start(36);
    let client = Client::connect(&mut simulation, request("GET /live", "Last-Event-ID: z-1\r\n"));
    simulation.run_until("a reset", 5, || client.events().len() == 1);
    let content = String::from_utf8(client.answer().unwrap().content).unwrap();
    assert!(content.starts_with("event: reset\nid: 10-2\n"), "{content}");
    assert!(content.ends_with("\n\nretry: 3000\n\n"), "{content}");
}
