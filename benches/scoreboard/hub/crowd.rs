//! Many subscribers that read all they get, as cheaply as can be.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;

use benches::servers::payload::{self, MARK};
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::response::Response;

/// What each subscriber asks.
pub(crate) const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n";

/// What has not come after so long without anything is lost.
const SILENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 20 });

/// Subscribers of one server. All count events; some also look at each.
#[derive(Debug)]
pub(crate) struct Crowd {
    shared: Rc<Shared>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    /// One for all: it is not held while anybody waits.
    buffer: RefCell<Box<[u8]>>,
    /// The events that each has got.
    counts: RefCell<Vec<u64>>,
    /// The events that each should get in all.
    target: Cell<u64>,
    /// How many subscribers have not got them.
    behind: Cell<usize>,
    /// How many have been answered.
    answered: Cell<usize>,
    failure: RefCell<Option<String>>,
    progress: Notify,
}

impl Crowd {
    /// Opens so many streams, one after the other, and waits until each is answered. One of each
    /// `checked_of` looks at its events.
    pub(crate) async fn connect(
        address: SocketAddr,
        subscribers: usize,
        checked_of: usize,
    ) -> Result<Self, Box<dyn Error>> {
        let shared = Rc::new(Shared {
            buffer: RefCell::new(vec![0; 256 << 10].into()),
            counts: RefCell::new(vec![0; subscribers]),
            target: Cell::new(0),
            behind: Cell::new(0),
            answered: Cell::new(0),
            failure: RefCell::new(None),
            progress: Notify::new(),
        });
        let mut tasks = JoinSet::new();
        for place in 0..subscribers {
            let mut socket = TcpStream::connect(address).await?;
            socket.write_all(REQUEST).await?;
            let check = place.is_multiple_of(checked_of).then(Check::new);
            tasks.spawn_local(shared.clone().follow(socket, place, check));
        }
        let crowd = Self { shared, tasks };
        while crowd.shared.answered.get() < subscribers {
            if !crowd.progress().await? {
                return Err("a server does not answer all its subscribers".into());
            }
        }
        Ok(crowd)
    }

    /// Says that so many more events are going to be published.
    pub(crate) fn expect(&self, events: u64) {
        self.shared.target.set(self.shared.target.get() + events);
        self.shared.behind.set(self.tasks.len());
    }

    /// Waits until everybody has what is expected, or has had nothing for long; returns how many
    /// events are lost, of all subscribers together.
    pub(crate) async fn settle(&self) -> Result<u64, Box<dyn Error>> {
        while self.shared.behind.get() > 0 {
            if !self.progress().await? {
                let target = self.shared.target.get();
                let mut counts = self.shared.counts.borrow_mut();
                let lost = counts.iter().map(|count| target - count).sum();
                counts.fill(target);
                self.shared.behind.set(0);
                return Ok(lost);
            }
        }
        Ok(0)
    }

    /// Waits for somebody to get on, and says whether anybody did.
    async fn progress(&self) -> Result<bool, Box<dyn Error>> {
        let moved = timeout(SILENCE, self.shared.progress.notified()).await.is_ok();
        self.shared.failure.borrow_mut().take().map_or(Ok(moved), |failure| Err(failure.into()))
    }
}

impl Shared {
    async fn follow(self: Rc<Self>, mut socket: TcpStream, place: usize, mut check: Option<Check>) {
        let mut answered = false;
        loop {
            let read = poll_fn(|cx| {
                let mut buffer = self.buffer.borrow_mut();
                let mut buffer = ReadBuf::new(&mut buffer);
                let read = ready!(Pin::new(&mut socket).poll_read(cx, &mut buffer));
                Poll::Ready(match (read, buffer.filled()) {
                    (Err(error), _) => Err(error.to_string()),
                    (Ok(()), []) => Err("a stream has ended".into()),
                    (Ok(()), bytes) => self.take(place, bytes, check.as_mut()),
                })
            });
            if let Err(failure) = read.await {
                *self.failure.borrow_mut() = Some(failure);
                self.progress.notify_one();
                return;
            }
            if !answered {
                answered = true;
                self.answered.set(self.answered.get() + 1);
                self.progress.notify_one();
            }
        }
    }

    fn take(&self, place: usize, bytes: &[u8], check: Option<&mut Check>) -> Result<(), String> {
        if let Some(check) = check {
            check.feed(bytes)?;
        }
        let events = memchr::memchr_iter(MARK, bytes).count() as u64;
        if events > 0 {
            let count = &mut self.counts.borrow_mut()[place];
            *count += events;
            let target = self.target.get();
            if *count > target {
                return Err("a subscriber got an event twice".into());
            }
            if *count == target {
                self.behind.set(self.behind.get() - 1);
            }
            // Whoever waits asks again after each step: only the last one is worth waking it.
            if self.behind.get() == 0 {
                self.progress.notify_one();
            }
        }
        Ok(())
    }
}

/// Looks at the events of a subscriber.
#[derive(Debug)]
struct Check {
    response: Response,
    last: u64,
}

impl Check {
    fn new() -> Self {
        Self { response: Response::new(), last: 0 }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Self { response, last } = self;
        let mut failure = None;
        response.feed(bytes, |event| {
            match payload::sequence_of(event) {
                // That none is lost is seen by counting.
                Some(sequence) if sequence > *last => *last = sequence,
                _ => failure = Some(format!("{:?} came behind event {last}", event.data())),
            }
        })?;
        failure.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;
    use tokio::runtime::Builder;
    use tokio::task::LocalSet;

    use super::*;

    /// What two subscribers come to that expect two events and are sent these.
    fn settle(sequences: &'static [u64]) -> Result<u64, String> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            let go = Rc::new(Notify::new());
            tokio::task::spawn_local(serve(listener, sequences, go.clone()));
            let crowd = Crowd::connect(address, 2, 2).await.unwrap();
            crowd.expect(2);
            go.notify_one();
            crowd.settle().await.map_err(|error| error.to_string())
        })
    }

    async fn serve(listener: TcpListener, sequences: &[u64], go: Rc<Notify>) {
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; REQUEST.len()];
            socket.read_exact(&mut request).await.unwrap();
            socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            sockets.push(socket);
        }
        go.notified().await;
        for socket in &mut sockets {
            for &sequence in sequences {
                let event = format!("data: {}\n\n", payload::data(sequence, 64));
                let chunk = format!("{:x}\r\n{event}\r\n", event.len());
                socket.write_all(chunk.as_bytes()).await.unwrap();
            }
        }
        // The streams stay open.
        std::future::pending::<()>().await;
    }

    #[test]
    fn what_is_lost_is_counted() {
        assert_eq!(settle(&[1, 2]), Ok(0));
        assert_eq!(settle(&[1]), Ok(2));
        assert_eq!(settle(&[]), Ok(4));
    }

    #[test]
    fn what_is_in_disorder_fails() {
        assert!(settle(&[2, 1]).unwrap_err().contains("came behind event 2"));
        assert!(settle(&[1, 1]).unwrap_err().contains("came behind event 1"));
    }
}
