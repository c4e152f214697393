//! A client that sends what it is told to, and keeps what comes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use sansse::{Item, Parser};

use super::device::PORT;
use super::simulation::Simulation;

/// One connection to the device.
#[derive(Clone, Debug)]
pub struct Client {
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Default)]
struct State {
    received: Vec<u8>,
    orders: VecDeque<Order>,
    waker: Option<Waker>,
    end: Option<End>,
}

#[derive(Debug)]
enum Order {
    Send(Vec<u8>),
    /// Reads no more,
    Stall,
    /// or reads on.
    Resume,
    Close,
    Abort,
}

/// How a connection ended for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

/// An answer, as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its number.
    pub status: u16,
    /// Its head, in lower case, from the status line on.
    pub head: String,
    /// What is behind the head.
    pub content: Vec<u8>,
}

impl Client {
    /// Connects, and sends some bytes.
    pub fn connect(simulation: &mut Simulation, bytes: impl Into<Vec<u8>>) -> Self {
        Self::with_buffers(simulation, bytes, 4096)
    }

    /// The same, with a receive buffer of so many bytes.
    pub fn with_buffers(
        simulation: &mut Simulation,
        bytes: impl Into<Vec<u8>>,
        buffer: usize,
    ) -> Self {
        let this = Self { state: Rc::default() };
        this.send(bytes);
        simulation.spawn(run(simulation.host, buffer, this.state.clone()));
        this
    }

    /// Sends more.
    pub fn send(&self, bytes: impl Into<Vec<u8>>) {
        self.order(Order::Send(bytes.into()));
    }

    /// Reads no more for now.
    pub fn stall(&self) {
        self.order(Order::Stall);
    }

    /// Reads on.
    pub fn resume(&self) {
        self.order(Order::Resume);
    }

    /// Closes the connection, and reads on.
    pub fn close(&self) {
        self.order(Order::Close);
    }

    /// Resets the connection.
    pub fn abort(&self) {
        self.order(Order::Abort);
    }

    /// All that has come.
    #[must_use]
    pub fn received(&self) -> Vec<u8> {
        self.state.borrow().received.clone()
    }

    /// Whether the connection is no more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state.borrow().end.is_some()
    }

    /// Whether the device has closed the connection, with nothing lost.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.borrow().end == Some(End::Closed)
    }

    /// The answer, once its head is whole.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        Answer::parse(&self.state.borrow().received)
    }

    /// The events that have come, type and data of each.
    #[must_use]
    pub fn events(&self) -> Vec<(String, String)> {
        self.answer().map(|answer| answer.events()).unwrap_or_default()
    }

    /// The last event ID as of what has come.
    #[must_use]
    pub fn last_event_id(&self) -> String {
        let Some(answer) = self.answer() else { return String::new() };
        let mut parser = Parser::growing(1 << 20, 128);
        let mut items = parser.feed(&answer.content);
        while items.next().is_some() {}
        parser.last_event_id().to_string()
    }

    fn order(&self, order: Order) {
        let mut state = self.state.borrow_mut();
        state.orders.push_back(order);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl Answer {
    /// An answer whose head is whole.
    ///
    /// # Panics
    ///
    /// When it is no HTTP/1.1.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head.strip_prefix("http/1.1 ").expect("HTTP/1.1").get(..3).unwrap();
        Some(Self {
            status: status.parse().unwrap(),
            head: head.clone(),
            content: bytes[end + 4..].to_vec(),
        })
    }

    /// The value of a field, in lower case.
    ///
    /// # Panics
    ///
    /// When there are two such fields.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        let mut values = self.head.lines().filter_map(|line| line.strip_prefix(&*prefix));
        let value = values.next();
        assert_eq!(values.next(), None, "{name} twice");
        value
    }

    /// The events of a stream, type and data of each.
    #[must_use]
    pub fn events(&self) -> Vec<(String, String)> {
        let mut parser = Parser::growing(1 << 20, 128);
        let mut items = parser.feed(&self.content);
        let mut events = Vec::new();
        while let Some(item) = items.next() {
            if let Item::Event(event) = item {
                events.push((event.event_type().to_string(), event.data().to_string()));
            }
        }
        events
    }
}

async fn run(stack: Stack<'static>, buffer: usize, state: Rc<RefCell<State>>) {
    let (mut received, mut room) = (vec![0; buffer], vec![0; 4096]);
    let mut socket = TcpSocket::new(stack, &mut received, &mut room);
    let mut is_stalled = false;
    if socket.connect((Simulation::DEVICE, PORT)).await.is_err() {
        state.borrow_mut().end = Some(End::Reset);
        return;
    }
    let mut chunk = [0; 1024];
    let end = loop {
        let read =
            async { if is_stalled { pending().await } else { socket.read(&mut chunk).await } };
        match select(next_order(&state), read).await {
            Either::First(Order::Send(bytes)) => {
                let mut bytes = &bytes[..];
                while !bytes.is_empty() {
                    match socket.write(bytes).await {
                        Ok(length) => bytes = &bytes[length..],
                        Err(_) => break,
                    }
                }
            }
            Either::First(Order::Stall) => is_stalled = true,
            Either::First(Order::Resume) => is_stalled = false,
            Either::First(Order::Close) => socket.close(),
            Either::First(Order::Abort) => {
                socket.abort();
                let _ = socket.flush().await;
                break End::Reset;
            }
            Either::Second(Ok(0)) => break End::Closed,
            Either::Second(Ok(length)) => {
                state.borrow_mut().received.extend_from_slice(&chunk[..length]);
            }
            Either::Second(Err(_)) => break End::Reset,
        }
    };
    state.borrow_mut().end = Some(end);
    if end == End::Closed {
        socket.close();
        let _ = socket.flush().await;
    }
}

async fn next_order(state: &RefCell<State>) -> Order {
    poll_fn(|cx| {
        let mut state = state.borrow_mut();
        if let Some(order) = state.orders.pop_front() {
            return Poll::Ready(order);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    })
    .await
}
