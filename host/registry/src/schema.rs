//! The JSON schema that a manifest has for `plugin_config`, and what does not fit it.
//!
//! It is not: a way to anything but itself: a schema that refers to another place is refused.

use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// So many faults of one configuration are named; more would not be read.
pub const CONFIG_FAULTS_MAX: usize = 100;

/// A schema, ready to be used.
#[derive(Debug)]
pub struct ConfigSchema(Validator);

/// Something in a configuration that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// Where, as a JSON pointer: `/modules/0/secret`; empty for the whole.
    pub pointer: String,
    /// What is wrong there. It does not say what stands there: that could be a password.
    pub message: String,
}

impl ConfigSchema {
    /// Reads a schema, of draft 2020-12 unless it says otherwise.
    ///
    /// # Errors
    /// It is none, or refers to something outside of itself.
    pub fn new(schema: &Value) -> Result<Self, String> {
        let options = jsonschema::options()
            .offline()
            // Takes a time that grows with the text and not faster.
            .with_pattern_options(PatternOptions::regex());
        let validator = options.build(schema);
        let validator = validator.map_err(|error| {
            let at = error.instance_path().to_string();
            let at = at.trim_start_matches('/').replace('/', ".");
            let dot = if at.is_empty() { "" } else { "." };
            format!("[config{dot}{at}] is no JSON schema: {error}")
        })?;
        Ok(Self(validator))
    }

    /// What of a configuration does not fit; the first [`CONFIG_FAULTS_MAX`] faults.
    ///
    /// # Errors
    /// The faults, if there are any.
    pub fn check(&self, config: &Value) -> Result<(), Vec<ConfigFault>> {
        let faults = self.0.iter_errors(config).flat_map(|error| faults(&error));
        let faults: Vec<ConfigFault> = faults.take(CONFIG_FAULTS_MAX).collect();
        match faults.is_empty() {
            true => Ok(()),
            false => Err(faults),
        }
    }
}

/// One fault for each name that should not be there, so that each has its place.
fn faults(error: &ValidationError<'_>) -> Vec<ConfigFault> {
    let pointer = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| ConfigFault {
                pointer: format!("{pointer}/{}", escaped(name)),
                message: format!("unknown field {name:?}"),
            })
            .collect(),
        ValidationErrorKind::Required { property } => vec![ConfigFault {
            pointer,
            message: format!("missing field {property}"),
        }],
        _ => vec![ConfigFault {
            pointer,
            message: error.masked_with("it").to_string(),
        }],
    }
}

/// A name as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => write!(f, "plugin_config: {}", self.message),
            pointer => write!(f, "plugin_config at {pointer}: {}", self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> ConfigSchema {
        let schema = serde_json::json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["address"],
            "properties": {
                "address": {"type": "string", "minLength": 1},
                "password": {"type": "string", "pattern": "^[a-z]+$"},
                "modules": {"type": "array", "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {"count": {"type": "integer", "maximum": 5}},
                }},
            },
        });
        ConfigSchema::new(&schema).unwrap()
    }

    #[test]
    fn each_fault_has_its_place() {
        let config = serde_json::json!({
            "adress": "a",
            "password": "HUNTER2",
            "modules": [{"count": 1}, {"count": 6, "a/b": 1}],
        });
        let mut faults: Vec<String> = schema()
            .check(&config)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        faults.sort();
        assert_eq!(
            faults,
            [
                "plugin_config at /adress: unknown field \"adress\"",
                "plugin_config at /modules/1/a~1b: unknown field \"a/b\"",
                "plugin_config at /modules/1/count: it is greater than the maximum of 5",
                "plugin_config at /password: it does not match \"^[a-z]+$\"",
                "plugin_config: missing field \"address\"",
            ]
        );
        let fits = serde_json::json!({"address": "a", "password": "abc"});
        assert_eq!(schema().check(&fits), Ok(()));
    }

    #[test]
    fn faults_are_bounded_and_say_no_secrets() {
        let many: serde_json::Map<String, Value> =
            (0..200).map(|n| (n.to_string(), Value::Null)).collect();
        let faults = schema().check(&many.into()).unwrap_err();
        assert_eq!(faults.len(), CONFIG_FAULTS_MAX);
        let config = serde_json::json!({"address": "a", "password": {"hunter2": "hunter2"}});
        let faults = schema().check(&config).unwrap_err();
        assert!(!format!("{faults:?}").contains("hunter2"), "{faults:?}");
    }

    #[test]
    fn what_is_no_schema_says_where() {
        for (schema, part) in [
            (
                serde_json::json!({"type": "text"}),
                "[config.type] is no JSON schema",
            ),
            (
                serde_json::json!({"$ref": "http://example.com/a"}),
                "is no JSON schema",
            ),
            (
                serde_json::json!({"$ref": "file:///etc/passwd"}),
                "is no JSON schema",
            ),
        ] {
            let error = ConfigSchema::new(&schema).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
