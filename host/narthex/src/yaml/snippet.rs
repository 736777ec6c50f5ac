//! The lines of a file around a fault, with a mark below the place and without secrets.

use std::fmt::Write as _;

use narthex_model::is_secret_name;

/// So many lines before the fault are shown.
const LINES_BEFORE: usize = 2;

/// A longer line is cut after so many characters.
const LINE_CHARACTERS_MAX: usize = 200;

/// Renders the place, given as line and column from 1, without a line break at the end.
pub(super) fn render(text: &str, (line, column): (u64, u64)) -> String {
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let column = usize::try_from(column).unwrap_or(usize::MAX);
    let first = line.saturating_sub(LINES_BEFORE).max(1);
    let width = line.to_string().len();
    let mut out = String::new();
    let shown = text
        .lines()
        .enumerate()
        .skip(first - 1)
        .take(line - first + 1);
    for (index, content) in shown {
        let content: String = without_secret(content)
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .take(LINE_CHARACTERS_MAX)
            .collect();
        // Writing into memory cannot fail.
        let _ = writeln!(out, "{:>width$} | {content}", index + 1);
    }
    let indent = column.saturating_sub(1).min(LINE_CHARACTERS_MAX);
    let _ = write!(out, "{:width$} | {:indent$}^", "", "");
    out
}

/// A line up to what follows the first name that is likely a secret's. Faults go into logs and
/// to whoever asked for a reload.
fn without_secret(line: &str) -> String {
    let mut colons = line.match_indices(':').map(|(at, _)| at);
    let secret = colons.find(|at| {
        let before = line.get(..*at).unwrap_or_default().trim_end();
        let name = before.rsplit([' ', '{', ',', '\t']).next();
        name.is_some_and(is_secret_name)
    });
    match secret.and_then(|at| line.split_at_checked(at + 1)) {
        Some((before, after)) if !after.trim().is_empty() => format!("{before} <secret>"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_below_the_place() {
        assert_eq!(
            render("a: 1\nb: 2\nc: 3\nd: 4\n", (3, 4)),
            "1 | a: 1\n2 | b: 2\n3 | c: 3\n  |    ^"
        );
        assert_eq!(render("\tx", (1, 2)), "1 |  x\n  |  ^");
        assert_eq!(render("", (1, 1)), "  | ^");
    }

    #[test]
    fn secrets_are_not_shown() {
        for (line, expected) in [
            ("  user: u", "  user: u"),
            ("  password: hunter2", "  password: <secret>"),
            ("  'api_token' : x", "  'api_token' : <secret>"),
            (
                "- {user: u, password: p, port: 1}",
                "- {user: u, password: <secret>",
            ),
            ("  password:", "  password:"),
            ("", ""),
        ] {
            assert_eq!(without_secret(line), expected);
        }
    }
}
