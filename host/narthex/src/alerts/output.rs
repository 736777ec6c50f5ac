//! How lists are printed: as tables in amtool's form, or as the JSON that was answered.

use std::fmt;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use narthex_template::{Time, Zone};
use serde_json::Value;

use super::defaults::Defaults;

/// `--output`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Simple,
    Extended,
    Json,
}

/// How amtool shows times, in the layout of Go.
const DATE_FORMAT: &str = "2006-01-02 15:04:05 MST";

/// How to print, as flags say it.
#[derive(Debug, Clone, Args)]
pub(super) struct OutputArgs {
    /// Output formatter; simple where no file of defaults says another.
    #[arg(short = 'o', long, value_enum)]
    output: Option<Output>,
    /// Format of date output, as Go writes its reference time; "2006-01-02 15:04:05 MST" where no
    /// file of defaults says another. Times are in UTC.
    #[arg(long = "date.format", value_name = "LAYOUT")]
    date_format: Option<String>,
}

/// How to print, settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    /// What lists become.
    pub(super) output: Output,
    date_format: String,
}

impl OutputArgs {
    /// What the flags say, else a file of defaults, else `simple`.
    ///
    /// # Errors
    /// The file cannot be read, or what it says is none.
    pub(super) fn form(&self) -> anyhow::Result<Form> {
        let defaults = Defaults::load()?;
        let output = match (self.output, defaults.get("output")) {
            (Some(output), _) => output,
            (None, Some(text)) => Output::from_str(text, false)
                .map_err(|error| anyhow!("output of the file of defaults: {error}"))?,
            (None, None) => Output::Simple,
        };
        let date_format = self.date_format.as_deref().or(defaults.get("date.format"));
        Ok(Form {
            output,
            date_format: date_format.unwrap_or(DATE_FORMAT).to_owned(),
        })
    }
}

impl Form {
    /// A time of an answer as a table shows it; what is no time as it is.
    pub(super) fn shown_time(&self, value: &Value) -> String {
        let text = value.as_str().unwrap_or_default();
        match Time::from_rfc3339(text) {
            Some(time) => time.in_zone(Zone::Utc).format(&self.date_format),
            None => text.to_owned(),
        }
    }
}

#[cfg(test)]
impl Form {
    /// What is printed where nobody says how.
    pub(super) fn simple() -> Self {
        Self {
            output: Output::Simple,
            date_format: DATE_FORMAT.to_owned(),
        }
    }
}

/// Rows of the same number of cells, the first one with their names.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<Vec<String>>);

impl Table {
    /// One with only the names.
    pub(super) fn new(names: &[&str]) -> Self {
        Self(vec![names.iter().map(ToString::to_string).collect()])
    }

    /// Adds a row.
    pub(super) fn add(&mut self, cells: impl IntoIterator<Item = String>) {
        // What others wrote must not steer a terminal.
        let plain = |cell: String| cell.replace(char::is_control, " ");
        self.0.push(cells.into_iter().map(plain).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.0 {
            for (cell, width) in row.iter().zip(&widths) {
                write!(f, "{cell:width$}  ")?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}

/// The entries of a list that was answered.
pub(super) fn entries(answer: &Value) -> &[Value] {
    answer.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a field, "" where there is none.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let found = value.pointer(pointer);
    found.and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["ID", "Comment"]);
        table.add(["a".to_owned(), "é\u{1b}[31m".to_owned()]);
        table.add(["longer".to_owned(), String::new()]);
        let expected = "ID      Comment  \na       é [31m   \nlonger           \n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn times_are_shown_in_utc_and_as_a_layout_has_it() {
        for (time, shown) in [
            ("2026-11-22T11:13:01.227Z", "2026-11-22 11:13:01 UTC"),
            ("2030-01-02T00:00:00+02:00", "2030-01-01 22:00:00 UTC"),
            ("soon", "soon"),
        ] {
            assert_eq!(Form::simple().shown_time(&json!(time)), shown);
        }
        let form = Form {
            date_format: "Jan 2 15:04".to_owned(),
            ..Form::simple()
        };
        let time = json!("2026-11-22T11:13:01.227Z");
        assert_eq!(form.shown_time(&time), "Nov 22 11:13");
    }
}
