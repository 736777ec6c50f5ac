//! Checks a job's `plugin_config` against the JSON schema in the plugin's manifest.
//!
//! It is not: all of JSON schema. What a manifest may use is what people write for a config file:
//! `type`, `properties`, `required`, `additionalProperties`, `items`, `enum`, `const`, `anyOf`,
//! the bounds of numbers, texts and lists, `pattern`, and words that only explain. Any other word makes the
//! manifest one that cannot be used, because a check that is silently left out is none.

use regex::Regex;
use serde_json::{Map, Value};

use crate::limits::{CONFIG_FAULTS_MAX, SCHEMA_DEPTH_MAX};

/// Something that is wrong with a plugin's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// A JSON pointer to it; empty is the whole.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl std::fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pointer.is_empty() {
            true => write!(f, "plugin_config: {}", self.message),
            false => write!(f, "plugin_config at {}: {}", self.pointer, self.message),
        }
    }
}

/// Words that explain and check nothing.
const EXPLAINING: [&str; 7] = [
    "title",
    "description",
    "default",
    "examples",
    "format",
    "deprecated",
    "$comment",
];

const TYPES: [&str; 7] = [
    "object", "array", "string", "integer", "number", "boolean", "null",
];

/// Whether a schema is one that [`check`] understands.
pub(crate) fn check_schema(schema: &Value) -> Result<(), String> {
    well_formed(schema, "config", 0)
}

/// What is wrong with a configuration; at most [`CONFIG_FAULTS_MAX`]. No configuration is an
/// empty one.
pub(crate) fn check(schema: &Value, config: &Value) -> Vec<ConfigFault> {
    let empty = Value::Object(Map::new());
    let config = if config.is_null() { &empty } else { config };
    let mut faults = Vec::new();
    examine(schema, config, "", &mut faults);
    faults.truncate(CONFIG_FAULTS_MAX);
    faults
}

fn well_formed(schema: &Value, at: &str, depth: usize) -> Result<(), String> {
    if depth > SCHEMA_DEPTH_MAX {
        return Err(format!("{at}: more than {SCHEMA_DEPTH_MAX} levels deep"));
    }
    let Some(words) = schema.as_object() else {
        return match schema {
            Value::Bool(_) => Ok(()),
            _ => Err(format!("{at}: a schema is a table")),
        };
    };
    let nested =
        |schema: &Value, word: &str| well_formed(schema, &format!("{at}.{word}"), depth + 1);
    for (word, value) in words {
        let is_right = match word.as_str() {
            "type" => types(value).is_some_and(|types| types.iter().all(|t| TYPES.contains(t))),
            "properties" => match value.as_object() {
                Some(all) => {
                    for (name, schema) in all {
                        nested(schema, name)?;
                    }
                    true
                }
                None => false,
            },
            "additionalProperties" | "items" => {
                nested(value, word)?;
                true
            }
            "anyOf" | "oneOf" => match value.as_array() {
                Some(all) if !all.is_empty() => {
                    for schema in all {
                        nested(schema, word)?;
                    }
                    true
                }
                _ => false,
            },
            "required" => value
                .as_array()
                .is_some_and(|all| all.iter().all(Value::is_string)),
            "enum" => value.as_array().is_some_and(|all| !all.is_empty()),
            "const" => true,
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
            "pattern" => pattern(value).is_some(),
            "minLength" | "maxLength" | "minItems" | "maxItems" => value.is_u64(),
            other if EXPLAINING.contains(&other) => true,
            other => return Err(format!("{at}: this host does not know the word {other:?}")),
        };
        if !is_right {
            return Err(format!("{at}.{word}: {value} cannot stand there"));
        }
    }
    Ok(())
}

/// A regular expression that is found anywhere in a text, as in JSON schema.
fn pattern(value: &Value) -> Option<Regex> {
    Regex::new(value.as_str()?).ok()
}

