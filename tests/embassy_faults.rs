//! The server of a device over a bad cable, and with bad peers: whoever is gone or stuck frees a place,
//! delays nobody, and misses nothing that it is not told of.

use embassy_net::tcp::TcpSocket;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_time::{Duration, Instant};
use proptest::collection::vec;
use proptest::prelude::*;
use sansse_embassy::server::{self, Config, Page};
use sansse_embassy::{Broadcast, Event};
use tests::embassy::{Client, Follower, PORT, Simulation, serve};
use tests::strategy;

/// Seconds that a peer may take nothing.
const WRITE: u64 = 4;
/// Seconds that a stream may be silent.
const SILENCE: u64 = 6;

static CONTENT: [u8; 20_000] = [b'x'; 20_000];
static PAGES: [Page; 1] = [Page::new("/", "text/plain", &CONTENT)];
static CONFIG: Config = Config::new()
    .pages(&PAGES)
    .read_timeout(Duration::from_secs(3))
    .write_timeout(Duration::from_secs(WRITE))
    .keep_alive(Duration::from_secs(SILENCE));

const GET: &str = "GET /events HTTP/1.1\r\nHost: device\r\n\r\n";

/// So many readers that have got their opening.
fn readers<const COUNT: usize>(simulation: &mut Simulation) -> [Client; COUNT] {
    let clients = [(); COUNT].map(|()| Client::connect(simulation, GET));
    simulation.run_until("the openings", 10, || {
        clients.iter().all(|client| !client.last_event_id().is_empty())
    });
    clients
}

/// Data of so many bytes, numbered.
fn data(number: usize, length: usize) -> String {
    format!("{number:0length$}")
}

#[test]
fn who_closes_or_resets_frees_its_place_at_once() {
    let mut simulation = Simulation::new();
    let feed = serve::<2048, 4>(&mut simulation, 4, &CONFIG);
    for go in [Client::close, Client::abort] {
        let clients = readers::<4>(&mut simulation);
        assert_eq!(feed.readers(), 4);
        clients.iter().for_each(go);
        // Without an event, and long before any time is over.
        simulation.run_for(20);
        assert_eq!(feed.readers(), 0);
        simulation.run_until("the ends", 2, || clients.iter().all(Client::is_over));
    }
}

#[test]
fn four_clients_killed_make_place_for_four_others() {
    let mut simulation = Simulation::new();
    // Those who come now, come before the sockets of those who went listen again.
    let feed = serve::<2048, 4>(&mut simulation, 8, &CONFIG);
    for round in 1..=5 {
        let clients = readers::<4>(&mut simulation);
        feed.publish(&Event::new("x")).unwrap();
        simulation
            .run_until("the event", 2, || clients.iter().all(|client| client.events().len() == 1));
        clients.iter().for_each(Client::abort);
        assert_eq!(feed.counts().refused, 0, "round {round}");
    }
}

#[test]
fn who_does_not_read_is_cut_and_delays_nobody() {
    let mut simulation = Simulation::new();
    let feed = serve::<2048, 3>(&mut simulation, 3, &CONFIG);
    let stuck = Client::with_buffers(&mut simulation, GET, 300);
    let [reader] = readers::<1>(&mut simulation);
    stuck.stall();
    let start = Instant::now();
    let mut number = 0;
    let mut is_free = None;
    while is_free.is_none() {
        number += 1;
        feed.publish(&Event::new(&data(number, 100))).unwrap();
        simulation.run_until("the event", 1, || reader.events().len() == number);
        simulation.run_for(100);
        if feed.readers() == 1 {
            is_free = Some((Instant::now() - start).as_millis());
        }
        assert!(number < 100, "never cut");
    }
    // The buffers are full after a second or so.
    assert!(is_free < Some(1000 * (WRITE + 3)), "{is_free:?}");
    assert_eq!(reader.events().len(), number);
    // What it had got is a part of the stream, and was not made whole by anything else.
    stuck.resume();
    simulation.run_until("its end", 20, || stuck.is_over());
    let events = stuck.events();
    assert!(events.iter().enumerate().all(|(index, (_, got))| *got == data(index + 1, 100)));
}

