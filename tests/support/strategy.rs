//! Streams and settings for proptest: mostly nearly right, which is where parsers go wrong.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::byte_string::ByteString;
use crate::chunking;
use crate::oracle;
use crate::settings::Settings;

/// So many cases. Failures are shrunk and shown, not written to a file.
#[must_use]
pub fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A stream of lines; with a byte order mark or a part of one, and without a last line end, now and
/// then.
pub fn stream() -> impl Strategy<Value = ByteString> {
    lines(24, value())
}

/// The same, of few and short lines.
pub fn short_stream() -> impl Strategy<Value = ByteString> {
    lines(8, short_value())
}

/// A stream of long lines, and settings whose limits are near the sizes of its events and ids.
pub fn long_stream_and_settings() -> impl Strategy<Value = (ByteString, Settings)> {
    let over = prop_oneof![2 => 0..3_usize, 1 => 0..130_usize, 1 => Just(8192)];
    let id_limit = prop_oneof![2 => select(vec![15_usize, 16, 17, 31, 32, 33]), 1 => 0..1200_usize];
    let stream = lines(10, long_value());
    (stream, settings(), any::<Index>(), over, id_limit).prop_map(
        |(stream, settings, event, over, id_limit)| {
            let sizes = oracle::event_sizes(stream.as_bytes());
            let size = if sizes.is_empty() { 0 } else { sizes[event.index(sizes.len())] };
            // From one byte too few on.
            let event_limit = (size + over).saturating_sub(1);
            (stream, settings.with_limits(event_limit, id_limit.max(4)))
        },
    )
}

/// Lengths of chunks, for [`chunking::of_lengths`]: many near those that are looked at as a whole.
pub fn chunk_lengths() -> impl Strategy<Value = Vec<usize>> {
    let near = select(vec![1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 511, 512, 513]);
    vec(prop_oneof![3 => near, 2 => 1..1500_usize, 1 => Just(0)], 1..5)
}

/// Limits near the sizes of the streams made here or far away, and any options.
pub fn settings() -> impl Strategy<Value = Settings> {
    let event_limit = prop_oneof![4 => 0..48_usize, 1 => 48..512_usize, 2 => Just(8192)];
    let id_limit = prop_oneof![4 => 0..12_usize, 1 => Just(256)];
    let seed = vec(prop_oneof![Just(b' '), b'0'..=b'9', 0x80..=0xFF_u8], 0..4);
    (event_limit, id_limit, any::<bool>(), any::<bool>(), seed).prop_map(
        |(event_limit, id_limit, keep_comments, advance_past_too_large, mut seed)| {
            seed.truncate(id_limit);
            Settings {
                event_limit,
                id_limit,
                keep_comments,
                advance_past_too_large,
                seed: seed.into(),
            }
        },
    )
}

/// Places to cut a stream at, for [`cut`].
pub fn cuts() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..12)
}

/// The chunks of a stream that is cut there; some may be empty.
#[must_use]
pub fn cut<'a>(stream: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    places.sort_unstable();
    chunking::at(stream, &places)
}

/// Text as a caller may pass it, with many line breaks and what else may do harm.
pub fn text() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "\n", "\r", "\r\n", "\0", " ", "\t", ":", "a", "7", "data:", "data: x", "id: 1", "event",
        "é", "😀", "\u{FEFF}", "\u{B}", "\u{2028}", "message",
    ]);
    prop_oneof![
        6 => vec(pieces, 0..10).prop_map(|pieces| pieces.concat()),
        1 => Just(String::from("message")),
        1 => any::<String>(),
    ]
}

/// Text that can be an event type or a comment.
pub fn one_line() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(['\r', '\n'], ""))
}

/// Text that can be an id.
pub fn id() -> impl Strategy<Value = String> {
    one_line().prop_map(|text| text.replace('\0', "").trim_matches([' ', '\t']).to_owned())
}

