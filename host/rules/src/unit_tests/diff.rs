//! What was expected beside what was found, line by line.
//!
//! It is not: what finds out whether they differ.

use super::text::indented;

/// Where both texts together would take more comparisons than this, all lines of one are shown
/// before all of the other.
const COMPARISONS_MAX: usize = 4_000_000;

/// How failures show what was expected and what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailureStyle {
    /// One after the other, as promtool without flags.
    #[default]
    Both,
    /// The lines that differ, behind `-` what was expected and behind `+` what was found.
    Diff,
    /// The same, in red and green.
    ColoredDiff,
}

impl FailureStyle {
    /// Shows two texts that differ; without a style for differences nothing.
    pub(super) fn diff(self, expected: &str, found: &str, indent: &str) -> Option<String> {
        let is_colored = match self {
            Self::Both => return None,
            Self::Diff => false,
            Self::ColoredDiff => true,
        };
        let (expected, found) = (lines(expected), lines(found));
        let shown = compare(&expected, &found).into_iter().map(|line| {
            let (mark, color, text) = match line {
                Line::Same(text) => (' ', "", text),
                Line::Missing(text) => ('-', "\u{1b}[31m", text),
                Line::More(text) => ('+', "\u{1b}[32m", text),
            };
            match is_colored && !color.is_empty() {
                true => format!("\n{color}{mark} {text}\u{1b}[0m"),
                false => format!("\n{mark} {text}"),
            }
        });
        Some(indented(&shown.collect::<String>(), indent))
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split('\n').filter(|line| !line.is_empty()).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'t> {
    Same(&'t str),
    Missing(&'t str),
    More(&'t str),
}

/// The longest list of lines that both have, and around them those that only one has.
fn compare<'t>(expected: &[&'t str], found: &[&'t str]) -> Vec<Line<'t>> {
    let (rows, columns) = (expected.len(), found.len());
    let mut lines = Vec::with_capacity(rows + columns);
    if rows.saturating_mul(columns) > COMPARISONS_MAX {
        lines.extend(expected.iter().copied().map(Line::Missing));
        lines.extend(found.iter().copied().map(Line::More));
        return lines;
    }
    // How many lines are the same from a place in either text on.
    let mut same = vec![vec![0_usize; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            same[row][column] = match expected[row] == found[column] {
                true => same[row + 1][column + 1] + 1,
                false => same[row + 1][column].max(same[row][column + 1]),
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    while row < rows || column < columns {
        if row < rows && column < columns && expected[row] == found[column] {
            lines.push(Line::Same(expected[row]));
            row += 1;
            column += 1;
        } else if column == columns
            || (row < rows && same[row + 1][column] >= same[row][column + 1])
        {
            lines.push(Line::Missing(expected[row]));
            row += 1;
        } else {
            lines.push(Line::More(found[column]));
            column += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_marked() {
        for (expected, found, shown) in [
            ("a\nb\nc", "a\nx\nc", "\n  a\n- b\n+ x\n  c"),
            ("a", "", "\n- a"),
            ("", "a\nb", "\n+ a\n+ b"),
            ("a\nb", "b\na", "\n- a\n  b\n+ a"),
        ] {
            let diff = FailureStyle::Diff.diff(expected, found, "");
            assert_eq!(diff.as_deref(), Some(shown), "{expected:?} {found:?}");
        }
        let colored = FailureStyle::ColoredDiff.diff("a\nb", "a", " ").unwrap();
        assert_eq!(colored, "\n   a\n \u{1b}[31m- b\u{1b}[0m");
        assert_eq!(FailureStyle::Both.diff("a", "b", ""), None);
    }

    #[test]
    fn long_texts_are_not_compared_line_by_line() {
        let (expected, found) = (vec!["a"; 3000], vec!["a"; 3000]);
        let lines = compare(&expected, &found);
        assert_eq!(lines.len(), 6000);
        assert_eq!(
            (lines[0], lines[5999]),
            (Line::Missing("a"), Line::More("a"))
        );
    }
}
