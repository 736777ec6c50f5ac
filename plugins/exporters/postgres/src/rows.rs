//! What a query brings, and how its columns become families.

use narthex_sdk::{Batch, Error, MetricKind};

/// The names of the columns, and rows of as many values.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

/// The family that a column becomes.
#[derive(Debug)]
pub(crate) struct Family<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: MetricKind,
    pub(crate) help: &'a str,
    /// Labels, and the places of their columns.
    pub(crate) labels: &'a [(&'a str, usize)],
}

impl Rows {
    /// The place of a column.
    pub(crate) fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|name| name == column)
    }

    /// The text at a place of a row; none where there is null.
    pub(crate) fn text(row: &[Option<String>], place: usize) -> Option<&str> {
        row.get(place).and_then(Option::as_deref)
    }

    /// Writes a column as a family; `fault` is the error for a text that is no number.
    pub(crate) fn write(
        &self,
        place: usize,
        family: &Family<'_>,
        fault: impl Fn(&str) -> Error,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let mut written = batch.family(family.kind, family.name, family.help);
        for row in &self.rows {
            let labels: Vec<(&str, &str)> = (family.labels.iter())
                .map(|(label, place)| (*label, Self::text(row, *place).unwrap_or_default()))
                .collect();
            let text = Self::text(row, place);
            let value = number(text).ok_or_else(|| fault(text.unwrap_or_default()))?;
            written.sample(&labels, value);
        }
        Ok(())
    }
}

/// A number as the server prints it; booleans are 1 and 0. What is not there is not a number, as
/// postgres_exporter has it.
pub(crate) fn number(text: Option<&str>) -> Option<f64> {
    match text {
        None => Some(f64::NAN),
        Some("t" | "true" | "on") => Some(1.0),
        Some("f" | "false" | "off") => Some(0.0),
        Some(text) => text.parse().ok(),
    }
}
