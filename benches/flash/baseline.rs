//! `parser.rs` without the parser.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use panic_halt as _;

#[entry]
fn main() -> ! {
    let (mut event_storage, mut id_storage) = ([0; 1024], [0; 3 * 64]);
    black_box((&mut event_storage[..], &mut id_storage[..]));
    loop {
        let chunk: &[u8] = black_box(&[0; 64]);
        black_box(chunk);
    }
}
