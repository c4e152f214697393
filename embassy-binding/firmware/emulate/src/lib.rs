//! Boards in an emulator: what `cargo run` starts, and tests and benchmarks use.

mod emulator;
mod machine;
mod monitor;
mod program;

pub use crate::emulator::{Emulator, Network};
pub use crate::machine::Machine;
pub use crate::program::{Program, TARGET};
