//! What an operator writes for a plugin.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// What stands where a secret does.
const SECRET: &str = "<secret>";

/// Parts of names that hold a secret by all experience. What a plugin's settings mean is known
/// to the plugin alone, so they are shown unless their name says that they must not.
const SECRET_NAMES: [&str; 6] = [
    "password",
    "passwd",
    "secret",
    "token",
    "credential",
    "private",
];

/// The settings of a plugin in one place of the configuration: any value, whose shape only the
/// plugin's schema knows. Printing and serialising hide what is named like a secret.
#[derive(Clone, PartialEq, Default, Deserialize)]
#[serde(transparent)]
pub struct PluginSettings(Value);

impl PluginSettings {
    /// The settings as they were written, secrets included.
    pub fn expose(&self) -> &Value {
        &self.0
    }

    /// The settings without the secrets.
    fn masked(&self) -> Value {
        let mut value = self.0.clone();
        mask(&mut value);
        value
    }
}

impl From<Value> for PluginSettings {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl std::fmt::Debug for PluginSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.masked())
    }
}

impl Serialize for PluginSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.masked().serialize(serializer)
    }
}

/// Whether what has this name is likely a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if is_secret_name(name) {
                    *value = Value::String(SECRET.to_owned());
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_named_like_a_secret_is_not_shown() {
        let written = json!({
            "user": "u",
            "Password": "p",
            "list": [{"api_token": ["t"]}, 1],
            "nested": {"private_key": {"a": 1}, "shown": null},
        });
        let settings = PluginSettings::from(written.clone());
        let shown = json!({
            "user": "u",
            "Password": "<secret>",
            "list": [{"api_token": "<secret>"}, 1],
            "nested": {"private_key": "<secret>", "shown": null},
        });
        assert_eq!(serde_json::to_value(&settings).unwrap(), shown);
        assert_eq!(format!("{settings:?}"), shown.to_string());
        assert_eq!(settings.expose(), &written);
    }
}
