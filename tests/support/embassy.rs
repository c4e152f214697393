//! Two network stacks of embassy in one process, with a cable between that can be made bad, and time
//! that goes on only when nothing else does.

mod cable;
mod client;
mod device;
mod follower;
mod scripted;
mod simulation;
#[cfg(feature = "hosts")]
mod tokio_io;

pub use cable::Cable;
pub use client::{Answer, Client};
pub use device::{PORT, serve};
pub use follower::Follower;
pub use scripted::{Act, Scripted};
pub use simulation::Simulation;
#[cfg(feature = "hosts")]
pub use tokio_io::{TokioConnect, TokioIo, keep_time};
