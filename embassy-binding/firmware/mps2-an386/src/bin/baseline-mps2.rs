//! Takes connections and writes a constant: what firmware with a network takes anyway.

#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Runner, Stack, StackResources};
use mps2_an386::{Board, Ethernet, console};
use static_cell::StaticCell;

const CONNECTIONS: usize = 4;
const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static RESOURCES: StaticCell<StackResources<{ CONNECTIONS + 1 }>> = StaticCell::new();
    let board = Board::start();
    let config = Config::dhcpv4(Default::default());
    let (stack, runner) =
        embassy_net::new(board.ethernet, config, RESOURCES.init(StackResources::new()), 1);
    spawner.spawn(network(runner).unwrap());
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

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>) -> ! {
    let (mut receive, mut send) = ([0; 512], [0; 1024]);
    loop {
        let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
        if socket.accept(80).await.is_ok() {
            let mut answer = ANSWER;
            while !answer.is_empty() {
                match socket.write(answer).await {
                    Ok(written) if written > 0 => answer = &answer[written..],
                    _ => break,
                }
            }
            socket.close();
            let _ = socket.flush().await;
        }
    }
}
