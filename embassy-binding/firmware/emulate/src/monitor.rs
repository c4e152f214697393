//! What the emulator is told, in its protocol QMP: JSON, one object a line.

use std::io::{BufRead as _, BufReader, Error, Result, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the emulator.
#[derive(Debug)]
pub(crate) struct Monitor(BufReader<TcpStream>);

impl Monitor {
    /// Says hello.
    pub(crate) fn new(stream: TcpStream) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut monitor = Self(BufReader::new(stream));
        monitor.answer("QMP")?;
        monitor.tell("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// Tells it something, and returns the answer.
    pub(crate) fn tell(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let line = json!({ "execute": command, "arguments": arguments });
        self.0.get_mut().write_all(format!("{line}\n").as_bytes())?;
        self.answer("return")
    }

    /// Tells it something that only people are meant to, and returns the answer.
    pub(crate) fn type_in(&mut self, line: &str) -> Result<String> {
        let answer = self.tell("human-monitor-command", &json!({ "command-line": line }))?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    }

    /// Reads up to the answer, past events.
    fn answer(&mut self, name: &str) -> Result<Value> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(Error::other("the emulator has ended"));
            }
            let mut message: Value = serde_json::from_str(&line)?;
            if message.get(name).is_some() {
                return Ok(message[name].take());
            }
            if message.get("error").is_some() {
                return Err(Error::other(message["error"].to_string()));
            }
        }
    }
}
