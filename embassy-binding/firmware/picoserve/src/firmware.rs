//! The firmware, for as many readers as the program says.

use core::cell::Cell;

use dashboard::{Line, PAGE, Sensor, reading};
use embassy_executor::Spawner;
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_time::{Duration, Ticker};
use lm3s6965::{Board, Button, Ethernet, console};
use picoserve::response::{EventStream, File, StatusCode};
use picoserve::routing::{get, get_service, post};
use picoserve::{Router, Server};
use picoserve_peer::{CONFIG, Feed, Reader};
use static_cell::ConstStaticCell;

use crate::READERS;

const CONNECTIONS: usize = READERS + 1;

static FEED: Feed<READERS> = Feed::new();
static PRESSES: Mutex<CriticalSectionRawMutex, Cell<u32>> = Mutex::new(Cell::new(0));

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static RESOURCES: ConstStaticCell<StackResources<CONNECTIONS>> =
        ConstStaticCell::new(StackResources::new());
    let board = Board::start();
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
        gateway: Some(Ipv4Address::new(10, 0, 2, 2)),
        dns_servers: Default::default(),
    });
    let (stack, runner) =
        embassy_net::new(board.ethernet, config, RESOURCES.take(), console::time());
    spawner.spawn(network(runner).unwrap());
    spawner.spawn(sensor().unwrap());
    spawner.spawn(button(board.button).unwrap());
    for _ in 0..CONNECTIONS {
        spawner.spawn(connection(stack).unwrap());
    }
    console::say(c"the board is ready\n");
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Ethernet>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn sensor() -> ! {
    let mut sensor = Sensor::new();
    let mut looks = Ticker::every(Duration::from_millis(250));
    let mut told = None;
    loop {
        for look in 0..4 {
            let now = FEED.readers();
            if told.replace(now) != Some(now) {
                FEED.publish("board", describe(now));
            }
            if look == 0 {
                FEED.publish("reading", reading(sensor.read()));
            }
            looks.next().await;
        }
    }
}

#[embassy_executor::task]
async fn button(mut button: Button) -> ! {
    loop {
        button.press().await;
        press();
    }
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>) -> ! {
    let page =
        File::with_content_type_and_headers(File::MIME_HTML, PAGE, &[("Content-Encoding", "gzip")]);
    let app = Router::new()
        .route("/", get_service(page))
        .route("/events", get(async || EventStream(Reader(&FEED))))
        .route("/press", post(async || press()));
    let (mut receive, mut send, mut head) = ([0; 512], [0; 1024], [0; 2048]);
    loop {
        let server = Server::new(&app, &CONFIG, &mut head);
        server.listen_and_serve(0, stack, 80, &mut receive, &mut send).await;
    }
}

fn press() -> StatusCode {
    let presses = PRESSES.lock(|presses| {
        presses.set(presses.get().wrapping_add(1));
        presses.get()
    });
    let mut line = Line::new();
    line.text("{\"presses\":").number(presses, 0).text("}");
    FEED.publish("button", line);
    StatusCode::NO_CONTENT
}

fn describe(readers: u32) -> Line {
    let mut line = Line::new();
    line.text("{\"readers\":")
        .number(readers, 0)
        .text(",\"places\":")
        .number(READERS as u32, 0)
        .text(",\"replayed\":0,\"resets\":0,\"presses\":")
        .number(PRESSES.lock(Cell::get), 0)
        .text(",\"sensor\":\"made up: this board is emulated\"}");
    line
}
