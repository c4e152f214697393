//! The least that has all of picoserve that the dashboard has: its size beyond that of the baseline is
//! that of picoserve.

#![no_std]
#![no_main]

use dashboard::Line;
use embassy_executor::Spawner;
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_time::Timer;
use lm3s6965::{Board, Ethernet, console};
use picoserve::response::{EventStream, File, StatusCode};
use picoserve::routing::{get, get_service, post};
use picoserve::{Router, Server};
use picoserve_peer::{CONFIG, Feed, Reader};
use static_cell::StaticCell;

const CONNECTIONS: usize = 4;

static FEED: Feed<CONNECTIONS> = Feed::new();

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static RESOURCES: StaticCell<StackResources<CONNECTIONS>> = StaticCell::new();
    let board = Board::start();
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
    let page =
        File::with_content_type_and_headers(File::MIME_HTML, b"", &[("Content-Encoding", "gzip")]);
    let app = Router::new()
        .route("/", get_service(page))
        .route("/events", get(async || EventStream(Reader(&FEED))))
        .route("/press", post(async || publish()));
    let (mut receive, mut send, mut head) = ([0; 512], [0; 1024], [0; 2048]);
    loop {
        let server = Server::new(&app, &CONFIG, &mut head);
        server.listen_and_serve(0, stack, 80, &mut receive, &mut send).await;
    }
}

fn publish() -> StatusCode {
    let mut line = Line::new();
    line.text("1");
    FEED.publish("tick", line);
    StatusCode::NO_CONTENT
}
