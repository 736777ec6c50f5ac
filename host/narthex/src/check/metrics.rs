//! `narthex check metrics`: lints a page from the standard input.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::LINT_EXIT;
use super::metrics_lint::{Family, families, problems};
use crate::tsdb::Output;

/// A page may have so many bytes; a larger one is an error.
const PAGE_BYTES_MAX: usize = 256 << 20;

/// Lints what comes in, unless that is not wanted, and with `extended` counts the series of a page
/// without problems.
pub(super) fn run(extended: bool, is_linted: bool, output: Output) -> ExitCode {
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
    let text = match output {
        Output::Json => {
            let counts = extended.then(|| counts(&families));
            format!("{}\n", shown(&problems, counts.as_deref()))
        }
        Output::Text => {
            for (metric, problem) in &problems {
                eprintln!("{metric} {problem}");
            }
            match extended && problems.is_empty() {
                true => table(&families),
                false => String::new(),
            }
        }
    };
    // Who reads it may have left.
    let _ = std::io::stdout().write_all(text.as_bytes());
    match problems.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(LINT_EXIT),
    }
}

/// Problems, and how many series there are where that is asked, for programs.
fn shown(problems: &[(String, String)], counts: Option<&[(&str, usize)]>) -> Value {
    let problems = problems.iter();
    let problems = problems.map(|(metric, text)| json!({"metric": metric, "message": text}));
    let metrics = counts.map(|counts| {
        let counts = counts.iter();
        let metrics = counts.map(|(name, count)| json!({"metric": name, "series": count}));
        metrics.collect::<Vec<_>>()
    });
    json!({"problems": problems.collect::<Vec<_>>(), "metrics": metrics})
}

/// How many series each family has, those with the most first.
fn counts(families: &[Family]) -> Vec<(&str, usize)> {
    let mut counts: Vec<(&str, usize)> = families
        .iter()
        .map(|family| (family.name.as_str(), family.series_count()))
        .collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    counts
}

/// The same as promtool's table.
fn table(families: &[Family]) -> String {
    let counts = counts(families);
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

    #[test]
    fn programs_are_told_of_problems_and_of_series_where_they_ask() {
        let page = "# HELP a_total a\n# TYPE a_total counter\na_total 1\nb 1\n";
        let families = families(page.as_bytes()).unwrap();
        let problems = problems(&families);
        let told = json!([{"metric": "b", "message": "no help text"}]);
        let expected = json!({"problems": told, "metrics": null});
        assert_eq!(shown(&problems, None), expected);
        let metrics = json!([{"metric": "a_total", "series": 1}, {"metric": "b", "series": 1}]);
        let expected = json!({"problems": [], "metrics": metrics});
        assert_eq!(shown(&[], Some(&counts(&families))), expected);
    }
}
