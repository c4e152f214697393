//! Holds what the board's package has in the place of the compiler's own against plain code.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use lm3s6965::{Board, console};

/// Pairs of numbers that are divided.
const PAIRS: u32 = 20_000;

#[entry]
fn main() -> ! {
    let _board = Board::start();
    let mut random = Random(1);
    for _ in 0..PAIRS {
        let (number, divisor) = (random.number(), random.number());
        check_division(number, divisor);
    }
    for edge in [1, 2, 36, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, 1 << 63, u64::MAX] {
        for number in [0, edge - 1, edge, edge.wrapping_add(1), u64::MAX] {
            check_division(number, edge);
        }
    }
    check_memory();
    console::say(c"all is as it should be\n");
    console::end();
}

fn check_division(number: u64, divisor: u64) {
    let divisor = divisor.max(1);
    let (quotient, rest) = (black_box(number) / divisor, black_box(number) % divisor);
    assert!(rest < divisor);
    // Without division, and without a product that overflows.
    assert!(quotient.checked_mul(divisor).is_some_and(|product| number - product == rest));
}

/// Copies, moves, fills and compares at all places of words, in all lengths up to some words.
fn check_memory() {
    const SIZE: usize = 48;
    let original: [u8; SIZE] = core::array::from_fn(|index| index as u8 + 1);
    for length in 0..=24 {
        for from in 0..8 {
            for to in 0..16 {
                let (from, to, length) = (black_box(from), black_box(to), black_box(length));
                let mut copy = [0; SIZE];
                copy[to..to + length].copy_from_slice(&original[from..from + length]);
                let mut moved = original;
                moved.copy_within(from..from + length, to);
                let mut filled = original;
                filled[to..to + length].fill(black_box(0xa5));
                let mut cleared = original;
                cleared[to..to + length].fill(0);
                for index in 0..SIZE {
                    let is_inside = (to..to + length).contains(&index);
                    let there = if is_inside { original[from + index - to] } else { 0 };
                    assert!(copy[index] == there);
                    let there = if is_inside { there } else { original[index] };
                    assert!(moved[index] == there);
                    let plain = original[index];
                    assert!(filled[index] == if is_inside { 0xa5 } else { plain });
                    assert!(cleared[index] == if is_inside { 0 } else { plain });
                }
                let (left, right) = (&original[from..from + length], &original[to..to + length]);
                let order = left.iter().cmp(right.iter());
                assert!(black_box(left).cmp(black_box(right)) == order);
                assert!((black_box(left) == black_box(right)) == order.is_eq());
            }
        }
    }
}

/// A linear congruential generator.
struct Random(u64);

impl Random {
    /// A number of any length in bits.
    fn number(&mut self) -> u64 {
        let step = |state: u64| state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let high = step(self.0);
        self.0 = step(high);
        let bits = high >> 32 << 32 | self.0 >> 32;
        bits >> (high >> 20 & 63)
    }
}
