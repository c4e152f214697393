//! An `EventSource` and a server that is killed, restarted, stalled and cut in mid-event at random,
//! while a hundred events are published each second: the client's sequence has no gap and no double.
//!
//! The hub lives in this process, as one with a journal lives through a restart of its server. What
//! dies is all that serves it, with its sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use futures_util::StreamExt as _;
use sansse_tokio::{
    Backoff, Disconnect, Event, EventSource, Hub, ReconnectPolicy, StreamEnd, Update,
};
use tests::client::client;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// An event each.
const PACE: Duration = Duration::from_millis(10);
/// The client's; the hub says something ten times as often.
const IDLE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);

fn duration() -> Duration {
    let is_long = std::env::var("SANSSE_LONG").is_ok_and(|long| long == "1");
    Duration::from_secs(if is_long { 600 } else { 60 })
}

/// Numbers that look random, and are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }
}

/// All that serves the hub: a runtime with its sockets.
struct Server {
    hub: Hub,
    address: String,
    runtime: Option<Runtime>,
}

impl Server {
    async fn start(hub: &Hub) -> Self {
        let address = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap().to_string()
        };
        let mut server = Self { hub: hub.clone(), address, runtime: None };
        server.restart().await;
        server
    }

    async fn restart(&mut self) {
        async fn answer(State(hub): State<Hub>, request: Request) -> Response {
            hub.respond(&request, ["a"]).unwrap().map(Body::new)
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let router = Router::new().route("/", get(answer)).with_state(self.hub.clone());
        let address = self.address.clone();
        // The port may be taken for a moment, by an end of a connection through it.
        let listening = runtime.spawn(async move {
            let start = Instant::now();
            loop {
                match TcpListener::bind(&address).await {
                    Ok(listener) => return listener,
                    Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
                }
                sleep(Duration::from_millis(10)).await;
            }
        });
        let listener = listening.await.unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        self.runtime = Some(runtime);
    }

    fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What is between the server and the client.
struct Network {
    address: String,
    rules: Arc<Rules>,
}

struct Rules {
    /// Nothing passes, and nothing is closed.
    is_stalled: watch::Sender<bool>,
    /// Nobody is let in.
    refuses: AtomicBool,
    /// How many bytes pass until all connections are cut; negative for ever.
    left: AtomicI64,
    /// How they are cut.
    resets: AtomicBool,
}

impl Network {
    async fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let rules = Arc::new(Rules {
            is_stalled: watch::Sender::new(false),
            refuses: AtomicBool::new(false),
            left: AtomicI64::new(-1),
            resets: AtomicBool::new(false),
        });
        let (server, shared) = (server.to_owned(), rules.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if shared.refuses.load(SeqCst) {
                    continue;
                }
                let (server, rules) = (server.clone(), shared.clone());
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        rules.pass(client, server).await;
                    }
                });
            }
        });
        Self { address, rules }
    }
}

impl Rules {
    async fn pass(&self, client: TcpStream, server: TcpStream) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let up = tokio::io::copy(&mut from_client, &mut to_server);
        let down = async {
            let mut buffer = [0; 4096];
            let mut stalled = self.is_stalled.subscribe();
            loop {
                let Ok(read @ 1..) = from_server.read(&mut buffer).await else { return };
                stalled.wait_for(|is_stalled| !is_stalled).await.unwrap();
                let length = i64::try_from(read).unwrap();
                let left = self.left.load(SeqCst);
                let passes = if left < 0 { length } else { left.min(length) };
                let bytes = &buffer[..usize::try_from(passes).unwrap()];
                if to_client.write_all(bytes).await.is_err() {
                    return;
                }
                if left >= 0 {
                    self.left.store(if passes < length { -1 } else { left - passes }, SeqCst);
                }
                if passes < length {
                    return;
                }
            }
        };
        tokio::select! {
            _ = up => {}
            () = down => {}
        }
        if self.resets.load(SeqCst) {
            let _ = to_client.reunite(from_client).unwrap().set_zero_linger();
        }
    }
}

/// What has been done to the client, by kind.
#[derive(Debug, Default)]
struct Done {
    cuts: u64,
    resets: u64,
    stalls: u64,
    pauses: u64,
    refusals: u64,
    kills: u64,
}