fn lines(
    most: usize,
    value: impl Strategy<Value = ByteString>,
) -> impl Strategy<Value = ByteString> {
    let start = prop_oneof![
        6 => Just(b"".as_slice()),
        2 => Just(b"\xEF\xBB\xBF".as_slice()),
        1 => select(vec![b"\xEF".as_slice(), b"\xEF\xBB", b"\xEF\xBB\xBF\xEF\xBB\xBF"]),
    ];
    let end = prop_oneof![
        5 => Just(b"\n".as_slice()),
        2 => Just(b"\r".as_slice()),
        2 => Just(b"\r\n".as_slice()),
    ];
    let cut_short = prop_oneof![3 => Just(0_usize), 1 => 0..8_usize];
    (start, vec((line(value), end), 0..most), cut_short).prop_map(|(start, lines, cut_short)| {
        let mut stream = start.to_vec();
        for (line, end) in lines {
            stream.extend_from_slice(line.as_bytes());
            stream.extend_from_slice(end);
        }
        stream.truncate(stream.len().saturating_sub(cut_short));
        stream.into()
    })
}

fn line(value: impl Strategy<Value = ByteString>) -> impl Strategy<Value = ByteString> {
    let name = prop_oneof![
        6 => Just(b"data".as_slice()),
        2 => Just(b"event".as_slice()),
        4 => Just(b"id".as_slice()),
        2 => Just(b"retry".as_slice()),
        2 => Just(b"".as_slice()),
        2 => select(vec![
            b"dat".as_slice(), b"datas", b"Data", b" data", b"data ", b"\0data", b"da\xFFta",
            b"\xEF\xBB\xBFdata", b"event\0", b"events", b"Id", b"ids", b"retr", b"x",
        ]),
    ];
    let separator = prop_oneof![
        3 => Just(b":".as_slice()),
        6 => Just(b": ".as_slice()),
        1 => select(vec![b":  ".as_slice(), b":\t", b"::", b" :", b""]),
    ];
    let field = (name, separator, value).prop_map(|(name, separator, value)| {
        ByteString::from([name, separator, value.as_bytes()].concat())
    });
    prop_oneof![
        5 => Just(ByteString::default()),
        10 => field,
        1 => select(vec![b"data".as_slice(), b"event", b"id", b"retry"]).prop_map(ByteString::from),
        1 => vec(any::<u8>(), 0..12).prop_map(ByteString::from),
    ]
}

fn short_value() -> impl Strategy<Value = ByteString> {
    prop_oneof![
        3 => vec(select(b"ab1 :".to_vec()), 0..6).prop_map(ByteString::from),
        1 => select(vec![b"\0".as_slice(), b"\xFF", b"\xC3\xA9", b"message"])
            .prop_map(ByteString::from),
    ]
}

fn value() -> impl Strategy<Value = ByteString> {
    let long = (any::<u8>(), 16..400_usize).prop_map(|(byte, length)| vec![byte; length].into());
    let broken_text = select(vec![
        b"a\x80".as_slice(),
        b"\xC3",
        b"\xE2\x82",
        b"\xF0\x9F\x98",
        b"\xED\xA0\x80",
        b"\xC0\xAF",
        b"\xF4\x90\x80\x80",
        b"\xFF\xFE",
        b"\xEF\xBB\xBF",
    ]);
    prop_oneof![
        6 => short_value(),
        2 => any::<u64>().prop_map(|number| number.to_string().into_bytes().into()),
        1 => "[0-9]{1,30}".prop_map(|digits| digits.into_bytes().into()),
        2 => any::<String>().prop_map(|text| text.into_bytes().into()),
        2 => broken_text.prop_map(ByteString::from),
        1 => vec(any::<u8>(), 0..24).prop_map(ByteString::from),
        1 => long,
    ]
}

/// A value of up to 1100 bytes, many of them near the lengths that something hangs on. Few have line
/// ends; many have what a search for line ends must tell from them.
fn long_value() -> impl Strategy<Value = ByteString> {
    let length = prop_oneof![
        3 => 0..130_usize,
        2 => (select(vec![16_usize, 64, 128, 512, 576, 1024]), 0..20_usize)
            .prop_map(|(length, less)| length + 2 - less.min(length)),
        1 => 0..1100_usize,
    ];
    let pattern = prop_oneof![
        3 => select(vec![
            b"abcdefghijklmnopqrstuvwxyz".as_slice(), b"x", b"\t", b"a\t\x0B\x0C\x0E\x8A\x8Db",
        ]).prop_map(ByteString::from),
        2 => vec(any::<u8>(), 1..90).prop_map(ByteString::from),
    ];
    (length, pattern).prop_map(|(length, pattern)| {
        let bytes: Vec<u8> = pattern.0.into_iter().cycle().take(length).collect();
        bytes.into()
    })
}
