//! A network that can be pulled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to a server, until it is told to cut them.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    connected: watch::Sender<bool>,
    accepted: Arc<AtomicU64>,
    alive: Arc<()>,
}

impl Proxy {
    /// Listens on a free port, for a server at `target`.
    ///
    /// # Panics
    ///
    /// Where there is no port.
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (connected, state) = watch::channel(true);
        let accepted = Arc::new(AtomicU64::new(0));
        let alive = Arc::new(());
        tokio::spawn(accept(listener, target.to_owned(), state, accepted.clone(), alive.clone()));
        Self { address, connected, accepted, alive }
    }

    /// The address and port on which it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of a path of the server, through the proxy.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends all connections, and every new one at once.
    pub fn cut(&self) {
        self.connected.send_replace(false);
    }

    /// Lets new connections through again.
    pub fn restore(&self) {
        self.connected.send_replace(true);
    }

    /// How many connections there have been, refused ones too.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How many connections there are now that neither the client nor the server has ended.
    #[must_use]
    pub fn connections(&self) -> usize {
        // One is the proxy's own and one its listener's.
        Arc::strong_count(&self.alive) - 2
    }

    /// Waits until both ends have ended all connections.
    ///
    /// # Panics
    ///
    /// When they have not after ten seconds.
    pub async fn wait_until_idle(&self) {
        let start = Instant::now();
        while self.connections() > 0 {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{} are still open",
                self.connections()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn accept(
    listener: TcpListener,
    target: String,
    state: watch::Receiver<bool>,
    accepted: Arc<AtomicU64>,
    alive: Arc<()>,
) {
    while let Ok((client, _)) = listener.accept().await {
        accepted.fetch_add(1, Ordering::Relaxed);
        let (target, state, alive) = (target.clone(), state.clone(), alive.clone());
        tokio::spawn(async move {
            pass(client, target, state).await;
            drop(alive);
        });
    }
}

async fn pass(mut client: TcpStream, target: String, mut state: watch::Receiver<bool>) {
    if !*state.borrow() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = state.wait_for(|connected| !connected) => {}
    }
}
