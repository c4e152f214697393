//! Runs firmware in an emulator and says where its page is: what `cargo run` does.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use emulate::{Emulator, Network};

const USAGE: &str = "usage: emulate FIRMWARE [--port PORT]";

/// What a person does.
enum Wish {
    Press,
    End,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (firmware, port) = match &*arguments {
        [firmware] => (firmware, 0),
        [firmware, option, port] if option == "--port" => (firmware, port.parse()?),
        _ => return Err(USAGE.into()),
    };
    let wishes = wishes()?;
    let mut emulator = Emulator::start(Path::new(firmware), &Network::Forwarded(port))?;
    println!("The board is at http://{}/", emulator.address());
    if emulator.has_button() {
        println!("Enter presses its button.");
    }
    println!("Ctrl-C ends it.");
    loop {
        match wishes.recv_timeout(Duration::from_millis(200)) {
            Ok(Wish::Press) if emulator.has_button() => emulator.press()?,
            Ok(Wish::Press) => {}
            Ok(Wish::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                while let Some(line) = emulator.said() {
                    println!("{line}");
                }
                if emulator.has_ended()? {
                    return Err("the emulator has ended".into());
                }
            }
        }
    }
}

/// What comes from the keyboard, and from whoever ends this program.
fn wishes() -> Result<mpsc::Receiver<Wish>, ctrlc::Error> {
    let (sender, wishes) = mpsc::channel();
    let keyboard = sender.clone();
    std::thread::spawn(move || {
        for _ in std::io::stdin().lines().map_while(Result::ok) {
            let _ = keyboard.send(Wish::Press);
        }
    });
    ctrlc::set_handler(move || {
        let _ = sender.send(Wish::End);
    })?;
    Ok(wishes)
}
