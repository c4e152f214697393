//! The server of a device on a connection that is no socket of embassy-net: all that it knows of is to
//! read and to write.

use std::cell::RefCell;
use std::rc::Rc;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_time::Duration;
use sansse_embassy::client::Connect as _;
use sansse_embassy::server::{self, Config, Page, Post, ServeError, Status, serve_io};
use sansse_embassy::{Broadcast, Event};
use tests::embassy::{Act, Scripted, Simulation};

type Feed = Broadcast<NoopRawMutex, 1024, 1>;
type Result = std::result::Result<(), ServeError<std::io::Error>>;

static PAGES: [Page; 1] = [Page::new("/", "text/plain", b"hello")];
static POSTS: [Post; 1] = [Post::new("/led", |_| Status::NO_CONTENT)];
static CONFIG: Config = Config::new()
    .pages(&PAGES)
    .posts(&POSTS)
    .read_timeout(Duration::from_secs(3))
    .write_timeout(Duration::from_secs(4))
    .keep_alive(Duration::from_secs(6));

const GET: &str = "GET /events HTTP/1.1\r\nHost: device\r\n\r\n";

/// What is served to a peer, in pieces that are read and written of so many bytes.
struct Serving {
    feed: &'static Feed,
    peer: Scripted,
    result: Rc<RefCell<Option<Result>>>,
}

impl Serving {
    fn new(simulation: &mut Simulation, peer: Scripted, piece: usize) -> Self {
        let feed: &Feed = Box::leak(Box::new(Feed::new()));
        feed.start(35);
        let result = Rc::new(RefCell::new(None));
        let (mut io, telling) = (peer.clone(), result.clone());
        simulation.spawn(async move {
            io.connect().await.unwrap();
            let (mut received, mut room) = (vec![0; piece], vec![0; piece]);
            let served = serve_io(&mut io, &mut received, &mut room, feed, &CONFIG).await;
            *telling.borrow_mut() = Some(served);
        });
        Self { feed, peer, result }
    }

    /// What the peer was sent, behind the head.
    fn content(&self) -> String {
        let sent = self.peer.requests().pop().unwrap_or_default();
        sent.split_once("\r\n\r\n").map(|(_, content)| content.to_owned()).unwrap_or_default()
    }

    fn is_over(&self) -> bool {
        self.result.borrow().is_some()
    }

    fn error(&self) -> Option<String> {
        self.result
            .borrow()
            .as_ref()
            .and_then(|result| result.as_ref().err().map(|error| format!("{error:?}")))
    }
}

