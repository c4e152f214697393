//! A server that does what a script says, in memory and on sockets.
//!
//! In memory the bytes are the same, and the client's HTTP is real, but time is the runtime's: it
//! can be paused.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use sansse_tokio::{BoxError, Transport};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::script::{Connection, Step};

/// How much a client in memory is sent before it reads.
const WINDOW: usize = 64 << 10;

/// The headers of a request that tests look at, in this order; what a client always sends is not
/// among them.
const HEADERS: [&str; 9] = [
    "last-event-id",
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
    "content-type",
    "content-language",
    "x-other",
    "origin",
];

/// A server with two origins, `a` and `b`, and what it has seen.
#[derive(Clone, Debug)]
pub struct Scripted {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The authorities of `a` and `b`.
    authorities: [String; 2],
    start: Instant,
    script: Mutex<VecDeque<Connection>>,
    /// What it does when the script is at its end.
    rest: Connection,
    seen: Mutex<Vec<Seen>>,
    /// How many connections the client has left by itself.
    left: watch::Sender<usize>,
    sent: watch::Sender<u64>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When, from the start of the server.
    pub at: Duration,
    /// The origin by its name, and the path: `a/events`; `https:` before it for that scheme.
    pub target: String,
    /// The method.
    pub method: String,
    /// The headers, by their names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Seen {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_slice())
    }

    /// The method, the target, the headers that tests look at, and the body.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = format!("{} {}", self.method, self.target);
        for name in HEADERS {
            for (_, value) in self.headers.iter().filter(|(known, _)| known == name) {
                let _ = write!(line, " {name}={}", String::from_utf8_lossy(value));
            }
        }
        if !self.body.is_empty() {
            let _ = write!(line, " body={}", String::from_utf8_lossy(&self.body));
        }
        line
    }
}

impl Scripted {
    /// A server in memory. It refuses whoever comes after the script.
    #[must_use]
    pub fn in_memory(script: impl IntoIterator<Item = Connection>) -> Self {
        Self::in_memory_with(script, Connection::Refused)
    }

    /// A server in memory that does the same for ever after the script.
    #[must_use]
    pub fn in_memory_with(script: impl IntoIterator<Item = Connection>, rest: Connection) -> Self {
        Self::new(script, rest, ["a.test".into(), "b.test".into()])
    }

    /// A server on sockets of this machine. It resets the connections of whoever comes after the
    /// script, and of whoever is to be refused.
    ///
    /// # Panics
    ///
    /// Where there are no ports.
    pub async fn on_sockets(script: impl IntoIterator<Item = Connection>) -> Self {
        let mut listeners = Vec::new();
        for _ in 0..2 {
            listeners.push(TcpListener::bind("127.0.0.1:0").await.expect("a port"));
        }
        let address = |of: &TcpListener| of.local_addr().expect("an address").to_string();
        let authorities = [address(&listeners[0]), address(&listeners[1])];
        let server = Self::new(script, Connection::Refused, authorities);
        for (listener, name) in listeners.into_iter().zip(["a", "b"]) {
            tokio::spawn(server.clone().accept(listener, name));
        }
        server
    }

    fn new(
        script: impl IntoIterator<Item = Connection>,
        rest: Connection,
        authorities: [String; 2],
    ) -> Self {
        let shared = Shared {
            authorities,
            start: Instant::now(),
            script: Mutex::new(script.into_iter().collect()),
            rest,
            seen: Mutex::new(Vec::new()),
            left: watch::Sender::new(0),
            sent: watch::Sender::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// A text with the authorities of the two origins for `{a}` and `{b}`.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let [a, b] = &self.shared.authorities;
        text.replace("{a}", a).replace("{b}", b)
    }

    /// A text with `a` and `b` for the authorities of the two origins, and no `http://`.
    #[must_use]
    pub fn name(&self, text: &str) -> String {
        let [a, b] = &self.shared.authorities;
        text.replace(a, "a").replace(b, "b").replace("http://", "").replace("https://", "https:")
    }

    /// The URL of a path of the origin `a`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        self.fill(&format!("http://{{a}}{path}"))
    }

