//! What the operator lends to plugins by name: secrets, and ways to speak TLS. Neither enters a
//! guest; a secret does by `reveal`, which is counted.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use narthex_http::{Lookup, Outbound, Secret, TlsClient, TlsConfig};
use narthex_registry::is_link_local;

use crate::bindings::plugin::types::Error;
use crate::config::{PluginsConfig, SecretConfig};
use crate::limits::{CLIENTS_MAX, SECRET_BYTES_MAX};

/// Secrets and TLS profiles of one configuration.
#[derive(Debug)]
pub(crate) struct Vault {
    secrets: BTreeMap<String, SecretConfig>,
    tls: BTreeMap<String, TlsConfig>,
    lookup: Arc<dyn Lookup>,
    clients: Mutex<BTreeMap<ClientKey, Made<Outbound>>>,
    sessions: Mutex<BTreeMap<String, Made<TlsClient>>>,
}

/// Clients differ in their profile and in the link-local addresses that names may lead to.
type ClientKey = (String, Vec<IpAddr>);

/// Something made from files, and what the files looked like then.
#[derive(Debug, Clone)]
struct Made<T> {
    stamp: Stamp,
    made: T,
}

/// Time and size of each file of a profile; none where it cannot be read.
type Stamp = Vec<Option<(SystemTime, u64)>>;

impl Vault {
    /// What a configuration lends.
    pub(crate) fn new(config: &PluginsConfig, lookup: Arc<dyn Lookup>) -> Arc<Self> {
        Arc::new(Self {
            secrets: config.secrets.clone(),
            tls: config.tls.clone(),
            lookup,
            clients: Mutex::default(),
            sessions: Mutex::default(),
        })
    }

    /// Whether there is a secret of that name.
    pub(crate) fn has_secret(&self, name: &str) -> bool {
        self.secrets.contains_key(name)
    }

    /// A secret as it is now.
    pub(crate) async fn secret(&self, name: &str) -> Result<Secret, Error> {
        match self.secrets.get(name) {
            Some(secret) => read(name, secret).await,
            None => {
                let text = format!("secret {name:?}: it is not in plugins.secrets");
                Err(Error::Config(text))
            }
        }
    }

    /// The HTTP client of a profile. Names lead to no link-local address beside `literals`.
    pub(crate) async fn http(
        self: Arc<Self>,
        profile: &str,
        literals: Vec<IpAddr>,
    ) -> Result<Outbound, Error> {
        let key = (profile.to_owned(), literals);
        self.blocking(profile, move |vault, config| {
            let filter = key.1.clone();
            make(&vault.clients, key, config, |config| {
                let is_allowed = move |address: IpAddr| {
                    !is_link_local(address) || filter.contains(&address.to_canonical())
                };
                Outbound::new(config, vault.lookup.clone(), Arc::new(is_allowed))
            })
        })
        .await
    }

    /// TLS of a profile.
    pub(crate) async fn tls(self: Arc<Self>, profile: &str) -> Result<TlsClient, Error> {
        let key = profile.to_owned();
        self.blocking(profile, move |vault, config| {
            make(&vault.sessions, key, config, TlsClient::new)
        })
        .await
    }

    /// Does something with a profile, away from the tasks if files are to be read for it. The
    /// empty name is the system's authorities and no client certificate.
    async fn blocking<T: Send + 'static>(
        self: Arc<Self>,
        profile: &str,
        work: impl FnOnce(&Self, &TlsConfig) -> Result<T, narthex_http::BuildError> + Send + 'static,
    ) -> Result<T, Error> {
        let fault = |text: String| Error::Config(format!("TLS profile {profile:?}: {text}"));
        let config = match profile {
            "" => TlsConfig::default(),
            name => match self.tls.get(name) {
                Some(config) => config.clone(),
                None => return Err(fault("it is not in plugins.tls".to_owned())),
            },
        };
        let done = tokio::task::spawn_blocking(move || work(&self, &config)).await;
        match done {
            Ok(Ok(made)) => Ok(made),
            Ok(Err(error)) => Err(fault(error.to_string())),
            Err(_) => Err(fault("it cannot be set up".to_owned())),
        }
    }
}

