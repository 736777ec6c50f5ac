//! `narthex query`: asks a server by its API, with promtool's arguments, output and exit codes.
//!
//! It is not: the evaluation of a query, which the server does.

mod analyze;
mod time;
mod value;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use narthex_model::{Clock as _, PromDuration, SystemClock};
use serde_json::Value;

use self::analyze::Analyze;
use self::time::time_of;
pub(crate) use self::time::{as_seconds, parse_time_ms};
use crate::prometheus_server::{ApiAnswer, ClientArgs, PrometheusServer};
use crate::promql;
use crate::query_string::encoded;

/// A range begins this long before its end, unless its start is given.
const RANGE_DEFAULT_MS: i64 = 5 * 60 * 1000;

/// A range has about so many steps, unless their length is given.
const STEPS_DEFAULT: i64 = 250;

/// What can be asked.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum QueryCommand {
    /// Run instant query.
    Instant(Instant),
    /// Run range query.
    Range(Range),
    /// Run series query.
    Series(SeriesQuery),
    /// Run labels query.
    Labels(LabelsQuery),
    /// Run queries against your Prometheus to analyze the usage pattern of certain metrics.
    Analyze(Analyze),
}

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// As text.
    Promql,
    /// As JSON.
    Json,
}

/// How to ask and how to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct Form {
    /// How to speak to the server.
    #[command(flatten)]
    client: ClientArgs,
    /// Output format of the query.
    #[arg(short = 'o', long, value_enum, default_value = "promql")]
    format: Format,
    /// Extra headers to send to server, as name=value. Can be repeated.
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
}

/// A query at one time.
#[derive(Debug, Clone, Args)]
pub(crate) struct Instant {
    /// How to ask and how to print.
    #[command(flatten)]
    form: Form,
    /// Query evaluation time (RFC3339 or Unix timestamp).
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    time: Option<String>,
    /// Prometheus server to query.
    #[arg(value_name = "SERVER")]
    server: String,
    /// PromQL query expression.
    #[arg(value_name = "EXPR")]
    expr: String,
}

/// A query at many times.
#[derive(Debug, Clone, Args)]
pub(crate) struct Range {
    /// How to ask and how to print.
    #[command(flatten)]
    form: Form,
    /// Query range start time (RFC3339 or Unix timestamp).
    #[arg(long, value_name = "START", allow_hyphen_values = true)]
    start: Option<String>,
    /// Query range end time (RFC3339 or Unix timestamp).
    #[arg(long, value_name = "END", allow_hyphen_values = true)]
    end: Option<String>,
    /// Query step size (duration).
    #[arg(long, value_name = "STEP")]
    step: Option<PromDuration>,
    /// Prometheus server to query.
    #[arg(value_name = "SERVER")]
    server: String,
    /// PromQL query expression.
    #[arg(value_name = "EXPR")]
    expr: String,
}

/// Which series there are.
#[derive(Debug, Clone, Args)]
pub(crate) struct SeriesQuery {
    /// How to ask and how to print.
    #[command(flatten)]
    form: Form,
    /// Series selector. Can be specified multiple times.
    #[arg(long = "match", value_name = "MATCH", required = true)]
    matches: Vec<String>,
    /// Start time (RFC3339 or Unix timestamp).
    #[arg(long, value_name = "START", allow_hyphen_values = true)]
    start: Option<String>,
    /// End time (RFC3339 or Unix timestamp).
    #[arg(long, value_name = "END", allow_hyphen_values = true)]
    end: Option<String>,
    /// Prometheus server to query.
    #[arg(value_name = "SERVER")]
    server: String,
}

/// Which values a label has.
#[derive(Debug, Clone, Args)]
pub(crate) struct LabelsQuery {
    /// How to ask and how to print.
    #[command(flatten)]
    form: Form,
    /// Series selector. Can be specified multiple times.
    #[arg(long = "match", value_name = "MATCH")]
    matches: Vec<String>,
    /// Start time (RFC3339 or Unix timestamp).
    #[arg(long, value_name = "START", allow_hyphen_values = true)]
    start: Option<String>,
    /// End time (RFC3339 or Unix timestamp).
    #[arg(long, value_name = "END", allow_hyphen_values = true)]
    end: Option<String>,
    /// Prometheus server to query.
    #[arg(value_name = "SERVER")]
    server: String,
    /// Label name to provide label values for.
    #[arg(value_name = "NAME")]
    name: String,
}

/// Asks and prints.
///
/// # Errors
/// No server can be asked; of an answer that says why there is none only the exit code tells.
pub(crate) fn run(command: &QueryCommand) -> anyhow::Result<ExitCode> {
    match command {
        QueryCommand::Instant(query) => query.run(),
        QueryCommand::Range(query) => query.run(),
        QueryCommand::Series(query) => query.run(),
        QueryCommand::Labels(query) => query.run(),
        QueryCommand::Analyze(analyze) => analyze.run(),
    }
}

impl Form {
    fn server(&self, url: &str) -> anyhow::Result<PrometheusServer> {
        PrometheusServer::new(url, &self.client, &self.headers)
    }

