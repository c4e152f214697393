//! Tasks, two stacks, and the time.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake};

use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_net_driver_channel::driver::{HardwareAddress, LinkState};
use embassy_net_driver_channel::{Device, Runner, State};
use embassy_time::{Duration, Instant, MockDriver};

use super::cable::{Cable, MTU};

/// Of time there is only one in a process.
static TURN: Mutex<()> = Mutex::new(());

/// How often tasks may be polled in one millisecond: more is a circle.
const POLLS: usize = 1_000_000;

/// A device and a host, and a cable between them.
///
/// Each task has a waker of its own: were the runner of a stack and its sockets to share one, they would
/// wake each other for ever.
pub struct Simulation {
    tasks: Vec<Task>,
    /// What is between the two.
    pub cable: Cable,
    /// The stack of the device, which has the address [`Self::DEVICE`].
    pub device: Stack<'static>,
    /// The stack of those who talk to it.
    pub host: Stack<'static>,
    _turn: MutexGuard<'static, ()>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Default for Simulation {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulation {
    /// The address of the device.
    pub const DEVICE: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);

    /// At the beginning of time.
    #[must_use]
    pub fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        MockDriver::get().reset();
        let (device_end, device, device_runner) = stack(1);
        let (host_end, host, host_runner) = stack(2);
        let mut this = Self {
            tasks: Vec::new(),
            cable: Cable::new([device_end, host_end]),
            device,
            host,
            _turn: turn,
        };
        this.spawn(run(device_runner));
        this.spawn(run(host_runner));
        this
    }

    /// Begins a task.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'static) {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.tasks.push(Task { future: Box::pin(future), woken });
    }

    /// Runs until something is so.
    ///
    /// # Panics
    ///
    /// When it is not so within so many seconds.
    pub fn run_until(&mut self, what: &str, seconds: u64, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(seconds);
        loop {
            self.settle();
            if is_so() {
                return;
            }
            assert!(Instant::now() < end, "not within {seconds} s: {what}");
            MockDriver::get().advance(Duration::from_millis(1));
        }
    }

    /// Lets so many milliseconds go by.
    pub fn run_for(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.settle();
            MockDriver::get().advance(Duration::from_millis(1));
        }
        self.settle();
    }

    /// Polls what is woken until nothing is.
    fn settle(&mut self) {
        for _ in 0..POLLS {
            let mut is_idle = !self.cable.carry(Instant::now().as_millis());
            self.tasks.retain_mut(|task| {
                if !task.woken.0.swap(false, Ordering::Relaxed) {
                    return true;
                }
                is_idle = false;
                let waker = task.woken.clone().into();
                task.future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Pending
            });
            if is_idle {
                return;
            }
        }
        panic!("tasks wake each other for ever");
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("cable", &self.cable).finish_non_exhaustive()
    }
}

async fn run(mut runner: embassy_net::Runner<'static, Device<'static, MTU>>) {
    runner.run().await;
}

/// A stack with room for 32 sockets, and the end of its cable.
fn stack(
    number: u8,
) -> (Runner<'static, MTU>, Stack<'static>, embassy_net::Runner<'static, Device<'static, MTU>>) {
    let state = Box::leak(Box::new(State::<MTU, 8, 8>::new()));
    let address = HardwareAddress::Ethernet([2, 0, 0, 0, 0, number]);
    let (mut end, device) = embassy_net_driver_channel::new(state, address);
    end.set_link_state(LinkState::Up);
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 0, number), 24),
        gateway: None,
        dns_servers: Default::default(),
    });
    let resources = Box::leak(Box::new(StackResources::<32>::new()));
    let (stack, runner) = embassy_net::new(device, config, resources, number.into());
    (end, stack, runner)
}
