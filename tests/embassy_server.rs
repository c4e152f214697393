//! The server of a device, through a stack and a cable: who is answered what, and when a place is free
//! again.

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use sansse_embassy::server::{self, Config};
use sansse_embassy::{Broadcast, Event};
use tests::embassy::{Client, Simulation};

type Feed = Broadcast<CriticalSectionRawMutex, 2048, 2>;

const GET_EVENTS: &str = "GET /events HTTP/1.1\r\nHost: device\r\n\r\n";

static CONFIG: Config = Config::new();

/// A device that serves on port 80 with so many sockets.
fn device(simulation: &mut Simulation, sockets: usize, config: &'static Config) -> &'static Feed {
    let feed: &Feed = Box::leak(Box::new(Feed::new()));
    feed.start(35);
    for _ in 0..sockets {
        let stack = simulation.device;
        simulation.spawn(async move {
            let (mut received, mut room) = (vec![0; 512], vec![0; 1024]);
            let mut socket = embassy_net::tcp::TcpSocket::new(stack, &mut received, &mut room);
            server::listen(&mut socket, 80, feed, config).await;
        });
    }
    feed
}

#[test]
fn a_reader_gets_events_as_they_come() {
    let mut simulation = Simulation::new();
    let feed = device(&mut simulation, 2, &CONFIG);
    let client = Client::connect(&mut simulation, 80, GET_EVENTS);
    simulation.run_until("an opening", 5, || client.last_event_id() == "z-0");
    feed.publish(&Event::new("a").with_type("b").unwrap()).unwrap();
    simulation.run_until("an event", 5, || client.events().len() == 1);
    let answer = client.answer().unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("content-type"), Some("text/event-stream"));
    assert_eq!(
        String::from_utf8(answer.content).unwrap(),
        "id: z-0\n\nretry: 3000\n\nid: z-1\nevent: b\ndata: a\n\n"
    );
    assert_eq!(feed.readers(), 1);
    client.close();
    simulation.run_until("a free place", 5, || feed.readers() == 0);
}
