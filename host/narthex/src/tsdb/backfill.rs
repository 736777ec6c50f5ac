//! `narthex tsdb create-blocks-from rules`: what recording rules would have given in the past. A
//! server is asked for it, and a file of OpenMetrics gathers it, of which blocks are made.
//!
//! It is not: the making of blocks, nor an evaluation of rules: alerts are left out, and no rule
//! sees what another one gave here.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use narthex_exposition::Format;
use narthex_exposition::write::TextWriter;
use narthex_model::{Clock as _, Labels, LabelsBuilder, PromDuration, SystemClock};
use narthex_promql::ParseOptions;
use narthex_rules::{RuleConfig, RuleGroupConfig};
use serde_json::Value;

use super::progress::Progress;
use crate::prometheus_server::{ClientArgs, PrometheusServer};
use crate::query::{as_seconds, parse_time_ms};
use crate::rule_file;
use crate::yaml::UnknownFields;

/// A query asks for so much time, as long as a slice of a block.
const WINDOW_MS: i64 = 2 * 60 * 60 * 1000;

/// Without an end, what is older than this is filled in: what is newer may still be written by the
/// rules of the server.
const END_DEFAULT_MS: i64 = 3 * 60 * 60 * 1000;

/// What ends a file of OpenMetrics.
const EOF: &str = "# EOF\n";

/// Create blocks of data for new recording rules.
#[derive(Debug, Clone, Args)]
pub(super) struct Backfill {
    /// How to speak to the server.
    #[command(flatten)]
    client: ClientArgs,
    /// The URL for the Prometheus API with the data where the rule will be backfilled from.
    #[arg(long, value_name = "URL", default_value = "http://localhost:9090")]
    url: String,
    /// The time to start backfilling the new rule from, RFC3339 or Unix timestamp.
    #[arg(long, value_name = "TIME", required = true, allow_hyphen_values = true)]
    start: String,
    /// The time up to which rules are backfilled, RFC3339 or Unix timestamp. By default up to 3
    /// hours ago.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    end: Option<String>,
    /// The store that takes the blocks; no server has it open.
    #[arg(long, value_name = "DIR", default_value = "data/")]
    output_dir: PathBuf,
    /// How frequently to evaluate rules when backfilling if a value is not set in the recording
    /// rule files.
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    eval_interval: PromDuration,
    /// Files containing recording rules to be backfilled. Alerting rules are left out.
    #[arg(required = true, value_name = "RULE-FILES")]
    files: Vec<PathBuf>,
}

/// The file that gathers; it goes with this.
#[derive(Debug)]
pub(super) struct Gathered {
    path: PathBuf,
}

impl Gathered {
    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            eprintln!("removing {}: {error}", self.path.display());
        }
    }
}

impl Backfill {
    /// The store that takes the blocks.
    pub(super) fn store(&self) -> &Path {
        &self.output_dir
    }

    /// Asks for what the rules would have given.
    ///
    /// # Errors
    /// A file or a time is none, the server does not answer, or the disk is full.
    pub(super) fn gather(&self) -> anyhow::Result<Gathered> {
        let time = |what: &str, text: &str| {
            parse_time_ms(text).map_err(|fault| anyhow!("error parsing {what}: {fault}"))
        };
        let start_ms = time("start time", &self.start)?;
        let end_ms = match &self.end {
            Some(text) => time("end time", text)?,
            None => SystemClock.now_ms().saturating_sub(END_DEFAULT_MS),
        };
        if start_ms >= end_ms {
            bail!("start time is not before end time");
        }
        let groups = self.groups()?;
        let server = PrometheusServer::new(&self.url, &self.client, &[])?;
        std::fs::create_dir_all(&self.output_dir)
            .with_context(|| format!("making {}", self.output_dir.display()))?;
        let name = format!("backfill-{}.openmetrics", std::process::id());
        let path = self.output_dir.join(name);
        let file = File::create_new(&path).with_context(|| path.display().to_string())?;
        let gathered = Gathered { path };
        let mut out = BufWriter::new(file);
        let mut line = Progress::new();
        for group in &groups {
            let interval = match group.interval == PromDuration::default() {
                true => self.eval_interval,
                false => group.interval,
            };
            let recording = group.rules.iter().filter(|rule| !rule.record.is_empty());
            for rule in recording {
                for [from_ms, to_ms] in windows(start_ms, end_ms, interval.as_millis_i64()) {
                    let at = as_seconds(from_ms);
                    line.tell(&format!("group {}, rule {}: {at}", group.name, rule.record));
                    let (end, step) = (as_seconds(to_ms), as_seconds(interval.as_millis_i64()));
                    let form = [
                        ("query", rule.expr.as_str()),
                        ("start", at.as_str()),
                        ("end", end.as_str()),
                        ("step", step.as_str()),
                    ];
                    let answer = server.ask("query_range", &form);
                    let answer = answer.with_context(|| format!("rule {}", rule.record))?;
                    let text = open_metrics(&answer.data["result"], group, rule);
                    out.write_all(text.as_bytes())?;
                }
            }
        }
        line.end();
        out.write_all(EOF.as_bytes())?;
        out.flush()?;
        Ok(gathered)
    }

