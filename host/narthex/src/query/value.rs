//! What a query found, as promtool prints it: as text, or as JSON.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use anyhow::bail;
use narthex_model::{FloatText, METRIC_NAME};
use narthex_promql::printer::{format_float, quote};
use serde_json::{Map, Value};

use super::time::shown;

/// What `%g` of Go writes without an exponent.
const PLAIN: std::ops::Range<i32> = -4..6;

/// Whether an answer to a query says what it found.
///
/// # Errors
/// It does not.
pub(super) fn check(data: &Value) -> anyhow::Result<()> {
    match data["resultType"].as_str() {
        Some("vector" | "matrix" | "scalar" | "string") => Ok(()),
        _ => bail!("the server does not say what it found"),
    }
}

/// What a query found as text, with a line end.
pub(super) fn text(data: &Value) -> String {
    let result = &data["result"];
    let entries = result.as_array().map_or(&[][..], Vec::as_slice);
    let mut lines: Vec<String> = match data["resultType"].as_str() {
        Some("vector") => entries.iter().map(sample).collect(),
        Some("matrix") => {
            let mut series: Vec<&Value> = entries.iter().collect();
            series.sort_by(|a, b| order(&a["metric"], &b["metric"]));
            series.into_iter().map(samples).collect()
        }
        Some("scalar") => vec![format!("scalar: {}", at_time(result, plain))],
        _ => vec![text_of(&result[1]).to_owned()],
    };
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines.join("\n") + "\n"
}

fn sample(sample: &Value) -> String {
    let metric = metric(&sample["metric"]);
    match sample.get("histogram") {
        Some(pair) => format!("{metric} => {}", at_time(pair, histogram)),
        None => format!("{metric} => {}", at_time(&sample["value"], plain)),
    }
}

fn samples(series: &Value) -> String {
    let mut lines = vec![format!("{} =>", metric(&series["metric"]))];
    let pairs = |name: &str| series[name].as_array().map_or(&[][..], Vec::as_slice);
    lines.extend(pairs("values").iter().map(|pair| at_time(pair, plain)));
    lines.extend(
        pairs("histograms")
            .iter()
            .map(|pair| at_time(pair, histogram)),
    );
    lines.join("\n")
}

/// A pair of a time and a value.
fn at_time(pair: &Value, value: impl Fn(&Value) -> String) -> String {
    let time = pair[0].as_f64().unwrap_or_default();
    format!("{} @[{}]", value(&pair[1]), shown(time))
}

fn plain(value: &Value) -> String {
    number(value).map_or_else(|| text_of(value).to_owned(), format_float)
}

