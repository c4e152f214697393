//! A dashboard on a Raspberry Pi Pico (RP2040) or Pico 2 (RP2350) with a W5500: the boards
//! W5500-EVB-Pico and W5500-EVB-Pico2, or a module on these pins.
//!
//! ```sh
//! cargo build --release -p pico-w5500 --features rp2040 --target thumbv6m-none-eabi
//! cargo build --release -p pico-w5500 --features rp2350 --target thumbv8m.main-none-eabihf
//! probe-rs run --chip RP2040 target/thumbv6m-none-eabi/release/pico-w5500
//! ```
//!
//! Built in every run of our checks, never run by us.
//!
//! | W5500 | MISO | CS | SCK | MOSI | RST | INT |
//! |---|---|---|---|---|---|---|
//! | GPIO | 16 | 17 | 18 | 19 | 20 | 21 |
//!
//! Its address comes by DHCP. A button between GPIO 14 and ground counts presses.

#![no_std]
#![no_main]

use dashboard::{Dashboard, PAGE};
use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Runner, Stack, StackResources};
use embassy_net_wiznet::chip::W5500;
use embassy_net_wiznet::{Device, State};
use embassy_rp::adc::{self, Adc};
use embassy_rp::clocks::RoscRng;
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{DMA_CH0, DMA_CH1, SPI0};
use embassy_rp::spi::{self, Async, Spi};
use embassy_rp::{bind_interrupts, dma};
use embassy_time::{Delay, Timer};
use embedded_hal_bus::spi::ExclusiveDevice;
use panic_reset as _;
use sansse_embassy::StreamOptions;
use sansse_embassy::server::{self, Page, Post, Status};
use static_cell::ConstStaticCell;

const READERS: usize = 8;
/// Two more, for pages and for who comes when all places are taken.
const CONNECTIONS: usize = READERS + 2;
const PORT: u16 = 80;
/// An address of one's own choice (the second bit says so); no two boards of a network may have the
/// same.
const ADDRESS: [u8; 6] = [0x02, 0x00, 0x00, 0x00, 0x55, 0x00];

bind_interrupts!(struct Interrupts {
    ADC_IRQ_FIFO => adc::InterruptHandler;
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>;
});

/// The chip behind its bus.
type Wiznet = embassy_net_wiznet::Runner<
    'static,
    W5500,
    ExclusiveDevice<Spi<'static, SPI0, Async>, Output<'static>, Delay>,
    Input<'static>,
    Output<'static>,
>;

static DASHBOARD: Dashboard<16384, READERS> = Dashboard::new();
static PAGES: [Page<'static>; 1] = [Page::gzip("/", "text/html; charset=utf-8", PAGE)];
static POSTS: [Post<'static>; 1] = [Post::new("/press", |_| press())];
static SERVER: server::Config<'static> =
    server::Config::new().pages(&PAGES).posts(&POSTS).stream(StreamOptions::new().history());

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static STATE: ConstStaticCell<State<4, 4>> = ConstStaticCell::new(State::new());
    /// One more for DHCP.
    static RESOURCES: ConstStaticCell<StackResources<{ CONNECTIONS + 1 }>> =
        ConstStaticCell::new(StackResources::new());

    let board = embassy_rp::init(Default::default());
    let mut config = spi::Config::default();
    config.frequency = 30_000_000;
    let bus = Spi::new(
        board.SPI0,
        board.PIN_18,
        board.PIN_19,
        board.PIN_16,
        board.DMA_CH0,
        board.DMA_CH1,
        Interrupts,
        config,
    );
    let select = Output::new(board.PIN_17, Level::High);
    let bus = ExclusiveDevice::new(bus, select, Delay).unwrap();
    let interrupt = Input::new(board.PIN_21, Pull::Up);
    let reset = Output::new(board.PIN_20, Level::High);
    let chip = embassy_net_wiznet::new(ADDRESS, STATE.take(), bus, interrupt, reset).await;
    let (device, chip) = chip.unwrap();
    spawner.spawn(ethernet(chip).unwrap());

    // No two runs have the same epoch, so ids from before a restart are known as such.
    DASHBOARD.feed.start(RoscRng.next_u64());
    let config = Config::dhcpv4(Default::default());
    let (stack, runner) = embassy_net::new(device, config, RESOURCES.take(), RoscRng.next_u64());
    spawner.spawn(network(runner).unwrap());
    for _ in 0..CONNECTIONS {
        spawner.spawn(connection(stack).unwrap());
    }
    spawner.spawn(button(Input::new(board.PIN_14, Pull::Up)).unwrap());

    let mut converter = Adc::new(board.ADC, Interrupts, Default::default());
    let mut thermometer = adc::Channel::new_temp_sensor(board.ADC_TEMP_SENSOR);
    DASHBOARD
        .run("inside of the chip", async || {
            let reading = converter.read(&mut thermometer).await.unwrap_or_default();
            hundredths_of_a_degree(reading)
        })
        .await
}

#[embassy_executor::task]
async fn ethernet(chip: Wiznet) -> ! {
    chip.run().await
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Device<'static>>) -> ! {
    runner.run().await
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>) -> ! {
    let (mut receive, mut send) = ([0; 1024], [0; 2048]);
    let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
    server::listen(&mut socket, PORT, &DASHBOARD.feed, &SERVER).await
}

#[embassy_executor::task]
async fn button(mut button: Input<'static>) -> ! {
    loop {
        button.wait_for_falling_edge().await;
        press();
        // Contacts bounce.
        Timer::after_millis(50).await;
    }
}

fn press() -> Status {
    DASHBOARD.press()
}

/// What 12 bits of the sensor's voltage mean, by the data sheet: 27 °C is 0.706 V, and a degree more
/// 1.721 mV less. The reference is 3.3 V.
fn hundredths_of_a_degree(reading: u16) -> i32 {
    let microvolts = i32::from(reading) * 3_300_000 / 4096;
    2700 - (microvolts - 706_000) * 100 / 1721
}
