//! Overflows its stack where nothing else would notice, to show that it cannot do so unseen.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::mem::MaybeUninit;

use cortex_m_rt::entry;
use lm3s6965::{Board, console};

/// More than the stack has.
const TOO_MUCH: usize = 14 << 10;

#[entry]
fn main() -> ! {
    let _board = Board::start();
    leaf();
    console::say(c"nobody has noticed\n");
    console::fail();
}

/// Touches only its lowest byte, far from what is behind the stack.
#[inline(never)]
fn leaf() {
    let mut frame = [const { MaybeUninit::<u8>::uninit() }; TOO_MUCH];
    frame[0].write(1);
    black_box(&frame);
}
