//! Where the clients read from: a socket, and a thread that writes as fast as they read.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use benches::clients::Tally;
use benches::corpus::Corpus;
use sansse_tokio::{Item, Parser};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\
    content-type: text/event-stream\r\n\
    connection: close\r\n\r\n";

/// How long the streams of many events are, in bytes.
const LENGTH: usize = 64 << 20;
/// How long the stream of one line is.
const LINE: usize = 8 << 20;
/// How many times shorter they are where little is to be measured.
const QUICK: usize = 8;

/// A stream to read.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Its bytes, and how often they come.
    stream: Arc<[u8]>,
    times: usize,
    /// How long it is in all, in bytes.
    pub(crate) length: u64,
    /// What is in it.
    pub(crate) expected: Tally,
    /// Whether some clients need seconds for it.
    pub(crate) is_slow: bool,
}

impl Case {
    pub(crate) fn all(quick: bool) -> [Self; 3] {
        let shorter = if quick { QUICK } else { 1 };
        let corpus = |corpus: Corpus| {
            let times = LENGTH / shorter / corpus.stream.len();
            Self::new(corpus.name, &corpus.stream, times, false)
        };
        let line = format!("data: {}\n\n", "x".repeat(LINE / shorter));
        [
            corpus(Corpus::a1()),
            corpus(Corpus::a2()),
            Self::new(
                if quick { "a line of 1 MiB" } else { "a line of 8 MiB" },
                line.as_bytes(),
                1,
                true,
            ),
        ]
    }

    fn new(name: &'static str, stream: &[u8], times: usize, is_slow: bool) -> Self {
        let mut tally = Tally::default();
        let mut parser = Parser::growing(2 * LINE, 1024);
        let mut items = parser.feed(stream);
        while let Some(item) = items.next() {
            if let Item::Event(event) = item {
                tally.events += 1;
                tally.bytes += event.data().len() as u64;
            }
        }
        let expected =
            Tally { events: tally.events * times as u64, bytes: tally.bytes * times as u64 };
        Self {
            name,
            length: (stream.len() * times) as u64,
            stream: stream.into(),
            times,
            expected,
            is_slow,
        }
    }
}

/// A server that answers each request with the same stream.
#[derive(Debug)]
pub(crate) struct Source(SocketAddr);

impl Source {
    /// Serves until the process ends.
    pub(crate) fn start(case: &Case) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (stream, times) = (Arc::clone(&case.stream), case.times);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                // A client that has read enough may go.
                let _ = answer(socket, &stream, times);
            }
        });
        Ok(Self(address))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.0)
    }
}

fn answer(mut socket: TcpStream, stream: &[u8], times: usize) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        head.extend(byte);
    }
    socket.write_all(HEAD)?;
    (0..times).try_for_each(|_| socket.write_all(stream))
}
