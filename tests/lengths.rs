//! Values of every length, in storage of every size that is near.
//!
//! A short piece is copied as a block of 64 bytes, a short id as one of 16, where the chunk and the
//! storage have as many: what follows a value must neither be taken for a part of it nor harm what
//! is stored already.

use tests::chunking;
use tests::core_parsers::{Cloned, Growing, OverSlices, StoppingEarly};
use tests::expectation::Expectation;
use tests::implementation::Implementation;
use tests::oracle;
use tests::settings::Settings;

/// Streams in which `*` stands for the value and a line feed for any line end.
const SHAPES: [&str; 29] = [
    "data: *\n\n",
    "data:*\n\ndata:*\n\n",
    "data\n\ndata: *\n\ndata: x",
    "event: tick\ndata: *\n\n",
    "data: *\nevent: tick\n\n",
    "event: *\ndata: x\n\n",
    "data: x\nevent: *\n\n",
    "data: x\nevent: *\nevent: y\n\n",
    "event: *\nevent: tick\nevent: *\ndata: x\n\n",
    "event: *\ndata: *\n\n",
    "data: *\ndata: *\n\n",
    "data: x\ndata: *\ndata: y\ndata\n\n",
    "event: tick\ndata: *\ndata: x\n\n",
    "data: *\ndata: y\nevent: tick\ndata: *\n\n",
    "event: tick\ndata: x\n:*\ndata: y\ndata: *\nretry: 7\n\n",
    "id: *\ndata: x\n\n",
    "data: x\nid: *\n\ndata: y\n\n",
    "id: 1\n\nid: *\ndata: x\nevent: tick\n\ndata\n\n",
    "id: *\nid: 1\ndata: x\n\nid: *\n\ndata\n\n",
    "id: first\ndata: x\n\nid: *\ndata: x\nevent: *\n\nid:\ndata:\n\n",
    "id: 1\nevent: tick\ndata: x\n\nid: *\nevent: *\ndata: *\n\nid: 2\ndata: y\n\n",
    "id: *\n\0\ndata: x\n\n",
    "id: 1\n\nid: *\0\ndata: \0\n\nid: \0*\ndata: y\n\n",
    ":*\ndata: x\n\n",
    "data: x\n:*\ndata: y\n\n",
    "data: x\n\ndata: *\ndata: *\n:*\n\n",
    "*\ndata: x\n\n*: *\ndata:* \n\n",
    "data: *\0\nevent: \0*\ndata: \0\n\n",
    "event: tick\ndata: x\ndata: *\nid: *\ndata: y\n\ndata: z\n\n",
];

const LINE_ENDS: [&[u8]; 3] = [b"\n", b"\r", b"\r\n"];

/// Letters tell a byte from its neighbours; the others are nearly line ends.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const NEARLY_LINE_ENDS: &[u8] = b"a\t\x0B\x0C\x0E\x8A\x8D";

#[test]
fn however_they_are_cut() {
    let roomy = Settings::roomy().with_limits(8192, 2048);
    let skipping = Settings { keep_comments: false, ..roomy.clone() };
    let mut implementations: [Box<dyn Implementation>; 4] =
        [Box::new(OverSlices), Box::new(Growing), Box::new(Cloned), Box::new(StoppingEarly)];
    for length in (0..=200).chain(500..=590).chain(1020..=1030) {
        for shape in SHAPES {
            each_stream(shape, length, &LINE_ENDS, &[LETTERS, NEARLY_LINE_ENDS], |stream| {
                for settings in [&roomy, &skipping] {
                    let expected = Expectation::of(settings, stream);
                    for implementation in &mut implementations {
                        expected.check(implementation.as_mut(), &chunking::whole(stream));
                    }
                    for size in [63, 64, 65] {
                        expected.check(&mut OverSlices, &chunking::fixed(stream, size));
                    }
                }
            });
        }
    }
}

/// In two chunks, and in three of which the middle one is one byte, near all ends of lines and names.
#[test]
fn cut_where_something_ends() {
    for length in (0..=130).chain([511, 512, 513, 1100]) {
        for shape in SHAPES {
            each_stream(shape, length, &LINE_ENDS, &[LETTERS], |stream| {
                let size = largest_event(stream);
                let settings = Settings::roomy().with_limits(size, length.max(5));
                let expected = Expectation::of(&settings, stream);
                for place in places_where_something_ends(stream) {
                    let next = stream.len().min(place + 1);
                    expected.check(&mut OverSlices, &chunking::at(stream, &[place]));
                    expected.check(&mut Growing, &chunking::at(stream, &[place, next]));
                }
            });
        }
    }
}

