//! Streams as gzip: every event readable as soon as it has come, most bytes shared, a clean end.

use std::io::Write as _;
use std::time::Duration;

use flate2::write::GzDecoder;
use futures_util::{FutureExt as _, StreamExt as _};
use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use sansse_tokio::{Endpoint, Event, Hub, HubBuilder, Start, Subscription};
use tests::program::Program;
use tests::requirement::{CURL, NODE, PYTHON};
use tests::server::Server;
use tests::strategy;

fn builder() -> HubBuilder {
    Hub::builder().epoch(35).retry(None).compression(true)
}

/// A reader that decodes what it gets as it gets it, beside one that takes the same bytes as they are.
struct Pair {
    coded: Subscription,
    plain: Subscription,
    decoder: GzDecoder<Vec<u8>>,
    expected: Vec<u8>,
    received: usize,
}

impl Pair {
    fn new(hub: &Hub, topics: &[&str], start: Start<'_>) -> Self {
        Self {
            coded: hub.subscribe(topics, start).unwrap().gzip(),
            plain: hub.subscribe(topics, start).unwrap(),
            decoder: GzDecoder::new(Vec::new()),
            expected: Vec::new(),
            received: 0,
        }
    }

    /// Reads so many frames of each, or until both wait; what has come can be read in full.
    fn read(&mut self, frames: usize) {
        for _ in 0..frames {
            let Some(Some(bytes)) = self.coded.next().now_or_never() else { break };
            self.take(&bytes);
        }
        for _ in 0..frames {
            let Some(Some(bytes)) = self.plain.next().now_or_never() else { break };
            self.expected.extend_from_slice(&bytes);
        }
        assert!(*self.decoder.get_ref() == self.expected);
    }

    fn keep_alive(&mut self) {
        let bytes = self.coded.keep_alive();
        self.take(&bytes);
        self.expected.extend_from_slice(&self.plain.keep_alive());
        assert!(*self.decoder.get_ref() == self.expected);
    }

    fn take(&mut self, bytes: &[u8]) {
        self.received += bytes.len();
        self.decoder.write_all(bytes).unwrap();
        self.decoder.flush().unwrap();
    }
}

#[derive(Clone, Debug)]
enum Step {
    Publish { topic: usize, text: String },
    Read { reader: usize, frames: usize },
    KeepAlive { reader: usize },
    Join { topics: usize, last: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_usize, "[a-e ]{0,40}").prop_map(|(topic, text)| Step::Publish { topic, text }),
        4 => (any::<usize>(), 1..5_usize).prop_map(|(reader, frames)| Step::Read { reader, frames }),
        1 => any::<usize>().prop_map(|reader| Step::KeepAlive { reader }),
        1 => (0..3_usize, 0..5_usize).prop_map(|(topics, last)| Step::Join { topics, last }),
    ]
}

const TOPICS: [&[&str]; 3] = [&["a"], &["b"], &["a", "b"]];

proptest! {
    #![proptest_config(strategy::cases(128))]

    /// Readers join anywhere, fall behind, are kept alive and are sent away, and what each decodes is
    /// what it would have got without compression.
    #[test]
    fn gzip_changes_nothing(
        steps in prop::collection::vec(step(), 0..150),
        history in prop_oneof![Just(3_usize), Just(100), Just(2000)],
    ) {
        let hub = builder().topic_history(history, 1 << 20).build();
        let mut readers: Vec<Pair> = TOPICS.iter().map(|topics| Pair::new(&hub, topics, Start::Live)).collect();
        for step in steps {
            let count = readers.len();
            match step {
                Step::Publish { topic, text } => {
                    hub.publish(TOPICS[topic][0], &Event::new(&text)).unwrap();
                }
                Step::Read { reader, frames } => readers[reader % count].read(frames),
                Step::KeepAlive { reader } => {
                    let reader = &mut readers[reader % count];
                    reader.read(usize::MAX);
                    reader.keep_alive();
                }
                Step::Join { topics, last } => {
                    readers.push(Pair::new(&hub, TOPICS[topics], Start::Last(last)));
                }
            }
        }
        for reader in &mut readers {
            reader.read(usize::MAX);
            reader.coded.handle().end();
            reader.plain.handle().end();
        }
        for mut reader in readers {
            reader.read(usize::MAX);
            let decoded = reader.decoder.finish().expect("a whole gzip stream");
            prop_assert!(decoded == reader.expected);
        }
    }
}

