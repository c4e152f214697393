//! A network of two hosts and a cable that can be cut, in namespaces of the kernel.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::sansse;
use crate::requirement::NETNS;

/// Set in the process that is in a namespace.
const VARIABLE: &str = "SANSSE_IN_NAMESPACE";

/// The address of this host, at its end of the cable.
pub const NEAR: &str = "10.0.0.1";
const FAR: &str = "10.0.0.2";

/// The cable, and the host at its other end. Dropping it ends that host.
#[derive(Debug)]
pub struct Cable {
    /// What holds the other host's namespace.
    host: Child,
}

impl Cable {
    /// Runs a test of this process again in a network of its own, or is there: then it lays the
    /// cable. Nothing where the test has run, or cannot.
    ///
    /// # Panics
    ///
    /// When the test fails there, or [`NETNS`] is asked for and missing.
    #[must_use]
    pub fn lay(test: &str) -> Option<Self> {
        Self::lay_after(test, || {
            let _ = sansse();
        })
    }

    /// The same, after what can only be done where there is another network, such as building.
    ///
    /// # Panics
    ///
    /// When the test fails there, or [`NETNS`] is asked for and missing.
    #[must_use]
    pub fn lay_after(test: &str, prepare: impl FnOnce()) -> Option<Self> {
        if std::env::var_os(VARIABLE).is_some() {
            return Some(Self::new());
        }
        let unshare = || {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-root-user", "--net"]);
            command
        };
        let may = || unshare().arg("true").output().is_ok_and(|output| output.status.success());
        if !NETNS.is_met(test) || !may() && !NETNS.is_waived(test, "namespaces are not allowed") {
            return None;
        }
        prepare();
        let program = std::env::current_exe().expect("this program");
        let output = unshare()
            .arg(program)
            .args(["--exact", test, "--nocapture"])
            .env(VARIABLE, "1")
            .output()
            .expect("unshare runs");
        let told = String::from_utf8_lossy(&output.stdout);
        let passed = output.status.success() && told.contains("1 passed");
        assert!(passed, "{told}{}", String::from_utf8_lossy(&output.stderr));
        None
    }

    fn new() -> Self {
        let host = Command::new("unshare").args(["--net", "sleep", "600"]).spawn();
        let cable = Self { host: host.expect("unshare runs") };
        let namespace = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net"));
        let start = Instant::now();
        let other = cable.host.id().to_string();
        let own = namespace("self").expect("a namespace");
        while namespace(&other).is_ok_and(|other| other == own) {
            assert!(start.elapsed() < Duration::from_secs(30), "no namespace is made");
            std::thread::sleep(Duration::from_millis(10));
        }
        ip("link set lo up");
        ip(&format!("link add near type veth peer name far netns {other}"));
        ip(&format!("address add {NEAR}/24 dev near"));
        ip("link set near up");
        cable.far_ip(&format!("address add {FAR}/24 dev far"));
        cable.mend();
        cable
    }

    /// Makes a TAP interface for whoever emulates a third host, and has this host and the other one
    /// in its network, at these addresses.
    pub fn join(&self, tap: &str, near: &str, far: &str) {
        for arguments in [
            "link add lan type bridge",
            &format!("tuntap add dev {tap} mode tap"),
            &format!("link set {tap} master lan"),
            "link set near master lan",
            &format!("address add {near}/24 dev lan"),
            &format!("link set {tap} up"),
            "link set lan up",
        ] {
            ip(arguments);
        }
        self.far_ip(&format!("address add {far}/24 dev far"));
    }

    /// The same command on the other host.
    #[must_use]
    pub fn far(&self, command: &Command) -> Command {
        let mut far = Command::new("nsenter");
        far.args(["--target", &self.host.id().to_string(), "--net"]);
        far.arg(command.get_program()).args(command.get_args());
        far.stdin(Stdio::null());
        far
    }

    /// Cuts it: nothing goes through, and nobody is told.
    pub fn cut(&self) {
        self.far_ip("link set far down");
    }

    /// Has it work again.
    pub fn mend(&self) {
        self.far_ip("link set far up");
    }

    fn far_ip(&self, arguments: &str) {
        run(&mut self.far(Command::new("ip").args(arguments.split(' '))));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = self.host.kill();
        let _ = self.host.wait();
    }
}

fn ip(arguments: &str) {
    run(Command::new("ip").args(arguments.split(' ')));
}

fn run(command: &mut Command) {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
