//! What firmware on emulated Cortex-M boards shares.
//!
//! The stack lies at the start of RAM, as a board's `memory.x` has it, so that one that overflows runs
//! out of memory, and not into the statics.

#![no_std]

pub mod console;
mod division;
mod fault;
mod memory;
mod panic;
pub mod time;

pub use self::fault::guard_stack;
