//! A program that parses what it knows nothing of, and does nothing else.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use panic_halt as _;
use sansse::Parser;

#[entry]
fn main() -> ! {
    let (mut event_storage, mut id_storage) = ([0; 1024], [0; 3 * 64]);
    let mut parser = Parser::new(&mut event_storage[..], &mut id_storage[..]);
    loop {
        let mut items = parser.feed(black_box(&[0; 64]));
        while let Some(item) = items.next() {
            black_box(item);
        }
    }
}
