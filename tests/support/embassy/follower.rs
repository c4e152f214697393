//! A client that comes back, as an EventSource does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Timer, with_timeout};
use sansse::{Item, Parser};

use super::device::PORT;
use super::simulation::Simulation;

/// A client that follows the events of the device, and comes back with its last event ID.
#[derive(Clone, Debug, Default)]
pub struct Follower {
    state: Rc<State>,
}

#[derive(Debug, Default)]
struct State {
    events: RefCell<Vec<(String, String)>>,
    last_event_id: RefCell<String>,
    connections: Cell<usize>,
}

impl Follower {
    /// Follows the events at a path.
    pub fn new(simulation: &mut Simulation, path: &'static str) -> Self {
        let this = Self::default();
        simulation.spawn(follow(simulation.host, path, this.state.clone()));
        this
    }

    /// Type and data of each event that has come.
    #[must_use]
    pub fn events(&self) -> Vec<(String, String)> {
        self.state.events.borrow().clone()
    }

    /// How many events have come.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state.events.borrow().len()
    }

    /// Whether it has been told a position.
    #[must_use]
    pub fn has_position(&self) -> bool {
        !self.state.last_event_id.borrow().is_empty()
    }

    /// How often it was answered.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.get()
    }
}

async fn follow(stack: Stack<'static>, path: &str, state: Rc<State>) {
    let mut retry = 100;
    loop {
        connect_once(stack, path, &state, &mut retry).await;
        Timer::after(Duration::from_millis(retry)).await;
    }
}

async fn connect_once(stack: Stack<'static>, path: &str, state: &State, retry: &mut u64) {
    let (mut received, mut room) = (vec![0; 2048], vec![0; 1024]);
    let mut socket = TcpSocket::new(stack, &mut received, &mut room);
    // What is lost on the way is sent again, by the client's stack, too.
    socket.set_timeout(Some(Duration::from_secs(30)));
    socket.set_keep_alive(Some(Duration::from_secs(5)));
    let connect = socket.connect((Simulation::DEVICE, PORT));
    if !matches!(with_timeout(Duration::from_secs(5), connect).await, Ok(Ok(()))) {
        return;
    }
    let id = state.last_event_id.borrow().clone();
    let header = if id.is_empty() { String::new() } else { format!("Last-Event-ID: {id}\r\n") };
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: device\r\nAccept: text/event-stream\r\n{header}\r\n");
    let mut bytes = request.as_bytes();
    while !bytes.is_empty() {
        let Ok(length) = socket.write(bytes).await else { return };
        bytes = &bytes[length..];
    }
    let mut parser = Parser::growing(1 << 16, 128);
    let _ = parser.seed_last_event_id(id.as_bytes());
    let (mut head, mut chunk) = (Vec::new(), [0; 512]);
    let mut is_open = false;
    while let Ok(length @ 1..) = socket.read(&mut chunk).await {
        let mut body = &chunk[..length];
        if !is_open {
            head.extend_from_slice(body);
            let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") else { continue };
            assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
            body = &head[end + 4..];
            is_open = true;
            state.connections.set(state.connections.get() + 1);
        }
        let mut items = parser.feed(body);
        while let Some(item) = items.next() {
            match item {
                Item::Event(event) => state
                    .events
                    .borrow_mut()
                    .push((event.event_type().to_string(), event.data().to_string())),
                Item::Retry(milliseconds) => *retry = milliseconds,
                _ => {}
            }
        }
        *state.last_event_id.borrow_mut() = parser.last_event_id().to_string();
    }
}
