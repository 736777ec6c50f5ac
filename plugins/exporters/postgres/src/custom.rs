//! Queries of the configuration.

use narthex_sdk::{Batch, Error, MetricKind};
use serde::Deserialize;

use crate::rows::{Family, Rows};

/// A query, and what its columns are. Columns that are not named are left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// The statement.
    pub query: String,
    /// Columns that are labels.
    pub labels: Vec<String>,
    /// Columns that are counters.
    pub counters: Vec<String>,
    /// Columns that are gauges.
    pub gauges: Vec<String>,
}

impl Query {
    /// Whether it can bring anything.
    pub(crate) fn check(&self, name: &str) -> Result<(), Error> {
        let fault = |text: &str| Err(Error::Config(format!("queries.{name}: {text}")));
        if self.query.trim().is_empty() {
            return fault("no query");
        }
        if self.counters.is_empty() && self.gauges.is_empty() {
            return fault("neither counters nor gauges");
        }
        Ok(())
    }

    /// Writes what it brought.
    pub(crate) fn write(&self, name: &str, rows: &Rows, batch: &mut Batch) -> Result<(), Error> {
        let place = |column: &String| {
            let fault = || Error::Config(format!("queries.{name}: no column {column}"));
            rows.place(column).ok_or_else(fault)
        };
        let labels: Vec<(&str, usize)> = self
            .labels
            .iter()
            .map(|label| Ok((label.as_str(), place(label)?)))
            .collect::<Result<_, Error>>()?;
        let counters = self
            .counters
            .iter()
            .map(|column| (MetricKind::Counter, column));
        let gauges = self.gauges.iter().map(|column| (MetricKind::Gauge, column));
        for (kind, column) in counters.chain(gauges) {
            let family = Family {
                name: &format!("{name}_{column}"),
                kind,
                help: "",
                labels: &labels,
            };
            let fault = |text: &str| {
                Error::Config(format!("queries.{name}: {column} is {text:?}, no number"))
            };
            rows.write(place(column)?, &family, fault, batch)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_labels_counters_and_gauges() {
        let query = Query {
            query: "SELECT 1".to_owned(),
            labels: vec!["shop".to_owned()],
            counters: vec!["orders".to_owned()],
            gauges: vec!["open".to_owned()],
        };
        query.check("shop").unwrap();
        let text = |text: &str| Some(text.to_owned());
        let rows = Rows {
            columns: ["open", "shop", "orders", "other"]
                .map(str::to_owned)
                .to_vec(),
            rows: vec![vec![text("t"), text("a"), text("5"), None]],
        };
        let mut batch = Batch::new();
        query.write("shop", &rows, &mut batch).unwrap();
        assert_eq!(
            batch.to_text(),
            "shop_orders{shop=\"a\"} 5\nshop_open{shop=\"a\"} 1\n"
        );
        let missing = Query {
            gauges: vec!["closed".to_owned()],
            ..query.clone()
        };
        let error = missing.write("shop", &rows, &mut batch).unwrap_err();
        assert_eq!(error.message(), "queries.shop: no column closed");
        assert!(Query::default().check("x").is_err());
    }
}
