//! The LAN9118, for embassy-net.

use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;
use static_cell::ConstStaticCell;

use crate::registers::Register;

/// Bytes of the largest frame, without its checksum.
const FRAME: usize = 1514;
/// Bytes that follow a received frame.
const CHECKSUM: usize = 4;
/// Bytes of the chip's buffer that the largest frame takes, with the two commands before it.
const ROOM: u32 = 1516 + 8;

// INT_STS, INT_EN.
/// A frame has come.
const RECEIVED: u32 = 1 << 3;
/// There is room for a frame.
const HAS_ROOM: u32 = 1 << 9;

/// Who waits for a frame to come, or for room to send one.
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

/// Room for a frame in the chip's buffer.
#[derive(Debug)]
pub struct Sent<'a>(&'a mut [u8; FRAME]);

/// The registers of the chip's inner part.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
enum Inner {
    Control = 1,
    AddressHigh = 2,
    AddressLow = 3,
}

impl Ethernet {
    /// Starts it, once.
    pub(crate) fn start() -> Self {
        static FRAMES: [ConstStaticCell<[u8; FRAME]>; 2] =
            [const { ConstStaticCell::new([0; FRAME]) }; 2];
        const RESET: u32 = 1;
        const PUSH_PULL_ACTIVE_HIGH: u32 = 1 << 4 | 1;
        const INTERRUPTS: u32 = 1 << 8;
        const SEND: u32 = 1 << 1;
        // FIFO_INT, in units of 64 bytes, at its top.
        const ROOM_LEVEL: u32 = ROOM.div_ceil(64) << 24;
        const RECEIVE: u32 = 1 << 2;
        const TRANSMIT: u32 = 1 << 3;
        const BOTH_WAYS: u32 = 1 << 20;

        Register::HW_CFG.write(RESET);
        while Register::HW_CFG.read() & RESET != 0 {}
        Register::FIFO_INT.write(ROOM_LEVEL);
        Register::TX_CFG.write(SEND);
        Inner::Control.write(RECEIVE | TRANSMIT | BOTH_WAYS);
        Register::INT_STS.write(u32::MAX);
        Register::INT_EN.write(RECEIVED);
        Register::IRQ_CFG.write(INTERRUPTS | PUSH_PULL_ACTIVE_HIGH);
        let [received, sent] = FRAMES.each_ref().map(ConstStaticCell::take);
        Self { received, sent }
    }
}

impl Driver for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Sent<'_>)> {
        WAKER.register(context.waker());
        let has_frame = Register::RX_FIFO_INF.read() >> 16 & 0xff > 0;
        (has_frame && has_room()).then_some((Received(self.received), Sent(self.sent)))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Sent<'_>> {
        WAKER.register(context.waker());
        has_room().then_some(Sent(self.sent))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        // A cable that is not plugged in is no news to whoever emulates one.
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
        let [a, b, c, d] = Inner::AddressLow.read().to_le_bytes();
        let [e, f, ..] = Inner::AddressHigh.read().to_le_bytes();
        HardwareAddress::Ethernet([a, b, c, d, e, f])
    }
}

impl embassy_net_driver::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        let length = (Register::RX_STATUS_FIFO.read() >> 16 & 0x3fff) as usize;
        let frame = length.saturating_sub(CHECKSUM).min(FRAME);
        let frame = &mut self.0[..frame];
        for bytes in frame.chunks_mut(4) {
            bytes.copy_from_slice(&Register::RX_DATA_FIFO.read().to_le_bytes()[..bytes.len()]);
        }
        // The checksum, and what is too long for a frame: the next one is behind.
        for _ in frame.len().div_ceil(4)..length.div_ceil(4) {
            Register::RX_DATA_FIFO.read();
        }
        f(frame)
    }
}

impl embassy_net_driver::TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        const WHOLE_FRAME: u32 = 1 << 13 | 1 << 12;
        let frame = &mut self.0[..length];
        let result = f(frame);
        Register::TX_DATA_FIFO.write(WHOLE_FRAME | frame.len() as u32);
        Register::TX_DATA_FIFO.write(frame.len() as u32);
        let mut word = [0; 4];
        for bytes in frame.chunks(4) {
            word[..bytes.len()].copy_from_slice(bytes);
            Register::TX_DATA_FIFO.write(u32::from_le_bytes(word));
        }
        result
    }
}

impl Inner {
    const BUSY: u32 = 1 << 31;
    const READ: u32 = 1 << 30;

    fn read(self) -> u32 {
        Self::wait();
        Register::MAC_CSR_CMD.write(Self::BUSY | Self::READ | self as u32);
        Self::wait();
        Register::MAC_CSR_DATA.read()
    }

    fn write(self, value: u32) {
        Self::wait();
        Register::MAC_CSR_DATA.write(value);
        Register::MAC_CSR_CMD.write(Self::BUSY | self as u32);
        Self::wait();
    }

    fn wait() {
        while Register::MAC_CSR_CMD.read() & Self::BUSY != 0 {}
    }
}

/// Whether a frame can be sent. If not, the interrupt comes when it can.
fn has_room() -> bool {
    let state = Register::TX_FIFO_INF.read();
    // What became of the frames before, which nobody asks.
    for _ in 0..state >> 16 & 0xff {
        Register::TX_STATUS_FIFO.read();
    }
    let has_room = state & 0xffff >= ROOM;
    let awaited = if has_room { RECEIVED } else { RECEIVED | HAS_ROOM };
    Register::INT_EN.write(awaited);
    has_room
}

pub(crate) extern "C" fn on_interrupt() {
    Register::INT_STS.write(Register::INT_STS.read());
    WAKER.wake();
}
