//! Checks a job's `plugin_config` against the JSON schema in the plugin's manifest.
//!
//! It is not: JSON schema itself; that is the registry crate's.

use narthex_registry::ConfigSchema;
use serde_json::{Map, Value};

pub use narthex_registry::ConfigFault;

/// Whether a schema is one.
pub(crate) fn check_schema(schema: &Value) -> Result<(), String> {
    ConfigSchema::new(schema).map(drop)
}

/// What is wrong with a configuration, as far as it is bounded. No configuration is an empty one.
pub(crate) fn check(schema: &Value, config: &Value) -> Vec<ConfigFault> {
    let empty = Value::Object(Map::new());
    let config = if config.is_null() { &empty } else { config };
    match ConfigSchema::new(schema) {
        Ok(schema) => schema.check(config).err().unwrap_or_default(),
        Err(message) => vec![ConfigFault {
            pointer: String::new(),
            message,
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_configuration_is_an_empty_one() {
        let schema = serde_json::json!({"type": "object", "required": ["host"]});
        check_schema(&schema).unwrap();
        let faults = check(&schema, &Value::Null);
        assert_eq!(
            faults[0].to_string(),
            "plugin_config: missing field \"host\""
        );
        let faults = check(&serde_json::json!({"type": "text"}), &Value::Null);
        assert!(
            faults[0].message.contains("is no JSON schema"),
            "{faults:?}"
        );
    }
}
