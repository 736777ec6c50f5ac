//! What an entry of a receiver lends the one plugin that delivers it: a client of its `http_config`,
//! its secrets, its way to speak TLS, and the places that it names.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use narthex_alertmanager::{Entry, Place, SecretSource};
use narthex_http::Client;
use narthex_plugin::{GrantList, Lent, SecretConfig};
use narthex_registry::{Endpoint, is_host_name};

/// A file with a URL may have this many bytes.
const URL_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Lends it.
///
/// # Errors
/// The client cannot be made, or a URL is none. What is said of one holds nothing of it.
pub(super) fn lent(entry: &Entry) -> Result<Lent, String> {
    let mut lent = Lent::default();
    if let Some(config) = &entry.client {
        let client = Client::new(config).map_err(|error| error.to_string())?;
        lent = lent.with_client(client);
    }
    if let Some(secrets) = &entry.secrets {
        let secrets = secrets.iter();
        let secrets = secrets.map(|(name, source)| (name.clone(), secret(source)));
        lent = lent.with_secrets(secrets.collect());
    }
    if let Some(tls) = &entry.tls {
        lent = lent.with_tls(tls.clone());
    }
    for place in &entry.places {
        match place {
            Place::Url(SecretSource::Text(url)) => drop(endpoint(url.expose())?),
            // What it holds may be right by the time of a notification.
            Place::Url(SecretSource::File(_)) => {}
            Place::Tcp(host, port) => drop(granted(host.clone(), *port)?),
        }
    }
    let places = entry.places.clone();
    Ok(lent.with_reach(move || reach(&places)))
}

fn secret(source: &SecretSource) -> SecretConfig {
    match source {
        SecretSource::Text(value) => SecretConfig {
            file: None,
            value: value.clone(),
        },
        SecretSource::File(file) => SecretConfig {
            file: Some(file.clone()),
            ..SecretConfig::default()
        },
    }
}

/// What may be reached now. A file that does not name a place lends none: the plugin, which reads
/// the same file as a secret, says why.
fn reach(places: &[Place]) -> GrantList {
    let mut list = GrantList::default();
    for place in places {
        match place {
            Place::Tcp(host, port) => list.tcp.extend(granted(host.clone(), *port)),
            Place::Url(SecretSource::Text(url)) => list.http.extend(endpoint(url.expose())),
            Place::Url(SecretSource::File(file)) => {
                let url = read_url(file);
                list.http.extend(url.and_then(|url| endpoint(&url).ok()));
            }
        }
    }
    list
}

/// Host and port of a URL.
fn endpoint(url: &str) -> Result<String, String> {
    let (host, port) = Client::endpoint(url).map_err(|error| error.cause)?;
    granted(host, port)
}

/// A host and a port as a grant has them. There, what is no name may stand for many.
fn granted(host: String, port: u16) -> Result<String, String> {
    match is_host_name(&host) {
        true => Ok(Endpoint { host, port }.to_string()),
        false => Err("the host is neither a name nor an address".to_owned()),
    }
}

fn read_url(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(URL_FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use narthex_alertmanager::MatcherMode;

    use super::*;
    use crate::alertmanager;

    /// What the one entry of a receiver lends.
    fn of(folder: &Path, entry: &str) -> Result<Lent, String> {
        let path = folder.join("alertmanager.yml");
        let text = format!("route: {{receiver: r}}\nreceivers: [{{name: r, {entry}}}]\n");
        std::fs::write(&path, text).unwrap();
        let (config, _) = alertmanager::load(&path, MatcherMode::default()).unwrap();
        let integrations = config.integrations(MatcherMode::default()).unwrap();
        integrations[0].1.entry().and_then(|entry| lent(&entry))
    }

    #[test]
    fn an_entry_lends_the_places_that_it_names_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, " https://file.example/SECRET\n").unwrap();
        let file = file.display();
        for (entry, expected) in [
            (
                "slack_configs: [{api_url: 'http://u:SECRET@h.example/SECRET'}]".to_owned(),
                "http: [\"h.example:80\"]",
            ),
            (
                format!("slack_configs: [{{api_url_file: {file}}}]"),
                "http: [\"file.example:443\"]",
            ),
            (
                "slack_configs: [{api_url_file: /no/such/file}]".to_owned(),
                "http: []",
            ),
            (
                "pushover_configs: [{user_key: SECRET, token: SECRET, url: 'http://x'}]".to_owned(),
                "http: [\"api.pushover.net:443\"]",
            ),
            (
                "email_configs: [{to: a, from: b, smarthost: '[::1]:25'}]".to_owned(),
                "tcp: [\"[::1]:25\"]",
            ),
            (
                "plugin_configs: [{plugin: p, url: 'http://h', http_config: {}}]".to_owned(),
                "http: []",
            ),
            (
                "plugin_configs: [{plugin: p, url: 'http://h', \
                 http_config: {bearer_token: SECRET}}]"
                    .to_owned(),
                "http: [\"h:80\"]",
            ),
        ] {
            let shown = format!("{:?}", of(folder.path(), &entry).unwrap());
            assert!(shown.contains(expected), "{entry}: {shown}");
            assert!(!shown.contains("SECRET"), "{shown}");
        }
    }

    #[test]
    fn what_cannot_be_lent_is_told_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        for (entry, expected) in [
            (
                "email_configs: [{to: a, from: b, smarthost: mail}]",
                "smarthost: \"mail\" is not a host and a port",
            ),
            (
                "email_configs: [{to: a, from: b, smarthost: 'm:1', tls_config: {cert: x}}]",
                "tls_config: exactly one of key or key_file",
            ),
            (
                "slack_configs: [{api_url: 'http://h:99999/SECRET'}]",
                "invalid port",
            ),
            (
                "slack_configs: [{api_url: 'http://*/SECRET'}]",
                "the host is neither a name nor an address",
            ),
            (
                "email_configs: [{to: a, from: b, smarthost: '*:25'}]",
                "the host is neither a name nor an address",
            ),
        ] {
            let error = of(folder.path(), entry).unwrap_err();
            assert!(error.contains(expected), "{entry}: {error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
    }
}
