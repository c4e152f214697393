//! Any bytes as the head of a message, for any memory and wherever they are cut: the parser is as the
//! slow one here has it; and what a device's server makes of them is one answer or none, whose place is
//! given back.
//!
//! The input is four bytes and the head: the bytes of a line that are kept, the limit of the head in
//! 16 bytes, and the lengths of two chunks, which repeat.

#![no_main]

use std::convert::Infallible;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embedded_io_async::{ErrorType, Read, Write};
use libfuzzer_sys::fuzz_target;
use sansse::http::{
    ContentLength, HeadError, HeadLine, HeadParser, RequestFields, RequestLine, ResponseFields,
    status,
};
use sansse_embassy::server::{Config, Page, Post, Status, serve_io};
use sansse_embassy::{Broadcast, Event};
use tests::chunking;

/// A line: its name, where it is a field, its text, and whether that is all of it.
type Line = (Option<Vec<u8>>, Vec<u8>, bool);

fuzz_target!(|input: &[u8]| {
    let Some((&[storage, limit, lengths @ ..], head)) = input.split_first_chunk::<4>() else {
        return;
    };
    let (storage, limit) = (usize::from(storage), 16 * usize::from(limit));
    let chunks = chunking::of_lengths(head, &lengths.map(usize::from));

    let expected = lines(head, storage, limit);
    let mut room = vec![0; storage];
    let mut parser = HeadParser::new(&mut room[..], limit);
    let (mut found, mut fields, mut length, mut response) =
        (Vec::new(), RequestFields::new(), ContentLength::new(), ResponseFields::new());
    let end = chunks.iter().find_map(|chunk| {
        let mut bytes = *chunk;
        loop {
            match parser.read(&mut bytes) {
                Ok(Some(HeadLine::Start(line))) => {
                    let _ = (RequestLine::parse(line), status(line));
                    found.push((None, line.to_vec(), true));
                }
                Ok(Some(HeadLine::Field(field))) => {
                    fields.take(&field);
                    let _ = (length.take(&field), response.take(&field));
                    found.push((Some(field.name.to_vec()), field.value.to_vec(), field.is_whole));
                }
                Ok(Some(HeadLine::End)) => return Some(Ok(())),
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    });
    assert_eq!((found, end), expected);

    serve(&chunks);
});

/// The lines of a head, read the slow way; `None` where it has no end.
fn lines(head: &[u8], storage: usize, limit: usize) -> (Vec<Line>, Option<Result<(), HeadError>>) {
    let mut found = Vec::new();
    let mut place = 0;
    loop {
        let end = head[place..].iter().position(|&byte| byte == b'\n').map(|end| place + end);
        // Where the line breaks a rule, if it does: by its bytes, or by their number.
        let line = &head[place..end.unwrap_or(head.len())];
        let is_bad = |(index, &byte): (usize, &u8)| match byte {
            b'\r' => line.get(index + 1).is_some(),
            b'\t' => false,
            _ => byte < b' ' || byte == 0x7F,
        };
        let bad = line.iter().enumerate().position(is_bad).map(|bad| {
            // A CR is known to be bad by what is behind it.
            place + bad + usize::from(line[bad] == b'\r')
        });
        let last = end.unwrap_or(head.len().saturating_sub(1));
        match bad {
            Some(bad) if bad < limit => return (found, Some(Err(HeadError::Malformed))),
            _ if last >= limit && limit < head.len() => {
                return (found, Some(Err(HeadError::TooLong)));
            }
            _ => {}
        }
        let Some(end) = end else { return (found, None) };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        place = end + 1;
        let is_whole = line.len() <= storage;
        let kept = &line[..line.len().min(storage)];
        if found.is_empty() {
            match line {
                [] => continue,
                _ if !is_whole => return (found, Some(Err(HeadError::TooLong))),
                _ => found.push((None, kept.to_vec(), true)),
            }
        } else if line.is_empty() {
            return (found, Some(Ok(())));
        } else {
            let colon = kept.iter().position(|&byte| byte == b':');
            let name = &kept[..colon.unwrap_or(kept.len())];
            if name.iter().any(|byte| b" \t".contains(byte)) {
                return (found, Some(Err(HeadError::Malformed)));
            }
            match colon {
                Some(0) => return (found, Some(Err(HeadError::Malformed))),
                Some(colon) => {
                    let value = kept[colon + 1..].trim_ascii().to_vec();
                    found.push((Some(name.to_vec()), value, is_whole));
                }
                None if is_whole => return (found, Some(Err(HeadError::Malformed))),
                None => found.push((Some(b"?".to_vec()), Vec::new(), false)),
            }
        }
    }
}

static PAGES: [Page; 1] = [Page::new("/", "text/plain", b"x")];
static POSTS: [Post; 1] = [Post::new("/p", |_| Status::NO_CONTENT)];
static CONFIG: Config =
    Config::new().events("/e").pages(&PAGES).posts(&POSTS).origins(&["http://a"]).head_limit(512);

/// A peer that sends these chunks, takes all, and goes.
struct Peer<'a> {
    chunks: std::slice::Iter<'a, &'a [u8]>,
    answer: Vec<u8>,
}

impl ErrorType for Peer<'_> {
    type Error = Infallible;
}

impl Read for Peer<'_> {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        let chunk = self.chunks.find(|chunk| !chunk.is_empty()).copied().unwrap_or_default();
        let length = chunk.len().min(room.len());
        room[..length].copy_from_slice(&chunk[..length]);
        Ok(length)
    }
}

impl Write for Peer<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.answer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

fn serve(chunks: &[&[u8]]) {
    let feed = Broadcast::<NoopRawMutex, 128, 1>::new();
    feed.start(1);
    feed.publish(&Event::new("y")).unwrap();
    let mut peer = Peer { chunks: chunks.iter(), answer: Vec::new() };
    let (mut received, mut room) = ([0; 256], [0; 64]);
    let served = serve_io(&mut peer, &mut received, &mut room, &feed, &CONFIG);
    assert!(embassy_futures::poll_once(served).is_ready(), "it waits for who has gone");
    assert_eq!(feed.readers(), 0);
    let answer = String::from_utf8(peer.answer).expect("ASCII, as all that we answer is here");
    if !answer.is_empty() {
        let (head, content) = answer.split_once("\r\n\r\n").expect("an end of the head");
        assert!(head.starts_with("HTTP/1.1 ") && head.contains("\r\nConnection: close"), "{head}");
        assert!(!head.contains("\n\n") && !content.contains("HTTP/1.1"), "{answer}");
    }
}
