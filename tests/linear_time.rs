//! Law 5: no stream takes more than linear time, however it is cut and whatever the storage.
//!
//! One long stream is timed against as many short ones as make up its length, so that both take as
//! long and a busy machine slows both down. The long one may take four times as long, the faster of
//! two runs counting; what copies or searches again from the start would take sixteen times as
//! long. It is measured again before it is believed.

use std::time::{Duration, Instant};

use sansse::{Encoder, Event, GrowingStorage, Length, Parser, Storage, Text};

const SHORT: usize = 8 * 1024;
const TIMES: usize = 16;
const LONG: usize = TIMES * SHORT;

#[test]
fn parsing_takes_linear_time() {
    for hostile in Hostile::all() {
        let (short, long) = (hostile.stream(SHORT), hostile.stream(LONG));
        for chunk_size in [1, 1000, LONG] {
            check(&format!("{hostile:?}, {chunk_size}, growing"), &short, &long, |stream| {
                let (events, ids) = (GrowingStorage::new(1 << 30), GrowingStorage::new(1 << 30));
                read(Parser::new(events, ids), stream, chunk_size);
            });
            check(&format!("{hostile:?}, {chunk_size}, small"), &short, &long, |stream| {
                read(Parser::new([0; 64], [0; 48]), stream, chunk_size);
            });
        }
    }
}

#[test]
fn encoding_takes_linear_time() {
    for piece in ["\n", "\r", "\r\n", "x", "x\n"] {
        let (short, long) = (piece.repeat(SHORT / piece.len()), piece.repeat(LONG / piece.len()));
        check(&format!("data of {piece:?}"), short.as_bytes(), long.as_bytes(), |data| {
            let event = Event::from_parts(data, b"", None).expect("no type, no id");
            let Ok(()) = Encoder::new(&mut Length::default()).event(&event);
        });
    }
    check("text that is not UTF-8", &[0xFF; SHORT], &[0xFF; LONG], |bytes| {
        std::hint::black_box(Text::new(bytes).to_string());
    });
}

fn read<E: Storage, I: Storage>(parser: Parser<E, I>, stream: &[u8], chunk_size: usize) {
    let mut parser = parser.keep_comments();
    for chunk in stream.chunks(chunk_size) {
        let mut items = parser.feed(chunk);
        while items.advance() {}
    }
    std::hint::black_box(parser.end_stream());
}

/// A stream that begins with one piece and repeats another.
#[derive(Debug)]
struct Hostile {
    start: &'static str,
    repeated: &'static str,
}

impl Hostile {
    fn all() -> Vec<Self> {
        let pieces = [
            ("data:", "x"),
            ("", "data:x\n"),
            ("", "data\n"),
            ("event:long type\n", "data\n"),
            ("event:", "x"),
            ("data:x\n", "event:some type\n"),
            ("id:", "x"),
            ("", "id:some id\n"),
            ("", "id\ndata\n\n"),
            ("", "data:x\n\n"),
            ("", "event:y\nid:z\ndata:x\r\n\r\n"),
            (":", "x"),
            ("data:x\nevent:y\n", ":x\n"),
            ("data:x\nevent:y\n", "retry:1\n"),
            ("retry:", "1"),
            ("", "x"),
            ("", "x\n"),
            ("", "\n"),
            ("", "\r"),
            ("data", "\r\n"),
            ("", "\u{FEFF}"),
            ("id:", "\0"),
            ("", "data:x\n:x\nretry:1\nevent:y\nid:z\n"),
        ];
        pieces.map(|(start, repeated)| Self { start, repeated }).into()
    }

    fn stream(&self, length: usize) -> Vec<u8> {
        let mut stream = self.start.as_bytes().to_vec();
        stream.extend(self.repeated.bytes().cycle().take(length - stream.len()));
        stream
    }
}

/// Compares reading `short` many times with reading `long` once.
fn check(name: &str, short: &[u8], long: &[u8], read: impl Fn(&[u8])) {
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let many = fastest(|| (0..TIMES).for_each(|_| read(short)));
        let one = fastest(|| read(long));
        if one < many * 4 {
            return;
        }
        ratios.push(one.as_secs_f64() / many.as_secs_f64());
    }
    panic!("{name}: {TIMES} times the length at once took {ratios:.1?} times as long");
}

fn fastest(mut run: impl FnMut()) -> Duration {
    let times = (0..2).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}
