//! Users and passwords of registries, in the files that docker keeps them in.
//!
//! `narthex plugin login` writes `narthex/auth.json` in the user's folder of configurations,
//! readable by nobody else; `~/.docker/config.json` is read after it. Credential helpers are not
//! run: an entry without a password of its own counts as none.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use narthex_http::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::RegistryError;
use crate::config::RegistryConfig;
use crate::error::PackageError;
use crate::package::read_file;

/// The largest file of credentials.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A user and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub username: String,
    /// The password, or a token in its place.
    pub password: Secret,
}

/// A file in docker's format.
#[derive(Debug, Clone)]
pub struct CredentialsFile {
    path: PathBuf,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct AuthFile {
    #[serde(default)]
    auths: BTreeMap<String, AuthEntry>,
    /// What else others keep there.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct AuthEntry {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    auth: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Credentials {
    /// Those of a registry: from the configuration, else from the user's files, else none.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn find(config: &RegistryConfig, host: &str) -> Result<Option<Self>, RegistryError> {
        if let (Some(username), Some(file)) = (&config.username, &config.password_file) {
            let password = read_file(file, FILE_BYTES_MAX)?;
            let password = String::from_utf8_lossy(&password).trim_end().to_owned();
            return Ok(Some(Self {
                username: username.clone(),
                password: Secret::new(password),
            }));
        }
        for file in CredentialsFile::of_user() {
            if let Some(credentials) = file.read(host)? {
                return Ok(Some(credentials));
            }
        }
        Ok(None)
    }
}

impl CredentialsFile {
    /// One at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The user's files in the order in which they are asked; the first is the one that a login
    /// writes. None without a home folder.
    pub fn of_user() -> Vec<Self> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let home = variable("HOME");
        let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let configs = variable("XDG_CONFIG_HOME").or_else(|| below_home(".config"));
        let docker = variable("DOCKER_CONFIG").or_else(|| below_home(".docker"));
        let files = [
            configs.map(|folder| folder.join("narthex/auth.json")),
            docker.map(|folder| folder.join("config.json")),
        ];
        files.into_iter().flatten().map(Self::new).collect()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn parse(&self) -> Result<AuthFile, RegistryError> {
        let text = match read_file(&self.path, FILE_BYTES_MAX) {
            Err(PackageError::NotFound(_)) => return Ok(AuthFile::default()),
            read => read?,
        };
        serde_json::from_slice(&text).map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &dyn std::fmt::Display) -> RegistryError {
        RegistryError::Config(format!("{}: {error}", self.path.display()))
    }

    /// The credentials of a registry, where there are any.
    ///
    /// # Errors
    /// The file cannot be read, or is not in docker's format.
    pub fn read(&self, host: &str) -> Result<Option<Credentials>, RegistryError> {
        let file = self.parse()?;
        let names = [
            host.to_owned(),
            format!("https://{host}"),
            format!("http://{host}"),
        ];
        let entry = names.iter().find_map(|name| file.auths.get(name));
        let Some(entry) = entry.filter(|entry| !entry.auth.is_empty()) else {
            return Ok(None);
        };
        let decoded = STANDARD.decode(&entry.auth).ok();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
        let (username, password) =
            pair.ok_or_else(|| self.fault(&format!("the entry of {host} is damaged")))?;
        Ok(Some(Credentials {
            username: username.to_owned(),
            password: Secret::new(password),
        }))
    }

    /// Writes the credentials of a registry, keeping all others. Nobody but the user can read the
    /// file.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn write(&self, host: &str, credentials: &Credentials) -> Result<(), RegistryError> {
        let mut file = self.parse()?;
        let pair = format!("{}:{}", credentials.username, credentials.password.expose());
        let entry = AuthEntry {
            auth: STANDARD.encode(pair),
            others: Map::new(),
        };
        file.auths.insert(host.to_owned(), entry);
        let text = serde_json::to_vec_pretty(&file).map_err(|error| self.fault(&error))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| self.fault(&error))?;
        let unfinished = self.path.with_extension("unfinished");
        let _ = fs::remove_file(&unfinished);
        let written = File::options()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&unfinished)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&unfinished, &self.path));
        written.map_err(|error| self.fault(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn credentials(username: &str) -> Credentials {
        Credentials {
            username: username.to_owned(),
            password: Secret::new("pass:word"),
        }
    }

    #[test]
    fn what_a_login_writes_is_read_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = CredentialsFile::new(folder.path().join("narthex/auth.json"));
        assert_eq!(file.read("a.example"), Ok(None));
        file.write("a.example", &credentials("one")).unwrap();
        file.write("b.example:5000", &credentials("two")).unwrap();
        file.write("a.example", &credentials("three")).unwrap();
        assert_eq!(file.read("a.example"), Ok(Some(credentials("three"))));
        assert_eq!(file.read("b.example:5000"), Ok(Some(credentials("two"))));
        let mode = fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_of_docker_is_read_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = CredentialsFile::new(folder.path().join("config.json"));
        let text = r#"{"auths": {"https://a.example": {"auth": "dTpw"}, "b": {}, "c": {"auth": "?"}},
            "credsStore": "desktop"}"#;
        fs::write(file.path(), text).unwrap();
        let read = file.read("a.example").unwrap().unwrap();
        assert_eq!((read.username.as_str(), read.password.expose()), ("u", "p"));
        assert_eq!(file.read("b"), Ok(None));
        assert!(file.read("c").unwrap_err().to_string().contains("damaged"));
        file.write("b", &credentials("b")).unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        assert!(text.contains("credsStore"), "{text}");
        fs::write(file.path(), "[]").unwrap();
        assert!(file.read("a").is_err());
    }

    #[test]
    fn the_configuration_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let password_file = folder.path().join("password");
        fs::write(&password_file, "secret\n").unwrap();
        let config = RegistryConfig {
            username: Some("u".to_owned()),
            password_file: Some(password_file.clone()),
            ..RegistryConfig::default()
        };
        let found = Credentials::find(&config, "a").unwrap().unwrap();
        assert_eq!(
            (found.username.as_str(), found.password.expose()),
            ("u", "secret")
        );
        fs::remove_file(password_file).unwrap();
        assert!(Credentials::find(&config, "a").is_err());
    }
}
