//! An `EventSource` and servers that do anything, held against the standard told a second time: 9.2.3
//! for what follows on an answer, and the oracle for what a stream says.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sansse::StreamEnd;
use sansse_tokio::EventSource;
use tests::byte_string::ByteString;
use tests::oracle;
use tests::outcome::Item;
use tests::script::{Connection, LAST_CHUNK, STREAM_HEAD, Step, chunk, send};
use tests::scripted::Scripted;
use tests::settings::Settings;
use tests::source_log::take;
use tests::strategy::{cases, cut, cuts, short_stream, stream};
use tests::utf8;

/// What a server does with a connection.
#[derive(Clone, Debug)]
enum Answer {
    Refused,
    /// Closed without a head.
    Silent,
    Stream {
        bytes: ByteString,
        /// Where it is cut into what is sent at once.
        chunks: Vec<Index>,
        end: End,
    },
    /// A redirect to the other origin.
    Redirect,
    Status(u16),
    WrongType,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Whole,
    Closed,
    Reset,
}

fn answer() -> impl Strategy<Value = Answer> {
    let bytes = prop_oneof![
        stream(),
        short_stream(),
        // What matters between streams, more often than it comes by itself.
        vec(
            prop_oneof![
                Just("id: 1\n"),
                Just("id: Zürich\r\n"),
                Just("id\n"),
                Just("id:\r"),
                Just("id: \u{1}\n"),
                Just("id:  2 \n"),
                Just("retry: 7\n"),
                Just("retry: 700\r\n"),
                Just("retry: 99999999999999\n"),
                Just("data: x\n"),
                Just(": x\n"),
                Just("\n"),
                Just("\r"),
                Just("i"),
            ],
            0..12,
        )
        .prop_map(|lines| ByteString(lines.concat().into_bytes())),
    ];
    let end = prop_oneof![Just(End::Whole), Just(End::Closed), Just(End::Reset)];
    prop_oneof![
        1 => Just(Answer::Refused),
        1 => Just(Answer::Silent),
        12 => (bytes, any::<Index>(), cuts(), end).prop_map(|(ByteString(mut bytes), length, chunks, end)| {
            // Half of them are cut anywhere.
            let length = length.index(2 * bytes.len() + 1);
            bytes.truncate(length);
            Answer::Stream { bytes: bytes.into(), chunks, end }
        }),
        2 => Just(Answer::Redirect),
        1 => prop_oneof![Just(204), Just(404), Just(500), Just(503), Just(206)].prop_map(Answer::Status),
        1 => Just(Answer::WrongType),
    ]
}

impl Answer {
    fn connection(&self) -> Connection {
        match self {
            Self::Refused => Connection::Refused,
            Self::Silent => Connection::of([]),
            Self::Stream { bytes, chunks, end } => {
                let mut steps = vec![send(STREAM_HEAD)];
                for piece in cut(bytes.as_bytes(), chunks) {
                    steps.push(send(chunk(piece)));
                }
                steps.extend(match end {
                    End::Whole => Some(send(LAST_CHUNK)),
                    End::Closed => None,
                    End::Reset => Some(Step::Reset),
                });
                Connection::of(steps)
            }
            Self::Redirect => Connection::redirect(307, "http://{b}/"),
            Self::Status(204) => Connection::no_content(),
            Self::Status(status) => Connection::answer(&format!("{status} X"), &[], "body"),
            Self::WrongType => Connection::answer("200 OK", &["content-type: text/html"], "body"),
        }
    }
}

/// What is to be seen on both sides.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    requests: Vec<String>,
    told: Vec<String>,
}

