//! A response as its bytes come: its head, its chunks, and the events in them.

use sansse_tokio::sansse::{Event, GrowingStorage, Item, Parser};

/// Longer lines are no server's of ours.
const LINE: usize = 8 << 10;

/// Reads one response, from its first byte on.
#[derive(Debug)]
pub(crate) struct Response {
    place: Place,
    line: Vec<u8>,
    parser: Parser<GrowingStorage, GrowingStorage>,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Place {
    Status,
    Header,
    Size,
    Data(usize),
    DataEnd,
    End,
}

impl Response {
    pub(crate) fn new() -> Self {
        Self { place: Place::Status, line: Vec::new(), parser: sansse_tokio::default_parser() }
    }

    /// Takes the next bytes, and hands out the events that they complete.
    ///
    /// # Errors
    ///
    /// When they are no answer with status 200 in chunks.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(Event<'_>),
    ) -> Result<(), String> {
        while !bytes.is_empty() {
            if let Place::Data(left) = self.place {
                let (data, behind) = bytes.split_at(left.min(bytes.len()));
                let mut items = self.parser.feed(data);
                while let Some(item) = items.next() {
                    if let Item::Event(event) = item {
                        take(event);
                    }
                }
                bytes = behind;
                self.place = match left - data.len() {
                    0 => Place::DataEnd,
                    left => Place::Data(left),
                };
            } else {
                let end = memchr::memchr(b'\n', bytes);
                let (line, behind) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
                self.line.extend_from_slice(line);
                bytes = behind;
                if end.is_some() {
                    self.place = self.behind_line()?;
                    self.line.clear();
                } else if self.line.len() > LINE {
                    return Err(self.wrong());
                }
            }
        }
        Ok(())
    }

    /// The id to resume behind.
    pub(crate) fn last_event_id(&self) -> String {
        String::from_utf8_lossy(self.parser.last_event_id().as_bytes()).into_owned()
    }

    fn behind_line(&self) -> Result<Place, String> {
        let line = self.line.trim_ascii_end();
        match self.place {
            Place::Status if line.starts_with(b"HTTP/1.1 200 ") => Ok(Place::Header),
            Place::Header if line.is_empty() => Ok(Place::Size),
            Place::Header => Ok(Place::Header),
            Place::Size => {
                let size =
                    str::from_utf8(line).ok().and_then(|line| usize::from_str_radix(line, 16).ok());
                Ok(match size.ok_or_else(|| self.wrong())? {
                    0 => Place::End,
                    size => Place::Data(size),
                })
            }
            Place::DataEnd if line.is_empty() => Ok(Place::Size),
            Place::End if line.is_empty() => Ok(Place::End),
            _ => Err(self.wrong()),
        }
    }

    fn wrong(&self) -> String {
        format!("a response has {:?} as {:?}", String::from_utf8_lossy(&self.line), self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
        a\r\ndata: 1\n\ni\r\n";

    fn events(pieces: &[&[u8]]) -> Result<Vec<String>, String> {
        let (mut response, mut events) = (Response::new(), Vec::new());
        for piece in pieces {
            response.feed(piece, |event| {
                events.push(event.data().to_str().unwrap().to_owned());
            })?;
        }
        Ok(events)
    }

    #[test]
    fn a_response_may_be_cut_anywhere() {
        for cut in 0..WIRE.len() {
            let (start, end) = WIRE.split_at(cut);
            let got = events(&[start, end, b"d: 1\ndata: 2\n\n\r\n0\r\n\r\n"]);
            assert!(got.is_err(), "a chunk of ten bytes has twelve");
        }
        let wire = b"HTTP/1.1 200 OK\r\na: b\r\n\r\n9\r\ndata: 1\n\n\r\nd\r\ndata: 2\n\ndata\r\n4\r\n: 3\n\r\n1\r\n\n\r\n0\r\n\r\n";
        for cut in 0..wire.len() {
            let (start, end) = wire.split_at(cut);
            assert_eq!(events(&[start, end]).unwrap(), ["1", "2", "3"], "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_event_stream_is_an_error() {
        for wire in ["HTTP/1.1 204 No Content\r\n", "HTTP/1.1 200 OK\r\n\r\nx\r\n"] {
            assert!(events(&[wire.as_bytes()]).is_err());
        }
        assert!(events(&[&[b'x'; LINE + 1]]).is_err());
    }
}
