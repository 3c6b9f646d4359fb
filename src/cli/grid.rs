//! Small tables as text: aligned columns without lines, for metrics, plans and lists.

/// Lines up cells under each other, two blanks apart; nothing stands behind the last cell.
///
/// Numbers line up at the right where `right` says so for their column.
#[must_use]
pub(super) fn align(rows: &[Vec<String>], right: impl Fn(usize) -> bool, indent: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        for (column, cell) in row.iter().enumerate() {
            let gap = " ".repeat(widths[column] - width(cell));
            let cell = if right(column) { format!("{gap}{cell}") } else { format!("{cell}{gap}") };
            line.push_str(&cell);
            line.push_str("  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Counts the columns that the widest line takes.
pub(super) fn widest(text: &str) -> usize {
    text.lines().map(width).max().unwrap_or(0)
}

/// Counts characters. A wide one counts once: a ragged line is the worst that comes of it.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// Cuts a text to so many characters, with a mark where something is missing.
pub(super) fn clip(text: &str, limit: usize, unicode: bool) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mark = if unicode { "…" } else { ".." };
    let kept: String = text.chars().take(limit.saturating_sub(width(mark))).collect();
    kept + mark
}

/// Takes out of a text what would move the cursor or turn the direction of writing.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect()
}

/// Tells whether a character turns the direction of what is written behind it.
pub(super) const fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes a number with its noun: `1 error`, `2 errors`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Swaps rows and columns; every row must be as long as the first.
pub(super) fn transpose(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let columns = rows.first().map_or(0, Vec::len);
    (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column).cloned()).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn cells_stand_under_each_other() {
        let text =
            align(&rows(&[&["model", "auc"], &["logit", "0.84"], &["ä", ""]]), |c| c == 1, 2);
        assert_eq!(text, "  model   auc\n  logit  0.84\n  ä\n");
    }

    #[test]
    fn long_cells_are_cut_with_a_mark() {
        assert_eq!(clip("abcdef", 4, true), "abc…");
        assert_eq!(clip("abcdef", 4, false), "ab..");
        assert_eq!(clip("abcd", 4, false), "abcd");
        assert_eq!(clip("abcdef", 0, true), "…");
    }

    #[test]
    fn nothing_in_a_cell_moves_or_turns_what_stands_beside_it() {
        assert_eq!(harmless("a\u{1b}[31mb\u{202e}c\td"), "a [31mb c d");
    }

    #[test]
    fn rows_become_columns() {
        assert_eq!(
            transpose(&rows(&[&["a", "b"], &["c", "d"]])),
            rows(&[&["a", "c"], &["b", "d"]])
        );
        assert_eq!(transpose(&[]), Vec::<Vec<String>>::new());
    }
}