/// 9.2.3, step by step and slowly, with the numbers that this client has for what the standard
/// leaves open.
fn model(settings: &Settings, answers: &[Answer]) -> Expected {
    let (mut requests, mut told) = (Vec::new(), Vec::new());
    let mut last_event_id = Vec::new();
    let mut reconnection_time = 3000_u64;
    let mut origin = "a";
    for answer in answers {
        // "Set (`Last-Event-ID`, lastEventIDValue) in request's header list", where it is not empty
        // and HTTP has a way to say it.
        let id = utf8_trimmed(&last_event_id);
        let is_sendable =
            !id.is_empty() && !id.iter().any(|&byte| byte < 32 && byte != 9 || byte == 127);
        let has_gap = !last_event_id.is_empty() && !is_sendable;
        if !matches!(answer, Answer::Refused) {
            requests.push(if is_sendable {
                format!("GET {origin}/ last-event-id={}", String::from_utf8_lossy(id))
            } else {
                format!("GET {origin}/")
            });
        }
        let end = match answer {
            // "If res is an aborted network error, fail the connection; otherwise, reestablish it."
            Answer::Refused | Answer::Silent => "unreachable",
            Answer::Redirect => {
                origin = "b";
                continue;
            }
            Answer::Status(204) => {
                told.push("closed: NoContent".into());
                break;
            }
            Answer::Status(status) => {
                told.push(format!("failed: {status} from {origin}/: body"));
                told.push("closed: Failed".into());
                break;
            }
            Answer::WrongType => {
                told.push(format!("failed: 200 from {origin}/: body"));
                told.push("closed: Failed".into());
                break;
            }
            Answer::Stream { bytes, end, .. } => {
                // "Announce the connection and interpret res's body line by line."
                let gap = if has_gap { ", may have a gap" } else { "" };
                told.push(format!("open {origin}/{gap}"));
                let seed = ByteString(last_event_id.clone());
                let settings = Settings { seed, ..settings.clone() };
                let outcome = oracle::interpret(&settings, bytes.as_bytes());
                for item in outcome.items {
                    match item {
                        Item::Retry(time) => reconnection_time = time,
                        item => told.push(line(&item)),
                    }
                }
                last_event_id = outcome.last_event_id.0;
                match (end, outcome.end) {
                    (End::Whole, StreamEnd::Clean) => "ended",
                    (End::Whole, StreamEnd::Unfinished) => "ended in mid-event",
                    (End::Closed | End::Reset, _) => "cut",
                }
            }
        };
        // "Wait a delay equal to the reconnection time", then ask at the URL again.
        let wait = reconnection_time.clamp(250, 24 * 60 * 60 * 1000);
        told.push(format!("{end}, back in {wait}"));
        origin = "a";
    }
    Expected { requests, told }
}

fn utf8_trimmed(mut id: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = id {
        id = rest;
    }
    id
}

fn line(item: &Item) -> String {
    let text = |bytes: &ByteString| utf8::decode(bytes.as_bytes());
    match item {
        Item::Event(event) => {
            let id = text(&event.last_event_id);
            let id = if id.is_empty() { id } else { format!("#{id}") };
            format!("{}:{}{id}", text(&event.event_type), text(&event.data))
        }
        Item::Comment { text: comment, .. } => format!(":{}", text(comment)),
        Item::TooLarge { last_event_id } => format!("too large #{}", text(last_event_id)),
        other => panic!("a limit that is not near: {other:?}"),
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn whatever_servers_do_it_goes_on_as_the_standard_has_it(
        mut answers in vec(answer(), 1..8),
        event_limit in prop_oneof![3 => Just(8192_usize), 1 => 0..40_usize],
        advance in any::<bool>(),
        comments in any::<bool>(),
    ) {
        answers.push(Answer::Status(204));
        let settings = Settings {
            advance_past_too_large: advance,
            keep_comments: comments,
            ..Settings::roomy().with_limits(event_limit, 64 << 10)
        };
        let expected = model(&settings, &answers);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let seen = runtime.block_on(async {
            let server = Scripted::in_memory(answers.iter().map(Answer::connection));
            let mut builder = EventSource::get(server.url("/"))
                .transport(server.transport())
                .event_limit(event_limit);
            if advance {
                builder = builder.advance_past_too_large();
            }
            if comments {
                builder = builder.keep_comments();
            }
            let mut source = builder.connect().unwrap();
            let told = take(&mut source, &server, usize::MAX).await;
            Expected { requests: server.lines(), told }
        });
        prop_assert_eq!(seen, expected);
    }
}