#[test]
fn requests_are_answered_in_pieces_of_any_length() {
    for piece in 1..60 {
        let cases = [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200", "hello"),
            ("POST /led HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\non", "204", ""),
            ("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "404", ""),
            ("x\r\n\r\n", "400", ""),
        ];
        for (request, status, content) in cases {
            let mut simulation = Simulation::new();
            let script = vec![Act::Send(request.into(), piece), Act::Hang];
            let serving = Serving::new(&mut simulation, Scripted::new([script]), piece);
            simulation.run_until("the end", 1, || serving.is_over());
            assert_eq!((serving.content().as_str(), serving.error()), (content, None));
            let head = &serving.peer.requests()[0];
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        }
    }
}

#[test]
fn a_stream_goes_on_until_the_peer_goes() {
    for piece in [1, 2, 7, 100] {
        let mut simulation = Simulation::new();
        let script = vec![
            Act::Send(GET.into(), 9),
            Act::Wait(10_000),
            Act::Send(b"x".into(), 1),
            Act::Wait(900),
        ];
        let serving = Serving::new(&mut simulation, Scripted::new([script]), piece);
        simulation.run_until("a reader", 1, || serving.feed.readers() == 1);
        for number in 0..5 {
            serving.feed.publish(&Event::new(&number.to_string())).unwrap();
            simulation.run_for(100);
        }
        assert_eq!(serving.content().matches("data: ").count(), 5, "{}", serving.content());
        assert!(!serving.content().contains(":\n\n"));
        simulation.run_for(6_000);
        assert!(serving.content().ends_with("data: 4\n\n:\n\n"), "no sign of life");
        simulation.run_until("the end", 5, || serving.is_over());
        assert_eq!((serving.feed.readers(), serving.error()), (0, None));
    }
}

#[test]
fn who_is_slow_or_stuck_or_gone_is_not_waited_for() {
    // script, bytes that are taken, seconds until it is over, how
    let cases = [
        (vec![Act::Hang], usize::MAX, 3, None),
        (vec![Act::Send(GET.into(), 99), Act::Hang], 0, 4, Some("Stuck")),
        (vec![Act::Send(GET.into(), 99), Act::Hang], 200, 4, Some("Stuck")),
        (vec![], usize::MAX, 0, Some("Closed")),
        (vec![Act::Send(b"GET".into(), 9)], usize::MAX, 0, Some("Closed")),
        (vec![Act::Break], usize::MAX, 0, Some("Connection(Kind(ConnectionReset))")),
        (
            vec![Act::Send(GET.into(), 99), Act::Break],
            usize::MAX,
            0,
            Some("Connection(Kind(ConnectionReset))"),
        ),
    ];
    for (script, taken, seconds, expected) in cases {
        let mut simulation = Simulation::new();
        let peer = Scripted::new([script.clone()]).taking(taken);
        let serving = Serving::new(&mut simulation, peer, 64);
        simulation.run_for(1);
        for _ in 0..10 {
            serving.feed.publish(&Event::new("x")).unwrap();
        }
        if seconds > 0 {
            simulation.run_for(500 * seconds);
            assert!(!serving.is_over(), "{script:?} within {seconds} s");
        }
        simulation.run_until("the end", seconds, || serving.is_over());
        assert_eq!(serving.error().as_deref(), expected, "{script:?}");
        assert_eq!(serving.feed.readers(), 0);
    }
}

/// A place is given back by whoever drops the server in the middle of anything.
#[test]
fn serving_may_be_dropped() {
    let mut simulation = Simulation::new();
    let feed: &Feed = Box::leak(Box::new(Feed::new()));
    feed.start(35);
    for milliseconds in 1..60 {
        let script = GET.bytes().flat_map(|byte| [Act::Send(vec![byte], 1), Act::Wait(1)]);
        let script = script.chain([Act::Hang]).collect();
        let mut io = Scripted::new([script]);
        simulation.spawn(async move {
            io.connect().await.unwrap();
            let (mut received, mut room) = ([0; 8], [0; 8]);
            let serving = serve_io(&mut io, &mut received, &mut room, feed, &CONFIG);
            let _ = embassy_time::with_timeout(Duration::from_millis(milliseconds), serving).await;
        });
        simulation.run_for(milliseconds + 2);
        assert_eq!(feed.readers(), 0, "after {milliseconds} ms");
    }
}

/// What a connection takes in RAM, on a machine with words of eight bytes; on one with four it is hardly
/// more than half.
#[test]
fn futures_are_small() {
    let feed: &Feed = Box::leak(Box::new(Feed::new()));
    let (mut io, mut received, mut room) = (Scripted::default(), [0; 8], [0; 8]);
    let serving = serve_io(&mut io, &mut received, &mut room, feed, &CONFIG);
    let bytes = size_of_val(&serving);
    assert!(bytes <= 640, "{bytes} B");
    let subscription = size_of::<sansse_embassy::Subscription<'_, NoopRawMutex, 1024, 1>>();
    assert!(subscription <= 64, "{subscription} B");

    let mut simulation = Simulation::new();
    let (received, room) = (vec![0; 64].leak(), vec![0; 64].leak());
    let mut socket = embassy_net::tcp::TcpSocket::new(simulation.device, received, room);
    let bytes = size_of_val(&server::serve(&mut socket, feed, &CONFIG));
    assert!(bytes <= 440, "{bytes} B");
    let bytes = size_of_val(&server::listen(&mut socket, 80, feed, &CONFIG));
    assert!(bytes <= 520, "{bytes} B");
    drop(socket);
    simulation.run_for(1);
}
