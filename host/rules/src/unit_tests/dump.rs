//! All samples of a test, as `--debug` shows them.

use std::sync::Arc;

use narthex_model::{PromDuration, float_text};
use narthex_promql::{MatrixSeries, QueryOptions, Value};

use super::Run;
use super::text::go_duration;

/// Every series that has a name, over a range that stands behind it.
const EVERYTHING: &str = r#"{__name__=~".+"}"#;

impl Run<'_> {
    /// Asks for all samples up to the last time of the test.
    pub(super) async fn dump(&self, last_ms: i64) -> String {
        // The next whole second, and one before the first: ranges are open to the left.
        let until_ms = (last_ms / 1000).saturating_add(1).saturating_mul(1000);
        let range = u64::try_from(until_ms.saturating_add(1000)).unwrap_or_default();
        let range = PromDuration::from_millis(range);
        let query = format!("{EVERYTHING}[{range}]");
        let (store, options) = (Arc::clone(&self.store), QueryOptions::default());
        let answer = self.engine.instant(store, &query, until_ms, &options);
        let series = match answer.await {
            Ok(answer) => match answer.value {
                Value::Matrix(series) => series,
                _ => Vec::new(),
            },
            Err(error) => {
                return format!("DEBUG: Failed query exec, expr: {query:?}, err: {error}");
            }
        };
        let series: Vec<String> = series.iter().map(shown).collect();
        let (until, series) = (go_duration(until_ms), series.join("\n"));
        format!("DEBUG: Dump of all data (input_series and rules) at {until}:\n{series}")
    }
}

/// A series with a line a sample, as Go prints them.
fn shown(series: &MatrixSeries) -> String {
    let mut lines = vec![format!("{} =>", series.labels)];
    let values = series.timestamps.iter().zip(&series.values);
    lines.extend(values.map(|(at, value)| format!("{} @[{at}]", float_text(*value))));
    let histograms = series.histograms.iter();
    lines.extend(histograms.map(|(at, histogram)| format!("{histogram} @[{at}]")));
    lines.join("\n")
}
