//! Columns of text.

use crate::cli::text::write_clean;

/// Rows whose columns stand below each other; numbers to the right.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    numbers: &'static [usize],
}

impl Table {
    /// A table with this head; these columns hold numbers.
    pub fn new(head: &[&str], numbers: &'static [usize]) -> Self {
        Self { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()], numbers }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Has it only its head?
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// The text, each line with its end.
    pub fn text(&self) -> String {
        let clean = |cell: &String| {
            let mut text = String::new();
            write_clean(&mut text, &cell.replace('\n', " "), 0);
            text
        };
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(clean).collect()).collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &rows {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let room = " ".repeat(widths[column] - cell.chars().count());
                if self.numbers.contains(&column) { format!("{room}{cell}") } else { format!("{cell}{room}") }
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_and_nothing_in_them_moves_the_rest() {
        let mut table = Table::new(&["NAME", "COUNT", "WHY"], &[1]);
        table.row(["a".to_owned(), "12".to_owned(), "fine".to_owned()]);
        table.row(["größer".to_owned(), "1234567".to_owned(), "two\nlines \u{1b}[31m".to_owned()]);
        assert_eq!(table.text(), "NAME      COUNT  WHY\na            12  fine\ngrößer  1234567  two lines [31m\n");
    }
}
