//! Why the command ends without having done its work.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::printable::Printable;

/// One sentence for the user, that says what to do, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    exit_code: u8,
}

impl Failure {
    /// Something went wrong at run time.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 1 }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 2 }
    }

    /// There is nothing more to do, and nothing to complain of.
    const fn quiet_end() -> Self {
        Self { message: String::new(), exit_code: 0 }
    }

    /// Standard output took no more. Whoever reads it may have seen enough: that is no failure.
    pub(crate) fn of_output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::quiet_end()
        } else {
            Self::new(format!(
                "cannot write to standard output: {error}; see where it leads, and whether there is space"
            ))
        }
    }

    /// Says so on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            // There is nowhere to say that standard error is closed.
            let _ = writeln!(io::stderr().lock(), "sansse: {}", Printable(&self.message));
        }
        ExitCode::from(self.exit_code)
    }
}

impl From<clap::Error> for Failure {
    /// Help and version are printed; all else becomes one line.
    fn from(error: clap::Error) -> Self {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return match error.print() {
                Ok(()) => Self::quiet_end(),
                Err(error) => Self::of_output(&error),
            };
        }
        Self::usage(one_line(&error.render().to_string()))
    }
}

/// What clap says in paragraphs, up to the usage.
fn one_line(rendered: &str) -> String {
    let mut line = String::new();
    for paragraph in rendered.split("\n\n") {
        let paragraph = paragraph.trim().trim_start_matches("error: ");
        if paragraph.starts_with("Usage:") || paragraph.starts_with("For more information") {
            break;
        }
        for (index, part) in paragraph.lines().enumerate() {
            line.push_str(match (line.is_empty(), index) {
                (true, _) => "",
                (false, 0) => "; ",
                (false, _) => " ",
            });
            line.push_str(part.trim());
        }
    }
    line.push_str("; see what it takes with --help");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_a_quiet_end() {
        assert_eq!(
            Failure::of_output(&io::ErrorKind::BrokenPipe.into()),
            Failure { message: String::new(), exit_code: 0 }
        );
        assert_eq!(Failure::of_output(&io::ErrorKind::StorageFull.into()).exit_code, 1);
    }

    #[test]
    fn paragraphs_become_one_line() {
        let rendered = "error: these were not provided:\n  <URL>\n\n  tip: give one\n\n\
            Usage: sansse pub <URL>\n\nFor more information, try '--help'.\n";
        assert_eq!(
            one_line(rendered),
            "these were not provided: <URL>; tip: give one; see what it takes with --help"
        );
    }
}