/// One type or a list of them.
fn types(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(all) => all.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn examine(schema: &Value, value: &Value, at: &str, faults: &mut Vec<ConfigFault>) {
    if faults.len() >= CONFIG_FAULTS_MAX {
        return;
    }
    let mut fault = |at: &str, message: String| {
        faults.push(ConfigFault {
            pointer: at.to_owned(),
            message,
        });
    };
    let Some(words) = schema.as_object() else {
        if schema == &Value::Bool(false) {
            fault(at, "nothing may stand here".to_owned());
        }
        return;
    };
    if let Some(wanted) = words.get("type").and_then(types)
        && !wanted.iter().any(|wanted| is_of(value, wanted))
    {
        // What follows would only say the same again.
        return fault(
            at,
            format!("expected {}, found {}", wanted.join(" or "), name_of(value)),
        );
    }
    if let Some(Value::Array(all)) = words.get("enum")
        && !all.contains(value)
    {
        let all: Vec<String> = all.iter().map(Value::to_string).collect();
        fault(at, format!("expected one of {}", all.join(", ")));
    }
    if let Some(only) = words.get("const")
        && only != value
    {
        fault(at, format!("expected {only}"));
    }
    for message in bounds(words, value) {
        fault(at, message);
    }
    for (word, is_one) in [("anyOf", false), ("oneOf", true)] {
        let Some(Value::Array(all)) = words.get(word) else {
            continue;
        };
        let fits = all.iter().filter(|schema| {
            let mut inner = Vec::new();
            examine(schema, value, at, &mut inner);
            inner.is_empty()
        });
        match fits.count() {
            0 => fault(at, "it is none of what may stand here".to_owned()),
            1 => {}
            _ if is_one => fault(at, "it is more than one of what may stand here".to_owned()),
            _ => {}
        }
    }
    match value {
        Value::Object(fields) => examine_object(words, fields, at, faults),
        Value::Array(items) => {
            if let Some(schema) = words.get("items") {
                for (index, item) in items.iter().enumerate() {
                    examine(schema, item, &format!("{at}/{index}"), faults);
                }
            }
        }
        _ => {}
    }
}

fn examine_object(
    words: &Map<String, Value>,
    fields: &Map<String, Value>,
    at: &str,
    faults: &mut Vec<ConfigFault>,
) {
    if let Some(Value::Array(required)) = words.get("required") {
        for name in required.iter().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                faults.push(ConfigFault {
                    pointer: at.to_owned(),
                    message: format!("{name:?} is missing"),
                });
            }
        }
    }
    let known = words.get("properties").and_then(Value::as_object);
    for (name, value) in fields {
        let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        if let Some(schema) = known.and_then(|known| known.get(name)) {
            examine(schema, value, &pointer, faults);
        } else if let Some(other) = words.get("additionalProperties") {
            match other {
                Value::Bool(false) => {
                    let names = known.map(|known| known.keys().cloned().collect::<Vec<_>>());
                    let names = names.unwrap_or_default().join(", ");
                    faults.push(ConfigFault {
                        pointer,
                        message: format!("unknown field {name:?}; there are: {names}"),
                    });
                }
                schema => examine(schema, value, &pointer, faults),
            }
        }
    }
}