    /// All requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// All requests so far, each as [one line](Seen::line).
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    /// How long it has been since its start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.start.elapsed()
    }

    /// How many bytes it has sent in floods.
    #[must_use]
    pub fn flooded(&self) -> u64 {
        *self.shared.sent.borrow()
    }

    /// Waits until it has sent so many bytes in floods.
    ///
    /// # Panics
    ///
    /// When it has not after a minute.
    pub async fn wait_until_flooded(&self, bytes: u64) {
        let mut sent = self.shared.sent.subscribe();
        let enough = sent.wait_for(|sent| *sent >= bytes);
        tokio::time::timeout(PATIENCE, enough).await.expect("a flood in time").expect("a server");
    }

    /// Waits until the client has left so many connections by itself.
    ///
    /// # Panics
    ///
    /// When it has not after a minute.
    pub async fn wait_until_left(&self, connections: usize) {
        let mut left = self.shared.left.subscribe();
        let enough = left.wait_for(|left| *left >= connections);
        tokio::time::timeout(PATIENCE, enough).await.expect("the client leaves").expect("a server");
    }

    /// How many connections the client has left by itself.
    #[must_use]
    pub fn left(&self) -> usize {
        *self.shared.left.borrow()
    }

    /// What carries requests to the server in memory.
    #[must_use]
    pub fn transport(&self) -> impl Transport {
        let server = self.clone();
        move |request| server.clone().carry(request)
    }

    async fn carry(self, request: Request<Bytes>) -> Result<Response<Incoming>, BoxError> {
        let authority = request.uri().authority().expect("an absolute URI").to_string();
        let secure = if request.uri().scheme_str() == Some("https") { "https:" } else { "" };
        let name = format!("{secure}{}", self.name(&authority));
        if self.refuses() {
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
        }
        let (near, far) = duplex(WINDOW);
        let is_reset = Arc::new(AtomicBool::new(false));
        let near = Near { socket: near, is_reset: is_reset.clone() };
        tokio::spawn(async move {
            let (outcome, far) = self.serve(far, &name).await;
            if outcome == Outcome::Reset {
                is_reset.store(true, Ordering::SeqCst);
            }
            drop(far);
        });
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(near)).await?;
        tokio::spawn(connection);
        let (mut head, body) = request.into_parts();
        let host = HeaderValue::from_str(&authority)?;
        head.headers.entry(http::header::HOST).or_insert(host);
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = path.parse::<Uri>()?;
        Ok(sender.send_request(Request::from_parts(head, Full::new(body))).await?)
    }

    async fn accept(self, listener: TcpListener, name: &'static str) {
        while let Ok((socket, _)) = listener.accept().await {
            let server = self.clone();
            tokio::spawn(async move {
                if server.refuses() {
                    return reset(&socket);
                }
                let (outcome, socket) = server.serve(socket, name).await;
                if outcome == Outcome::Reset {
                    reset(&socket);
                }
            });
        }
    }

    /// Whether whoever comes now is refused.
    fn refuses(&self) -> bool {
        let mut script = lock(&self.shared.script);
        let refuses = matches!(script.front().unwrap_or(&self.shared.rest), Connection::Refused);
        if refuses {
            script.pop_front();
        }
        refuses
    }

    async fn serve<S>(self, mut socket: S, name: &str) -> (Outcome, S)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let outcome = self.run(&mut socket, name).await;
        if outcome == Outcome::Left {
            self.shared.left.send_modify(|left| *left += 1);
        }
        (outcome, socket)
    }

    async fn run<S>(&self, socket: &mut S, name: &str) -> Outcome
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // Browsers make connections that they may not need, which are no part of the script.
        if !self.read_request(socket, name).await {
            return Outcome::Left;
        }
        let next = lock(&self.shared.script).pop_front();
        let Connection::Steps(steps) = next.unwrap_or_else(|| self.shared.rest.clone()) else {
            return Outcome::Reset;
        };
        for step in steps {
            let goes_on = match step {
                Step::Send(bytes) => socket.write_all(&self.filled(&bytes)).await.is_ok(),
                Step::Trickle(bytes, pause) => trickle(socket, &bytes, pause).await,
                Step::Flood(piece, bytes) => self.flood(socket, &piece, bytes).await,
                Step::Wait(time) => !leaves_within(socket, time).await,
                Step::NextRequest => self.read_request(socket, name).await,
                Step::HalfClose => socket.shutdown().await.is_ok() && !hold(socket).await,
                Step::Hold => !hold(socket).await,
                Step::Reset => return Outcome::Reset,
            };
            if !goes_on {
                return Outcome::Left;
            }
        }
        Outcome::Done
    }

    fn filled(&self, bytes: &Bytes) -> Bytes {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains('{') => self.fill(text).into(),
            _ => bytes.clone(),
        }
    }

    async fn flood<S: AsyncWrite + Unpin>(&self, socket: &mut S, piece: &[u8], bytes: u64) -> bool {
        let mut sent = 0;
        while sent < bytes {
            if socket.write_all(piece).await.is_err() {
                return false;
            }
            sent += piece.len() as u64;
            self.shared.sent.send_modify(|sent| *sent += piece.len() as u64);
        }
        true
    }

    /// False where the client leaves instead.
    async fn read_request<S: AsyncRead + Unpin>(&self, socket: &mut S, name: &str) -> bool {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break bytes.drain(..end + 4).collect::<Vec<u8>>();
            }
            if !matches!(socket.read_buf(&mut bytes).await, Ok(1..)) {
                return false;
            }
        };
        let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
        let first = String::from_utf8_lossy(lines.next().expect("a line")).into_owned();
        let mut words = first.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = format!("{name}{}", words.next().unwrap_or_default());
        let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).map(header).collect();
        let mut seen = Seen { at: self.elapsed(), target, method, headers, body: Vec::new() };
        let length = seen
            .header("content-length")
            .map(|value| String::from_utf8_lossy(value).parse::<usize>().expect("a length"));
        while bytes.len() < length.unwrap_or(0) {
            if !matches!(socket.read_buf(&mut bytes).await, Ok(1..)) {
                return false;
            }
        }
        seen.body = bytes;
        lock(&self.shared.seen).push(seen);
        true
    }
}

