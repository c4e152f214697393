//! Running asynchronous work, and ending when told to.

use std::future::Future;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::signal;

/// How long work may take to end once it has been told to.
const GRACE: Duration = Duration::from_secs(1);

/// Runs work that looks after its own end, on all cores.
pub(crate) fn run<F>(work: F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    run_on(&mut Builder::new_multi_thread(), work)
}

/// Runs work until it is done, or until Ctrl-C or SIGTERM: the work is told then, and left behind
/// when it does not end soon.
///
/// It has a thread and a runtime of its own, since it may be stuck, for one in writing to a pipe
/// that nobody reads.
pub(crate) fn run_until_stopped<W, F>(work: W) -> Result<(), Failure>
where
    W: FnOnce(Stop) -> F + Send + 'static,
    F: Future<Output = Result<(), Failure>>,
{
    let (tell, told) = watch::channel(());
    let (end, mut ended) = oneshot::channel();
    let working = move || {
        let result = run_on(&mut Builder::new_current_thread(), work(Stop(told)));
        // Nobody waits for the end of work that was left behind.
        let _ = end.send(result);
    };
    run_on(&mut Builder::new_current_thread(), async {
        let stop = signal::stop()?;
        thread::Builder::new().spawn(working).map_err(|error| no_thread(&error))?;
        let ended = tokio::select! {
            ended = &mut ended => ended,
            () = stop => {
                drop(tell);
                timeout(GRACE, ended).await.map_err(|_| Failure::new(
                    "stopped in the midst of a request or of writing; look at what arrived, and run it again",
                ))?
            }
        };
        ended.unwrap_or_else(|_| {
            Err(Failure::new("stopped by a fault of its own; please report it"))
        })
    })
}

/// Tells work that it should end.
#[derive(Debug)]
pub(crate) struct Stop(watch::Receiver<()>);

impl Stop {
    /// Resolves when the work should end.
    pub(crate) async fn requested(&mut self) {
        // Nothing is ever sent: the error that the sender is gone is the message.
        while self.0.changed().await.is_ok() {}
    }
}

fn run_on<F>(builder: &mut Builder, work: F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let runtime = builder.enable_all().build().map_err(|error| no_thread(&error))?;
    let result = runtime.block_on(work);
    // A thread that waits for standard input must not be waited for.
    runtime.shutdown_background();
    result
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start a thread: {error}; raise the limits of the process"))
}
