//! `narthex query analyze`: how many buckets of histograms are in use, over time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use narthex_model::{Clock as _, METRIC_NAME, PromDuration, SystemClock};
use serde_json::Value;

use super::time::{as_seconds, time_of};
use super::value;
use crate::prometheus_server::{ClientArgs, PrometheusServer};

/// The one kind of metric that is analyzed.
const HISTOGRAM: &str = "histogram";

/// Run queries against your Prometheus to analyze the usage pattern of certain metrics.
#[derive(Debug, Clone, Args)]
pub(crate) struct Analyze {
    /// How to speak to the server.
    #[command(flatten)]
    client: ClientArgs,
    /// Prometheus server to query.
    #[arg(long, value_name = "SERVER", required = true)]
    server: String,
    /// Type of metric: histogram.
    #[arg(long = "type", value_name = "TYPE", required = true)]
    kind: String,
    /// Time frame to analyze.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    duration: PromDuration,
    /// Query time (RFC3339 or Unix timestamp), defaults to now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    time: Option<String>,
    /// Series selector. Can be specified multiple times.
    #[arg(long = "match", value_name = "SELECTOR", required = true)]
    matches: Vec<String>,
}

impl Analyze {
    /// Asks and prints.
    ///
    /// # Errors
    /// The type is another one, or a query fails.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        if self.kind != HISTOGRAM {
            bail!("analyze type is {}, must be '{HISTOGRAM}'", self.kind);
        }
        let time = match time_of("time", self.time.as_deref()) {
            Ok(time) => as_seconds(time.unwrap_or_else(|| SystemClock.now_ms())),
            Err(code) => return Ok(code),
        };
        let server = PrometheusServer::new(&self.server, &self.client, &[])?;
        let mut found = Vec::new();
        for selector in &self.matches {
            let query = format!("{selector}[{}]", self.duration);
            let answer = server.ask("query", &[("query", &query), ("time", &time)])?;
            if answer.data["resultType"] != "matrix" {
                bail!("{query} is no range of series");
            }
            found.extend(usages(&answer.data["result"]));
        }
        print!("{}", report(&found));
        Ok(ExitCode::SUCCESS)
    }
}

/// What was found of one histogram.
#[derive(Debug, PartialEq)]
struct Usage {
    series: String,
    is_native: bool,
    /// How many of its buckets are not empty, at each time.
    populated: Vec<usize>,
    /// How many buckets there are at all, whether at one time or at several.
    total: usize,
}

/// The least, the mean and the most.
#[derive(Debug, Default)]
struct Spread(Vec<f64>);

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = self.0.iter().copied().reduce(f64::min).unwrap_or_default();
        let most = self.0.iter().copied().reduce(f64::max).unwrap_or_default();
        let sum: f64 = self.0.iter().sum();
        let mean = sum / (self.0.len().max(1) as f64);
        write!(f, "{least:.0}/{mean:.3}/{most:.0}")
    }
}

impl Usage {
    fn spread(&self) -> Spread {
        Spread(self.populated.iter().map(|count| *count as f64).collect())
    }

    fn most(&self) -> usize {
        self.populated.iter().copied().max().unwrap_or(0)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_native { "native" } else { "classic" };
        write!(f, "- {} ({kind}): {}", self.series, self.spread())?;
        match self.most() == self.total {
            true => Ok(()),
            false => write!(f, "/{}", self.total),
        }
    }
}

/// The histograms of a matrix: each native series is one, and the series `_bucket` that differ in
/// `le` alone are one. Those with fewer than two samples say nothing.
fn usages(matrix: &Value) -> Vec<Usage> {
    let mut found = Vec::new();
    let mut classic: BTreeMap<String, Vec<(f64, Counts)>> = BTreeMap::new();
    for series in matrix.as_array().into_iter().flatten() {
        let values = series["values"].as_array();
        match values.filter(|values| !values.is_empty()) {
            None => found.extend(native(series)),
            Some(values) => {
                let Some((name, bound)) = classic_bucket(&series["metric"]) else {
                    continue;
                };
                classic
                    .entry(name)
                    .or_default()
                    .push((bound, counts(values)));
            }
        }
    }
    found.extend(classic.into_iter().filter_map(|(series, mut buckets)| {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let buckets: Vec<Counts> = buckets.into_iter().map(|(_, counts)| counts).collect();
        let populated = populated(&buckets);
        (populated.len() > 1).then_some(Usage {
            series,
            is_native: false,
            populated,
            total: buckets.len(),
        })
    }));
    found
}