    /// Prints an answer: `text` of its data, or all of them as JSON.
    fn print(
        &self,
        answer: anyhow::Result<ApiAnswer>,
        text: impl FnOnce(&Value) -> String,
    ) -> ExitCode {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                eprintln!("query error: {error:#}");
                return ExitCode::FAILURE;
            }
        };
        for warning in &answer.warnings {
            eprintln!("query API warning: {warning}");
        }
        match self.format {
            Format::Promql => print!("{}", text(&answer.data)),
            Format::Json => println!("{}", value::json(&answer.data)),
        }
        ExitCode::SUCCESS
    }

    /// Prints what a query found; where the server does not understand it, the place as well.
    fn print_result(&self, query: &str, answer: anyhow::Result<ApiAnswer>) -> ExitCode {
        let answer = result(answer);
        let place = answer.as_ref().err();
        let place = place.and_then(|error| promql::refused(query, &format!("{error:#}")));
        let code = self.print(answer, value::text);
        if let Some(place) = place {
            eprintln!("{place}");
        }
        code
    }
}

impl Instant {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let time_ms = match time_of("evaluation time", self.time.as_deref()) {
            Ok(time) => time.unwrap_or_else(|| SystemClock.now_ms()),
            Err(code) => return Ok(code),
        };
        let time = as_seconds(time_ms);
        let server = self.form.server(&self.server)?;
        let answer = server.ask("query", &[("query", &self.expr), ("time", &time)]);
        Ok(self.form.print_result(&self.expr, answer))
    }
}

impl Range {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let end = time_of("end time", self.end.as_deref());
        let start = time_of("start time", self.start.as_deref());
        let (start, end) = match (start, end) {
            (Ok(start), Ok(end)) => (start, end),
            (Err(code), _) | (_, Err(code)) => return Ok(code),
        };
        let end_ms = end.unwrap_or_else(|| SystemClock.now_ms());
        let start_ms = start.unwrap_or_else(|| end_ms.saturating_sub(RANGE_DEFAULT_MS));
        if start_ms >= end_ms {
            eprintln!("start time is not before end time");
            return Ok(ExitCode::FAILURE);
        }
        let step_ms = match self.step {
            Some(step) => step.as_millis_i64(),
            None => step_ms_default(start_ms, end_ms),
        };
        let times = [start_ms, end_ms, step_ms].map(as_seconds);
        let [start, end, step] = times.each_ref().map(String::as_str);
        let server = self.form.server(&self.server)?;
        let form = [
            ("query", &*self.expr),
            ("start", start),
            ("end", end),
            ("step", step),
        ];
        let answer = server.ask("query_range", &form);
        Ok(self.form.print_result(&self.expr, answer))
    }
}

/// Whole seconds, and at least one.
fn step_ms_default(start_ms: i64, end_ms: i64) -> i64 {
    let seconds = end_ms.saturating_sub(start_ms) / 1000;
    (seconds / STEPS_DEFAULT).max(1) * 1000
}

/// An answer that says what a query found.
fn result(answer: anyhow::Result<ApiAnswer>) -> anyhow::Result<ApiAnswer> {
    let answer = answer?;
    value::check(&answer.data)?;
    Ok(answer)
}

/// The fields of a question about series within a time.
fn fields<'a>(
    matches: &'a [String],
    times: &'a [(&'static str, String)],
) -> Vec<(&'a str, &'a str)> {
    let matches = matches
        .iter()
        .map(|selector| ("match[]", selector.as_str()));
    let times = times.iter().map(|(name, time)| (*name, time.as_str()));
    matches.chain(times).collect()
}

/// The times that are given; those that are not are the server's to choose.
fn times(start: Option<&str>, end: Option<&str>) -> Result<Vec<(&'static str, String)>, ExitCode> {
    let mut times = Vec::new();
    for (name, what, text) in [("start", "start time", start), ("end", "end time", end)] {
        let time = time_of(what, text)?;
        times.extend(time.map(|time_ms| (name, as_seconds(time_ms))));
    }
    Ok(times)
}

impl SeriesQuery {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let times = match times(self.start.as_deref(), self.end.as_deref()) {
            Ok(times) => times,
            Err(code) => return Ok(code),
        };
        let server = self.form.server(&self.server)?;
        let answer = server.ask("series", &fields(&self.matches, &times));
        Ok(self
            .form
            .print(answer, |data| lines(data, value::label_set)))
    }
}

impl LabelsQuery {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let times = match times(self.start.as_deref(), self.end.as_deref()) {
            Ok(times) => times,
            Err(code) => return Ok(code),
        };
        let server = self.form.server(&self.server)?;
        let path = format!("label/{}/values", encoded(&self.name));
        let answer = server.look_up(&path, &fields(&self.matches, &times));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(self.form.print(answer, |data| lines(data, text)))
    }
}

/// A line for each entry of a list.
fn lines(data: &Value, line: impl Fn(&Value) -> String) -> String {
    let entries = data.as_array().into_iter().flatten();
    entries.map(|entry| line(entry) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_steps_of_whole_seconds() {
        for (start_ms, end_ms, step_ms) in [
            (0, 300_000, 1_000),
            (0, 3_600_000, 14_000),
            (0, 1_000_000, 4_000),
            (0, 500, 1_000),
        ] {
            assert_eq!(step_ms_default(start_ms, end_ms), step_ms);
        }
    }
}
