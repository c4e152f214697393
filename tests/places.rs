//! Line ends at every place of the blocks of 64 bytes in which they are searched for.

use tests::cases;
use tests::chunking;
use tests::core_parsers::{
    AsText, Buffered, BufferedInTwoSteps, Growing, OverSlices, StoppingEarly,
};
use tests::expectation::Expectation;
use tests::implementation::Implementation;
use tests::settings::Settings;

/// Past two blocks, so that what is behind the padding begins at each place of a block that is the
/// first and of one that is not.
const LONGEST_PADDING: usize = 130;

/// Behind a stream: an event of more than a block.
const TRAILER: &str = "\n\ndata: What stands behind it ends what is open and is longer than a block \
                       of bytes.\n\n";

#[test]
fn every_case_behind_a_comment() {
    each_case_behind(|length| match length {
        0 => Vec::new(),
        1 => b"\n".to_vec(),
        _ => [b":".as_slice(), &vec![b'x'; length - 2], b"\n"].concat(),
    });
}

/// Data of its own: an item that is handed out from the chunk.
#[test]
fn every_case_behind_an_event() {
    each_case_behind(|length| match length {
        0..7 => vec![b'\r'; length],
        _ => [b"data:".as_slice(), &vec![b'\t'; length - 7], b"\n\n"].concat(),
    });
}

/// In the block that an unknown field has begun.
#[test]
fn every_case_behind_an_unknown_field() {
    each_case_behind(|length| match length {
        0 => Vec::new(),
        _ => [vec![b'x'; length - 1].as_slice(), b"\r"].concat(),
    });
}

/// Blocks of nothing but line ends.
#[test]
fn every_case_behind_blank_lines() {
    each_case_behind(|length| b"\r\n".iter().copied().cycle().take(length).collect());
}

fn each_case_behind(padding: impl Fn(usize) -> Vec<u8>) {
    let roomy = Settings::roomy();
    let skipping = Settings { keep_comments: false, ..Settings::roomy() };
    let mut implementations: [Box<dyn Implementation>; 5] = [
        Box::new(OverSlices),
        Box::new(StoppingEarly),
        Box::new(AsText { stopping_early: false }),
        Box::new(Buffered { buffer: 192 }),
        Box::new(BufferedInTwoSteps { buffer: 100 }),
    ];
    for case in cases::all() {
        for length in 0..=LONGEST_PADDING {
            let start = padding(length);
            for trailer in ["", TRAILER] {
                let stream = [&start, case.input.as_bytes(), trailer.as_bytes()].concat();
                let end = length + case.input.as_bytes().len();
                // A comment that is not kept lets a block stay one that is read as a whole.
                for settings in [&roomy, &skipping] {
                    let expected = Expectation::of(settings, &stream);
                    for implementation in &mut implementations {
                        expected.check(implementation.as_mut(), &chunking::whole(&stream));
                    }
                    expected.check(&mut Growing, &chunking::at(&stream, &[length, end]));
                    expected.check(&mut Growing, &chunking::fixed(&stream, 64));
                    expected.check(&mut OverSlices, &chunking::fixed(&stream, 100));
                }
            }
        }
    }
}

/// Chunks of each length with two line ends, wherever they are. All else is colons, so that each line
/// is a comment that shows where it starts and ends.
#[test]
fn two_line_ends_anywhere() {
    let settings = Settings::roomy();
    let mut implementations: [Box<dyn Implementation>; 2] =
        [Box::new(OverSlices), Box::new(StoppingEarly)];
    for length in 1..=LONGEST_PADDING {
        let mut stream = vec![b':'; length];
        for first in 0..length {
            for distance in [1, 2, 7, 8, 15, 16, 17, 63, 64, 65] {
                let second = (first + distance).min(length - 1);
                for ends in [b"\n\n", b"\r\n", b"\n\r", b"\r\r"] {
                    stream[first] = ends[0];
                    stream[second] = ends[1];
                    let expected = Expectation::of(&settings, &stream);
                    for implementation in &mut implementations {
                        expected.check(implementation.as_mut(), &chunking::whole(&stream));
                    }
                }
                stream[second] = b':';
            }
            stream[first] = b':';
        }
    }
}

