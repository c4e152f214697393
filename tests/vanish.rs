//! A subscriber that vanishes without a word: its cable is cut, no FIN and no RST ever comes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use reqwest::ClientBuilder;
use tests::cable::{Cable, NEAR};
use tests::command::sansse;
use tests::reader::Reader;
use tests::server::Server;

const PATIENCE: Duration = Duration::from_secs(30);

/// `sansse tail` on the other host.
struct Tail {
    process: Child,
    lines: Receiver<String>,
}

impl Tail {
    fn start(cable: &Cable, url: &str) -> Self {
        let mut command = cable.far(sansse().args(["tail", url]));
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = process.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { process, lines }
    }

    /// Waits until it has got the event that is published.
    async fn follow(&self, server: &Server, topic: &str) {
        let start = Instant::now();
        loop {
            server.publish(topic, "to the other host").await;
            if self.lines.recv_timeout(Duration::from_millis(200)).is_ok() {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "the other host reads nothing");
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_is_noticed() {
    let Some(cable) = Cable::lay("a_client_that_vanishes_is_noticed") else { return };
    let limits = ["--ping-interval", "1", "--write-timeout", "1"];
    let server = Server::start_on_with(&format!("{NEAR}:0"), &limits);
    let client = server.client(ClientBuilder::http1_only);
    let mut bystander = Reader::open(client.get(server.url("/topics/bystander"))).await;
    let mut number = 0;
    for (topic, is_busy) in [("quiet", false), ("busy", true)] {
        cable.mend();
        let tail = Tail::start(&cable, &server.url(&format!("/topics/{topic}")));
        tail.follow(&server, topic).await;
        let gone = "sansse_timeouts_total{limit=\"ping\"}";
        let before = server.metric(gone).await;
        cable.cut();
        // What it would say now arrives nowhere.
        drop(tail);
        // Four questions a second apart; or, of what is sent, two seconds without an answer. A quiet
        // stream sends nothing for fifteen seconds.
        let patience = if is_busy { PATIENCE } else { Duration::from_secs(12) };
        let start = Instant::now();
        while server.metric(gone).await == before {
            assert!(start.elapsed() < patience, "nobody notices that a client has gone");
            if is_busy {
                server.publish(topic, "to nobody").await;
            }
            let data = number.to_string();
            number += 1;
            server.publish("bystander", &data).await;
            assert_eq!(bystander.next().await.unwrap(), format!("message:{data}"));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(server.metric(gone).await, before + 1.0);
    }
}
