//! The least that has all of the binding that the dashboard has: its size beyond that of `baseline.rs`
//! is that of the binding.

#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_time::Timer;
use lm3s6965::{Board, Ethernet, console};
use sansse_embassy::server::{self, Page, Post, Status};
use sansse_embassy::{Broadcast, Event, StreamOptions};
use static_cell::StaticCell;

const CONNECTIONS: usize = 4;

static FEED: Broadcast<CriticalSectionRawMutex, 4096, CONNECTIONS> = Broadcast::new();
static PAGES: [Page<'static>; 1] = [Page::gzip("/", "text/html; charset=utf-8", b"")];
static POSTS: [Post<'static>; 1] = [Post::new("/press", press)];
static SERVER: server::Config<'static> =
    server::Config::new().pages(&PAGES).posts(&POSTS).stream(StreamOptions::new().history());

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static RESOURCES: StaticCell<StackResources<CONNECTIONS>> = StaticCell::new();
    let board = Board::start();
    FEED.start(console::time());
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
        gateway: Some(Ipv4Address::new(10, 0, 2, 2)),
        dns_servers: Default::default(),
    });
    let (stack, runner) =
        embassy_net::new(board.ethernet, config, RESOURCES.init(StackResources::new()), 1);
    spawner.spawn(network(runner).unwrap());
    for _ in 0..CONNECTIONS {
        spawner.spawn(connection(stack).unwrap());
    }
    console::say(c"the board is ready\n");
    loop {
        Timer::after_secs(1).await;
        publish();
    }
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Ethernet>) -> ! {
    runner.run().await
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>) -> ! {
    let (mut receive, mut send) = ([0; 512], [0; 1024]);
    let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
    server::listen(&mut socket, 80, &FEED, &SERVER).await
}

fn press(_: &[u8]) -> Status {
    publish();
    Status::NO_CONTENT
}

fn publish() {
    let _ = Event::new("1").with_type("tick").map(|event| FEED.publish(&event));
}