/// Lines that end before, in and behind the bytes that are looked at block by block, before a faster
/// search takes over.
#[test]
fn lines_of_every_length_behind_one_another() {
    let settings = Settings::roomy();
    for first in (0..=130).chain(440..=720).chain([1023, 1024, 1025]) {
        for second in [0, 1, 62, 63, 64, 65, 300, 511, 512, 513, 575, 576, 577] {
            for filler in [b"xyz".as_slice(), b"\t\x0B\x0C\x0E\x8A\x8D\0"] {
                let line = |length| filler.iter().copied().cycle().take(length).collect::<Vec<_>>();
                for end in [b"\n".as_slice(), b"\r", b"\r\n"] {
                    let stream = [
                        b":".as_slice(),
                        &line(first),
                        end,
                        b"data:",
                        &line(second),
                        end,
                        end,
                        b":x",
                    ]
                    .concat();
                    let expected = Expectation::of(&settings, &stream);
                    expected.check(&mut OverSlices, &chunking::whole(&stream));
                    expected.check(&mut StoppingEarly, &chunking::fixed(&stream, 600));
                }
            }
        }
    }
}

/// A line end, or what is nearly one, at each place of a long chunk that begins in a long line, in
/// storage that the event just fits, or just not.
#[test]
fn anywhere_in_a_long_chunk_of_a_long_line() {
    let start = [b"data:".as_slice(), &[b'x'; 1100]].concat();
    for length in [1023, 1024, 1025, 1279, 1280, 1281, 1460] {
        let end = start.len() + length;
        let mut stream = [start.as_slice(), &vec![b'y'; length], b"\n\ndata: z\n\n"].concat();
        for limit in [1100 + length - 1, 1100 + length, 8192] {
            let settings = Settings::roomy().with_limits(limit, 256);
            for place in start.len()..end {
                for mark in *b"\n\r\t" {
                    stream[place] = mark;
                    let expected = Expectation::of(&settings, &stream);
                    let within = chunking::at(&stream, &[start.len(), end]);
                    expected.check(&mut OverSlices, &within);
                    expected.check(&mut Growing, &within);
                    expected.check(&mut Growing, &chunking::at(&stream, &[start.len() - 1]));
                }
                stream[place] = b'y';
            }
        }
    }
}

/// Characters, and what is none, at every place around the end of what is checked to be text at once.
#[test]
fn text_over_the_ends_of_what_is_checked_at_once() {
    let settings = Settings::roomy();
    let fillings: [&[u8]; 6] =
        [b"x", "é".as_bytes(), "€".as_bytes(), "😀".as_bytes(), b"\xE2\x82", "😀\u{A0}".as_bytes()];
    for filling in fillings {
        for length in [250, 3000] {
            let data = filling.repeat(length / filling.len());
            let block = [b"id:7\ndata:", data.as_slice(), b"\n\n"].concat();
            let broken = [b"event:\xF0\x9F\ndata:", filling, b"\xBF\n\n"].concat();
            let blocks = [block.repeat(20_000 / length), broken, block].concat();
            for padding in 0..5 {
                let stream = [vec![b'\n'; padding].as_slice(), &blocks].concat();
                let expected = Expectation::of(&settings, &stream);
                for stopping_early in [false, true] {
                    let mut as_text = AsText { stopping_early };
                    expected.check(&mut as_text, &chunking::whole(&stream));
                    expected.check(&mut as_text, &chunking::fixed(&stream, 8192));
                    expected.check(&mut as_text, &chunking::fixed(&stream, 10_001));
                }
            }
        }
    }
}
