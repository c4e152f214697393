//! A dashboard on the board NUCLEO-F767ZI, whose Ethernet needs nothing but a cable.
//!
//! ```sh
//! cargo build --release -p nucleo-f767zi --target thumbv7em-none-eabihf
//! probe-rs run --chip STM32F767ZITx target/thumbv7em-none-eabihf/release/nucleo-f767zi
//! ```
//!
//! Built in every run of our checks, never run by us.
//!
//! Its address comes by DHCP. The blue button counts presses. The readings are made up; put those of
//! a sensor of yours in their place.

#![no_std]
#![no_main]

use dashboard::{Dashboard, PAGE, Sensor};
use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Runner, Stack, StackResources};
use embassy_stm32::eth::{self, Ethernet, GenericPhy, PacketQueue, Sma};
use embassy_stm32::exti::{self, ExtiInput};
use embassy_stm32::gpio::Pull;
use embassy_stm32::mode::Async;
use embassy_stm32::peripherals::{self, ETH, ETH_SMA};
use embassy_stm32::rng::{self, Rng};
use embassy_stm32::{Config, bind_interrupts, interrupt};
use embassy_time::Timer;
use panic_reset as _;
use sansse_embassy::StreamOptions;
use sansse_embassy::server::{self, Page, Post, Status};
use static_cell::ConstStaticCell;

const READERS: usize = 16;
/// Two more, for pages and for who comes when all places are taken.
const CONNECTIONS: usize = READERS + 2;
const PORT: u16 = 80;
/// An address of one's own choice (the second bit says so); no two boards of a network may have the
/// same.
const ADDRESS: [u8; 6] = [0x02, 0x00, 0x00, 0x00, 0xf7, 0x67];

bind_interrupts!(struct Interrupts {
    ETH => eth::InterruptHandler;
    RNG => rng::InterruptHandler<peripherals::RNG>;
    EXTI15_10 => exti::InterruptHandler<interrupt::typelevel::EXTI15_10>;
});

/// The controller with its physical layer.
type Device = Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>;

static DASHBOARD: Dashboard<16384, READERS> = Dashboard::new();
static PAGES: [Page<'static>; 1] = [Page::gzip("/", "text/html; charset=utf-8", PAGE)];
static POSTS: [Post<'static>; 1] = [Post::new("/press", |_| press())];
static SERVER: server::Config<'static> =
    server::Config::new().pages(&PAGES).posts(&POSTS).stream(StreamOptions::new().history());

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static PACKETS: ConstStaticCell<PacketQueue<4, 4>> = ConstStaticCell::new(PacketQueue::new());
    /// One more for DHCP.
    static RESOURCES: ConstStaticCell<StackResources<{ CONNECTIONS + 1 }>> =
        ConstStaticCell::new(StackResources::new());

    let board = embassy_stm32::init(clocks());
    let mut random = Rng::new(board.RNG, Interrupts);
    let ethernet = Ethernet::new(
        PACKETS.take(),
        board.ETH,
        Interrupts,
        board.PA1,
        board.PA7,
        board.PC4,
        board.PC5,
        board.PG13,
        board.PB13,
        board.PG11,
        ADDRESS,
        board.ETH_SMA,
        board.PA2,
        board.PC1,
    );

    // No two runs have the same epoch, so ids from before a restart are known as such.
    DASHBOARD.feed.start(random.next_u64());
    let config = embassy_net::Config::dhcpv4(Default::default());
    let (stack, runner) = embassy_net::new(ethernet, config, RESOURCES.take(), random.next_u64());
    spawner.spawn(network(runner).unwrap());
    for _ in 0..CONNECTIONS {
        spawner.spawn(connection(stack).unwrap());
    }
    let blue = ExtiInput::new(board.PC13, board.EXTI13, Pull::Down, Interrupts);
    spawner.spawn(button(blue).unwrap());

    let mut sensor = Sensor::new();
    DASHBOARD.run("made up", async || sensor.read()).await
}

/// 216 MHz from the 8 MHz that the debugger's chip gives.
fn clocks() -> Config {
    use embassy_stm32::rcc::{
        AHBPrescaler, APBPrescaler, Hse, HseMode, Pll, PllMul, PllPDiv, PllPreDiv, PllSource,
        Sysclk,
    };
    use embassy_stm32::time::Hertz;

    let mut config = Config::default();
    config.rcc.hse = Some(Hse { freq: Hertz(8_000_000), mode: HseMode::Bypass });
    config.rcc.pll_src = PllSource::HSE;
    config.rcc.pll = Some(Pll {
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL216,
        divp: Some(PllPDiv::DIV2),
        divq: None,
        divr: None,
    });
    config.rcc.ahb_pre = AHBPrescaler::DIV1;
    config.rcc.apb1_pre = APBPrescaler::DIV4;
    config.rcc.apb2_pre = APBPrescaler::DIV2;
    config.rcc.sys = Sysclk::PLL1_P;
    config
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Device>) -> ! {
    runner.run().await
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn connection(stack: Stack<'static>) -> ! {
    let (mut receive, mut send) = ([0; 1024], [0; 2048]);
    let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
    server::listen(&mut socket, PORT, &DASHBOARD.feed, &SERVER).await
}

#[embassy_executor::task]
async fn button(mut button: ExtiInput<'static, Async>) -> ! {
    loop {
        button.wait_for_rising_edge().await;
        press();
        // Contacts bounce.
        Timer::after_millis(50).await;
    }
}

fn press() -> Status {
    DASHBOARD.press()
}
