//! A server that follows a script.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::rc::Rc;

use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{ErrorType, Read, Write};
use sansse_embassy::client::Connect;

/// What a connection does, one after the other. Behind the last it is closed.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends bytes, in pieces of so many.
    Send(Vec<u8>, usize),
    /// Waits so many milliseconds, from when it is first read from,
    Wait(u64),
    /// which is until then.
    Until(Instant),
    /// Breaks.
    Break,
    /// Never says anything again.
    Hang,
}

impl Act {
    /// Sends the head of an answer with these fields, and a content.
    #[must_use]
    pub fn answer(status: u16, fields: &str, content: &str) -> Self {
        Self::Send(format!("HTTP/1.1 {status} x\r\n{fields}\r\n{content}").into_bytes(), 7)
    }

    /// Opens a stream that ends with the connection, and sends some of it.
    #[must_use]
    pub fn stream(content: &str) -> Self {
        Self::answer(200, "Content-Type: text/event-stream\r\n", content)
    }
}

/// A server that follows a script for each connection, and refuses those for which there is none.
#[derive(Clone, Debug, Default)]
pub struct Scripted {
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Default)]
struct State {
    scripts: VecDeque<Vec<Act>>,
    script: VecDeque<Act>,
    /// What came over each connection, and the millisecond in which it was made.
    requests: Vec<(String, u64)>,
    /// How many bytes of a connection it takes.
    most: Option<usize>,
}

impl Scripted {
    /// With scripts for so many connections.
    #[must_use]
    pub fn new(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let state = State { scripts: scripts.into_iter().collect(), ..State::default() };
        Self { state: Rc::new(RefCell::new(state)) }
    }

    /// Takes so many bytes of each connection, and then nothing.
    #[must_use]
    pub fn taking(self, bytes: usize) -> Self {
        self.state.borrow_mut().most = Some(bytes);
        self
    }

    /// The requests that have come.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.state.borrow().requests.iter().map(|(request, _)| request.clone()).collect()
    }

    /// The last event ID of each request that has come; empty where it had none.
    #[must_use]
    pub fn last_event_ids(&self) -> Vec<String> {
        let id = |request: &String| {
            let line = request.lines().find_map(|line| line.strip_prefix("Last-Event-ID: "));
            line.unwrap_or_default().to_owned()
        };
        self.requests().iter().map(id).collect()
    }

    /// The milliseconds between each attempt to connect and the one before.
    #[must_use]
    pub fn waits(&self) -> Vec<u64> {
        let state = self.state.borrow();
        state.requests.windows(2).map(|pair| pair[1].1 - pair[0].1).collect()
    }
}

impl Connect for Scripted {
    type ConnectError = ();

    async fn connect(&mut self) -> Result<(), ()> {
        let mut state = self.state.borrow_mut();
        state.requests.push((String::new(), Instant::now().as_millis()));
        state.script = state.scripts.pop_front().ok_or(())?.into();
        Ok(())
    }
}

impl ErrorType for Scripted {
    type Error = io::Error;
}

impl Read for Scripted {
    async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let act = self.state.borrow_mut().script.pop_front();
            match act {
                None => return Ok(0),
                Some(Act::Send(mut bytes, piece)) => {
                    let rest = bytes.split_off(piece.min(room.len()).min(bytes.len()));
                    if !rest.is_empty() {
                        self.state.borrow_mut().script.push_front(Act::Send(rest, piece));
                    }
                    if !bytes.is_empty() {
                        room[..bytes.len()].copy_from_slice(&bytes);
                        return Ok(bytes.len());
                    }
                }
                Some(Act::Wait(milliseconds)) => {
                    let end = Instant::now() + Duration::from_millis(milliseconds);
                    self.state.borrow_mut().script.push_front(Act::Until(end));
                }
                Some(Act::Until(end)) => {
                    // Should this be dropped, it goes on.
                    self.state.borrow_mut().script.push_front(Act::Until(end));
                    Timer::at(end).await;
                    self.state.borrow_mut().script.pop_front();
                }
                Some(Act::Break) => return Err(io::ErrorKind::ConnectionReset.into()),
                Some(Act::Hang) => {
                    self.state.borrow_mut().script.push_front(Act::Hang);
                    pending::<()>().await;
                }
            }
        }
    }
}

impl Write for Scripted {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A byte less than one could, so that nobody relies on all being taken.
        let mut length = bytes.len().saturating_sub(1).max(1);
        if let Some(most) = self.state.borrow().most {
            let taken = self.state.borrow().requests.last().map_or(0, |(taken, _)| taken.len());
            length = length.min(most.saturating_sub(taken));
        }
        if length == 0 {
            pending::<()>().await;
        }
        let mut state = self.state.borrow_mut();
        if let Some((request, _)) = state.requests.last_mut() {
            request.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
        Ok(length)
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
