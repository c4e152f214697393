//! The device under test.

use embassy_net::tcp::TcpSocket;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use sansse_embassy::Broadcast;
use sansse_embassy::server::{self, Config};

use super::simulation::Simulation;

/// The port that devices serve on.
pub const PORT: u16 = 80;

/// Has the device serve with so many sockets, each with 512 bytes to receive and 1,024 to send, and
/// starts its log with epoch 35, which is `z`.
pub fn serve<const BYTES: usize, const READERS: usize>(
    simulation: &mut Simulation,
    sockets: usize,
    config: &'static Config,
) -> &'static Broadcast<CriticalSectionRawMutex, BYTES, READERS> {
    let feed: &Broadcast<CriticalSectionRawMutex, BYTES, READERS> =
        Box::leak(Box::new(Broadcast::new()));
    feed.start(35);
    for _ in 0..sockets {
        let stack = simulation.device;
        simulation.spawn(async move {
            let (mut received, mut room) = (vec![0; 512], vec![0; 1024]);
            let mut socket = TcpSocket::new(stack, &mut received, &mut room);
            server::listen(&mut socket, PORT, feed, config).await;
        });
    }
    feed
}
