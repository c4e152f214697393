//! Text from elsewhere, made safe for a terminal.

use std::fmt::{self, Write as _};

/// Shows text with its control characters escaped, so that it stays on its line and cannot drive
/// the terminal. A tab is let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(control) = rest.find(|c: char| c.is_control() && c != '\t') {
            f.write_str(&rest[..control])?;
            let mut behind = rest[control..].chars();
            for escape in behind.next().into_iter().flat_map(char::escape_default) {
                f.write_char(escape)?;
            }
            rest = behind.as_str();
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_nothing_else() {
        let shown = Printable("a\tb\n\u{1b}[2J\u{9b}é 漢 🦀").to_string();
        assert_eq!(shown, "a\tb\\n\\u{1b}[2J\\u{9b}é 漢 🦀");
    }
}
