//! What a query gave, and whether two answers are the same.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values that differ by less than this part of them are equal; so are values that differ by less
/// than this at all, because what is left of a difference of equals is noise.
const TOLERANCE: f64 = 1e-9;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// An error.
    Error {
        /// Its type.
        kind: String,
        /// As much of its text as does not depend on which series was looked at first.
        text: String,
    },
    /// Points by labels: milliseconds and values as text. What is listed without values, as
    /// series and label values are, has no points.
    Series(BTreeMap<String, Vec<(i64, String)>>),
}

impl Answer {
    /// From the JSON of an answer.
    pub fn read(json: &Value) -> Self {
        if json["status"] != "success" {
            let text = json["error"].as_str().unwrap_or_default();
            return Self::Error {
                kind: json["errorType"].as_str().unwrap_or_default().to_owned(),
                text: essence(text),
            };
        }
        let data = &json["data"];
        let mut series = BTreeMap::new();
        if let Some(listed) = data.as_array() {
            let name = |one: &Value| match one {
                Value::Object(_) => crate::sorted(one),
                _ => one.to_string(),
            };
            series.extend(listed.iter().map(|one| (name(one), Vec::new())));
            return Self::Series(series);
        }
        match data["resultType"].as_str() {
            Some("scalar" | "string") => {
                series.insert(String::new(), vec![point(&data["result"])]);
            }
            _ => {
                for one in data["result"].as_array().into_iter().flatten() {
                    let points = match one.get("values") {
                        Some(values) => {
                            values.as_array().into_iter().flatten().map(point).collect()
                        }
                        None => vec![point(&one["value"])],
                    };
                    series.insert(crate::sorted(&one["metric"]), points);
                }
            }
        }
        Self::Series(series)
    }
}

impl Answer {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Series(series) if series.is_empty())
    }

    /// Whether any point is NaN.
    pub fn has_nan(&self) -> bool {
        match self {
            Self::Error { .. } => false,
            Self::Series(series) => series.values().flatten().any(|(_, value)| value == "NaN"),
        }
    }
}

fn point(json: &Value) -> (i64, String) {
    let seconds = json[0].as_f64().unwrap_or(f64::NAN);
    (
        (seconds * 1000.0).round() as i64,
        json[1].as_str().unwrap_or_default().to_owned(),
    )
}

/// An error without the series that it names, and without the parameter, which 2.42 does not name.
fn essence(text: &str) -> String {
    let text = text.trim_start_matches("invalid parameter \"query\": ");
    let end = text.find(['{', '[', '(']).unwrap_or(text.len());
    text[..end].trim().to_owned()
}

/// Why the answers are not the same; `None` where they are.
pub fn disagreement(ours: &Answer, theirs: &Answer) -> Option<String> {
    match (ours, theirs) {
        (Answer::Series(ours), Answer::Series(theirs)) => {
            for (labels, their_points) in theirs {
                let Some(our_points) = ours.get(labels) else {
                    return Some(format!("only Prometheus has {labels}: {their_points:?}"));
                };
                if let Some(reason) = different(our_points, their_points) {
                    return Some(format!("{labels}: {reason}"));
                }
            }
            let more = ours.keys().find(|labels| !theirs.contains_key(*labels));
            more.map(|labels| format!("only Narthex has {labels}: {:?}", ours[labels]))
        }
        (ours, theirs) if ours == theirs => None,
        (ours, theirs) => Some(format!(
            "Narthex: {}, Prometheus: {}",
            short(ours),
            short(theirs)
        )),
    }
}

fn short(answer: &Answer) -> String {
    format!("{answer:?}").chars().take(300).collect()
}

fn different(ours: &[(i64, String)], theirs: &[(i64, String)]) -> Option<String> {
    for (ours, theirs) in ours.iter().zip(theirs) {
        if ours.0 != theirs.0 || !is_same(&ours.1, &theirs.1) {
            return Some(format!("Narthex {ours:?}, Prometheus {theirs:?}"));
        }
    }
    let (our_count, their_count) = (ours.len(), theirs.len());
    (our_count != their_count)
        .then(|| format!("Narthex has {our_count} points, Prometheus {their_count}"))
}

fn is_same(ours: &str, theirs: &str) -> bool {
    if ours == theirs {
        return true;
    }
    let (Ok(ours), Ok(theirs)) = (ours.parse::<f64>(), theirs.parse::<f64>()) else {
        return false;
    };
    let difference = (ours - theirs).abs();
    if difference.is_infinite() {
        return false;
    }
    difference <= TOLERANCE || difference <= TOLERANCE * ours.abs().max(theirs.abs())
}

#[test]
fn values_are_compared_as_numbers() {
    for (ours, theirs, expected) in [
        ("1", "1", true),
        ("NaN", "NaN", true),
        ("+Inf", "+Inf", true),
        ("+Inf", "-Inf", false),
        ("+Inf", "1", false),
        ("1000000000", "1000000000.5", true),
        ("1", "1.00000001", false),
        ("0", "1e-10", true),
        ("-0", "0", true),
    ] {
        assert_eq!(is_same(ours, theirs), expected, "{ours} and {theirs}");
    }
}

#[test]
fn answers_differ_by_series_points_and_errors() {
    let json = |text: &str| Answer::read(&serde_json::from_str(text).unwrap());
    let vector = |metric: &str, value: &str| {
        json(&format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{metric},"value":[1,"{value}"]}}]}}}}"#
        ))
    };
    let error = |text: &str| {
        json(&format!(
            r#"{{"status":"error","errorType":"execution","error":"{text}"}}"#
        ))
    };
    let one = vector(r#"{"a":"b"}"#, "1");
    assert_eq!(disagreement(&one, &one), None);
    for other in [
        vector(r#"{"a":"c"}"#, "1"),
        vector(r#"{"a":"b"}"#, "2"),
        error("no"),
    ] {
        assert!(disagreement(&one, &other).is_some(), "{other:?}");
        assert!(disagreement(&other, &one).is_some(), "{other:?}");
    }
    let listed = |data: &str| json(&format!(r#"{{"status":"success","data":[{data}]}}"#));
    assert_eq!(
        disagreement(&listed(r#""a","b""#), &listed(r#""b","a""#)),
        None
    );
    assert!(disagreement(&listed(r#"{"a":"b"}"#), &listed(r#"{"a":"c"}"#)).is_some());
    let found = error("found duplicate series for the match group {a=1} on the left");
    let other = error("found duplicate series for the match group {a=2} on the left");
    assert_eq!(disagreement(&found, &other), None);
}
