//! The client of a device: what it makes of answers, when it comes back, and that it misses nothing.

use std::cell::RefCell;
use std::rc::Rc;

use embassy_net::tcp::TcpSocket;
use embassy_time::Duration;
use sansse::{Backoff, Event, Item, Parser};
use sansse_embassy::client::{ClientError, EventSource, Request, RequestError, Tcp};
use sansse_embassy::server::Config;
use sansse_embassy::{EventReader, EventWriter, WriteError};
use tests::embassy::{Act, PORT, Scripted, Simulation, serve};

/// What a source has told.
#[derive(Clone, Debug, Default)]
struct Told(Rc<RefCell<Vec<String>>>);

impl Told {
    fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    fn count(&self) -> usize {
        self.0.borrow().len()
    }
}

type Source<C> = EventSource<'static, C, [u8; 512], [u8; 96], [u8; 64]>;

fn source<C: sansse_embassy::client::Connect>(connection: C) -> Source<C> {
    let request = Request::new("device", "/events").unwrap();
    EventSource::new(connection, request, Parser::new([0; 512], [0; 96]), [0; 64])
}

/// Follows a source, for as long as it does not give up so many times.
fn follow<C: sansse_embassy::client::Connect + 'static>(
    simulation: &mut Simulation,
    mut source: Source<C>,
    patience: usize,
) -> Told {
    let told = Told::default();
    let telling = told.clone();
    simulation.spawn(async move {
        let mut refusals = 0;
        while refusals < patience {
            let line = match source.next().await {
                Ok(Item::Event(event)) => {
                    format!("{}: {}", event.event_type(), event.data())
                }
                Ok(Item::Retry(milliseconds)) => format!("retry {milliseconds}"),
                Ok(other) => format!("{other:?}"),
                Err(error) => {
                    refusals += 1;
                    format!("{error:?}")
                }
            };
            telling.0.borrow_mut().push(line);
        }
    });
    told
}

#[test]
fn a_request_is_what_a_browser_would_send() {
    let mut simulation = Simulation::new();
    let server = Scripted::new([vec![Act::stream("data: 1\n\n"), Act::Hang]]);
    let request = Request::new("device:81", "/events?a=b").unwrap();
    let request = request.headers(&[("Authorization", "Bearer x"), ("X-Y", "")]).unwrap();
    let parser = Parser::new([0; 512], [0; 96]);
    let mut source = EventSource::new(server.clone(), request, parser, [0; 64]);
    source.seed_last_event_id("Zürich".as_bytes()).unwrap();
    let told = follow(&mut simulation, source, 1);
    simulation.run_until("an event", 1, || told.count() == 1);
    assert_eq!(
        server.requests(),
        ["GET /events?a=b HTTP/1.1\r\nHost: device:81\r\nAccept: text/event-stream\r\n\
          Cache-Control: no-store\r\nLast-Event-ID: Zürich\r\n\
          Authorization: Bearer x\r\nX-Y: \r\n\r\n"]
    );
}

#[test]
fn what_cannot_be_asked_for_is_an_error() {
    for host in ["", "a b", "a/b", "a\r\nb", "ä"] {
        assert_eq!(Request::new(host, "/").unwrap_err(), RequestError::Host, "{host:?}");
    }
    for path in ["", "a", "/a b", "/a\r\nb", "/ä", "/a#b"] {
        assert_eq!(Request::new("a", path).unwrap_err(), RequestError::Path, "{path:?}");
    }
    for (name, value) in [
        ("", "a"),
        ("a b", "a"),
        ("a:", "a"),
        ("a", "b\r\nc: d"),
        ("a", "b\0"),
        ("host", "a"),
        ("Last-Event-ID", "7"),
        ("ACCEPT", "*/*"),
    ] {
        let request = Request::new("a", "/").unwrap();
        let headers = [(name, value)];
        assert_eq!(request.headers(&headers).unwrap_err(), RequestError::Header, "{name:?}");
    }
}

