//! The dashboard on an emulated board whose readers vanish or get stuck: no FIN and no RST ever comes.

use std::process::Command;
use std::time::Duration;

use sansse_tokio::{EventId, Item, Parser};
use tests::board::{ADDRESS, Board, DASHBOARD, Firmware};
use tests::board_reader::Reader;
use tests::cable::Cable;
use tests::program::Program;
use tests::requirement::CURL;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
/// What is said to the kernel, and to the emulator.
const TAP: &str = "board";
const NEAR: &str = "10.0.2.2";
const FAR: &str = "10.0.2.3";
/// Readers that the board has places for.
const PLACES: u64 = 4;
/// Readings that it makes in the time that a reader may take nothing, and one before.
const DEADLINE: usize = 10 + 1;

/// A board, and a cable to another host in its network.
fn start(test: &str) -> Option<(Cable, Board)> {
    if !Firmware::is_possible(test) || !CURL.is_met(test) {
        return None;
    }
    let cable = Cable::lay_after(test, || {
        let _ = DASHBOARD.build();
    })?;
    cable.join(TAP, NEAR, FAR);
    Some((cable, DASHBOARD.start_on(TAP)))
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_vanish_make_room() {
    let Some((cable, board)) = start("readers_that_vanish_make_room") else { return };
    let url = board.url("/events");
    let mut witness = Reader::open(&url).await;
    let mut far: Vec<_> = (1..PLACES)
        .map(|_| {
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--no-buffer", "--noproxy", "*", &url]);
            Program::start(cable.far(&curl))
        })
        .collect();
    witness.until_readers(PLACES).await;
    for curl in &mut far {
        while curl.line().await.as_deref() != Some("event: reading") {}
    }

    cable.cut();
    // What they would say now arrives nowhere.
    drop(far);
    let readings = witness.until_readers(1).await;
    assert!(readings <= DEADLINE, "{readings} readings, one a second");
    // There is room for others, though nobody ever heard of those.
    let mut others = Vec::new();
    for _ in 1..PLACES {
        others.push(Reader::with_place(&url).await);
    }
    witness.until_readers(PLACES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_reader_delays_nobody() {
    let Some((_cable, board)) = start("a_stuck_reader_delays_nobody") else { return };
    let mut witness = Reader::open(&board.url("/events")).await;
    witness.until_readers(1).await;
    let mut stuck = stuck().await;
    witness.until_readers(2).await;
    // More than the buffers and the log hold. Each press is seen before the next.
    for presses in 1..=100 {
        board.post_press().await;
        assert_eq!(witness.find("button").await.data["presses"], presses);
    }
    let readings = witness.until_readers(1).await;
    assert!(readings <= DEADLINE, "{readings} readings, one a second");

    // What the stuck one has got are events without a gap, the last of them cut, and no more.
    let mut bytes = Vec::new();
    let end = timeout(PATIENCE, stuck.read_to_end(&mut bytes)).await.expect("an end in time");
    let text = String::from_utf8_lossy(&bytes);
    let (_, stream) = text.split_once("\r\n\r\n").expect("an answer");
    let mut parser = Parser::growing(1 << 16, 64);
    let mut items = parser.feed(stream.as_bytes());
    let mut ids = Vec::new();
    while let Some(item) = items.next() {
        if let Item::Event(event) = item {
            let _: serde_json::Value = serde_json::from_str(&event.data().to_string()).unwrap();
            ids.push(EventId::parse(event.last_event_id().as_bytes()).unwrap().sequence);
        }
    }
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    assert!(ids.len() < 100, "it was never stuck: {end:?}");
}

/// A reader that takes no more than its kernel does for it, which is little.
async fn stuck() -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    let address = format!("{ADDRESS}:80").parse().unwrap();
    let mut stream = timeout(PATIENCE, socket.connect(address)).await.unwrap().unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: board\r\n\r\n").await.unwrap();
    stream
}
