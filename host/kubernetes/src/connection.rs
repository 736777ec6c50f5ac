//! Where a cluster is, and how it is asked.

use std::io;
use std::path::{Path, PathBuf};

use narthex_http::{Authorization, HttpConfig, TlsConfig};

use crate::exec::ExecConfig;

/// Where a cluster puts the account of a pod.
pub const SERVICE_ACCOUNT_FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Where a cluster is, and how it is asked. Two equal ones are the same cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// `https://10.0.0.1:6443`
    pub server: String,
    /// Credentials and TLS.
    pub http: HttpConfig,
    /// A program that prints tokens.
    pub exec: Option<ExecConfig>,
}

/// Why nobody knows where the cluster is.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// There is no cluster around.
    #[error(
        "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and \
         KUBERNETES_SERVICE_PORT must be defined"
    )]
    NotInCluster,
    /// A file of the account cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The kubeconfig file does not say it.
    #[error("kubeconfig: {0}")]
    Kubeconfig(String),
}

/// The account of the pod that this process runs in.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    folder: PathBuf,
    host: Option<String>,
    port: Option<String>,
}

impl ServiceAccount {
    /// As the cluster tells it.
    pub fn of_pod() -> Self {
        let folder = Path::new(SERVICE_ACCOUNT_FOLDER);
        Self::new(folder, |name| std::env::var(name).ok())
    }

    /// In another folder and environment.
    pub fn new(folder: &Path, variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        Self {
            folder: folder.to_owned(),
            host: variable("KUBERNETES_SERVICE_HOST"),
            port: variable("KUBERNETES_SERVICE_PORT"),
        }
    }

    /// The cluster around. The token is read for each request, and the authority again when it
    /// changes: both are exchanged while the pod runs.
    ///
    /// # Errors
    /// There is none, or the account has no token.
    pub fn connection(&self) -> Result<Connection, ConnectionError> {
        let (Some(host), Some(port)) = (&self.host, &self.port) else {
            return Err(ConnectionError::NotInCluster);
        };
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.clone(),
        };
        let token = self.folder.join("token");
        self.read(&token)?;
        let authority = self.folder.join("ca.crt");
        let tls = match authority.is_file() {
            true => TlsConfig {
                ca_file: authority.display().to_string(),
                ..TlsConfig::default()
            },
            false => TlsConfig::default(),
        };
        Ok(Connection {
            server: format!("https://{host}:{port}"),
            http: HttpConfig {
                authorization: Some(Authorization {
                    credentials_file: token.display().to_string(),
                    ..Authorization::default()
                }),
                tls_config: Some(tls),
                proxy_from_environment: true,
                follow_redirects: false,
                ..HttpConfig::default()
            },
            exec: None,
        })
    }

    /// The namespace of the pod.
    ///
    /// # Errors
    /// The account does not say.
    pub fn namespace(&self) -> Result<String, ConnectionError> {
        let text = self.read(&self.folder.join("namespace"))?;
        Ok(text.trim().to_owned())
    }

    fn read(&self, path: &Path) -> Result<String, ConnectionError> {
        std::fs::read_to_string(path).map_err(|source| ConnectionError::File {
            path: path.display().to_string(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_knows_its_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let outside = ServiceAccount::new(folder.path(), |_| None);
        assert!(matches!(
            outside.connection(),
            Err(ConnectionError::NotInCluster)
        ));
        let inside = ServiceAccount::new(folder.path(), |name| {
            Some(
                if name.ends_with("HOST") {
                    "fd00::1"
                } else {
                    "443"
                }
                .to_owned(),
            )
        });
        let error = inside.connection().unwrap_err().to_string();
        assert!(error.contains("token: No such file"), "{error}");
        for (file, text) in [
            ("token", "t"),
            ("ca.crt", "c"),
            ("namespace", "monitoring\n"),
        ] {
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        let connection = inside.connection().unwrap();
        assert_eq!(connection.server, "https://[fd00::1]:443");
        let authorization = connection.http.authorization.unwrap();
        assert!(authorization.credentials_file.ends_with("/token"));
        let tls = connection.http.tls_config.unwrap();
        assert!(tls.ca_file.ends_with("/ca.crt"));
        assert_eq!(inside.namespace().unwrap(), "monitoring");
    }
}