#[test]
fn contents_may_be_framed_in_each_way_and_come_in_any_pieces() {
    let content = "data: 1\n\nevent: a\ndata: 2\n\n";
    let stream = "Content-Type: text/event-stream\r\n";
    let length = format!("{stream}Content-Length: {}\r\n", content.len());
    let chunks = format!("{stream}Transfer-Encoding: chunked\r\n");
    let chunked =
        "3\r\ndat\r\n1;x\r\na\r\n5\r\n: 1\n\n\r\n11\r\nevent: a\ndata: 2\n\r\n1\r\n\n\r\n0\r\n\r\n";
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    let early = "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
    for answer in [
        head(stream) + content,
        head(&length) + content + "not of it",
        head(&chunks) + chunked + "not of it",
        head(&length.replace(": ", ":\t ")).replace("\r\n", "\n") + content,
        String::from(early) + head(&chunks).as_str() + chunked,
    ] {
        for piece in 1..answer.len() {
            let mut simulation = Simulation::new();
            let server = Scripted::new([vec![Act::Send(answer.clone().into_bytes(), piece)]]);
            let told = follow(&mut simulation, source(server.clone()), 1);
            simulation.run_until("events", 1, || told.count() == 2);
            // It comes back at the standard's time, and not before.
            simulation.run_for(2_990);
            assert_eq!(server.requests().len(), 1, "{answer:?} in {piece}");
            simulation.run_for(20);
            assert_eq!(server.requests().len(), 2, "{answer:?} in {piece}");
            assert_eq!(told.all(), ["message: 1", "a: 2"]);
        }
    }
}

#[test]
fn it_comes_back_with_its_last_event_id_however_a_connection_ends() {
    let mut simulation = Simulation::new();
    let server = Scripted::new([
        vec![Act::stream("retry: 500\nid: 1\ndata: a\n\nid: 2\ndata: b")],
        vec![Act::stream("id: 2\ndata: b\n\nid: 3\n\n"), Act::Break],
        vec![],
        vec![Act::Send(b"HTTP/1.1 200 OK\r\nConten".to_vec(), 99), Act::Break],
        vec![Act::Send(b"nonsense\r\n".to_vec(), 99), Act::Hang],
        vec![Act::answer(
            200,
            "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n",
            "9\r\nid: 4\n\nda\r\n?",
        )],
        vec![Act::stream("data: c\n\n"), Act::Hang],
    ]);
    let told = follow(&mut simulation, source(server.clone()), 1);
    simulation.run_until("all", 60, || server.requests().len() == 7 && told.count() == 4);
    assert_eq!(told.all(), ["retry 500", "message: a", "message: b", "message: c"]);
    // What had not ended when the connection did, has not set the id; what is no chunk, has ended it.
    assert_eq!(server.last_event_ids(), ["", "1", "3", "3", "3", "3", "4"]);
    assert_eq!(server.waits(), [500; 6]);
}

#[test]
fn silence_and_slow_connecting_have_an_end() {
    let mut simulation = Simulation::new();
    let server = Scripted::new([
        vec![Act::Hang],
        vec![
            Act::stream("retry: 500\n\n"),
            Act::Wait(900),
            Act::Send(b":\n".to_vec(), 9),
            Act::Hang,
        ],
        vec![Act::stream("data: a\n\n"), Act::Hang],
    ]);
    let source = source(server.clone())
        .connect_timeout(Duration::from_secs(2))
        .idle_timeout(Duration::from_secs(1));
    let told = follow(&mut simulation, source, 1);
    simulation.run_until("an event", 60, || told.count() == 2);
    // 2 s to connect and 3 s of the standard's; 0.9 s and a second of silence, and 0.5 s.
    assert_eq!(server.waits(), [5_000, 2_400]);
}

