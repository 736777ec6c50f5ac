//! A ConfigMap as files: its keys are their names.
//!
//! It is not: what the files mean, nor where they are put.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::limits::{CONFIG_MAP_BYTES_MAX, CONFIG_MAP_KEY_BYTES_MAX};

/// A ConfigMap, as a cluster has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigMap {
    /// What tells it from others that had its name before.
    pub uid: String,
    /// Changes whenever the object does.
    pub resource_version: String,
    /// `data` and `binaryData`: by their names the contents of files. A name is one of a file of a
    /// folder, and nothing that leads out of it.
    pub files: BTreeMap<String, Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    metadata: Metadata,
    data: Option<BTreeMap<String, String>>,
    binary_data: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    uid: String,
    resource_version: String,
}

impl ConfigMap {
    /// Reads an object.
    ///
    /// # Errors
    /// It is none, a key cannot be the name of a file, or the files are larger than a cluster takes.
    pub fn read(text: &str) -> Result<Self, String> {
        let written: Written =
            serde_json::from_str(text).map_err(|error| format!("it is no ConfigMap: {error}"))?;
        let mut files = BTreeMap::new();
        for (key, text) in written.data.unwrap_or_default() {
            files.insert(key, text.into_bytes());
        }
        for (key, text) in written.binary_data.unwrap_or_default() {
            let bytes = STANDARD.decode(text);
            let bytes = bytes.map_err(|error| format!("binaryData: {key}: {error}"))?;
            files.insert(key, bytes);
        }
        if let Some(key) = files.keys().find(|key| !is_key(key)) {
            return Err(format!("{key:?} is not a name of a file"));
        }
        check_size(&files)?;
        Ok(Self {
            uid: written.metadata.uid,
            resource_version: written.metadata.resource_version,
            files,
        })
    }
}

/// Refuses what no cluster takes.
fn check_size(files: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let bytes: usize = files.values().map(Vec::len).sum();
    match bytes > CONFIG_MAP_BYTES_MAX {
        true => Err(format!("it has over {CONFIG_MAP_BYTES_MAX} bytes")),
        false => Ok(()),
    }
}

/// As clusters check keys.
fn is_key(key: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=CONFIG_MAP_KEY_BYTES_MAX).contains(&key.len())
        && key.bytes().all(is_one)
        && key != "."
        && !key.starts_with("..")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(data: serde_json::Value, binary: serde_json::Value) -> Result<ConfigMap, String> {
        let object = json!({
            "metadata": {"name": "c", "uid": "u", "resourceVersion": "7"},
            "data": data,
            "binaryData": binary,
        });
        ConfigMap::read(&object.to_string())
    }

    #[test]
    fn keys_are_files_whatever_they_hold() {
        let found = read(json!({"a.yml": "b: ü\n"}), json!({"c": "AP8="})).unwrap();
        assert_eq!(found.files["a.yml"], "b: ü\n".as_bytes());
        assert_eq!(found.files["c"], [0, 255]);
        assert_eq!((&*found.uid, &*found.resource_version), ("u", "7"));
        let empty = ConfigMap::read(r#"{"metadata": {}}"#).unwrap();
        assert!(empty.files.is_empty());
    }

    #[test]
    fn a_key_leads_nowhere_else_and_nothing_is_too_large() {
        let long = "x".repeat(254);
        for key in ["", ".", "..", "..data", "a/b", "../a", "a b", &*long] {
            let error = read(json!({key: ""}), json!(null)).unwrap_err();
            assert!(error.ends_with("is not a name of a file"), "{key}: {error}");
        }
        assert!(read(json!({".hidden": ""}), json!(null)).is_ok());
        let half = "x".repeat(CONFIG_MAP_BYTES_MAX / 2);
        assert!(read(json!({"a": &half, "b": &half}), json!(null)).is_ok());
        let error = read(json!({"a": &half, "b": &half, "c": "x"}), json!(null));
        assert_eq!(error, Err("it has over 1048576 bytes".to_owned()));
        let error = read(json!(null), json!({"a": "?"})).unwrap_err();
        assert!(error.starts_with("binaryData: a: "), "{error}");
        assert!(ConfigMap::read("[]").is_err());
    }
}
