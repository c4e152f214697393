//! A server of one event stream that does as a test has it, byte for byte.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(30);
const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// A server of blocks, which it keeps. Who asks with the id of one gets those behind it, and who asks
/// with another or none gets what [`Otherwise`] says.
#[derive(Clone, Debug)]
pub struct Upstream {
    address: String,
    state: Arc<watch::Sender<State>>,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What who asks with no known id gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Otherwise {
    /// What comes from now on.
    #[default]
    Live,
    /// Everything there is.
    Everything,
}

#[derive(Debug, Default)]
struct State {
    blocks: Vec<String>,
    /// What stands in place of a stream, if anything.
    answer: Option<String>,
    is_down: bool,
    ignores_ids: bool,
    otherwise: Otherwise,
    /// How often all connections have been cut.
    cuts: u64,
    accepted: usize,
    open: usize,
}

impl Upstream {
    /// Listens on a free port.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let upstream = Self { address, state: Arc::default(), requests: Arc::default() };
        tokio::spawn(upstream.clone().accept(listener));
        upstream
    }

    /// The URL of a path; any will do.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sends a block, such as `id: 7\ndata: x\n\n`, to all who are there, and keeps it.
    pub fn send(&self, block: &str) {
        self.state.send_modify(|state| state.blocks.push(block.into()));
    }

    /// Sends an event that is kept.
    pub fn event(&self, id: &str, data: &str) {
        self.send(&format!("id: {id}\ndata: {data}\n\n"));
    }

    /// Answers all requests with this in place of a stream: a head and a body.
    pub fn answer(&self, answer: Option<&str>) {
        self.state.send_modify(|state| state.answer = answer.map(Into::into));
    }

    /// Has who asks with no known id get this.
    pub fn otherwise(&self, otherwise: Otherwise) {
        self.state.send_modify(|state| state.otherwise = otherwise);
    }

    /// Takes no notice of ids from now on.
    pub fn ignore_ids(&self) {
        self.state.send_modify(|state| state.ignores_ids = true);
    }

    /// Forgets all blocks, as a server does that starts anew. Cut the connections too.
    pub fn forget(&self) {
        self.state.send_modify(|state| state.blocks.clear());
    }

    /// Ends all connections.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Ends all connections, and every new one at once, until it is up again.
    pub fn set_down(&self, is_down: bool) {
        self.state.send_modify(|state| {
            state.is_down = is_down;
            state.cuts += u64::from(is_down);
        });
    }

    /// How many connections there have been.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.state.borrow().accepted
    }

    /// How many streams are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.state.borrow().open
    }

    /// Waits until so many streams are open.
    ///
    /// # Panics
    ///
    /// When there are others after thirty seconds.
    pub async fn wait_for_open(&self, streams: usize) {
        let start = Instant::now();
        while self.open() != streams {
            assert!(start.elapsed() < PATIENCE, "{} streams are open", self.open());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// All requests that came, head and body.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.known().clone()
    }

    /// The ids that were asked for, empty where none was.
    #[must_use]
    pub fn asked_for(&self) -> Vec<String> {
        self.known().iter().map(|request| last_event_id(request).unwrap_or_default()).collect()
    }

    /// Waits for the request with this number, from 0 on.
    ///
    /// # Panics
    ///
    /// When it has not come after thirty seconds.
    pub async fn request(&self, number: usize) -> String {
        let start = Instant::now();
        loop {
            if let Some(request) = self.known().get(number) {
                return request.clone();
            }
            assert!(start.elapsed() < PATIENCE, "there is no request {number}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn known(&self) -> MutexGuard<'_, Vec<String>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept(self, listener: TcpListener) {
        while let Ok((socket, _)) = listener.accept().await {
            self.state.send_modify(|state| state.accepted += 1);
            let this = self.clone();
            tokio::spawn(async move {
                let mut state = this.state.subscribe();
                let cuts = state.borrow().cuts;
                if state.borrow().is_down {
                    return;
                }
                // What is waited for is a lock; it goes before the stream does.
                let cut = async { state.wait_for(|state| state.cuts > cuts).await.is_ok() };
                tokio::select! {
                    _ = this.serve(socket) => {}
                    _ = cut => {}
                }
            });
        }
    }

    async fn serve(&self, mut socket: TcpStream) -> std::io::Result<()> {
        let Some(request) = read_request(&mut socket).await? else { return Ok(()) };
        let asked = last_event_id(&request);
        self.known().push(request);
        let answer = self.state.borrow().answer.clone();
        if let Some(answer) = answer {
            socket.write_all(answer.as_bytes()).await?;
            return socket.shutdown().await;
        }
        let mut next = self.start_of(asked.as_deref());
        socket.write_all(HEAD.as_bytes()).await?;
        let _open = Open::new(self);
        let (mut reader, mut writer) = socket.split();
        let mut state = self.state.subscribe();
        let mut nothing = [0];
        let writing = async {
            loop {
                let blocks = {
                    let state = state.borrow_and_update();
                    let blocks = state.blocks.get(next..).unwrap_or_default().concat();
                    next = state.blocks.len();
                    blocks
                };
                writer.write_all(blocks.as_bytes()).await?;
                if state.changed().await.is_err() {
                    return Ok(());
                }
            }
        };
        tokio::select! {
            result = writing => result,
            // The client has left.
            _ = reader.read(&mut nothing) => Ok(()),
        }
    }

    /// The number of the first block that is to be sent.
    fn start_of(&self, asked: Option<&str>) -> usize {
        let state = self.state.borrow();
        let has_id = |block: &String| {
            asked.is_some_and(|id| block.lines().any(|line| line.strip_prefix("id: ") == Some(id)))
        };
        match state.blocks.iter().rposition(has_id) {
            Some(known) if !state.ignores_ids => known + 1,
            _ => match state.otherwise {
                Otherwise::Live => state.blocks.len(),
                Otherwise::Everything => 0,
            },
        }
    }
}

/// A stream, until it is dropped.
struct Open<'a>(&'a Upstream);

impl<'a> Open<'a> {
    fn new(upstream: &'a Upstream) -> Self {
        upstream.state.send_modify(|state| state.open += 1);
        Self(upstream)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.open -= 1);
    }
}

fn last_event_id(request: &str) -> Option<String> {
    request.lines().find_map(|line| line.strip_prefix("last-event-id: ").map(Into::into))
}

async fn read_request(socket: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if socket.read(&mut byte).await? == 0 {
            return Ok(None);
        }
        bytes.extend(byte);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap_or(0))];
    socket.read_exact(&mut body).await?;
    Ok(Some(format!("{head}{}", String::from_utf8_lossy(&body))))
}
