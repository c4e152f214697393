//! `sansse tail` as its users run it: options, pipes, and a stream that is cut.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::command::sansse;
use tests::program::{Program, in_time};
use tests::proxy::Proxy;
use tests::server::Server;
use tests::upstream::Upstream;

fn tail(url: &str, arguments: &[&str]) -> Command {
    let mut command = sansse();
    command.args(["tail", url]).args(arguments).env("NO_PROXY", "127.0.0.1");
    command.env_remove("SANSSE_LOG");
    command
}

/// Runs a command to its end, without holding the test's own servers.
async fn run(mut command: Command, input: &'static str) -> (i32, String, String) {
    let running = tokio::task::spawn_blocking(move || -> Output {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads no input closes it early.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        process.wait_with_output().unwrap()
    });
    let output = tokio::time::timeout(Duration::from_secs(60), running).await;
    let output = output.expect("an end in time").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_can_be_told() {
    let upstream = Upstream::start().await;
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nid: 8\ndata: x\n\n";
    upstream.answer(Some(stream));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tail-body");
    std::fs::write(&file, "from a file").unwrap();
    let from_file = format!("@{}", file.display());
    let cases: &[(&[&str], &str, &[&str], &str)] = &[
        (&[], "GET", &["accept: text/event-stream", "cache-control: no-cache"], ""),
        (
            &["-H", "Accept: a/b", "-H", "X-Two: 1", "--header", "x-two:  b: c"],
            "GET",
            &["accept: a/b", "x-two: 1", "x-two: b: c"],
            "",
        ),
        (&["--last-event-id", "7"], "GET", &["last-event-id: 7"], ""),
        (&["--method", "REPORT"], "REPORT", &[], ""),
        (&["--body", "-x"], "POST", &["content-length: 2"], "-x"),
        (&["--body", "x", "--method", "PUT"], "PUT", &[], "x"),
        (&["--body", &from_file], "POST", &[], "from a file"),
        (&["--body", "-"], "POST", &[], "from standard input\n"),
    ];
    for (number, (arguments, method, headers, body)) in cases.iter().enumerate() {
        let arguments = [arguments, &["--no-reconnect"][..]].concat();
        let (code, output, error) =
            run(tail(&upstream.url("/a?b=c"), &arguments), "from standard input\n").await;
        assert_eq!((code, &*output), (0, "[8] x\n"), "{error}");
        let request = upstream.request(number).await;
        assert!(request.starts_with(&format!("{method} /a?b=c HTTP/1.1\r\n")), "{request}");
        assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
        for header in *headers {
            assert!(request.contains(&format!("\r\n{header}\r\n")), "{request}");
        }
    }
    std::fs::remove_file(&file).unwrap();
    let (code, _, error) = run(tail(&upstream.url("/"), &["--body", &from_file]), "").await;
    assert_eq!(code, 1);
    assert!(error.starts_with("sansse: cannot read ") && error.contains("--body"), "{error}");
    assert_eq!(upstream.accepted(), cases.len());
}

/// Whatever may be a secret stays with the server that it was meant for.
#[tokio::test(flavor = "multi_thread")]
async fn headers_do_not_follow_a_redirect_elsewhere() {
    let (asked, other) = (Upstream::start().await, Upstream::start().await);
    let location = other.url("/b");
    let redirect = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\n\r\n");
    asked.answer(Some(&redirect));
    other.answer(Some("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n"));
    let headers = ["-H", "X-Key: secret", "-H", "Authorization: secret", "-H", "Accept: a/b"];
    let arguments = [&headers[..], &["--body", "x", "--no-reconnect", "--log", "off"]].concat();
    let (code, output, _) = run(tail(&asked.url("/a"), &arguments), "").await;
    assert_eq!((code, &*output), (0, "x\n"));
    let request = asked.request(0).await;
    assert!(request.contains("\r\nx-key: secret\r\n"), "{request}");
    let request = other.request(0).await;
    assert!(request.starts_with("POST /b HTTP/1.1\r\n") && request.ends_with("\r\n\r\nx"));
    assert!(request.contains("\r\naccept: a/b\r\n") && !request.contains("secret"), "{request}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_cut_goes_on_without_a_gap() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let mut tail = Program::start(tail(&proxy.url("/topics/a"), &["--json", "--log", "off"]));
    // Cut before the first event, and then before each.
    while proxy.connections() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let follow = async {
        for number in 0..4 {
            proxy.cut();
            for part in 0..5 {
                server.publish("a", &format!("{number}.{part}")).await;
            }
            proxy.restore();
            server.publish("a", &format!("{number}.5")).await;
            for part in 0..6 {
                let line = tail.json().await;
                assert_eq!(line["data"], Value::from(format!("{number}.{part}")));
            }
        }
    };
    in_time(follow).await;
    tail.terminate();
    assert!(tail.end().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_told_on_standard_error_and_holds_no_secrets() {
    let upstream = Upstream::start().await;
    let url = upstream.url("/?token=secret").replace("http://", "http://user:secret@");
    let origin = upstream.url("");
    upstream.answer(Some(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 1\n\nid: 7\ndata: x\n\n",
    ));
    let told = |level: &'static str| {
        let (url, upstream) = (url.clone(), upstream.clone());
        async move {
            let secret = ["-H", "Authorization: secret", "--max-retries", "1", "--log", level];
            let before = upstream.accepted();
            let running = tokio::spawn(run(tail(&url, &secret), ""));
            upstream.request(before).await;
            upstream.set_down(true);
            let (code, output, error) = running.await.unwrap();
            upstream.set_down(false);
            assert_eq!(code, 1, "{error}");
            assert!(output.starts_with("[7] x\n"), "{output}");
            assert!(!error.contains("secret") && !error.contains("token"), "{error}");
            error
        }
    };
    let error = told("info").await;
    let lines: Vec<&str> = error.lines().collect();
    assert!(lines[0].contains(&format!("connected to {origin}")), "{error}");
    assert!(lines[1].contains("disconnected: "), "{error}");
    assert!(lines[1].contains("; back in 0."), "{error}");
    let last = lines.last().unwrap();
    assert!(last.starts_with("sansse: given up after 2 failures in a row: "), "{error}");
    assert!(last.contains(&origin), "{error}");
    assert!(!told("warn").await.contains("connected to"));
    assert_eq!(told("off").await.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_it_and_what_does_not() {
    let upstream = Upstream::start().await;
    // Not now: again.
    upstream.answer(Some("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"));
    let mut command = tail(&upstream.url("/"), &["--log", "off"]);
    let mut waiting = Program::start(command);
    upstream.request(0).await;
    upstream.answer(None);
    upstream.request(1).await;
    upstream.wait_for_open(1).await;
    upstream.event("1", "after all");
    assert_eq!(waiting.line().await.as_deref(), Some("[1] after all"));
    // Behind a stream, 204 is the end, as the server has it.
    upstream.answer(Some("HTTP/1.1 204 No Content\r\n\r\n"));
    upstream.cut();
    assert_eq!(waiting.line().await, None);
    assert!(waiting.end().await.success());
    assert_eq!(upstream.asked_for().last().map(String::as_str), Some("1"));

    // No: never again.
    upstream.answer(Some("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
    let before = upstream.accepted();
    command = tail(&upstream.url("/"), &[]);
    let (code, _, error) = run(command, "").await;
    assert_eq!((code, error.lines().count()), (1, 1), "{error}");
    assert!(error.contains("403 Forbidden; it wants other credentials"), "{error}");
    assert_eq!(upstream.accepted(), before + 1);

    // A server that falls silent.
    upstream.answer(None);
    command = tail(&upstream.url("/"), &["--idle-timeout", "0.2", "--no-reconnect"]);
    let (code, _, error) = run(command, "").await;
    assert_eq!(code, 1);
    assert!(error.contains("sent nothing for 200ms"), "{error}");

    // A server that is not there.
    command = tail("http://127.0.0.1:1/", &["--no-reconnect"]);
    let (code, _, error) = run(command, "").await;
    assert_eq!((code, error.lines().count()), (1, 1), "{error}");
    assert!(error.contains("cannot connect to http://127.0.0.1:1: "), "{error}");
}

/// Whoever reads the output has seen enough, and no further event comes to tell.
#[tokio::test(flavor = "multi_thread")]
async fn head_ends_it() {
    let upstream = Upstream::start().await;
    let mut shell = Command::new("bash");
    shell.args([
        "-c",
        "\"$0\" tail \"$1\" --log error --max-retries 1 | head -3; echo \"${PIPESTATUS[*]}\"",
    ]);
    shell.arg(sansse().get_program()).arg(upstream.url("/")).env("NO_PROXY", "127.0.0.1");
    let mut shell = Program::start(shell);
    upstream.wait_for_open(1).await;
    for data in ["one", "two", "three"] {
        upstream.send(&format!("data: {data}\n\n"));
    }
    for line in ["one", "two", "three", "0 0"] {
        assert_eq!(shell.line().await.as_deref(), Some(line));
    }
    upstream.wait_for_open(0).await;
}
