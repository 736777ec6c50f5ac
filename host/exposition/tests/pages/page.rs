//! Prints what a parser reads, one entry a line, so that tests compare texts.

use narthex_exposition::{Entry, Format, ParseError, Parser};

/// All entries of a page, and the error that ends it.
pub(crate) fn read(body: &[u8], format: Format) -> (Vec<String>, Option<ParseError>) {
    let mut entries = Vec::new();
    for entry in Parser::new(body, format) {
        match entry {
            Ok(entry) => entries.push(print(&entry)),
            Err(error) => return (entries, Some(error)),
        }
    }
    (entries, None)
}

/// Checks that a page is read to its end, and as what.
#[track_caller]
pub(crate) fn check(body: &str, format: Format, expect: &[&str]) {
    let (entries, error) = read(body.as_bytes(), format);
    assert_eq!(
        (entries, error),
        (expect.iter().map(|&e| e.to_owned()).collect(), None)
    );
}

/// Checks what a page ends in.
#[track_caller]
pub(crate) fn check_error(body: &[u8], format: Format, expect: &str) {
    let (_, error) = read(body, format);
    let error = error.map(|error| error.to_string());
    assert_eq!(
        error.as_deref(),
        Some(expect),
        "{:?}",
        String::from_utf8_lossy(body)
    );
}

fn print(entry: &Entry<'_>) -> String {
    match entry {
        Entry::Type { metric, kind } => format!("TYPE {metric:?} {}", kind.as_str()),
        Entry::Help { metric, help } => format!("HELP {metric:?} {help:?}"),
        Entry::Unit { metric, unit } => format!("UNIT {metric:?} {unit:?}"),
        Entry::Series(series) => {
            let labels = match series.labels() {
                Ok(labels) => labels.to_string(),
                Err(error) => error.to_string(),
            };
            let mut line = format!("{} => {labels} {:?}", series.text, series.value);
            if let Some(timestamp_ms) = series.timestamp_ms {
                line += &format!(" @{timestamp_ms}");
            }
            if let Some(exemplar) = &series.exemplar {
                let labels = exemplar
                    .labels()
                    .map_or_else(|e| e.to_string(), |l| l.to_string());
                line += &format!(" # {labels} {:?}", exemplar.value);
                if let Some(timestamp_ms) = exemplar.timestamp_ms {
                    line += &format!(" @{timestamp_ms}");
                }
            }
            line
        }
    }
}