fn native(series: &Value) -> Option<Usage> {
    let samples = series["histograms"].as_array()?;
    let mut bounds = BTreeSet::new();
    let populated: Vec<usize> = samples
        .iter()
        .map(|sample| {
            let buckets = sample[1]["buckets"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            // The fields before the count say which bucket it is.
            let of = |bucket: &Value| [&bucket[0], &bucket[1], &bucket[2]].map(Value::to_string);
            bounds.extend(buckets.iter().map(of));
            buckets.len()
        })
        .collect();
    (populated.len() > 1).then(|| Usage {
        series: value::metric(&series["metric"]),
        is_native: true,
        populated,
        total: bounds.len(),
    })
}

/// The histogram that a series is a bucket of, and the bucket's bound.
fn classic_bucket(labels: &Value) -> Option<(String, f64)> {
    let name = labels[METRIC_NAME].as_str()?;
    let bound: f64 = labels["le"].as_str()?.parse().ok()?;
    if !name.ends_with("_bucket") {
        return None;
    }
    let mut others = labels.as_object()?.clone();
    others.retain(|label, _| label != METRIC_NAME && label != "le");
    let others = value::label_set(&Value::Object(others));
    Some((format!("{name}{others}"), bound))
}

/// The count of one bucket at each time.
type Counts = BTreeMap<String, f64>;

fn counts(samples: &[Value]) -> Counts {
    let count = |sample: &Value| {
        let count = sample[1].as_str().and_then(|text| text.parse().ok());
        (sample[0].to_string(), count.unwrap_or_default())
    };
    samples.iter().map(count).collect()
}

/// How many buckets are not empty at each time of the lowest one; each holds what those below it
/// hold.
fn populated(buckets: &[Counts]) -> Vec<usize> {
    let times = buckets.first().into_iter().flat_map(Counts::keys);
    let at_time = |time: &String| {
        let mut below = 0.0;
        let mut populated = 0;
        for bucket in buckets {
            let count = bucket.get(time).copied().unwrap_or(below);
            populated += usize::from(count > below);
            below = count;
        }
        populated
    };
    times.map(at_time).collect()
}

/// A line for each histogram, and what they have in common.
fn report(found: &[Usage]) -> String {
    let mut text = String::from(
        "Buckets in use over time\n------------------------\n\
         Of each histogram the least, mean and most buckets that are not empty, and behind them how\n\
         many it has at all, where that is another number.\n\n",
    );
    for usage in found {
        text.push_str(&format!("{usage}\n"));
    }
    text.push_str("\nOver all histograms\n-------------------\n");
    for (kind, is_native) in [("Native", true), ("Classic", false)] {
        let of_kind: Vec<&Usage> = found
            .iter()
            .filter(|usage| usage.is_native == is_native)
            .collect();
        if of_kind.is_empty() {
            continue;
        }
        let spread = |number: &dyn Fn(&Usage) -> f64| {
            Spread(of_kind.iter().map(|usage| number(usage)).collect())
        };
        let least = |usage: &Usage| usage.populated.iter().copied().min().unwrap_or(0) as f64;
        let mean = |usage: &Usage| {
            let sum: usize = usage.populated.iter().sum();
            (sum / usage.populated.len().max(1)) as f64
        };
        text.push_str(&format!(
            "\n{kind} histogram series ({} in total):\n- min populated: {}\n- avg populated: {}\n\
             - max populated: {}\n- total: {}\n",
            of_kind.len(),
            spread(&least),
            spread(&mean),
            spread(&|usage| usage.most() as f64),
            spread(&|usage| usage.total as f64),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn buckets_in_use_are_counted() {
        let matrix = json!([
            {"metric": {"__name__": "a_bucket", "le": "1", "job": "x"},
             "values": [[1, "0"], [2, "1"]]},
            {"metric": {"__name__": "a_bucket", "le": "+Inf", "job": "x"},
             "values": [[1, "3"], [2, "4"]]},
            {"metric": {"__name__": "a_bucket", "le": "10", "job": "x"},
             "values": [[1, "0"], [2, "1"]]},
            {"metric": {"__name__": "a_sum", "job": "x"}, "values": [[1, "3"], [2, "4"]]},
            {"metric": {"__name__": "a_bucket", "le": "1", "job": "y"}, "values": [[1, "0"]]},
            {"metric": {"__name__": "h"}, "histograms": [
                [1, {"buckets": [[0, "1", "2", "5"]]}],
                [2, {"buckets": [[0, "1", "2", "6"], [0, "2", "4", "1"]]}],
            ]},
        ]);
        let found = usages(&matrix);
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "- h (native): 1/1.500/2",
                "- a_bucket{job=\"x\"} (classic): 1/1.500/2/3"
            ]
        );
        let text = report(&found);
        assert!(
            text.contains("Classic histogram series (1 in total):"),
            "{text}"
        );
        assert!(text.contains("- total: 3/3.000/3"), "{text}");
    }
}
