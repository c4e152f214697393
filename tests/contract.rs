//! The service that harnesses of others drive our client by, driven by a small one of our own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use bytes::Bytes;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tests::client::client;
use tests::script::{Connection, Step, more, open};
use tests::scripted::Scripted;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// The service as a process, until it is dropped.
struct Service {
    process: Child,
    url: String,
    client: Client,
}

impl Service {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_contract-service"))
            .env("PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().trim_end_matches('/').into();
        Self { process, url, client: client() }
    }

    async fn send(&self, method: Method, path: &str, body: impl ToString) -> Response {
        let request = self.client.request(method, format!("{}{path}", self.url));
        request.body(body.to_string()).send().await.unwrap()
    }

    /// Has a stream read; returns where the instance is.
    async fn create(&self, parameters: &Value) -> String {
        let answer = self.send(Method::POST, "/", parameters).await;
        assert_eq!(answer.status(), 201);
        answer.headers()["location"].to_str().unwrap().into()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the service posts to, in the order in which it comes.
struct Callbacks {
    url: String,
    posted: mpsc::UnboundedReceiver<(u64, Value)>,
    count: u64,
}

type Sender = Arc<Mutex<mpsc::UnboundedSender<(u64, Value)>>>;

impl Callbacks {
    async fn start() -> Self {
        async fn take(State(sender): State<Sender>, Path(number): Path<u64>, body: Bytes) {
            // Slower now and then, so that what is not waited for overtakes it.
            if number % 3 == 1 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let message = serde_json::from_slice(&body).unwrap();
            sender.lock().await.send((number, message)).unwrap();
        }
        let (sender, posted) = mpsc::unbounded_channel();
        let sender = Arc::new(Mutex::new(sender));
        let router = Router::new().route("/here/{number}", post(take)).with_state(sender);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/here", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, posted, count: 0 }
    }

    /// The next message, which has the number that it should.
    async fn next(&mut self) -> Value {
        let next = timeout(PATIENCE, self.posted.recv()).await.expect("a message in time");
        let (number, message) = next.unwrap();
        self.count += 1;
        assert_eq!(number, self.count);
        message
    }

    async fn events(&mut self, datas: &[&str]) {
        for data in datas {
            let event = self.next().await;
            assert_eq!(event["kind"], "event", "{event}");
            assert_eq!(event["event"]["data"], *data, "{event}");
        }
    }

    async fn error(&mut self) {
        let error = self.next().await;
        assert_eq!(error["kind"], "error", "{error}");
        assert!(!error["error"].as_str().unwrap().is_empty(), "{error}");
        assert_eq!(error.as_object().unwrap().len(), 2, "{error}");
    }
}

/// A service, a server that does what a script says, and what is posted.
async fn harness(script: impl IntoIterator<Item = Connection>) -> (Service, Scripted, Callbacks) {
    (Service::start(), Scripted::on_sockets(script).await, Callbacks::start().await)
}

fn parameters(server: &Scripted, callbacks: &Callbacks) -> Value {
    json!({
        "tag": "a test",
        "streamUrl": server.url("/stream"),
        "callbackUrl": callbacks.url,
        "initialDelayMs": 0,
    })
}

#[tokio::test]
async fn it_says_what_it_can() {
    let service = Service::start();
    let answer = service.send(Method::GET, "/", "").await;
    assert_eq!(answer.status(), 200);
    let status: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(
        status,
        json!({"name": "sansse", "capabilities": [
            "bom", "comments", "headers", "last-event-id", "post", "read-timeout", "report",
            "restart", "server-directed-shutdown-request",
        ]})
    );
}

#[tokio::test]
async fn events_and_comments_are_posted_in_order() {
    let events: String = (0..50).map(|number| format!("data: {number}\n\n")).collect();
    let stream =
        format!("\u{FEFF}id: 7\nevent: Grüße\ndata: a\ndata: b\n\n: hello\n{events}id\ndata\n\n");
    let (service, server, mut callbacks) = harness([Connection::open(stream)]).await;
    service.create(&parameters(&server, &callbacks)).await;
    assert_eq!(
        callbacks.next().await,
        json!({"kind": "event", "event": {"type": "Grüße", "data": "a\nb", "id": "7"}})
    );
    assert_eq!(callbacks.next().await, json!({"kind": "comment", "comment": " hello"}));
    for number in 0..50 {
        let data = number.to_string();
        assert_eq!(
            callbacks.next().await,
            json!({"kind": "event", "event": {"type": "message", "data": data, "id": "7"}})
        );
    }
    assert_eq!(
        callbacks.next().await,
        json!({"kind": "event", "event": {"type": "message", "data": "", "id": ""}})
    );
}

#[tokio::test]
async fn requests_are_what_they_are_told_to_be() {
    let (service, server, callbacks) = harness(vec![Connection::open(""); 4]).await;
    let mut expected = Vec::new();
    for (more, line) in [
        (json!({}), "GET a/stream"),
        (json!({"lastEventId": "Zürich"}), "GET a/stream last-event-id=Zürich"),
        (
            json!({"method": "POST", "body": "{}", "headers": {"content-type": "a/b", "x-other": "1"}}),
            "POST a/stream content-type=a/b x-other=1 body={}",
        ),
        (json!({"method": "REPORT", "body": "x", "unknown": [1]}), "REPORT a/stream body=x"),
    ] {
        let mut parameters = parameters(&server, &callbacks);
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        service.create(&parameters).await;
        expected.push(line);
        let start = Instant::now();
        while server.lines().len() < expected.len() {
            assert!(start.elapsed() < PATIENCE, "{line}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(server.lines(), expected);
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.header("accept"), Some(&b"text/event-stream"[..]));
        assert_eq!(seen.header("cache-control"), Some(&b"no-cache"[..]));
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let (service, server, callbacks) = harness([]).await;
    let good = parameters(&server, &callbacks);
    let with = |name: &str, value: Value| {
        let mut parameters = good.clone();
        parameters[name] = value;
        parameters.to_string()
    };
    for bad in [
        String::new(),
        "{".into(),
        "[]".into(),
        json!({"callbackUrl": callbacks.url}).to_string(),
        json!({"streamUrl": server.url("/")}).to_string(),
        with("streamUrl", json!("nowhere")),
        with("streamUrl", json!("ftp://a.test/")),
        with("callbackUrl", json!("nowhere")),
        with("initialDelayMs", json!("soon")),
        with("headers", json!({"a b": "1"})),
        with("headers", json!({"a": "1\n2"})),
        with("method", json!("GET /")),
        with("lastEventId", json!("1\n2")),
    ] {
        let answer = service.send(Method::POST, "/", &bad).await;
        assert_eq!(answer.status(), 400, "{bad}");
    }
    for (method, status) in [(Method::POST, 404), (Method::DELETE, 404), (Method::GET, 405)] {
        let answer = service.send(method.clone(), "/streams/99", r#"{"command":"restart"}"#).await;
        assert_eq!(answer.status(), status, "{method}");
    }
    let instance = service.create(&good).await;
    for bad in ["", "{", "{}", r#"{"command":"explode"}"#] {
        assert_eq!(service.send(Method::POST, &instance, bad).await.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn a_restart_drops_the_connection_and_is_no_error() {
    let script = [Connection::open("id: 1\ndata: 1\n\n"), Connection::open("data: 2\n\n")];
    let (service, server, mut callbacks) = harness(script).await;
    let instance = service.create(&parameters(&server, &callbacks)).await;
    callbacks.events(&["1"]).await;
    assert_eq!(server.left(), 0);
    let answer = service.send(Method::POST, &instance, r#"{"command":"restart","x":1}"#).await;
    assert!(answer.status().is_success());
    callbacks.events(&["2"]).await;
    assert_eq!(server.left(), 1);
    assert_eq!(server.lines(), ["GET a/stream", "GET a/stream last-event-id=1"]);
}

#[tokio::test]
async fn a_deleted_instance_leaves_and_posts_nothing_more() {
    let stream = Connection::of([
        open("data: 1\n\n"),
        Step::Wait(Duration::from_secs(3600)),
        more("data: 2\n\n"),
    ]);
    let (service, server, mut callbacks) = harness([stream, Connection::open("data: 3\n\n")]).await;
    let instance = service.create(&parameters(&server, &callbacks)).await;
    callbacks.events(&["1"]).await;
    let answer = service.send(Method::DELETE, &instance, "").await;
    assert_eq!(answer.status(), 204);
    server.wait_until_left(1).await;
    assert_eq!(service.send(Method::DELETE, &instance, "").await.status(), 404);
    // Another instance is another client.
    service.create(&parameters(&server, &callbacks)).await;
    callbacks.count = 0;
    callbacks.events(&["3"]).await;
}

#[tokio::test]
async fn lost_streams_are_errors_and_go_on() {
    let script = [
        Connection::cut("id: 1\ndata: 1\n\nid: 2\ndata: 2"),
        Connection::stream("data: 3\n\n"),
        Connection::open("data: 4\n\n"),
    ];
    let (service, server, mut callbacks) = harness(script).await;
    service.create(&parameters(&server, &callbacks)).await;
    callbacks.events(&["1"]).await;
    callbacks.error().await;
    callbacks.events(&["3"]).await;
    callbacks.error().await;
    callbacks.events(&["4"]).await;
    let again = "GET a/stream last-event-id=1";
    assert_eq!(server.lines(), ["GET a/stream", again, again]);
}

#[tokio::test]
async fn silence_is_an_error_and_a_new_connection() {
    let script = [Connection::open("data: 1\n\n"), Connection::open("data: 2\n\n")];
    let (service, server, mut callbacks) = harness(script).await;
    let mut parameters = parameters(&server, &callbacks);
    parameters["readTimeoutMs"] = json!(500);
    service.create(&parameters).await;
    callbacks.events(&["1"]).await;
    callbacks.error().await;
    callbacks.events(&["2"]).await;
}

#[tokio::test]
async fn a_server_may_stop_it() {
    let script = [
        Connection::stream("data: 1\n\n"),
        Connection::no_content(),
        Connection::open("data: another\n\n"),
    ];
    let (service, server, mut callbacks) = harness(script).await;
    let instance = service.create(&parameters(&server, &callbacks)).await;
    callbacks.events(&["1"]).await;
    callbacks.error().await;
    // Ten times as long as it waits else.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(server.lines(), ["GET a/stream"; 2]);
    assert!(callbacks.posted.is_empty());
    let answer = service.send(Method::POST, &instance, r#"{"command":"restart"}"#).await;
    assert!(answer.status().is_success());
    assert_eq!(service.send(Method::DELETE, &instance, "").await.status(), 204);
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn what_is_no_stream_is_an_error() {
    let (service, server, mut callbacks) = harness([Connection::answer("404 No", &[], "no")]).await;
    service.create(&parameters(&server, &callbacks)).await;
    callbacks.error().await;
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let (mut service, server, mut callbacks) = harness([Connection::open("data: 1\n\n")]).await;
    service.create(&parameters(&server, &callbacks)).await;
    callbacks.events(&["1"]).await;
    assert!(service.send(Method::DELETE, "/", "").await.status().is_success());
    service.client = client();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = service.process.try_wait().unwrap() {
            break status;
        }
        assert!(start.elapsed() < PATIENCE, "it goes on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(status.success(), "{status}");
    server.wait_until_left(1).await;
}
