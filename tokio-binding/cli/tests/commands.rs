//! The command as one runs it: `decode`, `encode`, `pub`, `tail`, and what all of them have in
//! common.

#[path = "commands/running.rs"]
mod running;
#[path = "commands/server.rs"]
mod server;

use std::io::Write as _;
use std::time::Duration;

use running::{Finished, Running, run};
use server::Server;

/// Everything that readers get wrong, in one stream.
const NASTY: &[u8] = b"\xEF\xBB\xBF: first\r\n\
    data: a\r\ndata\ndata:b\rdata:  c\n\n\
    event: tick\nid: 7\ndata: x\n\r\
    retry: 3000\rretry: +7\nretry\nretry:\nretry: 99999999999999999999\n\
    id: no\0pe\ndata: still 7\n\n\
    id: only\n\nevent: lost\n\nevent: gone\nevent\ndata\n\n\
    id:  edge \ndata: \xE6\xBC\xA2\xF0\x9F\xA6\x80 \xFF\xE6\xBC|\n\n\
    :\n:  two\ndataa: n\ndat: n\nDATA: n\n: third\ndata\n\r\n\
    id\ndata: {\"quoted\":\"\\u0000\"}\x1B\x7F\ndata:\n\n\
    \xEF\xBB\xBFdata: n\nid: unfinished\ndata: n\n";

const NASTY_LINES: &str = r#"{"comment":" first"}
{"event":"message","data":"a\n\nb\n c","id":""}
{"event":"tick","data":"x","id":"7"}
{"retry":3000}
{"retry":18446744073709551615}
{"event":"message","data":"still 7","id":"7"}
{"event":"message","data":"","id":"only"}
{"event":"message","data":"漢🦀 ��|","id":" edge "}
{"comment":""}
{"comment":"  two"}
{"comment":" third"}
{"event":"message","data":"","id":" edge "}
"#;

fn nasty_lines() -> String {
    NASTY_LINES.to_owned()
        + "{\"event\":\"message\",\"data\":\"{\\\"quoted\\\":\\\"\\\\u0000\\\"}\\u001b\u{7f}\\n\",\"id\":\"\"}\n"
        + "{\"end\":true,\"id\":\"\",\"retry\":18446744073709551615}\n"
}

/// A long stream of random lines that mostly mean something.
fn random_stream() -> Vec<u8> {
    const PIECES: [&[u8]; 20] = [
        b"data: x",
        b"data",
        b"data:  y",
        b"event: tick",
        b"event",
        b"id: 1",
        b"id:  2 ",
        b"id",
        b"id: \0",
        b"retry: 5",
        b"retry: x",
        b": hi",
        b":",
        b"nothing",
        b"\xEF\xBB\xBF",
        b"\xFF",
        b"data: \xE6\xBC",
        b"",
        b"",
        b"",
    ];
    const ENDS: [&[u8]; 4] = [b"\n", b"\r\n", b"\r", b"\n"];
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    (0..50_000).flat_map(|_| [PIECES[random(20)], ENDS[random(4)]].concat()).collect()
}

#[test]
fn decode_prints_the_line_of_the_readme() {
    let finished = run(&["decode"], b"id: 7\ndata: a\r\ndata: b\n\n");
    assert_eq!(
        finished,
        Finished::done("{\"event\":\"message\",\"data\":\"a\\nb\",\"id\":\"7\"}\n")
    );
}

#[test]
fn decode_all_prints_everything_and_the_end() {
    assert_eq!(run(&["decode", "--all"], NASTY), Finished::done(&nasty_lines()));
    assert_eq!(
        run(&["decode", "--all"], b""),
        Finished::done("{\"end\":true,\"id\":\"\",\"retry\":null}\n")
    );
}

#[test]
fn decode_without_all_prints_events_alone() {
    let events: String =
        nasty_lines().split_inclusive('\n').filter(|line| line.starts_with("{\"event\"")).collect();
    assert_eq!(run(&["decode"], NASTY), Finished::done(&events));
}

#[test]
fn decode_does_not_depend_on_the_size_of_chunks() {
    for limit in ["4", "100"] {
        let whole = run(&["decode", "--all", "--max-event", limit], NASTY);
        assert_eq!(whole.code, 0);
        for size in ["1", "2", "3", "5", "16", "100", "18446744073709551615"] {
            let arguments = ["decode", "--all", "--max-event", limit, "--chunk-size", size];
            assert_eq!(run(&arguments, NASTY), whole, "chunks of {size}, limit {limit}");
        }
    }
}

