//! What queries give at the times of a test, and what is expected.

use std::sync::Arc;

use narthex_model::Labels;
use narthex_promql::script::HistogramSequence;
use narthex_promql::series_description::SequenceValue;
use narthex_promql::{QueryOptions, Value, VectorSample, parse_series_description};

use super::text::{exponential, histogram};
use super::{ExpectedSample, ExprTest, Run};

/// How far lines that differ are moved to the right.
const INDENT: &str = "            ";

/// A sample as it is compared.
#[derive(Debug, Clone)]
struct Parsed {
    labels: Labels,
    value: f64,
    /// "" where it is a number.
    histogram: String,
}

impl Run<'_> {
    /// Compares, after all evaluations.
    pub(super) async fn check_samples(&self, failures: &mut Vec<String>) {
        for test in &self.test.promql_expr_test {
            let head = format!("    expr: {:?}, time: {},", test.expr, test.eval_time);
            let found = match self.ask(test).await {
                Ok(found) => sorted(found),
                Err(error) => {
                    failures.push(format!("{head} err: {error}"));
                    continue;
                }
            };
            let expected = test.exp_samples.iter().map(expected);
            let expected = match expected.collect::<Result<Vec<_>, _>>() {
                Ok(expected) => sorted(expected),
                Err(error) => {
                    failures.push(format!("{head} err: {error}"));
                    continue;
                }
            };
            let is_same = |(a, b): (&Parsed, &Parsed)| self.is_same(a, b);
            if expected.len() != found.len() || !expected.iter().zip(&found).all(is_same) {
                let (expected, found) = (texts(&expected), texts(&found));
                let (lines, more) = (expected.join("\n"), found.join("\n"));
                let compared = match self.options.style.diff(&lines, &more, INDENT) {
                    Some(diff) => format!("diff:{diff}"),
                    None => format!("exp: {}\n        got: {}", list(&expected), list(&found)),
                };
                failures.push(format!("{head}\n        {compared}"));
            }
        }
    }

    async fn ask(&self, test: &ExprTest) -> Result<Vec<Parsed>, String> {
        let time_ms = test.eval_time.as_millis_i64();
        let (store, options) = (Arc::clone(&self.store), QueryOptions::default());
        let answer = self.engine.instant(store, &test.expr, time_ms, &options);
        match answer.await.map_err(|error| error.to_string())?.value {
            Value::Vector(samples) => Ok(samples.into_iter().map(parsed).collect()),
            Value::Scalar { value, .. } => Ok(vec![Parsed {
                labels: Labels::empty(),
                value,
                histogram: String::new(),
            }]),
            Value::String { .. } | Value::Matrix(_) => {
                Err("rule result is not a vector or scalar".to_owned())
            }
        }
    }

    /// NaN is the same as nothing, as for promtool.
    fn is_same(&self, a: &Parsed, b: &Parsed) -> bool {
        let near =
            self.is_fuzzy && (a.value.next_down() == b.value || a.value.next_up() == b.value);
        a.labels == b.labels && a.histogram == b.histogram && (a.value == b.value || near)
    }
}

fn parsed(sample: VectorSample) -> Parsed {
    match sample.histogram {
        Some(found) => Parsed {
            labels: sample.labels,
            value: 0.0,
            histogram: histogram(&found),
        },
        None => Parsed {
            labels: sample.labels,
            value: sample.value,
            histogram: String::new(),
        },
    }
}

fn expected(sample: &ExpectedSample) -> Result<Parsed, String> {
    let failed = |error: String| format!("labels {:?}: {error}", sample.labels);
    let described = parse_series_description(sample.labels.trim());
    let described = described.map_err(|error| failed(error.to_string()))?;
    if !described.values.is_empty() {
        return Err(failed("there are values behind the labels".to_owned()));
    }
    let histogram = match sample.histogram.as_str() {
        "" => String::new(),
        text => expected_histogram(text).map_err(failed)?,
    };
    Ok(Parsed {
        labels: described.labels,
        value: sample.value,
        histogram,
    })
}

fn expected_histogram(text: &str) -> Result<String, String> {
    let described = parse_series_description(&format!("{{}} {text}"));
    let described = described.map_err(|error| error.to_string())?;
    match &described.values[..] {
        [SequenceValue::Histogram(described)] => {
            let made = HistogramSequence::default().next(described)?;
            Ok(histogram(&made))
        }
        [other] => Err(format!("expected histogram, got {other:?}")),
        values => Err(format!("expected 1 value, got {}", values.len())),
    }
}

fn sorted(mut samples: Vec<Parsed>) -> Vec<Parsed> {
    samples.sort_by(|a, b| a.labels.cmp(&b.labels));
    samples
}

fn texts(samples: &[Parsed]) -> Vec<String> {
    let texts = samples
        .iter()
        .map(|sample| match sample.histogram.as_str() {
            "" => format!("{} {}", sample.labels, exponential(sample.value)),
            histogram => format!("{} {histogram}", sample.labels),
        });
    texts.collect()
}

fn list(texts: &[String]) -> String {
    match texts.is_empty() {
        true => "nil".to_owned(),
        false => texts.join(", "),
    }
}
