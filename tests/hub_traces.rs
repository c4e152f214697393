//! What a hub tells through `tracing`.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt as _;
use sansse_tokio::{Event, Hub, HubBuilder, Start};
use tests::wire::drain;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// What this thread is told, until it is dropped.
struct Heard {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Heard {
    fn from(level: Level) -> Self {
        let text = Arc::<Mutex<Vec<u8>>>::default();
        let writer = Writer(text.clone());
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines since it was asked last.
    fn lines(&self) -> Vec<String> {
        let text = std::mem::take(&mut *self.text.lock().unwrap());
        String::from_utf8(text).unwrap().lines().map(|line| line.trim().to_owned()).collect()
    }
}

fn builder() -> HubBuilder {
    Hub::builder().epoch(35).retry(None)
}

#[test]
fn each_stream_has_a_span() {
    let heard = Heard::from(Level::DEBUG);
    let hub = builder().topic_history(3, 999).build();
    for _ in 0..5 {
        hub.publish("a", &Event::new("x")).unwrap();
    }
    assert!(heard.lines().is_empty());

    let mut stream = hub.subscribe(["a", "b"], Start::After(b"z-3")).unwrap();
    hub.publish("a", &Event::new("x")).unwrap();
    drain(&mut stream);
    let span = r#"DEBUG stream{topics=["a", "b"]}: "#;
    assert_eq!(
        heard.lines(),
        [format!("{span}opened last_event_id=z-3"), format!("{span}resumed behind=2")]
    );
    drop(stream);
    assert_eq!(heard.lines(), [format!("{span}ended delivered=3 replayed=2 gaps=0")]);

    let mut stream = hub.subscribe(["a"], Start::After(b"z-1\x1b[2J")).unwrap();
    drain(&mut stream);
    drop(stream);
    let span = r#"DEBUG stream{topics=["a"]}: "#;
    assert_eq!(
        heard.lines(),
        [
            format!("{span}opened last_event_id=z-1\\x1b[2J"),
            format!("{span}lagged cause=the id was not given by this run of the log"),
            format!("{span}ended delivered=0 replayed=0 gaps=1"),
        ]
    );
}

#[test]
fn refused_events_are_told() {
    let heard = Heard::from(Level::DEBUG);
    let hub = builder().topic_history(9, 20).build();
    hub.publish("a", &Event::new("x".repeat(99).as_str())).unwrap_err();
    let told = heard.lines();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("DEBUG event refused topic=\"a\" error=the event is larger"),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn shutting_down_is_told_and_by_default_that_alone() {
    let heard = Heard::from(Level::INFO);
    let deadline = Duration::from_secs(5);
    let hub = builder().build();
    let subscription = hub.subscribe(["a"], Start::Live).unwrap();
    let mut body = subscription.into_response().into_body();
    let held = body.frame().await;
    hub.publish("", &Event::new("x")).unwrap_err();
    assert!(heard.lines().is_empty());
    let _ = tokio::join!(hub.shutdown(deadline), async {
        let when_to_come_back = body.frame().await;
        assert!(body.frame().await.unwrap().is_err());
        drop((body, held, when_to_come_back));
    });
    assert_eq!(
        heard.lines(),
        ["INFO shutting down streams=1 deadline=5s", "INFO streams have ended closed=1 left=0"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_says_so() {
    let heard = Heard::from(Level::DEBUG);
    let hub = builder().write_deadline(Some(Duration::from_secs(5))).build();
    let subscription = hub.subscribe(["a"], Start::Live).unwrap();
    let mut body = subscription.into_response().into_body();
    let held = body.frame().await;
    assert!(body.frame().await.unwrap().is_err());
    drop((body, held));
    let span = r#"DEBUG stream{topics=["a"]}: "#;
    assert_eq!(
        heard.lines(),
        [
            format!("{span}opened start=Live"),
            format!("{span}cut error=the reader took nothing for too long and was cut off"),
            format!("{span}ended delivered=0 replayed=0 gaps=0"),
        ]
    );
}