#[test]
fn who_reads_slowly_is_not_cut() {
    let mut simulation = Simulation::new();
    let feed = serve::<8192, 1>(&mut simulation, 1, &CONFIG);
    let slow = Client::with_buffers(&mut simulation, GET, 300);
    simulation.run_until("an opening", 5, || slow.last_event_id() == "z-0");
    for number in 0..40 {
        feed.publish(&Event::new(&data(number, 100))).unwrap();
    }
    slow.stall();
    for _ in 0..100 {
        simulation.run_for(1000 * (WRITE - 2));
        slow.resume();
        simulation.run_for(1);
        slow.stall();
        assert_eq!(feed.readers(), 1);
    }
    slow.resume();
    simulation.run_until("all events", 20, || slow.events().len() == 40);
}

/// Looking after peers more often, for the signs of life, makes nobody less patient.
#[test]
fn the_write_timeout_is_the_same_however_often_there_are_signs_of_life() {
    static FREQUENT: Config =
        Config::new().write_timeout(Duration::from_secs(10)).keep_alive(Duration::from_millis(700));
    let mut simulation = Simulation::new();
    let feed = serve::<4096, 1>(&mut simulation, 1, &FREQUENT);
    for offset in [0, 100, 250, 333] {
        let client = Client::with_buffers(&mut simulation, GET, 300);
        simulation.run_until("an opening", 5, || client.last_event_id().starts_with("z-"));
        simulation.run_for(offset);
        client.stall();
        feed.publish(&Event::new(&data(1, 2000))).unwrap();
        simulation.run_for(4_900);
        assert_eq!(feed.readers(), 1, "cut too early");
        simulation.run_until("a free place", 6, || feed.readers() == 0);
        client.abort();
        simulation.run_for(2_000);
    }
    let [client] = readers::<1>(&mut simulation);
    let known = client.received().len();
    simulation.run_for(7_000);
    let comments = client.received()[known..].len() / 3;
    assert!((10..=22).contains(&comments), "{comments} signs of life in 7 s");
}

#[test]
fn who_is_overtaken_in_the_middle_of_an_event_is_cut_and_comes_back() {
    let mut simulation = Simulation::new();
    let feed = serve::<4096, 2>(&mut simulation, 2, &CONFIG);
    let client = Client::with_buffers(&mut simulation, GET, 300);
    simulation.run_until("an opening", 5, || client.last_event_id() == "z-0");
    client.stall();
    // More than fits the buffers on both sides.
    feed.publish(&Event::new(&data(1, 3000))).unwrap();
    simulation.run_for(1000);
    for number in 2..10 {
        feed.publish(&Event::new(&data(number, 1000))).unwrap();
    }
    client.resume();
    simulation.run_until("its end", 5, || client.is_over());
    assert!(!client.is_closed(), "a part of an event was made to look like all of it");
    assert_eq!((client.events(), feed.readers()), (Vec::new(), 0));
    let fields = format!("Last-Event-ID: {}\r\n\r\n", client.last_event_id());
    let client =
        Client::connect(&mut simulation, GET.replace("\r\n\r\n", &format!("\r\n{fields}")));
    simulation.run_until("a reset", 5, || client.events().len() == 1);
    assert_eq!(client.events()[0].0, "reset");
}

#[test]
fn whose_cable_is_cut_is_noticed_within_the_write_timeout() {
    let mut simulation = Simulation::new();
    let feed = serve::<2048, 3>(&mut simulation, 4, &CONFIG);
    for has_events in [true, false] {
        let _clients = readers::<3>(&mut simulation);
        assert_eq!(feed.readers(), 3);
        simulation.run_for(700);
        simulation.cable.is_cut = true;
        if has_events {
            feed.publish(&Event::new("x")).unwrap();
        }
        // Where nothing happens, the sign of life shows it.
        let seconds = if has_events { WRITE } else { SILENCE + WRITE };
        simulation.run_until("free places", seconds, || feed.readers() == 0);
        simulation.cable.is_cut = false;
        // And the sockets are ready for others at once.
        let clients = readers::<3>(&mut simulation);
        clients.iter().for_each(Client::abort);
        simulation.run_until("free places", 1, || feed.readers() == 0);
    }
}

#[test]
fn who_asks_for_a_connection_and_vanishes_keeps_no_socket() {
    let mut simulation = Simulation::new();
    serve::<2048, 1>(&mut simulation, 1, &CONFIG);
    // So that the two know each other's address.
    let [client] = readers::<1>(&mut simulation);
    client.close();
    simulation.run_for(100);
    let vanished = Client::connect(&mut simulation, GET);
    // The first frame has left, and the answer gets lost, as all that is said again does.
    simulation.run_for(1);
    simulation.cable.is_cut = true;
    vanished.abort();
    simulation.run_for(1000 * (WRITE + 1));
    simulation.cable.is_cut = false;
    readers::<1>(&mut simulation);
}