#[test]
fn followers_share_small_runs() {
    let hub = builder().build();
    let mut readers: Vec<_> = (0..3)
        .map(|_| {
            let mut reader = hub.subscribe(["a"], Start::Live).unwrap().gzip();
            while reader.next().now_or_never().is_some() {}
            reader
        })
        .collect();
    let mut lengths = Vec::new();
    for number in 0..3 {
        let data =
            format!("{{\"object\":\"chunk\",\"model\":\"some model\",\"text\":\"{number}\"}}");
        hub.publish("a", &Event::new(&data)).unwrap();
        let frames: Vec<_> = readers
            .iter_mut()
            .map(|reader| reader.next().now_or_never().unwrap().unwrap())
            .collect();
        assert!(frames.iter().all(|frame| frame.as_ptr() == frames[0].as_ptr()), "shared");
        lengths.push(frames[0].len());
    }
    assert!(lengths[1] * 3 < lengths[0], "{lengths:?}");
}

#[tokio::test]
async fn gzip_is_sent_to_who_takes_it() {
    let hub = builder().build();
    let endpoint = Endpoint::new(hub.clone());
    for (value, expected) in [
        (None, None),
        (Some("gzip, deflate, br, zstd"), Some("gzip")),
        (Some("br"), None),
        (Some("gzip;q=0, *"), None),
    ] {
        let mut request = Request::get("/");
        if let Some(value) = value {
            request = request.header(header::ACCEPT_ENCODING, value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        let response = hub.respond(&Request::from_parts(head.clone(), ()), ["a"]).unwrap();
        head.method = Method::HEAD;
        let to_head = endpoint.request(&head, ["a"]).answer().await;
        assert_eq!(to_head.headers(), response.headers(), "{value:?}");
        let encoding = response.headers().get(header::CONTENT_ENCODING);
        assert_eq!(encoding.map(|value| value.to_str().unwrap()), expected, "{value:?}");
        assert_eq!(response.headers()[header::VARY], "accept-encoding");
        let frame = response.into_body().frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(frame.starts_with(&[0x1F, 0x8B]), expected.is_some());
    }
    let off = Hub::builder().build();
    let request = Request::get("/").header(header::ACCEPT_ENCODING, "gzip").body(()).unwrap();
    let response = off.respond(&request, ["a"]).unwrap();
    assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
    assert!(!response.headers().contains_key(header::VARY));
}

/// A stream that is told to end is a whole gzip stream, of whatever length it was.
#[tokio::test(start_paused = true)]
async fn an_end_is_one() {
    let hub = builder().build();
    let request = Request::get("/").header(header::ACCEPT_ENCODING, "gzip").body(()).unwrap();
    let mut body = hub.respond(&request, ["a"]).unwrap().into_body();
    let mut decoder = GzDecoder::new(Vec::new());
    hub.publish("a", &Event::new("x")).unwrap();
    let reading = async {
        while let Some(frame) = body.frame().await {
            decoder.write_all(&frame.unwrap().into_data().unwrap()).unwrap();
        }
        drop(body);
    };
    tokio::join!(hub.shutdown(Duration::from_secs(5)), reading);
    let decoded = String::from_utf8(decoder.finish().unwrap()).unwrap();
    assert!(decoded.starts_with("id: z-0\n\nid: z-1\ndata: x\n\nretry: "), "{decoded}");
}

/// Decodes with node's zlib as bytes come, and says whether the end was one.
const NODE_READER: &str = r#"
const [url] = process.argv.slice(1);
require("http").get(url, { headers: { "accept-encoding": "gzip" } }, (response) => {
  console.log(response.headers["content-encoding"]);
  const gunzip = require("zlib").createGunzip();
  gunzip.on("end", () => console.log("a clean end")).on("error", (error) => console.log(error));
  response.pipe(gunzip).setEncoding("utf8").on("data", (text) => process.stdout.write(text));
});
"#;

/// The same with Python's zlib.
const PYTHON_READER: &str = r#"
import sys, urllib.request, zlib
request = urllib.request.Request(sys.argv[1], headers={"accept-encoding": "gzip"})
response = urllib.request.urlopen(request)
print(response.headers["content-encoding"], flush=True)
decoder = zlib.decompressobj(31)
while chunk := response.read1():
    print(decoder.decompress(chunk).decode(), end="", flush=True)
print("a clean end" if decoder.eof and not decoder.unused_data else "no clean end", flush=True)
"#;

async fn next_data(reader: &mut Program) -> String {
    tests::program::in_time(async {
        loop {
            let line = reader.line().await.expect("a line");
            if let Some(data) = line.strip_prefix("data: ") {
                return data.to_owned();
            }
        }
    })
    .await
}

/// Joins in the middle, reads each event before the next is published, with keep-alives between, and
/// sees a clean end.
async fn decodes(reader: std::process::Command, server: &mut Server, says_encoding: bool) {
    let mut reader = Program::start(reader);
    if says_encoding {
        let encoding = tests::program::in_time(reader.line()).await;
        assert_eq!(encoding.as_deref(), Some("gzip"));
    }
    assert_eq!(next_data(&mut reader).await, "before");
    for number in 0..20 {
        let data = format!("{{\"number\":{number}}}");
        server.publish("a", &data).await;
        assert_eq!(next_data(&mut reader).await, data);
        if number == 10 {
            // Another topic moves on: meanwhile nothing comes here.
            server.publish("b", "x").await;
        }
    }
    let (status, _) = server.stop("TERM");
    assert!(status.success());
    if says_encoding {
        let end = async {
            while let Some(line) = reader.line().await {
                if line == "a clean end" {
                    return true;
                }
            }
            false
        };
        assert!(tests::program::in_time(end).await, "a clean end");
    }
    assert!(reader.end().await.success());
}

async fn server() -> Server {
    let server = Server::start();
    server.publish("a", "far before").await;
    server.publish("a", "before").await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn node_decodes() {
    if !NODE.is_met("node_decodes") {
        return;
    }
    let mut server = server().await;
    let mut node = std::process::Command::new("node");
    node.args(["-e", NODE_READER, &server.url("/topics/a?last=1")]);
    decodes(node, &mut server, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_decodes() {
    if !PYTHON.is_met("python_decodes") {
        return;
    }
    let mut server = server().await;
    let mut python = std::process::Command::new("python3");
    python.args(["-c", PYTHON_READER, &server.url("/topics/a?last=1")]);
    decodes(python, &mut server, true).await;
}

/// curl fails where the end is none.
#[tokio::test(flavor = "multi_thread")]
async fn curl_decodes() {
    if !CURL.is_met("curl_decodes") {
        return;
    }
    let mut server = server().await;
    let mut curl = std::process::Command::new("curl");
    curl.args(["--no-progress-meter", "-N", "--compressed", &server.url("/topics/a?last=1")]);
    decodes(curl, &mut server, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_can_be_told_not_to() {
    let server = Server::start_with(&["--no-gzip"]);
    let request = tests::client::client().get(server.url("/topics/a"));
    let response = request.header("accept-encoding", "gzip").send().await.unwrap();
    assert!(!response.headers().contains_key("content-encoding"));
}
