//! The dashboard on an emulated board, by clients of others.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use emulate::{Emulator, Network};
use futures_util::future::join_all;
use reqwest::StatusCode;
use reqwest::header::{ALLOW, CONTENT_ENCODING};
use sansse_tokio::EventId;
use tests::board::{DASHBOARD, DASHBOARD_MPS2, Firmware, OVERFLOW, RUNTIME};
use tests::board_reader::Reader;
use tests::browser::{Browser, Device};
use tests::client::client;
use tests::page::{FITS, STATE};
use tests::program::{Program, in_time};
use tests::proxy::Proxy;
use tests::requirement::{BROWSER, CURL};
use tests::server::Server;

const PATIENCE: Duration = Duration::from_secs(60);
/// Readers that the board has places for.
const PLACES: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn curl_reads_both_boards() {
    let test = "curl_reads_both_boards";
    if !Firmware::is_possible(test) || !CURL.is_met(test) {
        return;
    }
    for firmware in [DASHBOARD, DASHBOARD_MPS2] {
        let board = firmware.start();
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--no-buffer", "--noproxy", "*", &board.url("/events")]);
        let mut curl = Program::start(curl);
        let mut lines = Vec::new();
        in_time(async {
            while lines.iter().filter(|line| *line == "event: reading").count() < 3 {
                lines.push(curl.line().await.expect("a line"));
            }
        })
        .await;
        // The position, the reconnection time, and events with ids one after the other.
        assert!(lines[0].starts_with("id: "), "{lines:?}");
        assert!(lines.contains(&"retry: 3000".into()), "{lines:?}");
        let ids: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("id: ")).collect();
        let ids: Vec<_> = ids.iter().map(|id| EventId::parse(id.as_bytes()).unwrap()).collect();
        for pair in ids.windows(2) {
            assert_eq!(pair[1], EventId { sequence: pair[0].sequence + 1, ..pair[1] });
            assert_eq!(pair[1].epoch, pair[0].epoch);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_answers_what_is_no_stream() {
    if !Firmware::is_possible("the_board_answers_what_is_no_stream") {
        return;
    }
    let board = DASHBOARD.start();
    let client = client();
    let page = client.get(board.url("/")).send().await.unwrap();
    assert_eq!(page.headers()[CONTENT_ENCODING], "gzip");
    assert!(page.bytes().await.unwrap().starts_with(&[0x1f, 0x8b]));
    assert_eq!(client.get(board.url("/none")).send().await.unwrap().status(), 404);
    let answer = client.delete(board.url("/events")).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()[ALLOW], "GET, HEAD");
    let answer = client.get(board.url("/events")).header("accept", "text/html").send().await;
    assert_eq!(answer.unwrap().status(), 406);
    let answer = client.post(board.url("/press")).body("x".repeat(4096)).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    // What is no request takes no place from anybody.
    for garbage in ["\x16\x03\x01\0", "GET / HTTP/9\r\n\r\n", &"x".repeat(10_000)] {
        let mut stream = std::net::TcpStream::connect(board.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = std::io::Write::write_all(&mut stream, garbage.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    }
    board.post_press().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_is_given_what_it_missed() {
    if !Firmware::is_possible("who_was_away_is_given_what_it_missed") {
        return;
    }
    let mut board = DASHBOARD.start();
    let url = board.url("/events");
    let mut reader = Reader::open(&url).await;
    let last = reader.find("reading").await.id;
    drop(reader);

    // Both buttons are pressed while it is away.
    let mut other = Reader::open(&url).await;
    board.press();
    let first = other.find("button").await;
    board.post_press().await;
    let second = other.find("button").await;
    assert_eq!((&first.data["presses"], &second.data["presses"]), (&1.into(), &2.into()));

    let mut reader = Reader::resume(&url, last).await;
    assert_eq!(reader.find("button").await, first);
    assert_eq!(reader.find("button").await, second);
    // The board counts what it has replayed.
    let missed = second.id.sequence - last.sequence;
    while reader.find("board").await.data["replayed"].as_u64() < Some(missed) {}

    // An id that is none of this run's is answered by a reset, behind which it goes on.
    let other_run = EventId { epoch: last.epoch - 1, ..last };
    let mut stranger = Reader::resume(&url, other_run).await;
    let reset = stranger.next().await;
    assert_eq!((&*reset.event_type, reset.id.epoch), ("reset", last.epoch));
    stranger.next().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_clients_make_room_at_once() {
    if !Firmware::is_possible("killed_clients_make_room_at_once") {
        return;
    }
    let board = DASHBOARD.start();
    let url = board.url("/events");
    let mut killed = 0;
    for _ in 0..3 {
        let mut readers = Vec::new();
        for _ in 0..PLACES {
            readers.push(Reader::with_place(&url).await);
        }
        // All of them are served together.
        for reader in &mut readers {
            reader.until_readers(PLACES).await;
        }
        // There is room for no more; who comes is told when to come back, and a page can be loaded.
        let refused = client().get(&url).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::OK);
        let text = refused.text().await.unwrap();
        assert!(text.starts_with("retry: ") && text.ends_with("\n\n"), "{text:?}");
        assert_eq!(client().get(board.url("/")).send().await.unwrap().status(), StatusCode::OK);
        killed += readers.len();
    }
    assert_eq!(killed, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_read_by_a_relay() {
    let test = "a_thousand_read_by_a_relay";
    if !Firmware::is_possible(test) {
        return;
    }
    let mut board = DASHBOARD.start();
    let proxy = Proxy::start(board.address()).await;
    let relay = Server::start_relay("127.0.0.1:0", &proxy.url("/events"), &[]);
    let connected = |wanted: f64| {
        relay.wait_for_metric("sansse_upstream_connected", move |value| value == wanted)
    };
    connected(1.0).await;
    let url = relay.url("/topics/relayed");
    let client = client();
    let mut readers = Vec::new();
    for _ in 0..20 {
        readers.extend(join_all((0..50).map(|_| Reader::open_by(&client, &url))).await);
    }
    assert_eq!(readers.len(), 1000);
    // One place of the board is enough for all of them.
    readers[0].until_readers(1).await;
    board.press();
    let first = readers[0].find("button").await;
    for reader in &mut readers[1..] {
        assert_eq!(reader.find("button").await, first);
    }

    // What the relay misses while the board cannot be reached is given to it, and by it to all: each
    // reader checks that it gets one id after the other.
    proxy.cut();
    connected(0.0).await;
    board.post_press().await;
    board.press();
    proxy.restore();
    let second = readers[0].find("button").await;
    let third = readers[0].find("button").await;
    assert_eq!((&second.data["presses"], &third.data["presses"]), (&2.into(), &3.into()));
    for reader in &mut readers[1..] {
        assert_eq!(reader.find("button").await, second);
        assert_eq!(reader.find("button").await, third);
    }

    // The relay gives what the board does to who comes back.
    let mut reader = Reader::resume(&url, first.id).await;
    assert_eq!(reader.find("button").await, second);
    reader.until_readers(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_readings() {
    let test = "the_page_shows_readings";
    if !Firmware::is_possible(test) || !BROWSER.is_met(test) {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut board = DASHBOARD.start();
    let proxy = Proxy::start(board.address()).await;
    let text = |id: &str| format!("document.querySelector('#{id}').textContent");
    for (device, name) in [(Device::DarkPhone, "board-phone.png"), (Device::Desktop, "board.png")] {
        let browser = Browser::start(folder, device).await;
        browser.open(&proxy.url("/")).await;
        browser.wait_for(STATE, "open").await;
        browser.wait_for("/^\\d\\d\\.\\d\\d$/.test(celsius.textContent)", true).await;
        browser.wait_for(&text("readers"), "1").await;
        browser.wait_for("points.length >= 5", true).await;
        browser.wait_for("live.getAttribute('d').length > 0", true).await;
        browser.wait_for(FITS, true).await;

        // Both buttons.
        let presses = browser.run(&format!("return Number({})", text("presses"))).await;
        let presses = presses.as_u64().unwrap();
        browser.click("#press").await;
        browser.wait_for(&text("presses"), (presses + 1).to_string()).await;
        board.press();
        browser.wait_for(&text("presses"), (presses + 2).to_string()).await;

        // Cut off by the network, it comes back by itself and has missed nothing.
        let replayed = browser.run(&format!("return Number({})", text("replayed"))).await;
        proxy.cut();
        browser.wait_for(STATE, "connecting").await;
        board.post_press().await;
        proxy.restore();
        browser.wait_for(&text("presses"), (presses + 3).to_string()).await;
        browser.wait_for(STATE, "open").await;
        let grown = format!("Number({}) > {replayed}", text("replayed"));
        browser.wait_for(&grown, true).await;
        let gaps = "points.slice(1).filter((p, i) => p.uptime - points[i].uptime > 1.5).length";
        browser.wait_for(gaps, 0).await;
        browser.wait_for("late.getAttribute('d').length > 0", true).await;
        browser.screenshot(&folder.join(name)).await;
        browser.quit().await;
    }
}

#[tokio::test]
async fn a_stack_that_overflows_is_told() {
    if !Firmware::is_possible("a_stack_that_overflows_is_told") {
        return;
    }
    let program = OVERFLOW.build();
    let problem = Emulator::start(&program, &Network::Forwarded(0)).unwrap_err();
    assert!(problem.to_string().contains("stack has overflown"), "{problem}");
}

#[tokio::test]
async fn the_board_divides_and_copies_as_the_compiler_means() {
    if !Firmware::is_possible("the_board_divides_and_copies_as_the_compiler_means") {
        return;
    }
    let mut board = Emulator::launch(&RUNTIME.build(), &Network::Forwarded(0), false).unwrap();
    board.wait_for("all is as it should be").unwrap();
}
