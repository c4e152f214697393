//! Tables in Markdown.

/// A table whose columns, but for the first, are numbers.
#[derive(Debug)]
pub(crate) struct Table(String);

impl Table {
    /// A table with a first line.
    pub(crate) fn new(heads: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.line(heads);
        table.0 += &format!("|---|{}\n", "---:|".repeat(heads.len() - 1));
        table
    }

    /// Appends a line.
    pub(crate) fn line(&mut self, cells: &[impl AsRef<str>]) {
        for cell in cells {
            self.0 += "| ";
            self.0 += cell.as_ref();
            self.0 += " ";
        }
        self.0 += "|\n";
    }

    /// The table, each line with its end.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}
