//! A program's log published on its own hub.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sansse_tokio::{Event, Hub, Start};
use tests::wire::drain;
use tracing::Level;

/// Publishes each line of a log, so that pages can watch it.
struct Publisher(Arc<OnceLock<Hub>>);

impl io::Write for Publisher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(hub) = self.0.get() {
            let _ = hub.publish("log", &Event::new(&String::from_utf8_lossy(bytes)));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whatever a hub tells, it holds no lock meanwhile, and does not tell for ever of what it refuses.
#[test]
fn who_listens_may_publish_what_it_hears() {
    let shared = Arc::<OnceLock<Hub>>::default();
    let publisher = shared.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::DEBUG)
        .with_writer(move || Publisher(publisher.clone()))
        .finish();
    // For the whole process, and alone in it: a thread's own is not told of what it does itself.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let (done, work) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let hub = Hub::builder().epoch(35).topic_history(4, 9999).build();
        shared.set(hub.clone()).unwrap();
        let mut slow = hub.subscribe(["log"], Start::Live).unwrap();
        let opened = hub.publish("log", &Event::new("x")).unwrap();
        for _ in 0..9 {
            hub.publish("log", &Event::new("x")).unwrap();
        }
        drain(&mut slow);
        drop(slow);
        for start in [Start::After(b"z-1"), Start::After(b"z-5"), Start::Last(1), Start::Snapshot] {
            drain(&mut hub.subscribe(["log"], start).unwrap());
        }
        let newest = hub.publish("log", &Event::new("x")).unwrap().to_string();
        drain(&mut hub.subscribe(["log"], Start::After(newest.as_bytes())).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(hub.shutdown(Duration::from_secs(1)));
        hub.publish("log", &Event::new("x")).unwrap_err();
        drop(hub.subscribe(["log"], Start::Live));
        done.send(opened.sequence).unwrap();
    });
    // "opened" came before.
    assert_eq!(work.recv_timeout(Duration::from_secs(60)), Ok(2));
}