#[test]
fn decode_says_what_passed_the_limit() {
    let stream = b"data: 12345\n\nid: 7\ndata: 1234\n\ndata: 1234\n\nid: 8\ndata: 12345\n\n\
        id: 123456\ndata: 1\n\n:1234567\n\n";
    assert_eq!(
        run(&["decode", "--all", "--max-event", "5"], stream),
        Finished::done(
            r#"{"event":"message","data":"12345","id":""}
{"event":"message","data":"1234","id":"7"}
{"event":"message","data":"1234","id":"7"}
{"too_large":true,"id":"8"}
{"id_too_long":true}
{"event":"message","data":"1","id":"8"}
{"comment":"12345","truncated":true}
{"end":true,"id":"8","retry":null}
"#
        )
    );
    assert_eq!(
        run(&["decode", "--max-event", "0"], b"data: 1\n\ndata\n\n").output,
        "{\"too_large\":true,\"id\":\"\"}\n{\"event\":\"message\",\"data\":\"\",\"id\":\"\"}\n"
    );
}

#[test]
fn encode_is_the_inverse_of_decode() {
    for stream in [NASTY, &random_stream(), b"id: \tx\n\n"] {
        for arguments in [&["decode"][..], &["decode", "--all"]] {
            let decoded = run(arguments, stream);
            let encoded = run(&["encode"], decoded.output.as_bytes());
            assert_eq!((encoded.code, &*encoded.error), (0, ""));
            assert_eq!(run(arguments, encoded.output.as_bytes()), decoded);
        }
    }
}

#[test]
fn encode_takes_what_leaves_fields_out() {
    let lines = "{\"data\":\"a\\r\\nb\"}\n\n  \n{\"id\":\"7\",\"data\":\"\",\"event\":\"tick\"}\r\n\
        {\"comment\":\"hi\"}\n{\"retry\":3000}\n{\"data\":\"no line feed behind it\"}";
    assert_eq!(
        run(&["encode"], lines.as_bytes()),
        Finished::done(
            "data: a\ndata: b\n\nevent: tick\nid: 7\ndata: \n\n:hi\n\nretry: 3000\n\n\
            data: no line feed behind it\n\n"
        )
    );
}

#[test]
fn encode_names_the_line_that_is_wrong() {
    for (line, problem) in [
        ("{\"data\":", "EOF"),
        ("{\"data\":\"x\",\"dta\":1}", "unknown field `dta`"),
        ("{\"data\":\"x\",\"id\":\"a\\u0000\"}", "U+0000"),
        ("{\"too_large\":true,\"id\":\"\"}", "--max-event"),
        ("{\"id_too_long\":true}", "--max-event"),
        ("{\"comment\":\"x\",\"truncated\":true}", "--max-event"),
        ("\u{1}", "column 1"),
    ] {
        let finished = run(&["encode"], format!("{{\"data\":\"fine\"}}\n\n{line}\n").as_bytes());
        finished.assert_failed(1, &["line 3: ", problem]);
        assert_eq!(finished.output, "data: fine\n\n");
    }
}

#[test]
fn files_are_read_and_a_dash_is_standard_input() {
    let path = std::env::temp_dir().join(format!("sansse-commands-{}", std::process::id()));
    std::fs::write(&path, "data: x\n\n").unwrap();
    let from_file = run(&["decode", path.to_str().unwrap()], b"");
    std::fs::remove_file(&path).unwrap();
    let line = "{\"event\":\"message\",\"data\":\"x\",\"id\":\"\"}\n";
    assert_eq!(from_file, Finished::done(line));
    assert_eq!(run(&["decode", "-"], b"data: x\n\n"), Finished::done(line));
    assert_eq!(run(&["encode", "-"], line.as_bytes()), Finished::done("data: x\n\n"));
    let path = path.to_str().unwrap();
    run(&["decode", path], b"").assert_failed(1, &["cannot read", path]);
    run(&["encode", path], b"").assert_failed(1, &["cannot read", path]);
}

