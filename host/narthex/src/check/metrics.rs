//! `narthex check metrics`: lints a page from the standard input.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use super::LINT_EXIT;
use super::metrics_lint::{Family, families, problems};

/// A page may have so many bytes; a larger one is an error.
const PAGE_BYTES_MAX: usize = 256 << 20;

/// Lints what comes in, unless that is not wanted, and with `extended` counts the series of a page
/// without problems.
pub(super) fn run(extended: bool, is_linted: bool) -> ExitCode {
    if !extended && !is_linted {
        eprintln!("error: with --lint=none there is nothing to do but for --extended");
        return ExitCode::FAILURE;
    }
    let mut page = Vec::new();
    let bound = PAGE_BYTES_MAX as u64 + 1;
    if let Err(error) = std::io::stdin().take(bound).read_to_end(&mut page) {
        eprintln!("error while linting: {error}");
        return ExitCode::FAILURE;
    }
    if page.len() > PAGE_BYTES_MAX {
        eprintln!("error while linting: the page has over {PAGE_BYTES_MAX} bytes");
        return ExitCode::FAILURE;
    }
    let families = match families(&page) {
        Ok(families) => families,
        Err(error) => {
            eprintln!("error while linting: {error}");
            return ExitCode::FAILURE;
        }
    };
    let problems = match is_linted {
        true => problems(&families),
        false => Vec::new(),
    };
    for (metric, problem) in &problems {
        eprintln!("{metric} {problem}");
    }
    if !problems.is_empty() {
        return ExitCode::from(LINT_EXIT);
    }
    if extended {
        // Who reads it may have left.
        let _ = std::io::stdout().write_all(table(&families).as_bytes());
    }
    ExitCode::SUCCESS
}

/// How many series each family has, those with the most first.
fn table(families: &[Family]) -> String {
    let mut counts: Vec<(&str, usize)> = families
        .iter()
        .map(|family| (family.name.as_str(), family.series_count()))
        .collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let mut rows = vec![["Metric", "Cardinality", "Percentage"].map(str::to_owned)];
    for (name, count) in counts {
        let share = count as f64 / total.max(1) as f64 * 100.0;
        rows.push([name.to_owned(), count.to_string(), format!("{share:.2}%")]);
    }
    rows.push(["Total".to_owned(), total.to_string(), "100%".to_owned()]);
    let mut widths = [0; 3];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count() + GAP);
        }
    }
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(&format!("{cell:<width$}"));
        }
        text.push('\n');
    }
    text
}

/// So many blanks at least are between two columns.
const GAP: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_promtools() {
        let page = "# HELP a_total a\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 1\n\
                    # HELP h_seconds h\n# TYPE h_seconds histogram\nh_seconds_bucket{le=\"+Inf\"} 1\n\
                    h_seconds_sum 1\nh_seconds_count 1\n";
        let expected = "Metric       Cardinality    Percentage    \n\
                        h_seconds    3              60.00%        \n\
                        a_total      2              40.00%        \n\
                        Total        5              100%          \n";
        assert_eq!(table(&families(page.as_bytes()).unwrap()), expected);
    }
}