/// A number that stands in a text, as the API has it.
fn number(value: &Value) -> Option<f64> {
    text_of(value).parse().ok()
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn histogram(value: &Value) -> String {
    let of = |name: &str| number(&value[name]).unwrap_or_default();
    let buckets = value["buckets"].as_array().into_iter().flatten();
    let buckets: Vec<String> = buckets.map(bucket).collect();
    let (count, sum) = (of("count"), of("sum"));
    format!(
        "Count: {count:.6}, Sum: {sum:.6}, Buckets: [{}]",
        buckets.join(" ")
    )
}

/// Its first field says which of its bounds belong to it.
fn bucket(bucket: &Value) -> String {
    let (open, close) = match bucket[0].as_u64() {
        Some(0) => ('(', ']'),
        Some(1) => ('[', ')'),
        Some(3) => ('[', ']'),
        _ => ('(', ')'),
    };
    let mut text = FloatText::default();
    let mut bound = |at: usize| {
        let bound = number(&bucket[at]).unwrap_or_default();
        text.short(bound, PLAIN).to_owned()
    };
    let (lower, upper) = (bound(1), bound(2));
    format!("{open}{lower},{upper}{close}:{}", plain(&bucket[3]))
}

/// `up{job="x"}`
pub(super) fn metric(labels: &Value) -> String {
    let name = text_of(&labels[METRIC_NAME]);
    let pairs = pairs(labels, |label| label != METRIC_NAME);
    match pairs.is_empty() && !name.is_empty() {
        true => name.to_owned(),
        false => format!("{name}{{{}}}", pairs.join(", ")),
    }
}

/// `{__name__="up", job="x"}`
pub(super) fn label_set(labels: &Value) -> String {
    format!("{{{}}}", pairs(labels, |_| true).join(", "))
}

fn pairs(labels: &Value, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let all = labels.as_object().into_iter().flatten();
    let wanted = all.filter(|(name, _)| wanted(name));
    let mut pairs: Vec<String> = wanted
        .map(|(name, value)| format!("{name}={}", quote(text_of(value))))
        .collect();
    pairs.sort();
    pairs
}

/// How Prometheus' client orders series: those with fewer labels first.
fn order(one: &Value, other: &Value) -> Ordering {
    let empty = Map::new();
    let one = one.as_object().unwrap_or(&empty);
    let other = other.as_object().unwrap_or(&empty);
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let by_labels = names
        .into_iter()
        .map(|name| match (one.get(name), other.get(name)) {
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (one, other) => one.map(text_of).cmp(&other.map(text_of)),
        });
    let by_count = one.len().cmp(&other.len());
    by_count.then(by_labels.fold(Ordering::Equal, Ordering::then))
}

/// What was found, as Go writes it: of a query without its kind, labels by name, and no characters
/// that mean something in HTML.
pub(super) fn json(data: &Value) -> String {
    let text = normal(data.get("result").unwrap_or(data)).to_string();
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// Times without a fraction that says nothing, numbers as Go's client writes them, labels by name.
fn normal(value: &Value) -> Value {
    match value {
        Value::Array(entries) => match entries.as_slice() {
            [Value::Number(time), Value::String(text)] => {
                let number = text.parse().map(format_float);
                let number = number.unwrap_or_else(|_| text.clone());
                Value::Array(vec![whole(time), Value::String(number)])
            }
            entries => Value::Array(entries.iter().map(normal).collect()),
        },
        Value::Object(fields) => {
            let is_series = fields.get("metric").is_some_and(Value::is_object);
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            // A sample has its labels first; labels are sorted.
            fields.sort_by_key(|(name, _)| (is_series && *name != "metric", *name));
            let fields = fields.into_iter();
            let fields = fields.map(|(name, value)| (name.clone(), normal(value)));
            Value::Object(fields.collect())
        }
        Value::Number(number) => whole(number),
        other => other.clone(),
    }
}

/// `10.0` is `10`.
fn whole(number: &serde_json::Number) -> Value {
    let as_float = number.as_f64().unwrap_or_default();
    match format_float(as_float).parse::<i64>() {
        Ok(whole) => Value::from(whole),
        Err(_) => Value::Number(number.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(kind: &str, result: Value) -> Value {
        let data = json!({"resultType": kind, "result": result});
        check(&data).unwrap();
        data
    }

    #[test]
    fn what_is_found_is_shown_as_promtool_shows_it() {
        let hidden = json!({
            "metric": {"job": "a", "__name__": "h"},
            "histogram": [3, {"count": "5", "sum": "12", "buckets": [
                [3, "-0.5", "0.5", "1"], [0, "0.5", "1e+06", "4"]
            ]}]
        });
        for (kind, result, text) in [
            (
                "vector",
                json!([
                    {"metric": {"job": "b", "__name__": "up", "a": "x\"y"}, "value": [1.5, "1"]},
                    {"metric": {"__name__": "up"}, "value": [2.0, "1e+30"]},
                    {"metric": {}, "value": [2, "NaN"]},
                ]),
                "up{a=\"x\\\"y\", job=\"b\"} => 1 @[1.5]\n\
                 up => 1000000000000000000000000000000 @[2]\n\
                 {} => NaN @[2]\n",
            ),
            (
                "vector",
                json!([hidden]),
                "h{job=\"a\"} => Count: 5.000000, Sum: 12.000000, \
                 Buckets: [[-0.5,0.5]:1 (0.5,1e+06]:4] @[3]\n",
            ),
            (
                "matrix",
                json!([
                    {"metric": {"__name__": "b"}, "values": [[1, "1"], [2, "+Inf"]]},
                    {"metric": {"__name__": "a"}, "values": [[1, "3"]]},
                ]),
                "a =>\n3 @[1]\nb =>\n1 @[1]\n+Inf @[2]\n",
            ),
            ("scalar", json!([1.25, "2"]), "scalar: 2 @[1.25]\n"),
            ("string", json!([1.25, "a b"]), "a b\n"),
            ("vector", json!([]), "\n"),
        ] {
            assert_eq!(super::text(&found(kind, result)), text);
        }
        assert!(check(&json!({"result": []})).is_err());
    }

    #[test]
    fn json_is_as_go_writes_it() {
        let result = json!([{"value": [1.0, "1e+30"], "metric": {"b": "<&>", "a": "2"}}]);
        assert_eq!(
            json(&found("vector", result)),
            "[{\"metric\":{\"a\":\"2\",\"b\":\"\\u003c\\u0026\\u003e\"},\
             \"value\":[1,\"1000000000000000000000000000000\"]}]"
        );
        assert_eq!(json(&found("scalar", json!([1.25, "2"]))), "[1.25,\"2\"]");
        assert_eq!(json(&found("string", json!([1, "a"]))), "[1,\"a\"]");
        // Values and names of labels.
        assert_eq!(json(&json!(["b", "a"])), "[\"b\",\"a\"]");
        assert_eq!(
            json(&json!({"metric": "c", "a": "d"})),
            "{\"a\":\"d\",\"metric\":\"c\"}"
        );
        assert_eq!(
            json(&json!([{"b": "c", "a": "d"}])),
            "[{\"a\":\"d\",\"b\":\"c\"}]"
        );
    }
}
