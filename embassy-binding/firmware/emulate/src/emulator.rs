//! A running board.

use std::io::{BufRead as _, BufReader, Error, Read as _, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::machine::Machine;
use crate::monitor::Monitor;

/// What the firmware says when it takes connections.
const READY: &str = "the board is ready";
/// How long the emulator and the firmware may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a board is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// Its port 80 is this port of this machine; 0 is a free one.
    Forwarded(u16),
    /// To a TAP interface, which is there already.
    Tap(String),
}

/// An emulator with a board. It ends when this is dropped.
#[derive(Debug)]
pub struct Emulator {
    process: Child,
    machine: Machine,
    monitor: Monitor,
    /// What the firmware says.
    lines: Receiver<String>,
    address: Option<SocketAddr>,
}

impl Emulator {
    /// Starts the board with its firmware, and waits until that takes connections.
    ///
    /// # Errors
    ///
    /// When there is no emulator, or the firmware does not get so far.
    pub fn start(firmware: &Path, network: &Network) -> Result<Self> {
        let mut emulator = Self::launch(firmware, network, false)?;
        emulator.wait_for(READY)?;
        Ok(emulator)
    }

    /// Starts the board with its firmware. With `counts`, its time is that of its instructions, a
    /// nanosecond each, and every run takes the same of them.
    ///
    /// # Errors
    ///
    /// When there is no emulator, or it does not start.
    pub fn launch(firmware: &Path, network: &Network, counts: bool) -> Result<Self> {
        let machine = Machine::of(firmware);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let mut command = Command::new("qemu-system-arm");
        command
            // It waits until it is told to go on.
            .args(["-M", machine.name(), "-display", "none", "-S"])
            .args(["-chardev", "stdio,id=words"])
            .args(["-semihosting-config", "enable=on,target=native,chardev=words"])
            .args(["-qmp", &format!("tcp:{}", listener.local_addr()?)])
            .args(["-nic", &network.option(machine)])
            .arg("-kernel")
            .arg(firmware);
        if counts {
            command.args(["-icount", "shift=0,sleep=off"]);
        }
        let spawned =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut process = spawned
            .map_err(|problem| Error::other(format!("qemu-system-arm does not run: {problem}")))?;
        let lines = lines_of(&mut process);
        let monitor = connect(&listener, &mut process).and_then(Monitor::new);
        let monitor = monitor.inspect_err(|_| end(&mut process))?;
        let errors = process.stderr.take();
        std::thread::spawn(move || {
            let _ = errors.map(|mut errors| std::io::copy(&mut errors, &mut std::io::sink()));
        });
        let mut emulator = Self { process, machine, monitor, lines, address: None };
        if matches!(network, Network::Forwarded(_)) {
            let connections = emulator.monitor.type_in("info usernet")?;
            let address = forwarded(&connections);
            emulator.address =
                Some(address.ok_or_else(|| Error::other("the emulator forwards no port"))?);
        }
        // Firmware that fails at once may end the emulator before it has answered.
        let _ = emulator.monitor.type_in("cont");
        Ok(emulator)
    }

    /// Where its port 80 is to be found on this machine.
    ///
    /// # Panics
    ///
    /// When it is not forwarded.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address.expect("a forwarded port")
    }

    /// Waits until the firmware says something.
    ///
    /// # Errors
    ///
    /// When it does not within a minute, or fails.
    pub fn wait_for(&mut self, words: &str) -> Result<()> {
        let mut said = String::new();
        loop {
            match self.line() {
                Ok(line) if line == words => return Ok(()),
                Ok(line) => said = said + "\n" + &line,
                Err(problem) => return Err(Error::other(format!("{problem}{said}"))),
            }
        }
    }

    /// The next line that the firmware says.
    ///
    /// # Errors
    ///
    /// When there is none within a minute, or the emulator has ended.
    pub fn line(&mut self) -> Result<String> {
        self.lines.recv_timeout(PATIENCE).map_err(|problem| match problem {
            RecvTimeoutError::Timeout => Error::other("the firmware says nothing"),
            RecvTimeoutError::Disconnected => Error::other("the emulator has ended"),
        })
    }

    /// What the firmware has said meanwhile, a line at a time.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// Whether the emulator has ended, with the firmware.
    ///
    /// # Errors
    ///
    /// When the system has forgotten it.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_some())
    }

    /// Whether the board has a button that can be pressed.
    #[must_use]
    pub const fn has_button(&self) -> bool {
        self.machine.button().is_some()
    }

    /// Presses the board's button for a moment.
    ///
    /// # Errors
    ///
    /// When it has none, or the emulator has ended.
    pub fn press(&mut self) -> Result<()> {
        let key = self.machine.button().ok_or_else(|| Error::other("the board has no button"))?;
        self.monitor.type_in(&format!("sendkey {key}")).map(drop)
    }

    /// What memory holds, in words.
    ///
    /// # Errors
    ///
    /// When the emulator has ended.
    pub fn memory(&mut self, address: u32, words: usize) -> Result<Vec<u32>> {
        let text = self.monitor.type_in(&format!("xp /{words}xw {address:#x}"))?;
        let values = text.split_whitespace().filter_map(|word| word.strip_prefix("0x"));
        let values: Vec<_> = values.filter_map(|hex| u32::from_str_radix(hex, 16).ok()).collect();
        if values.len() == words { Ok(values) } else { Err(Error::other(text)) }
    }

    /// Waits for the end of the emulator, which is that of the firmware.
    ///
    /// # Errors
    ///
    /// When the system has forgotten it.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.process.wait()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

impl Network {
    fn option(&self, machine: Machine) -> String {
        let model = machine.network();
        match self {
            Self::Forwarded(port) => {
                format!("user,model={model},hostfwd=tcp:127.0.0.1:{port}-:80")
            }
            Self::Tap(name) => {
                format!("tap,model={model},ifname={name},script=no,downscript=no")
            }
        }
    }
}

fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}

/// What the firmware says.
fn lines_of(process: &mut Child) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    if let Some(words) = process.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(words).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    lines
}

/// Waits for the emulator to call.
fn connect(listener: &TcpListener, process: &mut Child) -> Result<TcpStream> {
    let start = Instant::now();
    loop {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false)?;
            return Ok(stream);
        }
        let has_ended = process.try_wait()?.is_some();
        if has_ended || start.elapsed() > PATIENCE {
            end(process);
            let mut problem = String::new();
            if let Some(mut errors) = process.stderr.take() {
                let _ = errors.read_to_string(&mut problem);
            }
            return Err(Error::other(format!("the emulator does not start: {problem}")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The address of the first connection that is forwarded.
fn forwarded(connections: &str) -> Option<SocketAddr> {
    let line = connections.lines().find(|line| line.contains("HOST_FORWARD"))?;
    let mut fields = line.split_whitespace().skip(2);
    let (address, port) = (fields.next()?, fields.next()?);
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_port_is_found() {
        let connections = "Hub -1 (#net081):\r\n  Protocol[State]    FD  Source Address  Port   \
            Dest. Address  Port RecvQ SendQ\r\n  TCP[HOST_FORWARD]   3       127.0.0.1 35521       \
            10.0.2.15    80     0     0\r\n";
        assert_eq!(forwarded(connections), Some("127.0.0.1:35521".parse().unwrap()));
        assert_eq!(forwarded("Hub -1 (#net081):\r\n"), None);
    }
}
