//! The chip's Ethernet controller, for embassy-net.

use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;
use static_cell::ConstStaticCell;

use crate::registers::Register;

/// Bytes of the largest frame, without its checksum.
const FRAME: usize = 1514;
/// In the chip's buffer, two bytes with the length precede a frame; behind a received one is its
/// checksum.
const AROUND_RECEIVED: usize = 2 + 4;
/// Which the length of a frame to send leaves out: its addresses and type.
const HEADER: usize = 14;

/// Who waits for a frame to come, or to have been sent.
static WAKER: AtomicWaker = AtomicWaker::new();

/// The controller, with room for a frame of each direction.
#[derive(Debug)]
pub struct Ethernet {
    received: &'static mut [u8; FRAME],
    sent: &'static mut [u8; FRAME],
}

/// A frame that has come, in the chip's buffer.
#[derive(Debug)]
pub struct Received<'a>(&'a mut [u8; FRAME]);

/// The chip's buffer for a frame to send, which is free.
#[derive(Debug)]
pub struct Sent<'a>(&'a mut [u8; FRAME]);

impl Ethernet {
    /// Starts it, once.
    pub(crate) fn start() -> Self {
        static FRAMES: [ConstStaticCell<[u8; FRAME]>; 2] =
            [const { ConstStaticCell::new([0; FRAME]) }; 2];
        // MACRCTL.
        const RECEIVE: u32 = 1 << 0;
        const REJECT_BAD_CHECKSUMS: u32 = 1 << 3;
        const EMPTY_BUFFER: u32 = 1 << 4;
        // MACTCTL.
        const SEND: u32 = 1 << 0;
        const PAD: u32 = 1 << 1;
        const ADD_CHECKSUM: u32 = 1 << 2;
        const BOTH_WAYS: u32 = 1 << 4;

        Register::MACRCTL.write(EMPTY_BUFFER);
        Register::MACTCTL.write(SEND | PAD | ADD_CHECKSUM | BOTH_WAYS);
        Register::MACRCTL.write(RECEIVE | REJECT_BAD_CHECKSUMS);
        Register::MACRIS.write(Register::MACRIS.read());
        Register::MACIM.write(interrupt::RECEIVED | interrupt::SENT | interrupt::OVERRUN);
        let [received, sent] = FRAMES.each_ref().map(ConstStaticCell::take);
        Self { received, sent }
    }
}

impl Driver for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Sent<'_>)> {
        WAKER.register(context.waker());
        let has_frame = Register::MACNP.read() > 0;
        (has_frame && is_free_to_send()).then_some((Received(self.received), Sent(self.sent)))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Sent<'_>> {
        WAKER.register(context.waker());
        is_free_to_send().then_some(Sent(self.sent))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        // The emulated chip has no registers of the physical layer to ask.
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        // One frame at a time is what there is room for.
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        let [a, b, c, d] = Register::MACIA0.read().to_le_bytes();
        let [e, f, ..] = Register::MACIA1.read().to_le_bytes();
        HardwareAddress::Ethernet([a, b, c, d, e, f])
    }
}

impl embassy_net_driver::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        let mut words = 1;
        let [low, high, start @ ..] = Register::MACDATA.read().to_le_bytes();
        let length = usize::from(u16::from_le_bytes([low, high]));
        let frame = length.saturating_sub(AROUND_RECEIVED).min(FRAME);
        let frame = &mut self.0[..frame];
        let (head, rest) = frame.split_at_mut(start.len().min(frame.len()));
        head.copy_from_slice(&start[..head.len()]);
        for bytes in rest.chunks_mut(4) {
            bytes.copy_from_slice(&Register::MACDATA.read().to_le_bytes()[..bytes.len()]);
            words += 1;
        }
        // The checksum, and what is too long for a frame: the next one is behind.
        for _ in words..length.div_ceil(4) {
            Register::MACDATA.read();
        }
        f(frame)
    }
}

impl embassy_net_driver::TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let frame = &mut self.0[..length];
        let result = f(frame);
        let data = u16::try_from(length.saturating_sub(HEADER)).unwrap_or_default();
        let mut word = [0; 4];
        word[..2].copy_from_slice(&data.to_le_bytes());
        let (start, rest) = frame.split_at(frame.len().min(2));
        word[2..][..start.len()].copy_from_slice(start);
        Register::MACDATA.write(u32::from_le_bytes(word));
        for bytes in rest.chunks(4) {
            word[..bytes.len()].copy_from_slice(bytes);
            Register::MACDATA.write(u32::from_le_bytes(word));
        }
        Register::MACTR.write(BUSY);
        result
    }
}

// MACTR: set to send, and as long as that takes.
const BUSY: u32 = 1;

/// What MACRIS and MACIM are about.
mod interrupt {
    pub(super) const RECEIVED: u32 = 1 << 0;
    pub(super) const SENT: u32 = 1 << 2;
    pub(super) const OVERRUN: u32 = 1 << 3;
}

fn is_free_to_send() -> bool {
    Register::MACTR.read() & BUSY == 0
}

pub(crate) extern "C" fn on_interrupt() {
    Register::MACRIS.write(Register::MACRIS.read());
    WAKER.wake();
}
