//! `remote_read`: other stores to ask. It is read and checked as Prometheus does; nobody asks them
//! yet, which the server says.

use std::collections::{BTreeMap, BTreeSet};

use narthex_model::PromDuration;
use serde::Deserialize;

use super::{client, url};
use crate::yaml::{Document, Taken};

/// An entry, but for its HTTP client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RemoteReadConfig {
    url: String,
    #[serde(rename = "remote_timeout")]
    _remote_timeout: PromDuration,
    #[serde(rename = "chunked_read_limit")]
    _chunked_read_limit: u64,
    headers: BTreeMap<String, String>,
    #[serde(rename = "read_recent")]
    _read_recent: bool,
    name: String,
    #[serde(rename = "required_matchers")]
    _required_matchers: BTreeMap<String, String>,
    #[serde(rename = "filter_external_labels")]
    _filter_external_labels: bool,
}

impl Default for RemoteReadConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            _remote_timeout: PromDuration::from_secs(60),
            _chunked_read_limit: 50_000_000,
            headers: BTreeMap::new(),
            _read_recent: false,
            name: String::new(),
            _required_matchers: BTreeMap::new(),
            _filter_external_labels: true,
        }
    }
}

/// Takes out and checks the fields of the entries' HTTP clients.
pub(super) fn take(document: &mut Document) {
    for at in document.entries("/remote_read") {
        let pointer = format!("/remote_read/{at}");
        let taken = document.take(&pointer, |name| client::FIELDS.contains(&name));
        let part = Taken::gather(taken, &pointer);
        client::read(document, &part);
    }
}

/// Checks what was read.
pub(super) fn check(document: &mut Document, configs: &[RemoteReadConfig]) {
    let entries = document.entries("/remote_read");
    let mut names = BTreeSet::new();
    for (config, at) in configs.iter().zip(entries) {
        let pointer = format!("/remote_read/{at}");
        let mut faults = Vec::new();
        if config.url.is_empty() {
            faults.push("url for remote_read is empty".to_owned());
        }
        faults.extend(url::fault(&config.url).map(|fault| format!("url: {fault}")));
        faults.extend(config.headers.keys().filter_map(|name| reserved(name)));
        if !config.name.is_empty() && !names.insert(&config.name) {
            let name = &config.name;
            let fault = format!("found multiple remote read configs with job name {name:?}");
            faults.push(fault);
        }
        for fault in faults {
            document.fault(&pointer, fault);
        }
    }
}

/// Headers that a request has already.
const RESERVED_HEADERS: [&str; 15] = [
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-amz-date",
    "x-amz-security-token",
];

/// Why a header may not be set, where it may not.
pub(super) fn reserved(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if lower == "authorization" {
        let text = "authorization header must be changed via the basic_auth, authorization, or \
                    oauth2 parameter";
        return Some(text.to_owned());
    }
    let is_reserved = RESERVED_HEADERS.contains(&lower.as_str());
    is_reserved.then(|| format!("{name} is a reserved header. It must not be changed"))
}