/// A secret as it is now, wherever it comes from.
pub(crate) async fn read(name: &str, secret: &SecretConfig) -> Result<Secret, Error> {
    let Some(file) = secret.file.clone() else {
        return Ok(secret.value.clone());
    };
    let read = tokio::task::spawn_blocking(move || read_secret(&file)).await;
    let read = read.unwrap_or_else(|_| Err("its file was not read".to_owned()));
    read.map_err(|text| Error::Config(format!("secret {name:?}: {text}")))
}

/// Takes what was made before, as long as its files are the same; else makes it.
fn make<K: Ord, T: Clone>(
    all: &Mutex<BTreeMap<K, Made<T>>>,
    key: K,
    config: &TlsConfig,
    new: impl FnOnce(&TlsConfig) -> Result<T, narthex_http::BuildError>,
) -> Result<T, narthex_http::BuildError> {
    let stamp = stamp(config);
    let lock = || all.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lock().get(&key)
        && known.stamp == stamp
    {
        return Ok(known.made.clone());
    }
    let made = new(config)?;
    let mut all = lock();
    if all.len() >= CLIENTS_MAX {
        all.clear();
    }
    let kept = made.clone();
    all.insert(key, Made { stamp, made: kept });
    Ok(made)
}

fn stamp(config: &TlsConfig) -> Stamp {
    let files = [&config.ca_file, &config.cert_file, &config.key_file];
    let files = files.into_iter().filter(|file| !file.is_empty());
    files
        .map(|file| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
        .collect()
}

fn read_secret(file: &Path) -> Result<Secret, String> {
    use std::io::Read;
    let fault = |error: std::io::Error| format!("{}: {error}", file.display());
    let file_open = std::fs::File::open(file).map_err(fault)?;
    let mut text = String::new();
    let mut bounded = file_open.take(SECRET_BYTES_MAX + 1);
    bounded.read_to_string(&mut text).map_err(fault)?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        let text = format!("{}: larger than {SECRET_BYTES_MAX} bytes", file.display());
        return Err(text);
    }
    match text.trim() {
        "" => Err(format!("{}: there is nothing in it", file.display())),
        secret => Ok(Secret::new(secret)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use narthex_http::SystemLookup;

    fn vault(config: &str) -> Arc<Vault> {
        Vault::new(
            &serde_json::from_str(config).unwrap(),
            Arc::new(SystemLookup),
        )
    }

    #[tokio::test]
    async fn a_secret_is_what_its_file_holds_now() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let config =
            format!(r#"{{"secrets": {{"a": {{"file": {file:?}}}, "b": {{"value": "x"}}}}}}"#);
        let vault = vault(&config);
        for (content, expected) in [
            (" one\n".to_owned(), Ok("one")),
            ("two".to_owned(), Ok("two")),
            ("\n".to_owned(), Err("there is nothing in it")),
            ("x".repeat(70_000), Err("larger than 65536 bytes")),
        ] {
            std::fs::write(&file, content).unwrap();
            match (vault.secret("a").await, expected) {
                (Ok(secret), Ok(text)) => assert_eq!(secret.expose(), text),
                (Err(Error::Config(text)), Err(part)) => assert!(text.contains(part), "{text}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(vault.secret("b").await.unwrap().expose(), "x");
        assert!(vault.secret("c").await.is_err());
    }

    #[tokio::test]
    async fn a_profile_is_made_anew_when_its_files_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let vault = vault(&format!(r#"{{"tls": {{"a": {{"ca_file": {file:?}}}}}}}"#));
        let Err(Error::Config(text)) = vault.clone().tls("a").await else {
            panic!("a profile without its file");
        };
        assert!(
            text.starts_with("TLS profile \"a\": unable to read CA cert"),
            "{text}"
        );
        std::fs::write(&file, "nothing").unwrap();
        let Err(Error::Config(text)) = vault.clone().tls("a").await else {
            panic!("a profile without certificates");
        };
        assert!(text.contains("no certificate in it"), "{text}");
        assert!(vault.clone().tls("").await.is_ok());
        assert!(vault.clone().http("", Vec::new()).await.is_ok());
        assert!(vault.tls("b").await.is_err());
    }
}