#[test]
fn a_socket_that_was_used_before_is_reset_and_serves() {
    let mut simulation = Simulation::new();
    let feed: &Broadcast<CriticalSectionRawMutex, 2048, 1> = Box::leak(Box::new(Broadcast::new()));
    feed.start(35);
    let stack = simulation.device;
    simulation.spawn(async move {
        let (mut received, mut room) = (vec![0; 512], vec![0; 1024]);
        let mut socket = TcpSocket::new(stack, &mut received, &mut room);
        socket.accept(PORT).await.unwrap();
        server::listen(&mut socket, PORT, feed, &CONFIG).await;
    });
    let earlier = Client::connect(&mut simulation, GET);
    simulation.run_until("the reset", 2, || earlier.is_over());
    assert!(earlier.received().is_empty());
    readers::<1>(&mut simulation);
}

#[test]
fn a_quiet_stream_shows_that_it_lives() {
    let mut simulation = Simulation::new();
    serve::<2048, 1>(&mut simulation, 1, &CONFIG);
    let [client] = readers::<1>(&mut simulation);
    let mut known = client.received().len();
    for _ in 0..10 {
        let start = Instant::now();
        simulation.run_until("a comment", SILENCE, || client.received().len() > known);
        assert_eq!(&client.received()[known..], b":\n\n");
        known += 3;
        // Not more often than it must.
        assert!(Instant::now() - start >= Duration::from_secs(SILENCE / 3));
    }
}

#[test]
fn events_are_signs_of_life() {
    let mut simulation = Simulation::new();
    let feed = serve::<8192, 1>(&mut simulation, 1, &CONFIG);
    let [client] = readers::<1>(&mut simulation);
    for _ in 0..60 {
        feed.publish(&Event::new("x")).unwrap();
        simulation.run_for(1000);
    }
    assert_eq!(client.events().len(), 60);
    assert!(!client.received().windows(3).any(|bytes| bytes == b":\n\n"));
}

#[test]
fn a_cable_that_holds_frames_back_for_a_while_cuts_nobody() {
    let mut simulation = Simulation::new();
    let feed = serve::<8192, 2>(&mut simulation, 2, &CONFIG);
    let clients = readers::<2>(&mut simulation);
    for number in 0..20 {
        feed.publish(&Event::new(&data(number, 80))).unwrap();
        simulation.cable.is_stalled = number % 5 == 4;
        simulation.run_for(if simulation.cable.is_stalled { 1500 } else { 100 });
        simulation.cable.is_stalled = false;
    }
    simulation
        .run_until("all events", 20, || clients.iter().all(|client| client.events().len() == 20));
    assert_eq!(feed.readers(), 2);
}

#[test]
fn a_page_comes_whole_over_a_bad_cable() {
    let mut simulation = Simulation::new();
    serve::<2048, 1>(&mut simulation, 2, &CONFIG);
    simulation.cable.loss = 50;
    simulation.cable.delay = 7;
    let clients = [(); 2]
        .map(|()| Client::connect(&mut simulation, "GET / HTTP/1.1\r\nHost: device\r\n\r\n"));
    simulation.run_until("the pages", 300, || clients.iter().all(Client::is_over));
    for client in clients {
        assert!(client.is_closed());
        assert!(client.answer().unwrap().content == CONTENT);
    }
    assert!(simulation.cable.lost > 5, "{:?}", simulation.cable);
}

#[test]
fn who_sends_and_never_reads_the_answer_is_cut() {
    let mut simulation = Simulation::new();
    serve::<2048, 1>(&mut simulation, 1, &CONFIG);
    let greedy = "GET / HTTP/1.1\r\nHost: device\r\n\r\n";
    let client = Client::with_buffers(&mut simulation, greedy, 300);
    client.stall();
    // The only socket serves another at last.
    for second in 0.. {
        assert!(second <= WRITE + 1, "never cut");
        simulation.run_for(700);
        let next = Client::connect(&mut simulation, GET);
        simulation.run_for(300);
        if next.answer().is_some() {
            break;
        }
        next.abort();
    }
}