/// Longer than anything here takes, in real time and in the runtime's.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Left,
    Reset,
}

/// The client's end of a connection in memory, which can be reset.
struct Near {
    socket: DuplexStream,
    is_reset: Arc<AtomicBool>,
}

impl AsyncRead for Near {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        if buffer.filled().len() == before && self.is_reset.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Near {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic elsewhere")
}

fn header(line: &[u8]) -> (String, Vec<u8>) {
    let colon = line.iter().position(|&byte| byte == b':').expect("a header");
    let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
    (name, line[colon + 1..].trim_ascii().to_vec())
}

async fn trickle<S: AsyncWrite + Unpin>(socket: &mut S, bytes: &[u8], pause: Duration) -> bool {
    for byte in bytes {
        if socket.write_all(&[*byte]).await.is_err() {
            return false;
        }
        sleep(pause).await;
    }
    true
}

/// Waits until the client leaves, which is true.
async fn hold<S: AsyncRead + Unpin>(socket: &mut S) -> bool {
    let mut buffer = [0; 1024];
    while matches!(socket.read(&mut buffer).await, Ok(1..)) {}
    true
}

async fn leaves_within<S: AsyncRead + Unpin>(socket: &mut S, time: Duration) -> bool {
    tokio::time::timeout(time, hold(socket)).await.is_ok()
}

fn reset(socket: &TcpStream) {
    let _ = socket.set_zero_linger();
}
