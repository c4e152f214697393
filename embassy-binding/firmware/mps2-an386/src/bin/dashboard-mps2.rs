//! A dashboard for eight readers, at an address that DHCP gives.

#![no_std]
#![no_main]

use dashboard::{Dashboard, PAGE, Sensor};
use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Runner, Stack, StackResources};
use mps2_an386::{Board, Ethernet, console};
use sansse_embassy::StreamOptions;
use sansse_embassy::server::{self, Page, Post, Status};
use static_cell::ConstStaticCell;

const READERS: usize = 8;
/// One more than there are readers, so that a page can be loaded when all places are taken, and who
/// comes for events is told to come back.
const CONNECTIONS: usize = READERS + 1;
const PORT: u16 = 80;

static DASHBOARD: Dashboard<8192, READERS> = Dashboard::new();
static PAGES: [Page<'static>; 1] = [Page::gzip("/", "text/html; charset=utf-8", PAGE)];
static POSTS: [Post<'static>; 1] = [Post::new("/press", press)];
static SERVER: server::Config<'static> =
    server::Config::new().pages(&PAGES).posts(&POSTS).stream(StreamOptions::new().history());

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    // One more for DHCP.
    static RESOURCES: ConstStaticCell<StackResources<{ CONNECTIONS + 1 }>> =
        ConstStaticCell::new(StackResources::new());
    let board = Board::start();
    // The board has no random numbers, but whoever emulates it has a clock.
    let now = console::time();
    DASHBOARD.feed.start(now);
    let config = Config::dhcpv4(Default::default());
    let (stack, runner) = embassy_net::new(board.ethernet, config, RESOURCES.take(), now);
    spawner.spawn(network(runner).unwrap());
    spawner.spawn(sensor().unwrap());
    for _ in 0..CONNECTIONS {
        spawner.spawn(connection(stack).unwrap());
    }
    stack.wait_config_up().await;
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

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>) -> ! {
    let (mut receive, mut send) = ([0; 512], [0; 1024]);
    let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
    server::listen(&mut socket, PORT, &DASHBOARD.feed, &SERVER).await
}

fn press(_: &[u8]) -> Status {
    DASHBOARD.press()
}
