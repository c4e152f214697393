//! The firmware, for as many readers with as large buffers as the program says.

use dashboard::{Dashboard, PAGE, Sensor};
use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use lm3s6965::{Board, Button, Ethernet, console};
use sansse_embassy::StreamOptions;
use sansse_embassy::server::{self, Page, Post, Status};
use static_cell::ConstStaticCell;

use crate::{HISTORY, READERS, RECEIVE, SEND};

/// One more than there are readers, so that a page can be loaded when all places are taken, and who
/// comes for events is told to come back.
const CONNECTIONS: usize = READERS + 1;
const PORT: u16 = 80;

static DASHBOARD: Dashboard<HISTORY, READERS> = Dashboard::new();
static PAGES: [Page<'static>; 1] = [Page::gzip("/", "text/html; charset=utf-8", PAGE)];
static POSTS: [Post<'static>; 1] = [Post::new("/press", press)];
static SERVER: server::Config<'static> =
    server::Config::new().pages(&PAGES).posts(&POSTS).stream(StreamOptions::new().history());

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static RESOURCES: ConstStaticCell<StackResources<CONNECTIONS>> =
        ConstStaticCell::new(StackResources::new());
    let board = Board::start();
    // The chip has no random numbers, but whoever emulates it has a clock.
    let now = console::time();
    DASHBOARD.feed.start(now);
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
        gateway: Some(Ipv4Address::new(10, 0, 2, 2)),
        dns_servers: Default::default(),
    });
    let (stack, runner) = embassy_net::new(board.ethernet, config, RESOURCES.take(), now);
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
    DASHBOARD.run("made up: this board is emulated", async || sensor.read()).await
}

#[embassy_executor::task]
async fn button(mut button: Button) -> ! {
    loop {
        button.press().await;
        DASHBOARD.press();
    }
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>) -> ! {
    let (mut receive, mut send) = ([0; RECEIVE], [0; SEND]);
    let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
    server::listen(&mut socket, PORT, &DASHBOARD.feed, &SERVER).await
}

fn press(_: &[u8]) -> Status {
    DASHBOARD.press()
}
