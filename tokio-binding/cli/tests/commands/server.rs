//! A server that says what it was told to say.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A server on the loopback interface, that gives each request the next of its answers.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Receiver<String>,
    connections: Arc<AtomicUsize>,
}

/// How an answer ends.
#[derive(Clone, Copy)]
enum End {
    /// As its length says.
    Clean,
    /// In the middle.
    Cut,
    /// Not at all, while the client is there.
    Never,
}

impl Server {
    /// Answers are given without `HTTP/1.1` and without a length. It is gone after the last one.
    pub(crate) fn answering<A: Into<String>>(answers: impl IntoIterator<Item = A>) -> Self {
        Self::start(answers.into_iter().map(Into::into).collect(), End::Clean)
    }

    /// Cuts the connection before the body is at its end.
    pub(crate) fn cutting(answer: &str) -> Self {
        Self::start(vec![answer.into()], End::Cut)
    }

    /// Leaves the body open; with an empty answer, the request unanswered.
    pub(crate) fn holding(answer: &str) -> Self {
        Self::start(vec![answer.into()], End::Never)
    }

    fn start(answers: Vec<String>, end: End) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (send, requests) = channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        // The thread ends with its client, which each test ends.
        let serving = move || {
            let mut answers = answers.into_iter().peekable();
            while answers.peek().is_some() {
                let (socket, _) = listener.accept().unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                // A client that goes away in between is fine.
                let _ = serve(&socket, &mut answers, end, &send);
            }
        };
        thread::spawn(serving);
        Self { address, requests, connections }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request that came, head and body.
    pub(crate) fn request(&self) -> String {
        self.requests.recv_timeout(PATIENCE).unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(
    mut socket: &TcpStream,
    answers: &mut impl Iterator<Item = String>,
    end: End,
    requests: &Sender<String>,
) -> io::Result<()> {
    let mut reader = BufReader::new(socket);
    while let Some(request) = read_request(&mut reader)? {
        let _ = requests.send(request);
        let Some(answer) = answers.next() else { break };
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let length = match end {
            End::Clean => body.len(),
            End::Cut | End::Never => 1 << 30,
        };
        if !head.is_empty() {
            write!(socket, "HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}")?;
        }
        match end {
            End::Clean => {}
            End::Cut => break,
            End::Never => drop(reader.read(&mut [0])?),
        }
    }
    Ok(())
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request)? == 0 {
            return Ok(None);
        }
    }
    let length = request
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(request + &String::from_utf8(body).unwrap()))
}
