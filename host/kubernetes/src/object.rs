//! One object of a cluster, as it is kept.

use std::sync::Arc;

use serde_json::Value;

/// An object: what tells it from others and from what it was before, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    /// `NAMESPACE/NAME`, or the name alone.
    pub(crate) key: Arc<str>,
    /// Changes whenever the object does.
    pub(crate) version: Box<str>,
    /// As JSON.
    pub(crate) text: Arc<str>,
}

impl Object {
    /// An object from a list or a watch. Lists leave out what all their objects have in common,
    /// so it is put back; who manages which field (`managedFields`) is up to half of an object,
    /// and nobody here asks for it.
    pub(crate) fn new(mut value: Value, api_version: &str, kind: &str) -> Result<Self, String> {
        let fields = value.as_object_mut().ok_or("it is no object")?;
        fields
            .entry("apiVersion")
            .or_insert_with(|| Value::from(api_version));
        fields.entry("kind").or_insert_with(|| Value::from(kind));
        let metadata = fields.get_mut("metadata").and_then(Value::as_object_mut);
        let metadata = metadata.ok_or("it has no metadata")?;
        metadata.shift_remove("managedFields");
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or("");
        let name = text("name");
        if name.is_empty() {
            return Err("it has no name".to_owned());
        }
        let key = key(text("namespace"), name);
        let version = Box::from(text("resourceVersion"));
        Ok(Self {
            key: key.into(),
            version,
            text: value.to_string().into(),
        })
    }

    /// The version alone, for a bookmark, which is an object without anything else.
    pub(crate) fn version_of(value: &Value) -> Option<&str> {
        let version = value.pointer("/metadata/resourceVersion")?.as_str()?;
        (!version.is_empty()).then_some(version)
    }
}

/// The key of the object of that name. Neither part can hold a slash.
pub(crate) fn key(namespace: &str, name: &str) -> String {
    match namespace {
        "" => name.to_owned(),
        _ => format!("{namespace}/{name}"),
    }
}

/// Namespace and name of a key.
pub(crate) fn split(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or(("", key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_known_by_its_name_and_says_of_what_kind_it_is() {
        let value = json!({
            "metadata": {"namespace": "a", "name": "b", "resourceVersion": "7",
                         "managedFields": [{"manager": "x"}], "labels": {"c": "d"}},
            "spec": {"e": 1},
        });
        let object = Object::new(value, "v1", "Pod").unwrap();
        assert_eq!((&*object.key, &*object.version), ("a/b", "7"));
        assert_eq!(split(&object.key), ("a", "b"));
        let expected = json!({
            "metadata": {"namespace": "a", "name": "b", "resourceVersion": "7",
                         "labels": {"c": "d"}},
            "spec": {"e": 1}, "apiVersion": "v1", "kind": "Pod",
        });
        assert_eq!(
            serde_json::from_str::<Value>(&object.text).unwrap(),
            expected
        );
        let node = json!({"metadata": {"name": "n"}, "kind": "Node"});
        let node = Object::new(node, "v1", "Other").unwrap();
        assert_eq!((&*node.key, split(&node.key)), ("n", ("", "n")));
        assert!(node.text.contains(r#""kind":"Node""#));
    }

    #[test]
    fn what_is_no_object_says_why() {
        for (value, expected) in [
            (json!([]), "it is no object"),
            (json!({}), "it has no metadata"),
            (json!({"metadata": {"name": ""}}), "it has no name"),
        ] {
            assert_eq!(Object::new(value, "v1", "Pod"), Err(expected.to_owned()));
        }
    }
}
