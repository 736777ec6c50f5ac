//! An integration as it is handed to a plugin that delivers it, taken apart: what it reads, what is
//! secret, and where it sends to.
//!
//! It is not: who lends these things. The binary does, and reads the files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use narthex_http::{HttpConfig, Secret, TlsConfig};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::{Shape, scalar};
use super::integration::kind;
use super::kinds::Kind;
use super::{HttpSection, Integration, defaults};

/// The fields that name where a kind sends to.
const PLACES: &[(&str, &[&str])] = &[
    ("webhook", &["url"]),
    ("pagerduty", &["url"]),
    ("opsgenie", &["api_url"]),
    ("wechat", &["api_url"]),
    ("slack", &["api_url", "app_url"]),
    ("victorops", &["api_url"]),
    ("sns", &["api_url"]),
    ("telegram", &["api_url"]),
    ("discord", &["webhook_url"]),
    ("webex", &["api_url"]),
    ("msteams", &["webhook_url"]),
    ("msteamsv2", &["webhook_url"]),
    ("jira", &["api_url"]),
    ("rocketchat", &["api_url"]),
    ("incidentio", &["url"]),
    ("mattermost", &["webhook_url"]),
];

/// The fields of `plugin_configs` that name where a plugin sends to by the entry's `http_config`.
const PLUGIN_PLACES: [&str; 3] = ["url", "api_url", "webhook_url"];

/// Where a kind sends to whatever its entry says, as long as the entry has that field.
const FIXED_PLACES: [(&str, &str, &str); 2] = [
    ("pushover", "user_key", "https://api.pushover.net"),
    // The first version of the API, which knows no other address.
    ("pagerduty", "service_key", "https://events.pagerduty.com"),
];

/// The server that a mail is given to.
const SMARTHOST: &str = "smarthost";

/// An integration, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What the plugin is configured with: the fields that are no secrets, with defaults filled in.
    pub settings: Map<String, Value>,
    /// Its secrets by the names of their fields, one from a file under that of its text; `None`
    /// for an entry of `plugin_configs`, whose secrets are granted to the plugin.
    pub secrets: Option<BTreeMap<String, SecretSource>>,
    /// Where it sends to.
    pub places: Vec<Place>,
    /// How its HTTP requests are sent; `None` where the plugin has nobody to send to.
    pub client: Option<HttpConfig>,
    /// How it speaks TLS where it speaks no HTTP; `None` where the config does not say.
    pub tls: Option<TlsConfig>,
}

/// Where a secret lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In the config.
    Text(Secret),
    /// In a file, which may change.
    File(PathBuf),
}

/// Where an integration sends to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A URL, which may be a secret.
    Url(SecretSource),
    /// A host, without brackets, and a port.
    Tcp(String, u16),
}

impl Integration {
    /// Takes it apart.
    ///
    /// # Errors
    /// What it says cannot be lent: an address that is none, a `tls_config` that is wrong.
    pub fn entry(&self) -> Result<Entry, String> {
        match kind(&self.kind) {
            Some(kind) if !self.is_plugin => self.of_kind(kind),
            _ => Ok(self.of_plugin()),
        }
    }

    fn of_plugin(&self) -> Entry {
        let settings = self.settings.fields().clone();
        let has_client = self.http != HttpSection::default();
        let urls = PLUGIN_PLACES.map(|field| self.settings.text(field));
        let urls = urls.into_iter().filter(|text| !text.is_empty());
        Entry {
            places: urls
                .filter(|_| has_client)
                .map(|url| Place::Url(SecretSource::Text(Secret::new(&url))))
                .collect(),
            client: has_client.then(|| self.http.http_config()),
            settings,
            secrets: None,
            tls: None,
        }
    }

