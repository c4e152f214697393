//! Long lines, long chunks and limits that events just fit: the parser's fast ways, which short
//! streams do not reach, are as the oracle has them.
//!
//! The input is options, implementation, limits and the lengths of three chunks, which repeat (0 is
//! all of the rest); then lines. A line is one byte for its kind, its end and how its value is
//! filled, the length of the value, and a byte of the value. Lengths, of chunks too, are one byte up
//! to 191, or else that byte's low three bits and another byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tests::byte_string::ByteString;
use tests::chunking;
use tests::core_parsers::{
    AsText, Buffered, BufferedInTwoSteps, Cloned, Growing, OverSlices, StoppingEarly,
};
use tests::expectation::Expectation;
use tests::implementation::Implementation;
use tests::oracle;
use tests::settings::Settings;

/// Streams are no longer than that and one line.
const LONG: usize = 8 * 1024;

const NAMES: [&[u8]; 5] = [b"data", b"event", b"id", b"retry", b"\xEF\xBB\xBF"];

/// What stands before a value: the last begins a line that says nothing.
const STARTS: [&[u8]; 12] = [
    b"data:", b"data: ", b"data: ", b"data: ", b"event:", b"event: ", b"id:", b"id: ", b"id: ",
    b":", b"retry: ", b"",
];

/// Where there is none, the next line goes on with this one.
const LINE_ENDS: [&[u8]; 4] = [b"\n", b"\r", b"\r\n", b""];

fuzz_target!(|input: &[u8]| {
    let mut source = Source(input);
    let options = source.byte();
    let mut implementation = implementation(source.byte());
    let event_limit = source.byte();
    let id_limit = source.byte();
    let lengths = [source.length(), source.length(), source.length()];
    let stream = stream(&mut source);

    let settings = Settings {
        event_limit: match event_limit {
            0 => 4096,
            1..64 => usize::from(event_limit),
            _ => near_an_event(&stream, event_limit),
        },
        id_limit: usize::from(id_limit % 65),
        keep_comments: options & 1 != 0,
        advance_past_too_large: options & 2 != 0,
        seed: ByteString::from(if options & 4 != 0 && id_limit % 65 > 0 { "s" } else { "" }),
    };
    let chunks = chunking::of_lengths(&stream, &lengths);
    Expectation::of(&settings, &stream).check(implementation.as_mut(), &chunks);
});

fn implementation(choice: u8) -> Box<dyn Implementation> {
    match choice % 8 {
        0 => Box::new(OverSlices),
        1 => Box::new(AsText { stopping_early: false }),
        2 => Box::new(Growing),
        3 => Box::new(StoppingEarly),
        4 => Box::new(Cloned),
        5 => Box::new(Buffered { buffer: 4096 }),
        6 => Box::new(Buffered { buffer: 100 }),
        _ => Box::new(BufferedInTwoSteps { buffer: 700 }),
    }
}

/// The size of one of the events, one byte less, or one more.
fn near_an_event(stream: &[u8], choice: u8) -> usize {
    let sizes = oracle::event_sizes(stream);
    let choice = usize::from(choice) - 64;
    let size = if sizes.is_empty() { 64 } else { sizes[choice / 3 % sizes.len()] };
    (size + choice % 3).saturating_sub(1).min(4096)
}

fn stream(source: &mut Source<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    while !source.0.is_empty() && stream.len() < LONG {
        let kind = source.byte();
        match kind & 15 {
            // A blank line.
            0 | 1 => {}
            // A name without a colon.
            2 => stream.extend_from_slice(NAMES[usize::from(source.byte()) % NAMES.len()]),
            // A short line as it stands, whatever it holds.
            3 => {
                let length = usize::from(source.byte() % 24);
                stream.extend_from_slice(source.bytes(length));
            }
            start => {
                stream.extend_from_slice(STARTS[usize::from(start) - 4]);
                value(kind >> 6, source, &mut stream);
            }
        }
        stream.extend_from_slice(LINE_ENDS[usize::from(kind >> 4 & 3)]);
    }
    stream
}

/// One byte over and over, letters from it on, or the byte once among what is nearly a line end.
fn value(filling: u8, source: &mut Source<'_>, stream: &mut Vec<u8>) {
    let length = source.length();
    let byte = source.byte();
    let start = stream.len();
    match filling {
        0 | 1 => stream.resize(start + length, byte),
        2 => stream.extend((b'a'..=b'z').cycle().skip(usize::from(byte % 26)).take(length)),
        _ => {
            stream.extend(b"\t\x0B\x0C\x0E\x8A\x8Dx".iter().cycle().take(length));
            let place = start + usize::from(byte);
            if place < stream.len() {
                stream[place] = source.byte();
            }
        }
    }
}

/// What is left of the input; zeros behind it.
struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    fn length(&mut self) -> usize {
        match self.byte() {
            short @ 0..192 => short.into(),
            long => usize::from(long & 7) << 8 | usize::from(self.byte()),
        }
    }
}
