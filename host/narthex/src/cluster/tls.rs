//! The file of `--cluster.tls-config`: by which certificates peers of a cluster know each other.
//!
//! It is not: how they talk, which the crate `cluster` has, nor what TLS can do: `web` and `http`
//! make it of the file.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use narthex_cluster::PeerTls;
use narthex_http::{TlsConfig, tls_client};
use narthex_web::{TlsServerConfig, tls_server};
use rustls::{ClientConfig, ServerConfig};
use serde::Deserialize;

use crate::yaml;

/// The file, field for field as Alertmanager has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterTls {
    /// What is shown to, and asked of, peers that connect.
    tls_server_config: TlsServerConfig,
    /// What is shown to, and asked of, peers that are connected to.
    tls_client_config: TlsConfig,
}

impl ClusterTls {
    /// Reads the file. What it names lies beside it, and is read for each connection.
    ///
    /// # Errors
    /// It is not what the format says, or cannot be read.
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        let file = path.display().to_string();
        let text = yaml::read_text(path).with_context(|| format!("couldn't load {file}"))?;
        let read = yaml::read(&text, &file).map_err(|mut error| {
            // There may be keys in the lines.
            for fault in &mut error.faults {
                fault.snippet.clear();
            }
            error
        });
        let mut read: Self = read?;
        let folder = path.parent().unwrap_or(Path::new(""));
        read.tls_server_config.set_directory(folder);
        for name in read.tls_client_config.files() {
            if !name.is_empty() {
                *name = folder.join(&*name).display().to_string();
            }
        }
        let faults = read.tls_client_config.faults();
        if !faults.is_empty() {
            bail!("{file}: tls_client_config: {}", faults.join("; "));
        }
        Ok(read)
    }
}

impl PeerTls for ClusterTls {
    fn server(&self) -> Result<Arc<ServerConfig>, String> {
        tls_server(&self.tls_server_config).map_err(|error| error.to_string())
    }

    fn client(&self) -> Result<Arc<ClientConfig>, String> {
        tls_client(&self.tls_client_config).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_beside_the_config_and_faults_show_no_line_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tls.yml");
        let load = |text: &str| {
            std::fs::write(&file, text).unwrap();
            ClusterTls::load(&file)
        };
        let tls = load(
            "tls_server_config: {cert_file: own.pem, key_file: own.key}\n\
             tls_client_config: {ca_file: ca.pem}\n",
        );
        let tls = tls.unwrap();
        for refused in [tls.server().unwrap_err(), tls.client().unwrap_err()] {
            let beside = folder.path().display().to_string();
            assert!(refused.contains(&beside), "{refused}");
        }
        for (text, expected) in [
            ("tls_server_config: {}\n", "tls_client_config"),
            (
                "tls_server_config: {key: SECRET, keys: SECRET}\ntls_client_config: {}\n",
                "keys",
            ),
            (
                "tls_server_config: {}\ntls_client_config: {cert: SECRET}\n",
                "tls_client_config: exactly one of key or key_file",
            ),
        ] {
            let error = format!("{:#}", load(text).unwrap_err());
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
    }
}
