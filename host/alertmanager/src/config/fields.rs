//! Fields of a section whose meaning a table knows: `global`, and each integration of a receiver.

use narthex_model::PromDuration;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::HttpSection;

/// What a config says in such a section, secrets included.
#[derive(Clone, PartialEq, Default, Deserialize)]
#[serde(transparent)]
pub struct Settings(Map<String, Value>);

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Which of them are secrets the table knows, and not this.
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    /// A text that is never shown.
    Secret,
    /// `http` or `https`.
    Url,
    /// A URL that is never shown.
    SecretUrl,
    /// A URL of which the host is shown and nothing else. Tools of Alertmanager before 0.26 read
    /// this field back as a URL.
    HostUrl,
    Bool,
    Number,
    /// As `5m`.
    Duration,
    /// Texts by their names.
    Texts,
    List,
    Map,
    Http,
}

/// A field of a section.
pub(super) type Field = (&'static str, Shape);

/// What stands where a secret does.
const SECRET: &str = "<secret>";

impl Settings {
    /// A field; `None` where it is missing or null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// All fields, as they were written.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes a field out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// The text of a field, "" where it is missing. A number is a text as well, as for Go's reader.
    pub fn text(&self, name: &str) -> String {
        self.get(name).and_then(scalar).unwrap_or_default()
    }

    /// Whether a field says something.
    pub(super) fn has(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::String(text)) => !text.is_empty(),
            Some(_) => true,
            None => false,
        }
    }

    /// A yes or no; `None` where it is missing.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    /// A count; 0 where it is missing.
    pub fn count(&self, name: &str) -> u64 {
        self.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// A duration; `None` where it is missing.
    pub fn duration(&self, name: &str) -> Option<PromDuration> {
        self.text(name).parse().ok()
    }

    /// `http_config`; `None` where it is missing.
    ///
    /// # Errors
    /// It is none.
    pub fn http(&self) -> Result<Option<HttpSection>, String> {
        let Some(value) = self.get("http_config") else {
            return Ok(None);
        };
        let read = HttpSection::deserialize(value);
        read.map(Some)
            .map_err(|error| format!("http_config: {error}"))
    }

    /// What is wrong with the fields by themselves.
    pub(super) fn faults(&self, known: &[Field], more: &[Field]) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, value) in &self.0 {
            let mut fields = known.iter().chain(more);
            let Some((_, shape)) = fields.find(|(known, _)| known == name) else {
                faults.push(format!("field {name} not found"));
                continue;
            };
            if !value.is_null()
                && let Some(fault) = shape.fault(value)
            {
                faults.push(format!("{name}: {fault}"));
            }
        }
        if let Ok(Some(http)) = self.http() {
            let http = http.http_faults().into_iter();
            faults.extend(http.map(|fault| format!("http_config: {fault}")));
        }
        faults
    }

    /// The fields for everybody to see.
    pub(super) fn shown(&self, known: &[Field], more: &[Field]) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in &self.0 {
            let mut fields = known.iter().chain(more);
            let shape = fields.find(|(known, _)| known == name).map(|field| field.1);
            if let Some(value) = shape.and_then(|shape| shape.shown(value)) {
                shown.insert(name.clone(), value);
            }
        }
        shown
    }
}

/// The text of a scalar.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Shape {
    /// Whether nobody is shown it.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::SecretUrl | Self::HostUrl)
    }

    /// Makes texts of scalars that are read as such, as Go's reader does, in structures as well.
    pub(super) fn normalize(self, value: &mut Value) {
        match self {
            Self::Bool | Self::Number | Self::Http => {}
            Self::Texts => {
                let texts = value.as_object_mut().into_iter().flatten();
                texts.for_each(|(_, text)| Self::Text.normalize(text));
            }
            Self::List | Self::Map => match value {
                Value::Array(list) => list.iter_mut().for_each(|value| self.normalize(value)),
                Value::Object(map) => map.values_mut().for_each(|value| self.normalize(value)),
                // A yes or no has fields of its own there.
                Value::Number(number) => *value = Value::from(number.to_string()),
                _ => {}
            },
            _ => {
                if let Some(text) = scalar(value) {
                    *value = Value::from(text);
                }
            }
        }
    }

    /// Why a value is none of this shape.
    fn fault(self, value: &Value) -> Option<String> {
        let expected = |expected: &str| Some(format!("expected {expected}"));
        match self {
            Self::Text | Self::Secret => match scalar(value) {
                Some(_) => None,
                None => expected("a text"),
            },
            Self::Url | Self::SecretUrl | Self::HostUrl => match scalar(value) {
                // As the API shows it, so that what it shows is a config again.
                Some(text) if text == SECRET && self != Self::Url => None,
                Some(text) => url_fault(&text, self == Self::Url),
                None => expected("a URL"),
            },
            Self::Bool if !value.is_boolean() => expected("true or false"),
            Self::Number if !value.is_i64() && !value.is_u64() => expected("a whole number"),
            Self::Duration => match scalar(value).map(|text| text.parse::<PromDuration>()) {
                Some(Ok(_)) => None,
                Some(Err(error)) => Some(error.to_string()),
                None => expected("a duration"),
            },
            Self::Texts => match value.as_object() {
                Some(map) if map.values().all(|value| scalar(value).is_some()) => None,
                _ => expected("a map of texts"),
            },
            Self::List if !value.is_array() => expected("a list"),
            Self::Map if !value.is_object() => expected("a map"),
            Self::Http => {
                let read = HttpSection::deserialize(value);
                read.err().map(|error| error.to_string())
            }
            Self::Bool | Self::Number | Self::List | Self::Map => None,
        }
    }

    fn shown(self, value: &Value) -> Option<Value> {
        let is_empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
        if is_empty {
            return None;
        }
        let secret = || Some(Value::from(SECRET));
        match self {
            Self::Secret | Self::SecretUrl => secret(),
            Self::HostUrl => match value.as_str().and_then(host) {
                Some(host) => Some(Value::from(format!("{host}/{SECRET}"))),
                None => secret(),
            },
            // A structure of the table's own may hold anything, and says so by its names.
            Self::Map | Self::List => {
                let settings = narthex_model::PluginSettings::from(value.clone());
                serde_json::to_value(settings).ok()
            }
            Self::Http => {
                let read = HttpSection::deserialize(value).ok()?;
                serde_json::to_value(read).ok()
            }
            _ => Some(value.clone()),
        }
    }
}

/// Scheme and host of a URL, without the name and password of a user.
fn host(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(format!("{scheme}://{host}"))
}

/// What is wrong with a URL, in Alertmanager's words. One that is secret is not quoted.
pub(super) fn url_fault(url: &str, is_public: bool) -> Option<String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        let shown = if is_public { scheme } else { "" };
        return Some(match shown {
            "" => "unsupported scheme for URL".to_owned(),
            scheme => format!("unsupported scheme {scheme:?} for URL"),
        });
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.is_empty().then(|| "missing host for URL".to_owned())
}