#[test]
fn it_gives_up_as_browsers_do_and_goes_on_if_asked_to() {
    let mut simulation = Simulation::new();
    let stream = "Content-Type: text/event-stream\r\n";
    let server = Scripted::new([
        vec![Act::answer(204, stream, "")],
        vec![Act::answer(200, "", "data: x\n\n")],
        vec![Act::answer(200, "Content-Type: text/html\r\n", "data: x\n\n")],
        vec![Act::answer(503, stream, "data: x\n\n")],
        vec![Act::answer(301, "Location: /\r\n", "")],
        vec![Act::stream("data: a\n\n"), Act::Hang],
    ]);
    let told = follow(&mut simulation, source(server.clone()), 99);
    simulation
        .run_until("an event", 60, || told.all().last().is_some_and(|line| line == "message: a"));
    let refusals = [
        ClientError::Stop,
        ClientError::Type,
        ClientError::Type,
        ClientError::Status(503),
        ClientError::Status(301),
    ];
    assert_eq!(told.all()[..5], refusals.map(|error| format!("{error:?}")));
    assert_eq!(server.waits(), [3_000; 5]);
}

#[test]
fn failures_in_a_row_are_paced_as_asked() {
    let mut simulation = Simulation::new();
    let server = Scripted::new([
        vec![],
        vec![],
        vec![],
        vec![Act::stream("")],
        vec![Act::stream("data: a\n\n")],
        vec![],
        vec![Act::stream("data: b\n\n"), Act::Hang],
    ]);
    let backoff = Backoff { jitter: 0, ..Backoff::EXPONENTIAL };
    let told = follow(&mut simulation, source(server.clone()).backoff(backoff, 1), 1);
    simulation.run_until("events", 600, || told.count() == 2);
    // A stream without an event proves nothing.
    assert_eq!(server.waits(), [3_000, 6_000, 12_000, 24_000, 3_000, 6_000]);
}

#[test]
fn jitter_differs_from_device_to_device() {
    let mut waits = Vec::new();
    for random in [1, 2, 3] {
        let mut simulation = Simulation::new();
        let server = Scripted::new([]);
        let backoff = Backoff { jitter: 25, ..Backoff::STANDARD };
        follow(&mut simulation, source(server.clone()).backoff(backoff, random), 1);
        simulation.run_until("attempts", 60, || server.requests().len() == 5);
        assert!(server.waits().iter().all(|wait| (3_000..3_751).contains(wait)));
        waits.push(server.waits());
    }
    assert!(waits[0] != waits[1] && waits[1] != waits[2]);
}