    fn groups(&self) -> anyhow::Result<Vec<RuleGroupConfig>> {
        let mut groups = Vec::new();
        for file in &self.files {
            let read = rule_file::load(file, &ParseOptions::all(), UnknownFields::default());
            groups.extend(read.map_err(|fault| anyhow!(fault))?.groups.groups);
        }
        Ok(groups)
    }
}

/// The times at which a rule is evaluated, as ranges that are asked for at once: whole multiples of
/// the interval, and none across the bound of a slice.
fn windows(start_ms: i64, end_ms: i64, interval_ms: i64) -> Vec<[i64; 2]> {
    let interval_ms = interval_ms.max(1);
    let mut windows = Vec::new();
    let mut from_ms = start_ms.div_euclid(interval_ms) * interval_ms;
    if from_ms < start_ms {
        from_ms = from_ms.saturating_add(interval_ms);
    }
    while from_ms <= end_ms {
        let bound_ms = (from_ms.div_euclid(WINDOW_MS) + 1).saturating_mul(WINDOW_MS);
        let last_ms = end_ms.min(bound_ms - 1);
        let steps = (last_ms - from_ms) / interval_ms;
        let to_ms = from_ms + steps * interval_ms;
        windows.push([from_ms, to_ms]);
        from_ms = to_ms.saturating_add(interval_ms);
    }
    windows
}

/// The samples of a matrix as a rule writes them, without the end of the text.
fn open_metrics(matrix: &Value, group: &RuleGroupConfig, rule: &RuleConfig) -> String {
    let mut text = TextWriter::new(Format::OpenMetrics);
    for series in matrix.as_array().into_iter().flatten() {
        let labels = labels(&series["metric"], group, rule);
        for sample in series["values"].as_array().into_iter().flatten() {
            let value = sample[1].as_str().and_then(|text| text.parse().ok());
            let time_ms = sample[0].to_string();
            let (Some(value), Ok(time_ms)) = (value, parse_time_ms(&time_ms)) else {
                continue;
            };
            text.sample(&rule.record, &labels, value, Some(time_ms));
        }
        if series.get("histograms").is_some() {
            let record = &rule.record;
            eprintln!("{record}{labels}: native histograms have no text and are left out");
        }
    }
    let mut text = text.finish();
    text.truncate(text.len().saturating_sub(EOF.len()));
    text
}

/// The labels of a series of a rule: those of the rule count before those of its group, and both
/// before those of the query.
fn labels(metric: &Value, group: &RuleGroupConfig, rule: &RuleConfig) -> Labels {
    let mut labels = LabelsBuilder::from_labels(&Labels::empty());
    for (name, value) in metric.as_object().into_iter().flatten() {
        labels.set(name, value.as_str().unwrap_or_default());
    }
    for (name, value) in group.labels.iter().chain(&rule.labels) {
        labels.set(name, value);
    }
    labels.build().without_metric_name()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_is_evaluated_at_whole_intervals() {
        assert_eq!(windows(1, 59_999, 60_000), Vec::<[i64; 2]>::new());
        assert_eq!(windows(0, 60_000, 60_000), [[0, 60_000]]);
        assert_eq!(windows(1, 130_000, 60_000), [[60_000, 120_000]]);
        let hour = 3_600_000;
        assert_eq!(
            windows(hour, 4 * hour, hour),
            [[hour, hour], [2 * hour, 3 * hour], [4 * hour, 4 * hour]]
        );
        // An interval that is longer than a window.
        assert_eq!(
            windows(0, 7 * hour, 3 * hour),
            [[0, 0], [3 * hour, 3 * hour], [6 * hour, 6 * hour]]
        );
    }

    #[test]
    fn series_get_the_name_and_the_labels_of_the_rule() {
        let group = RuleGroupConfig {
            labels: [("a".to_owned(), "group".to_owned())].into(),
            ..RuleGroupConfig::default()
        };
        let rule = RuleConfig {
            record: "r:sum".to_owned(),
            labels: [
                ("b".to_owned(), "rule".to_owned()),
                ("c".to_owned(), String::new()),
            ]
            .into(),
            ..RuleConfig::default()
        };
        let matrix = json!([{
            "metric": {"__name__": "x", "a": "q", "b": "q", "c": "q", "d": "\"q"},
            "values": [[1.5, "2"], [3, "+Inf"]],
        }]);
        assert_eq!(
            open_metrics(&matrix, &group, &rule),
            "r:sum{a=\"group\",b=\"rule\",d=\"\\\"q\"} 2.0 1.500\n\
             r:sum{a=\"group\",b=\"rule\",d=\"\\\"q\"} +Inf 3.000\n"
        );
        assert_eq!(open_metrics(&json!([]), &group, &rule), "");
    }
}