/// Storage that an event just fits, or just not, or that has less than a block left behind it.
#[test]
fn in_storage_of_every_size_near() {
    for length in (0..=80).chain([127, 128, 129, 512, 1024]) {
        for shape in SHAPES {
            each_stream(shape, length, &LINE_ENDS[..1], &[LETTERS], |stream| {
                let mut sizes = oracle::event_sizes(stream);
                sizes.sort_unstable();
                sizes.dedup();
                for size in sizes {
                    for over in [0, 1, 2, 16, 17, 62, 63, 64, 65, 66] {
                        let event_limit = (size + over).saturating_sub(1);
                        let settings = Settings::roomy().with_limits(event_limit, length);
                        in_whole_lines(&settings, stream);
                    }
                }
            });
        }
    }
}

/// Ids that just fit their storage, or just not: where it is full, there is no block to copy to.
#[test]
fn ids_in_storage_of_every_size_near() {
    for length in (0..=40).chain([63, 64, 65]) {
        for shape in SHAPES.iter().filter(|shape| shape.contains("id: *")) {
            each_stream(shape, length, &LINE_ENDS, &[LETTERS], |stream| {
                let size = largest_event(stream);
                for id_limit in [length.saturating_sub(1), length, length + 1, 15, 16, 17] {
                    for event_limit in [size.saturating_sub(1), size, 8192] {
                        for advance_past_too_large in [false, true] {
                            let settings = Settings { advance_past_too_large, ..Settings::roomy() };
                            in_whole_lines(&settings.with_limits(event_limit, id_limit), stream);
                        }
                    }
                }
            });
        }
    }
}

/// Data that is long enough to be moved out of the parser's storage, behind and before what is not,
/// and how the storage that is left goes on.
#[cfg(feature = "hosts")]
#[test]
fn long_data_of_the_tokio_binding() {
    let settings = Settings::roomy().with_limits(4 << 20, 256);
    let mut implementations = tests::tokio_streams::implementations();
    for length in [65_535, 65_536, 65_537, 3 << 20] {
        for shape in [
            "data: *\n\ndata: x\n\n",
            "event: tick\nid: 7\ndata: *\n\nevent: tock\ndata: y\n\n",
            "id: 7\n\ndata: *\nevent: tick\n\ndata: *\nid: 8\n\ndata\n\n",
            "data: x\ndata: *\nevent: tick\n\nid: 9\ndata: y\ndata: *\n\ndata: x\n\n",
            "data: *\ndata: *\n\n:*\nevent: tick\ndata: *",
        ] {
            each_stream(shape, length, &LINE_ENDS[..1], &[LETTERS], |stream| {
                let expected = Expectation::of(&settings, stream);
                for implementation in &mut implementations {
                    expected.check(implementation.as_mut(), &chunking::whole(stream));
                    for size in [10_000, length] {
                        expected.check(implementation.as_mut(), &chunking::fixed(stream, size));
                    }
                }
            });
        }
    }
}

/// Reads a stream whole, cut between any two lines, and in blocks.
fn in_whole_lines(settings: &Settings, stream: &[u8]) {
    let expected = Expectation::of(settings, stream);
    expected.check(&mut OverSlices, &chunking::whole(stream));
    expected.check(&mut StoppingEarly, &chunking::whole(stream));
    expected.check(&mut OverSlices, &chunking::fixed(stream, 64));
    for place in line_starts(stream) {
        expected.check(&mut OverSlices, &chunking::at(stream, &[place]));
        expected.check(&mut Growing, &chunking::at(stream, &[place]));
    }
}

/// Calls `visit` with a stream of this shape for each pair of a line end and a filler. It begins the
/// stream, and then it stands behind a blank line: only behind the first block are blocks read as a
/// whole.
fn each_stream(
    shape: &str,
    length: usize,
    ends: &[&[u8]],
    fillers: &[&[u8]],
    mut visit: impl FnMut(&[u8]),
) {
    for end in ends {
        for filler in fillers {
            let mut stream = end.to_vec();
            for byte in shape.bytes() {
                match byte {
                    b'\n' => stream.extend_from_slice(end),
                    b'*' => stream.extend(filler.iter().cycle().take(length)),
                    _ => stream.push(byte),
                }
            }
            visit(&stream[end.len()..]);
            visit(&stream);
        }
    }
}

fn largest_event(stream: &[u8]) -> usize {
    oracle::event_sizes(stream).into_iter().max().unwrap_or_default()
}

/// Behind each line end.
fn line_starts(stream: &[u8]) -> impl Iterator<Item = usize> {
    (1..=stream.len()).filter(|&place| matches!(stream[place - 1], b'\n' | b'\r'))
}

/// In and behind each name, and around each line end.
fn places_where_something_ends(stream: &[u8]) -> Vec<usize> {
    let around = |start: usize| start.saturating_sub(3)..stream.len().min(start + 7) + 1;
    let mut places: Vec<_> =
        std::iter::once(0).chain(line_starts(stream)).flat_map(around).collect();
    places.sort_unstable();
    places.dedup();
    places
}
