//! Who visits a board.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// Events that all who read together must get.
const PRESSES: u32 = 8;

/// Clients of a board, in plain bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visitors {
    address: SocketAddr,
}

/// Someone who reads events.
#[derive(Debug)]
struct Reader {
    lines: BufReader<TcpStream>,
}

impl Visitors {
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Loads the page, and returns its bytes as they are in flash.
    pub(super) fn load_page(&self) -> Result<u32, Box<dyn Error>> {
        let answer = self.insist("GET / HTTP/1.1")?;
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("no head")?;
        Ok(u32::try_from(answer.len() - head - 4)?)
    }

    /// Asks for what is not there, in wrong ways, and comes back with ids that are none.
    pub(super) fn ask_for_nonsense(&self) -> Result<(), Box<dyn Error>> {
        let long = format!("GET /{} HTTP/1.1", "x".repeat(2000));
        for request in ["GET /none HTTP/1.1", "DELETE / HTTP/1.1", "POST /press HTTP/9", "x", &long]
        {
            // It may cut who asks so.
            let _ = self.ask(request);
        }
        for id in ["x", "zz-1", &"9".repeat(200)] {
            let request = format!("GET /events HTTP/1.1\r\nLast-Event-ID: {id}");
            Reader::connect(self.address, &request)?.read_until("data:")?;
        }
        Ok(())
    }

    /// Has so many read at once. Returns how many those were, who all got every event.
    pub(super) fn read_together(&self, readers: u32) -> Result<u32, Box<dyn Error>> {
        let mut all = Vec::new();
        for _ in 0..readers {
            all.push(self.reader()?);
        }
        // Who comes now finds no place, but gets an answer, and the page.
        let _ = self.ask("GET /events HTTP/1.1")?;
        self.load_page()?;
        for _ in 0..PRESSES {
            let answer = self.insist("POST /press HTTP/1.1\r\nContent-Length: 0")?;
            if !answer.starts_with(b"HTTP/1.1 204") {
                return Err("the board takes no press".into());
            }
        }
        for reader in &mut all {
            reader.presses(PRESSES)?;
        }
        Ok(u32::try_from(all.len())?)
    }

    /// A reader who has a place, which may take a while where others have just left.
    fn reader(&self) -> Result<Reader, Box<dyn Error>> {
        let start = Instant::now();
        loop {
            let reader = Reader::connect(self.address, "GET /events HTTP/1.1");
            if let Ok(mut reader) = reader
                && reader.read_until("data:").is_ok()
            {
                return Ok(reader);
            }
            if start.elapsed() > PATIENCE {
                return Err("no place becomes free".into());
            }
        }
    }

    /// Asks until there is an answer. A board refuses whoever comes while all its sockets are busy, if
    /// only with ending a connection.
    fn insist(&self, request: &str) -> Result<Vec<u8>, Box<dyn Error>> {
        let start = Instant::now();
        loop {
            match self.ask(request) {
                Ok(answer) if !answer.is_empty() => return Ok(answer),
                _ if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(20)),
                other => return other,
            }
        }
    }

    fn ask(&self, request: &str) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut stream = connect(self.address, request)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

impl Reader {
    fn connect(address: SocketAddr, request: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self { lines: BufReader::new(connect(address, request)?) })
    }

    /// The next line that begins so.
    fn read_until(&mut self, beginning: &str) -> Result<String, Box<dyn Error>> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                return Err("the stream has ended".into());
            }
            if line.starts_with(beginning) {
                return Ok(line);
            }
        }
    }

    /// Reads so many presses, each one more than the one before.
    fn presses(&mut self, count: u32) -> Result<(), Box<dyn Error>> {
        let mut last = None;
        for _ in 0..count {
            let line = loop {
                let line = self.read_until("data:")?;
                if line.contains("{\"presses\":") {
                    break line;
                }
            };
            let digits = line.chars().filter(char::is_ascii_digit).collect::<String>();
            let presses: u32 = digits.parse()?;
            if last.is_some_and(|last| presses != last + 1) {
                return Err(format!("after {last:?} presses comes {line}").into());
            }
            last = Some(presses);
        }
        Ok(())
    }
}

fn connect(address: SocketAddr, request: &str) -> Result<TcpStream, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "{request}\r\nHost: board\r\nAccept-Encoding: gzip\r\n\r\n")?;
    Ok(stream)
}
