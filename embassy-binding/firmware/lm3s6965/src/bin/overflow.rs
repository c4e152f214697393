//! Overflows its stack, to show that it cannot do so unseen.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use lm3s6965::Board;

#[entry]
fn main() -> ! {
    let _board = Board::start();
    loop {
        black_box(deeper(black_box(0)));
    }
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn deeper(depth: u32) -> u32 {
    let frame = black_box([depth; 16]);
    deeper(depth + 1) + frame[0]
}