#[test]
fn eight_clients_get_a_thousand_events_over_a_cable_that_loses_frames() {
    const EVENTS: usize = 1000;
    let mut simulation = Simulation::new();
    let feed = serve::<65_536, 8>(&mut simulation, 10, &CONFIG);
    simulation.cable.loss = 50;
    let followers = [(); 8].map(|()| Follower::new(&mut simulation, "/events"));
    simulation.run_until("positions", 60, || followers.iter().all(Follower::has_position));
    for number in 0..EVENTS {
        // Long enough that they are thought to be gone.
        simulation.cable.is_cut = number == 300;
        feed.publish(&Event::new(&data(number, 20)).with_type("n").unwrap()).unwrap();
        simulation.run_for(if simulation.cable.is_cut { 1000 * (WRITE + 1) } else { 20 });
        if number == 600 {
            simulation.cable.delay = 40;
        }
    }
    simulation.run_until("all events", 300, || {
        followers.iter().all(|follower| follower.count() == EVENTS)
    });
    assert!(simulation.cable.lost > 100, "{:?}", simulation.cable);
    for follower in followers {
        for (number, event) in follower.events().into_iter().enumerate() {
            assert_eq!(event, (String::from("n"), data(number, 20)));
        }
        assert!(follower.connections() > 1, "the cut was not noticed");
    }
}

#[test]
fn who_is_away_for_too_long_is_told_and_goes_on() {
    let mut simulation = Simulation::new();
    let feed = serve::<1024, 1>(&mut simulation, 2, &CONFIG);
    let follower = Follower::new(&mut simulation, "/events");
    simulation.run_until("a position", 10, || follower.has_position());
    simulation.cable.is_cut = true;
    for number in 0..100 {
        feed.publish(&Event::new(&data(number, 40))).unwrap();
        simulation.run_for(100);
    }
    simulation.cable.is_cut = false;
    simulation.run_until("a reset", 60, || follower.count() == 1);
    feed.publish(&Event::new("next")).unwrap();
    simulation.run_until("an event", 10, || follower.count() == 2);
    let [(reset, _), (_, next)] = &follower.events()[..] else { panic!("{follower:?}") };
    assert_eq!((reset.as_str(), next.as_str()), ("reset", "next"));
}

#[test]
fn slow_heads_keep_no_place_from_readers_for_long() {
    let mut simulation = Simulation::new();
    let feed = serve::<2048, 4>(&mut simulation, 4, &CONFIG);
    // Three sockets are held by who sends a byte a second, for as long as a request may take.
    let slow: Vec<_> = (0..3).map(|_| Client::connect(&mut simulation, "G")).collect();
    let [reader] = readers::<1>(&mut simulation);
    for _ in 0..5 {
        simulation.run_for(1000);
        slow.iter().for_each(|client| client.send("x"));
        feed.publish(&Event::new("x")).unwrap();
    }
    simulation.run_until("the ends", 5, || slow.iter().all(Client::is_over));
    simulation.run_until("all events", 1, || reader.events().len() == 5);
    readers::<3>(&mut simulation);
}

proptest! {
    #![proptest_config(strategy::cases(24))]

    /// No bytes from the network keep a place or a socket, or anything from a reader.
    #[test]
    fn garbage_harms_nobody(
        pieces in vec(prop_oneof![
            2 => vec(any::<u8>(), 0..300),
            2 => Just(b"GET /events HTTP/1.1\r\nHost: device\r\n\r\n".to_vec()),
            1 => Just(b"GET /events HTTP/1.1\r\n".to_vec()),
            1 => Just(b"Last-Event-ID: z-\xFF\r\n".to_vec()),
            1 => Just(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n".to_vec()),
            1 => Just(b"\r\n\r\n".to_vec()),
        ], 1..8),
        does_close in any::<bool>(),
        loss in 0..100_u32,
    ) {
        let mut simulation = Simulation::new();
        let feed = serve::<2048, 3>(&mut simulation, 3, &CONFIG);
        let [reader] = readers::<1>(&mut simulation);
        simulation.cable.loss = loss;
        let bad = [(); 2].map(|()| Client::connect(&mut simulation, ""));
        for (number, piece) in pieces.into_iter().enumerate() {
            bad.iter().for_each(|client| client.send(piece.clone()));
            feed.publish(&Event::new(&data(number, 10))).unwrap();
            simulation.run_for(500);
        }
        for client in &bad {
            if does_close { client.close() } else { client.abort() }
        }
        simulation.cable.loss = 0;
        simulation.run_until("the ends", 60, || bad.iter().all(Client::is_over));
        simulation.run_until("free places", 60, || feed.readers() == 1);
        let count = feed.publish(&Event::new("last")).unwrap().sequence;
        simulation.run_until("all events", 60, || reader.events().len() as u64 == count);
        simulation.run_for(1000 * (WRITE + 2));
        readers::<2>(&mut simulation);
    }
}