fn bounds(words: &Map<String, Value>, value: &Value) -> Vec<String> {
    let mut messages = Vec::new();
    let mut compare =
        |word: &str, found: Option<f64>, is_right: fn(f64, f64) -> bool, text: &str| {
            if let (Some(bound), Some(found)) = (words.get(word).and_then(Value::as_f64), found)
                && !is_right(found, bound)
            {
                messages.push(format!("{text} {}", words[word]));
            }
        };
    let number = value.as_f64();
    compare("minimum", number, |a, b| a >= b, "must not be below");
    compare("maximum", number, |a, b| a <= b, "must not be above");
    compare("exclusiveMinimum", number, |a, b| a > b, "must be above");
    compare("exclusiveMaximum", number, |a, b| a < b, "must be below");
    let pattern = words.get("pattern").and_then(pattern);
    let text = value.as_str();
    let length = text.map(|text| text.chars().count() as f64);
    compare("minLength", length, |a, b| a >= b, "is shorter than");
    compare("maxLength", length, |a, b| a <= b, "is longer than");
    let count = value.as_array().map(|items| items.len() as f64);
    compare("minItems", count, |a, b| a >= b, "has fewer items than");
    compare("maxItems", count, |a, b| a <= b, "has more items than");
    if let (Some(pattern), Some(text)) = (pattern, text)
        && !pattern.is_match(text)
    {
        messages.push(format!("does not match {pattern}"));
    }
    messages
}

fn is_of(value: &Value, wanted: &str) -> bool {
    match wanted {
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        "number" => value.is_number(),
        other => name_of(value) == other,
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["host"],
            "properties": {
                "host": {"type": "string", "minLength": 1, "description": "Where to."},
                "port": {"type": "integer", "minimum": 1, "maximum": 65535},
                "mode": {"enum": ["fast", "slow"]},
                "paths": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
                "limit": {"anyOf": [{"type": "integer"}, {"const": "none"}]},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "path": {"type": "string", "pattern": "^/"},
            },
        })
    }

    #[test]
    fn faults_say_where_and_what() {
        check_schema(&schema()).unwrap();
        for (config, expected) in [
            (json!({"host": "a", "port": 1.0, "limit": "none"}), vec![]),
            (
                json!({"host": "a", "labels": {"a": "b"}, "paths": ["x"], "path": "/x"}),
                vec![],
            ),
            (json!(null), vec!["plugin_config: \"host\" is missing"]),
            (
                json!("x"),
                vec!["plugin_config: expected object, found string"],
            ),
            (
                json!({"host": "", "port": 70000, "mode": "odd"}),
                vec![
                    "plugin_config at /host: is shorter than 1",
                    "plugin_config at /port: must not be above 65535",
                    "plugin_config at /mode: expected one of \"fast\", \"slow\"",
                ],
            ),
            (
                json!({"host": "a", "paths": ["x", 1, "z"], "a/b": 1}),
                vec![
                    "plugin_config at /paths: has more items than 2",
                    "plugin_config at /paths/1: expected string, found number",
                    "plugin_config at /a~1b: unknown field \"a/b\"; there are: host, port, mode, \
                     paths, limit, labels, path",
                ],
            ),
            (
                json!({"host": "a", "limit": true, "labels": {"a": 1}, "path": "x/y"}),
                vec![
                    "plugin_config at /limit: it is none of what may stand here",
                    "plugin_config at /labels/a: expected string, found number",
                    "plugin_config at /path: does not match ^/",
                ],
            ),
        ] {
            let found: Vec<String> = check(&schema(), &config)
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(found, expected, "{config}");
        }
    }

    #[test]
    fn a_schema_that_would_not_be_checked_is_refused() {
        for (schema, part) in [
            (
                json!({"not": {}}),
                "config: this host does not know the word \"not\"",
            ),
            (json!({"pattern": "("}), "config.pattern: \"(\""),
            (json!({"type": "text"}), "config.type: \"text\""),
            (
                json!({"properties": {"a": {"minimum": "1"}}}),
                "config.a.minimum",
            ),
            (json!(1), "a schema is a table"),
        ] {
            let error = check_schema(&schema).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let mut deep = json!(true);
        for _ in 0..100 {
            deep = json!({"items": deep});
        }
        assert!(check_schema(&deep).unwrap_err().contains("levels deep"));
    }

    #[test]
    fn not_more_faults_than_one_can_read() {
        let config: Map<String, Value> = (0..1000).map(|n| (n.to_string(), json!(n))).collect();
        assert_eq!(check(&schema(), &config.into()).len(), CONFIG_FAULTS_MAX);
    }
}