#[test]
fn lines_are_shown_before_input_is_waited_for() {
    let mut decoding = Running::start(&["decode"]);
    decoding.input().write_all(b"data: 1\n\nda").unwrap();
    assert_eq!(decoding.line(), "{\"event\":\"message\",\"data\":\"1\",\"id\":\"\"}");
    decoding.input().write_all(b"ta: 2\n\n").unwrap();
    assert_eq!(decoding.line(), "{\"event\":\"message\",\"data\":\"2\",\"id\":\"\"}");
    assert_eq!(decoding.finish().code, 0);

    let mut encoding = Running::start(&["encode"]);
    encoding.input().write_all(b"{\"data\":\"1\"}\n{\"da").unwrap();
    assert_eq!((encoding.line(), encoding.line()), ("data: 1".into(), String::new()));
    assert_eq!(encoding.finish().code, 1);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let events = b"data: x\n\n".repeat(1_000_000);
    for arguments in [&["decode"][..], &["--help"]] {
        let mut running = Running::start_unread(arguments);
        running.close_output();
        // The pipe breaks when the process ends before it has read all.
        let _ = running.input().write_all(&events);
        let finished = running.finish();
        assert_eq!((finished.code, &*finished.error), (0, ""), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_printed() {
    let version = run(&["--version"], b"");
    assert_eq!(version, Finished::done(&format!("sansse {}\n", env!("CARGO_PKG_VERSION"))));
    let help = run(&["--help"], b"");
    assert_eq!(help.code, 0);
    let commands = ["serve", "tail", "relay", "pub", "decode", "encode"];
    for word in [&commands[..], &["SANSSE_LOG", "Examples", "Exit codes"]].concat() {
        assert!(help.output.contains(word), "{word}");
    }
    for command in ["serve", "tail", "relay", "pub", "decode", "encode"] {
        assert_eq!(run(&[command, "--help"], b"").code, 0);
    }
}

#[test]
fn a_wrong_command_line_is_one_line_and_exit_code_2() {
    for (arguments, problem) in [
        (&["nonsense"][..], "'nonsense'"),
        (&["decode", "--nonsense"], "'--nonsense'"),
        (&["decode", "--chunk-size", "0"], "0 is not in 1.."),
        (&["decode", "--max-event", "many"], "'many'"),
        (&["pub"], "<URL>"),
        (&["tail", "localhost:8080/a"], "http://"),
        (&["tail", "http://127.0.0.1:1/", "--last-event-id", "a\nb"], "control characters"),
        (&["tail", "http://127.0.0.1:1/", "-H", "no colon"], "'Name: value'"),
        (&["tail", "http://127.0.0.1:1/", "-H", "a b: c"], "name"),
        (&["tail", "http://127.0.0.1:1/", "--method", "a b"], "--method"),
        (&["tail", "http://127.0.0.1:1/", "--max-retries", "0"], "--max-retries"),
        (
            &["tail", "http://127.0.0.1:1/", "--max-retries", "1", "--no-reconnect"],
            "cannot be used",
        ),
        (&["tail", "http://127.0.0.1:1/", "--idle-timeout", "0"], "seconds"),
        (&["--log", "loud", "decode"], "possible values: off, error"),
    ] {
        run(arguments, b"").assert_failed(2, &[problem, "--help"]);
    }
}

#[test]
fn pub_posts_its_data_and_prints_the_id() {
    let server = Server::answering(["201 Created\r\n\r\n{\"id\":\"k-1\"}"]);
    let url = server.url("/topics/news?token=t");
    let finished = run(&["pub", &url, "--event", "a b", "héllo\n"], b"not read");
    assert_eq!(finished, Finished::done("k-1\n"));
    let request = server.request();
    assert!(request.starts_with("POST /topics/news?token=t&event=a+b HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: text/plain; charset=utf-8\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nhéllo\n"), "{request}");
}

#[test]
fn pub_posts_each_line_as_it_comes_over_one_connection() {
    let server = Server::answering(
        ["1", "2", "3"].map(|id| format!("200 OK\r\n\r\n{{\"id\":\"{id}\",\"more\":0}}")),
    );
    let mut running = Running::start(&["pub", &server.url("/topics/news")]);
    running.input().write_all(b"one\n").unwrap();
    assert_eq!(running.line(), "1");
    assert!(server.request().ends_with("\r\n\r\none"));
    running.input().write_all(b"\r\nthree").unwrap();
    let finished = running.finish();
    assert_eq!((finished.code, &*finished.output), (0, "2\n3\n"));
    assert!(server.request().ends_with("\r\n\r\n"));
    assert!(server.request().ends_with("\r\n\r\nthree"));
    assert_eq!(server.connections(), 1);
}

#[test]
fn pub_says_why_an_event_was_not_taken() {
    for (answer, problem) in [
        (
            "404 Not Found\r\n\r\nno such topic: make it first\nand more",
            "404 Not Found: no such topic: make it first",
        ),
        ("503 Service Unavailable\r\n\r\n", "503 Service Unavailable; try again later"),
        ("302 Found\r\nlocation: /\r\n\r\n", "302 Found; check the URL"),
        ("200 OK\r\n\r\n<p>", "without an id"),
    ] {
        let server = Server::answering([answer]);
        let finished = run(&["pub", &server.url("/topics/news"), "x"], b"");
        finished.assert_failed(1, &[problem]);
        assert_eq!(finished.output, "");
    }
    run(&["pub", "http://127.0.0.1:1/", "x"], b"")
        .assert_failed(1, &["cannot connect to http://127.0.0.1:1: "]);
    let server = Server::answering(["200 OK\r\n\r\n{\"id\":\"1\"}"]);
    run(&["pub", &server.url("/")], b"fine\n\xFF\n").assert_failed(1, &["line 2", "UTF-8"]);
}

#[test]
fn tail_prints_events_until_the_stream_ends() {
    const STREAM: &str = "200 OK\r\ncontent-type: Text/Event-Stream; charset=utf-8\r\n\r\n\
        id: 7\n\ndata: a\ndata: b\n\n: no\n\nevent: tick\nid: 8\ndata: c\x1B\n\ndata: cut";
    let server = Server::answering([STREAM, STREAM]);
    let url = server.url("/topics/news");
    let finished = run(&["tail", &url, "--last-event-id", "é 6", "--no-reconnect"], b"");
    assert_eq!((finished.code, &*finished.output), (0, "a\n    b\n[8] tick: c\\u{1b}\n"));
    assert!(finished.error.contains("in the middle of an event"), "{}", finished.error);
    let request = server.request();
    assert!(request.starts_with("GET /topics/news HTTP/1.1\r\n"), "{request}");
    for header in ["accept: text/event-stream", "cache-control: no-cache", "last-event-id: é 6"] {
        assert!(request.contains(&format!("\r\n{header}\r\n")), "{request}");
    }

    let url = server.url("/");
    let arguments = ["--log", "error", "tail", &url, "--json", "--last-event-id", ""];
    assert_eq!(
        run(&[&arguments[..], &["--no-reconnect"]].concat(), b""),
        Finished::done(
            "{\"event\":\"message\",\"data\":\"a\\nb\",\"id\":\"7\"}\n\
            {\"event\":\"tick\",\"data\":\"c\\u001b\",\"id\":\"8\"}\n"
        )
    );
    assert!(!server.request().contains("last-event-id"));
}

#[test]
fn tail_says_why_there_is_no_stream() {
    for (answer, problem) in [
        ("204 No Content\r\n\r\n", "204 No Content; check the URL"),
        ("401 Unauthorized\r\n\r\n\r\n", "401 Unauthorized; it wants other credentials"),
        ("410 Gone\r\n\r\ngone for good\r\n", "410 Gone: gone for good"),
        ("200 OK\r\ncontent-type: text/html\r\n\r\ndata: x\n\n", "of type 'text/html'"),
        ("200 OK\r\n\r\ndata: x\n\n", "of type ''"),
    ] {
        let server = Server::answering([answer]);
        run(&["tail", &server.url("/")], b"").assert_failed(1, &[problem]);
    }
    let server =
        Server::cutting("200 OK\r\ncontent-type: text/event-stream\r\n\r\nid: 7\ndata: x\n\n");
    let finished = run(&["--log", "warn", "tail", &server.url("/"), "--no-reconnect"], b"");
    finished.assert_failed(1, &["cut the stream", "--last-event-id '7'"]);
    assert_eq!(finished.output, "[7] x\n");
}

#[test]
#[cfg(unix)]
fn tail_and_pub_end_soon_when_told_to() {
    const HEAD: &str = "200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    for signal in ["-INT", "-TERM"] {
        let server = Server::holding(&format!("{HEAD}data: x\n\n"));
        let mut tailing = Running::start(&["--log", "warn", "tail", &server.url("/")]);
        assert_eq!(tailing.line(), "x");
        let finished = tailing.signal(signal);
        assert_eq!((finished.code, &*finished.error), (0, ""));

        let server = Server::answering(["200 OK\r\n\r\n{\"id\":\"1\"}"]);
        let mut publishing = Running::start(&["pub", &server.url("/")]);
        publishing.input().write_all(b"x\n").unwrap();
        assert_eq!(publishing.line(), "1");
        let finished = publishing.signal(signal);
        assert_eq!((finished.code, &*finished.error), (0, ""));
    }

    // Stuck in writing to a pipe that nobody reads.
    let server = Server::holding(&(HEAD.to_owned() + &"data: x\n\n".repeat(500_000)));
    let mut tailing = Running::start_unread(&["--log", "warn", "tail", &server.url("/")]);
    server.request();
    std::thread::sleep(Duration::from_millis(300));
    tailing.signal("-TERM").assert_failed(1, &["stopped in the midst"]);

    // Stuck in a request that is never answered.
    let server = Server::holding("");
    let mut publishing = Running::start(&["pub", &server.url("/"), "x"]);
    server.request();
    publishing.signal("-TERM").assert_failed(1, &["stopped in the midst"]);
}
