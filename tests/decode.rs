//! `sansse decode` and `sansse encode`, as processes, over every case.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use sansse::StreamEnd;
use serde_json::{Value, json};
use tests::cases;
use tests::command::sansse;
use tests::oracle;
use tests::outcome::{Item, Outcome};
use tests::settings::Settings;
use tests::utf8;

/// Enough for each case.
const LIMIT: usize = 8192;

#[test]
fn decode_agrees_with_the_oracle_on_every_case_in_chunks_of_any_size() {
    each_case(|input| {
        let expected = lines(LIMIT, input);
        for size in sizes(input.len()) {
            assert_eq!(
                decode(LIMIT, Some(size), input),
                expected,
                "{size}: {}",
                input.escape_ascii()
            );
        }
        assert_eq!(decode(LIMIT, None, input), expected);
    });
}

#[test]
fn decode_agrees_with_the_oracle_on_what_is_too_large() {
    each_case(|input| {
        for limit in [0, 3] {
            for size in [1, 2, input.len().max(1)] {
                assert_eq!(
                    decode(limit, Some(size), input),
                    lines(limit, input),
                    "{}",
                    input.escape_ascii()
                );
            }
        }
    });
}

#[test]
fn encode_is_the_inverse_of_decode() {
    each_case(|input| {
        let decoded = decode(LIMIT, None, input);
        let stream = run(&["encode"], text(&decoded).as_bytes());
        let mut again = decode(LIMIT, None, &stream);
        // An id that came in a block without data is in the `end` line alone.
        let (end, events) = (again.pop().unwrap(), again);
        let (end_before, events_before) = decoded.split_last().unwrap();
        assert_eq!(events, events_before, "{}", input.escape_ascii());
        assert_eq!(end["retry"], end_before["retry"], "{}", input.escape_ascii());
    });
}

/// What `decode --all` has to print.
fn lines(limit: usize, input: &[u8]) -> Vec<Value> {
    let settings =
        Settings { advance_past_too_large: true, ..Settings::roomy() }.with_limits(limit, limit);
    let Outcome { items, last_event_id, end } = oracle::interpret(&settings, input);
    assert!(matches!(end, StreamEnd::Clean | StreamEnd::Unfinished));
    let decoded = |bytes: &[u8]| utf8::decode(bytes);
    let mut last_retry = Value::Null;
    let mut lines: Vec<Value> = items
        .iter()
        .map(|item| match item {
            Item::Event(event) => json!({
                "event": decoded(event.event_type.as_bytes()),
                "data": decoded(event.data.as_bytes()),
                "id": decoded(event.last_event_id.as_bytes()),
            }),
            Item::TooLarge { last_event_id } => {
                json!({"too_large": true, "id": decoded(last_event_id.as_bytes())})
            }
            Item::Retry(milliseconds) => {
                last_retry = json!(milliseconds);
                json!({"retry": milliseconds})
            }
            Item::Comment { text, truncated: false } => {
                json!({"comment": decoded(text.as_bytes())})
            }
            Item::Comment { text, truncated: true } => {
                json!({"comment": decoded(text.as_bytes()), "truncated": true})
            }
            Item::IdTooLong => json!({"id_too_long": true}),
        })
        .collect();
    lines.push(json!({"end": true, "id": decoded(last_event_id.as_bytes()), "retry": last_retry}));
    lines
}

fn decode(limit: usize, chunk_size: Option<usize>, input: &[u8]) -> Vec<Value> {
    let limit = limit.to_string();
    let size = chunk_size.map(|size| size.to_string());
    let mut arguments = vec!["decode", "--all", "--max-event", &limit];
    if let Some(size) = &size {
        arguments.extend(["--chunk-size", size]);
    }
    let output = String::from_utf8(run(&arguments, input)).expect("UTF-8");
    output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn run(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = sansse()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    // No case is larger than what a pipe holds.
    child.stdin.take().expect("a pipe").write_all(input).expect("a reader");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Sizes of chunks, of which each place in a stream ends the first one of some; the long streams are
/// runs of one byte in the middle.
fn sizes(length: usize) -> Vec<usize> {
    let (short, long) = (1..=length.min(64), length.saturating_sub(16).max(65)..=length);
    short.chain(long).collect()
}

/// Runs a check over the inputs of all cases, in two threads.
fn each_case(check: impl Fn(&[u8]) + Sync) {
    let cases = cases::all();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(case.input.as_bytes());
                }
            });
        }
    });
}