    fn of_kind(&self, kind: &Kind) -> Result<Entry, String> {
        let mut settings = self.settings.fields().clone();
        settings.retain(|_, value| !value.is_null());
        for (name, shape) in kind.fields {
            // What an issue's own fields hold is the site's to say.
            let is_free = (kind.name, *name) == ("jira", "fields");
            if let Some(value) = settings.get_mut(*name).filter(|_| !is_free) {
                shape.normalize(value);
            }
        }
        if let Some(Value::Object(details)) = settings.get_mut("details") {
            details.values_mut().for_each(as_text);
        }
        defaults::fill(kind.name, &mut settings);
        let tls = take_tls(&mut settings)?;
        let mut secrets = take_secrets(kind, &mut settings);
        // Of what the other kinds have in maps nothing is secret.
        if let Some(Value::Object(signing)) = settings.get_mut("sigv4")
            && let Some(Value::String(key)) = signing.remove("secret_key")
        {
            let source = SecretSource::Text(Secret::new(&key));
            secrets.insert("secret_key".to_owned(), source);
        }
        let places = places(kind, &settings, &secrets)?;
        Ok(Entry {
            client: Some(self.http.http_config()),
            settings,
            secrets: Some(secrets),
            places,
            tls,
        })
    }
}

/// What mail is protected with.
fn take_tls(settings: &mut Map<String, Value>) -> Result<Option<TlsConfig>, String> {
    let Some(written) = settings.remove("tls_config") else {
        return Ok(None);
    };
    let read = TlsConfig::deserialize(written);
    let tls = read.map_err(|error| format!("tls_config: {error}"))?;
    match tls.faults().first() {
        None => Ok(Some(tls)),
        Some(fault) => Err(format!("tls_config: {fault}")),
    }
}

/// Secrets, and what may lie in a file as well as they.
fn take_secrets(kind: &Kind, settings: &mut Map<String, Value>) -> BTreeMap<String, SecretSource> {
    let mut secrets = BTreeMap::new();
    for (name, shape) in kind.fields {
        let file = format!("{name}_file");
        let has_twin = kind.fields.iter().any(|(known, _)| *known == file);
        if !shape.is_secret() && !has_twin {
            continue;
        }
        let written = |value: Option<Value>| {
            let text = value.as_ref().and_then(scalar);
            text.filter(|text| !text.is_empty())
        };
        let inline = match shape {
            // A number is told to all who see the config: the plugin finds it there, too.
            Shape::Number => settings.get(*name).cloned(),
            _ => settings.remove(*name),
        };
        let source = match (written(inline), written(settings.remove(&file))) {
            (Some(text), _) => SecretSource::Text(Secret::new(&text)),
            (None, Some(file)) => SecretSource::File(file.into()),
            (None, None) => continue,
        };
        secrets.insert((*name).to_owned(), source);
    }
    secrets
}

fn places(
    kind: &Kind,
    settings: &Map<String, Value>,
    secrets: &BTreeMap<String, SecretSource>,
) -> Result<Vec<Place>, String> {
    let fields = PLACES.iter().find(|(name, _)| *name == kind.name);
    let fields = fields.map_or(&[][..], |(_, fields)| *fields);
    let mut places = Vec::new();
    let text = |field: &str| {
        let text = settings.get(field).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    for field in fields {
        let url = text(field).map(|url| SecretSource::Text(Secret::new(url)));
        places.extend(secrets.get(*field).cloned().or(url).map(Place::Url));
    }
    for (name, field, url) in FIXED_PLACES {
        if name == kind.name && secrets.contains_key(field) {
            places.push(Place::Url(SecretSource::Text(Secret::new(url))));
        }
    }
    if let Some(address) = text(SMARTHOST) {
        places.push(smarthost(address)?);
    }
    Ok(places)
}

fn smarthost(address: &str) -> Result<Place, String> {
    let fault = || format!("smarthost: {address:?} is not a host and a port");
    let (host, port) = address.rsplit_once(':').ok_or_else(fault)?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let port = port.parse().map_err(|_| fault())?;
    match bare.is_empty() {
        true => Err(fault()),
        false => Ok(Place::Tcp(bare.to_owned(), port)),
    }
}

fn as_text(value: &mut Value) {
    if let Some(text) = scalar(value) {
        *value = Value::from(text);
    }
}

#[cfg(test)]
mod tests;
