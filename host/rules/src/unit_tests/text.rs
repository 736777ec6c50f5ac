//! What is expected and what was found, in promtool's form.

use std::collections::BTreeMap;

use narthex_model::histogram::Buckets;
use narthex_model::{CounterResetHint, FloatHistogram, FloatText, Labels};

/// Labels and annotations of an alert, in the order in which they are compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AlertText {
    pub(super) labels: Labels,
    pub(super) annotations: BTreeMap<String, String>,
}

/// A list of alerts, each with its place.
pub(super) fn alerts(alerts: &[AlertText]) -> String {
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let lines = alerts.iter().enumerate().map(|(at, alert)| {
        let annotations = alert.annotations.iter();
        let annotations = annotations.map(|(name, text)| format!("{name}={text:?}"));
        let annotations: Vec<String> = annotations.collect();
        let (labels, annotations) = (&alert.labels, annotations.join(", "));
        let text = format!("\nLabels:{labels}\nAnnotations:{{{annotations}}}");
        format!("{at}:{}", indented(&text, "  "))
    });
    let lines: Vec<String> = lines.collect();
    let list = format!("\n{}", lines.join(",\n"));
    format!("[{list}\n]")
}

/// All lines but the first, moved to the right.
pub(super) fn indented(text: &str, indent: &str) -> String {
    text.replace('\n', &format!("\n{indent}"))
}

/// A value with an exponent, as Go's `FormatFloat(value, 'E', -1, 64)`.
pub(super) fn exponential(value: f64) -> String {
    if !value.is_finite() {
        return FloatText::default().plain(value).to_owned();
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}E-{exponent:0>2}"),
            None => format!("{digits}E+{exponent:0>2}"),
        },
        None => text,
    }
}

/// A native histogram as scripts write it.
pub(super) fn histogram(histogram: &FloatHistogram) -> String {
    let number = |value: f64| FloatText::default().short(value, -4..21).to_owned();
    let mut compact = histogram.clone();
    compact.compact();
    let mut parts = Vec::new();
    let mut part = |name: &str, text: String| parts.push(format!("{name}:{text}"));
    if compact.schema != 0 {
        part("schema", compact.schema.to_string());
    }
    for (name, value) in [
        ("count", compact.count),
        ("sum", compact.sum),
        ("z_bucket", compact.zero_count),
        ("z_bucket_w", compact.zero_threshold),
    ] {
        if value != 0.0 {
            part(name, number(value));
        }
    }
    let list = |values: &[f64]| {
        let values: Vec<String> = values.iter().copied().map(number).collect();
        format!("[{}]", values.join(" "))
    };
    if compact.has_custom_buckets() {
        part("custom_values", list(&compact.custom_bounds));
    }
    let hint = match compact.counter_reset_hint {
        CounterResetHint::Unknown => None,
        CounterResetHint::Reset => Some("reset"),
        CounterResetHint::NotReset => Some("not_reset"),
        CounterResetHint::Gauge => Some("gauge"),
    };
    if let Some(hint) = hint {
        part("counter_reset_hint", hint.to_owned());
    }
    for (name, offset, buckets) in [
        ("buckets", "offset", &compact.positive),
        ("n_buckets", "n_offset", &compact.negative),
    ] {
        let Some(first) = buckets.indexes().first() else {
            continue;
        };
        if *first != 0 {
            part(offset, first.to_string());
        }
        part(name, list(&filled(buckets)));
    }
    format!("{{{{{}}}}}", parts.join(" "))
}

/// A test shows at most so many buckets of one that lie between others and are empty.
const GAP_MAX: i64 = 1000;

/// The counts from the first bucket to the last, with those that are empty.
fn filled(buckets: &Buckets) -> Vec<f64> {
    let (mut counts, mut before): (Vec<f64>, Option<i64>) = (Vec::new(), None);
    for (index, count) in buckets.iter() {
        let index = i64::from(index);
        let empty = before.map_or(0, |before| (index - before - 1).clamp(0, GAP_MAX));
        counts.extend((0..empty).map(|_| 0.0));
        counts.push(count);
        before = Some(index);
    }
    counts
}

/// Milliseconds as Go prints a `time.Duration`: `1h0m0.5s`.
pub(super) fn go_duration(milliseconds: i64) -> String {
    let (seconds, ms) = (milliseconds / 1000, milliseconds % 1000);
    if seconds == 0 && ms != 0 {
        return format!("{ms}ms");
    }
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = match (hours, minutes) {
        (0, 0) => seconds.to_string(),
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    };
    if ms != 0 {
        text.push_str(format!(".{ms:03}").trim_end_matches('0'));
    }
    text + "s"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_values_are_printed_as_go_does() {
        for (ms, text) in [
            (0, "0s"),
            (1, "1ms"),
            (1500, "1.5s"),
            (60_000, "1m0s"),
            (5_400_000, "1h30m0s"),
            (3_600_250, "1h0m0.25s"),
        ] {
            assert_eq!(go_duration(ms), text);
        }
        for (value, text) in [(5.0, "5E+00"), (-0.25, "-2.5E-01"), (f64::NAN, "NaN")] {
            assert_eq!(exponential(value), text);
        }
    }

    #[test]
    fn histograms_are_printed_as_they_are_written() {
        let made = FloatHistogram {
            schema: 1,
            count: 5.0,
            sum: 18.4,
            positive: Buckets::new(vec![1, 3], vec![1.0, 2.0]).unwrap(),
            negative: Buckets::consecutive(0, vec![2.0]).unwrap(),
            ..FloatHistogram::default()
        };
        let expected = "{{schema:1 count:5 sum:18.4 offset:1 buckets:[1 0 2] n_buckets:[2]}}";
        assert_eq!(histogram(&made), expected);
        assert_eq!(histogram(&FloatHistogram::default()), "{{}}");
    }

    #[test]
    fn lists_of_alerts_are_indented() {
        let alert = AlertText {
            labels: Labels::from_pairs([("a", "b")]),
            annotations: [("c".to_owned(), "d\n".to_owned())].into(),
        };
        let both = alerts(&[alert.clone(), alert]);
        let one = "\n  Labels:{a=\"b\"}\n  Annotations:{c=\"d\\n\"}";
        assert_eq!(both, format!("[\n0:{one},\n1:{one}\n]"));
        assert_eq!(alerts(&[]), "[]");
    }
}