/// A `next` that is dropped over and over again loses nothing, and makes no attempt too many.
#[test]
fn next_may_be_dropped() {
    let mut simulation = Simulation::new();
    let events = |ids: std::ops::Range<u32>| {
        ids.flat_map(|id| {
            [Act::Send(format!("id: {id}\ndata: {id}\n\n").into_bytes(), 3), Act::Wait(3)]
        })
        .collect::<Vec<_>>()
    };
    let script = |ids| [vec![Act::stream("retry: 700\n\n")], events(ids)].concat();
    let server = Scripted::new([script(0..40), script(40..80), vec![Act::Hang]]);
    let mut source = source(server.clone());
    let told = Told::default();
    let telling = told.clone();
    simulation.spawn(async move {
        for round in 0_u64.. {
            let time = Duration::from_millis(5 + round % 7);
            if let Ok(Ok(Item::Event(event))) =
                embassy_time::with_timeout(time, source.next()).await
            {
                telling.0.borrow_mut().push(event.data().to_string());
            }
        }
    });
    simulation.run_until("all events", 60, || told.count() == 80);
    assert_eq!(told.all(), (0..80).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(server.last_event_ids(), ["", "39"]);
}

#[test]
fn it_follows_the_server_of_another_device_over_a_bad_cable() {
    static CONFIG: Config = Config::new().write_timeout(Duration::from_secs(2));
    let mut simulation = Simulation::new();
    let feed = serve::<16_384, 1>(&mut simulation, 2, &CONFIG);
    simulation.cable.loss = 30;
    let (received, room) = (vec![0; 512].leak(), vec![0; 512].leak());
    let mut socket = TcpSocket::new(simulation.host, received, room);
    socket.set_timeout(Some(Duration::from_secs(5)));
    let connection = Tcp::new(socket, (Simulation::DEVICE, PORT));
    let told = follow(&mut simulation, source(connection).idle_timeout(Duration::from_secs(8)), 1);
    simulation.run_until("a reader", 60, || feed.readers() == 1);
    // The opening is the first that it tells of.
    simulation.run_until("a retry", 60, || told.count() == 1);
    for number in 0..200 {
        feed.publish(&Event::new(&number.to_string())).unwrap();
        simulation.cable.is_cut = number == 100;
        simulation.run_for(if number == 100 { 10_000 } else { 50 });
    }
    let events =
        || told.all().into_iter().filter(|line| line.starts_with("message: ")).collect::<Vec<_>>();
    simulation.run_until("all events", 120, || events().len() == 200);
    assert_eq!(events(), (0..200).map(|number| format!("message: {number}")).collect::<Vec<_>>());
    assert!(told.all().iter().filter(|line| *line == "retry 3000").count() > 1, "never away");
}

#[test]
fn readers_and_writers_take_any_stream_in_buffers_of_any_size() {
    let events = [
        Event::new("a\nb").with_type("t").unwrap().with_id("7").unwrap(),
        Event::new(""),
        Event::new("ü").with_id("").unwrap(),
    ];
    for length in 1..70 {
        let (mut stream, mut buffer) = ([0; 256], vec![0; length]);
        let written = embassy_futures::block_on(async {
            let mut writer = EventWriter::new(&mut stream[..], &mut buffer);
            for event in &events {
                writer.event(event).await?;
            }
            writer.event_with("f", Some("8"), |out| write!(out, "{}\r\n{}", 1, 2)).await?;
            writer.id("9").await?;
            writer.comment("c").await?;
            writer.retry(1234).await?;
            let bad = [
                writer.event_with("a\nb", None, |_| Ok(())).await,
                writer.event_with("", Some("a\0"), |_| Ok(())).await,
                writer.id("\n").await,
                writer.comment("\r").await,
            ];
            assert!(bad.iter().all(|result| matches!(result, Err(WriteError::Field(_)))));
            let failed = writer.event_with("", None, |_| Err(std::fmt::Error)).await;
            assert_eq!(failed, Err(WriteError::Format));
            Ok::<_, WriteError<_>>(256 - writer.into_target().len())
        });
        let stream = &stream[..written.unwrap()];
        let expected = "event: t\nid: 7\ndata: a\ndata: b\n\ndata: \n\nid: \ndata: ü\n\n\
                        event: f\nid: 8\ndata: 1\ndata: 2\n\nid: 9\n\n:c\n\nretry: 1234\n\n";
        assert_eq!(std::str::from_utf8(stream), Ok(expected), "{length}");

        let mut reader = EventReader::new(
            stream,
            Parser::new([0; 64], [0; 24]).keep_comments(),
            vec![0_u8; length].leak(),
        );
        let told = embassy_futures::block_on(async {
            let mut told = Vec::new();
            while let Some(item) = reader.next().await.unwrap() {
                told.push(match item {
                    Item::Event(event) => {
                        format!("{} {} {}", event.event_type(), event.data(), event.last_event_id())
                    }
                    Item::Retry(milliseconds) => milliseconds.to_string(),
                    Item::Comment(comment) => comment.text().to_string(),
                    other => format!("{other:?}"),
                });
            }
            told
        });
        assert_eq!(told, ["t a\nb 7", "message  7", "message ü ", "f 1\n2 8", "c", "1234"]);
        assert_eq!(reader.last_event_id(), "9");
    }
}

/// A target that is full in the middle of a block is an error.
#[test]
fn a_target_that_fails_is_an_error() {
    let (mut stream, mut buffer) = ([0; 10], [0; 4]);
    let written = embassy_futures::block_on(
        EventWriter::new(&mut stream[..], &mut buffer).event(&Event::new("0123456789")),
    );
    assert!(matches!(written, Err(WriteError::Target(_))));
}