/// Makes trouble until it is over, and then none.
async fn trouble(mut server: Server, network: &Network, is_over: &AtomicBool) -> (Server, Done) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut done = Done::default();
    let rules = &network.rules;
    while !is_over.load(SeqCst) {
        sleep(Duration::from_millis(50 + random.below(1000))).await;
        match random.below(8) {
            kind @ 0..=3 => {
                // Anywhere: events are of about sixty bytes, with what HTTP adds.
                rules.resets.store(kind == 0, SeqCst);
                rules.left.store(i64::try_from(random.below(300)).unwrap(), SeqCst);
                *(if kind == 0 { &mut done.resets } else { &mut done.cuts }) += 1;
            }
            4 => {
                rules.is_stalled.send_replace(true);
                sleep(3 * IDLE / 2 + Duration::from_millis(random.below(500))).await;
                rules.is_stalled.send_replace(false);
                done.stalls += 1;
            }
            5 => {
                rules.is_stalled.send_replace(true);
                sleep(Duration::from_millis(random.below(200))).await;
                rules.is_stalled.send_replace(false);
                done.pauses += 1;
            }
            6 => {
                rules.refuses.store(true, SeqCst);
                rules.left.store(0, SeqCst);
                sleep(Duration::from_millis(random.below(500))).await;
                rules.refuses.store(false, SeqCst);
                done.refusals += 1;
            }
            _ => {
                server.kill();
                sleep(Duration::from_millis(random.below(500))).await;
                server.restart().await;
                done.kills += 1;
            }
        }
    }
    (server, done)
}

fn data(number: u64) -> String {
    format!("{number}\nand a second line")
}

/// What the client has been told.
#[derive(Debug, Default)]
struct Told {
    events: u64,
    opened: u64,
    ended: u64,
    torn: u64,
    cut: u64,
    idle: u64,
    unreachable: u64,
    other: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_gap_and_no_double() {
    let _ = client();
    let hub = Hub::builder().retry(None).keep_alive(Some(IDLE / 10)).history(64 << 20).build();
    let server = Server::start(&hub).await;
    let network = Network::start(&server.address).await;
    let mut source = EventSource::get(format!("http://{}/", network.address))
        .reconnection_time(Duration::from_millis(20))
        .policy(ReconnectPolicy::standard().backoff(Backoff { floor: 1, ..Backoff::STANDARD }))
        .idle_timeout(IDLE)
        .head_timeout(IDLE)
        .connect()
        .unwrap();
    let first = timeout(PATIENCE, source.next()).await.expect("a stream in time");
    assert!(matches!(first, Some(Ok(Update::Open(_)))), "{first:?}");

    let troubled = tokio::spawn(async move {
        let is_over = AtomicBool::new(false);
        let time = async {
            sleep(duration()).await;
            is_over.store(true, SeqCst);
        };
        tokio::join!(trouble(server, &network, &is_over), time).0
    });
    let publisher = tokio::spawn(async move {
        let mut pace = tokio::time::interval(PACE);
        let mut published = 0_u64;
        while !troubled.is_finished() {
            pace.tick().await;
            hub.publish("a", &Event::new(&data(published))).unwrap();
            published += 1;
        }
        hub.publish("a", &Event::new("").with_type("end").unwrap()).unwrap();
        (troubled.await.unwrap(), published)
    });

    let mut told = Told::default();
    loop {
        let update = timeout(PATIENCE, source.next()).await.expect("no hung connection");
        match update.expect("a source that goes on").expect("no error") {
            Update::Event(event) if event.event_type() == "end" => break,
            Update::Event(event) => {
                assert_eq!(event.data(), *data(told.events), "{told:?}");
                told.events += 1;
            }
            Update::Open(_) => told.opened += 1,
            Update::Disconnected { cause, .. } => {
                *(match &*cause {
                    Disconnect::Ended(StreamEnd::Clean) => &mut told.ended,
                    Disconnect::Ended(StreamEnd::Unfinished) => &mut told.torn,
                    Disconnect::Cut(_) => &mut told.cut,
                    Disconnect::IdleTimeout(_) => &mut told.idle,
                    Disconnect::Unreachable(_) => &mut told.unreachable,
                    _ => &mut told.other,
                }) += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    let ((server, done), published) = publisher.await.unwrap();
    assert_eq!(told.events, published);
    let figures = format!("{told:?} {done:?}");
    // What this is about has happened.
    let Done { cuts, resets, stalls, pauses, refusals, kills } = done;
    assert!(
        [cuts, resets, stalls, pauses, refusals, kills].iter().all(|&count| count > 0),
        "{figures}"
    );
    assert!(told.idle >= stalls / 2 && told.cut > 0 && told.unreachable > 0, "{figures}");
    assert!(told.opened > 10, "{figures}");
    // Half of the pace is enough for a machine that has other work.
    assert!(told.events > duration().as_secs() * 50, "{figures}");
    drop(server);
}
