//! What the owner of a bucket may choose: Thanos' object store file, and what is ours beside it.

use std::fmt;
use std::path::PathBuf;

use narthex_http::Secret;
use narthex_model::{ByteSize, PromDuration};
use serde::{Deserialize, Serialize};

/// The object store and what happens with it (`--storage.object-store.config`).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BucketConfig {
    /// Which kind of store.
    #[serde(rename = "type")]
    pub provider: Provider,
    /// How to reach it.
    pub config: Settings,
    /// The folder of the bucket that is ours.
    #[serde(default)]
    pub prefix: String,
    /// Blocks go from the bucket once all of them is older than this; zero keeps them for ever.
    #[serde(default)]
    pub retention: PromDuration,
    /// How long a block that is marked for deletion stays, so that whoever reads it can finish,
    /// and how old a leftover of an upload becomes.
    #[serde(default = "delete_delay")]
    pub delete_delay: PromDuration,
    /// How often the bucket is looked at, and blocks that wait are brought there.
    #[serde(default = "sync_interval")]
    pub sync_interval: PromDuration,
    /// How much of what was read of the bucket is kept on the local disk.
    #[serde(default = "cache_size")]
    pub cache_size: ByteSize,
}

fn delete_delay() -> PromDuration {
    PromDuration::from_secs(48 * 3_600)
}

fn sync_interval() -> PromDuration {
    PromDuration::from_secs(3 * 60)
}

fn cache_size() -> ByteSize {
    ByteSize::from_bytes(1 << 30)
}

/// A kind of object store, by Thanos' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum Provider {
    /// Amazon S3, and all that speak its language.
    #[serde(rename = "S3", alias = "s3")]
    S3,
    /// Google Cloud Storage.
    #[serde(rename = "GCS", alias = "gcs")]
    Gcs,
    /// Azure Blob Storage.
    #[serde(rename = "AZURE", alias = "azure")]
    Azure,
    /// A folder, for instance of a network file system.
    #[serde(rename = "FILESYSTEM", alias = "filesystem")]
    FileSystem,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S3 => "S3",
            Self::Gcs => "GCS",
            Self::Azure => "AZURE",
            Self::FileSystem => "FILESYSTEM",
        })
    }
}

/// How to reach a store. Each provider takes some of these; the names are Thanos'.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// S3, GCS: the bucket.
    pub bucket: String,
    /// S3: host and port, with or without a scheme. AZURE: the suffix after the account's name.
    pub endpoint: String,
    /// S3: the region.
    pub region: String,
    /// S3: who asks. Without it, the environment and then the machine's role say so.
    pub access_key: String,
    /// S3: proves it.
    pub secret_key: Secret,
    /// S3: of credentials for a while.
    pub session_token: Secret,
    /// S3: HTTP instead of HTTPS.
    pub insecure: bool,
    /// S3: where the bucket's name goes: `auto`, `path` or `virtual-hosted`.
    pub bucket_lookup_type: BucketLookup,
    /// GCS: the account's key, a JSON document. Without it, the environment and then the
    /// machine's account say so.
    pub service_account: Secret,
    /// AZURE: the account.
    pub storage_account: String,
    /// AZURE: its key. Without it, the environment and then the machine's identity say so.
    pub storage_account_key: Secret,
    /// AZURE: the container.
    pub container: String,
    /// FILESYSTEM: the folder.
    pub directory: PathBuf,
}

/// Where the name of a bucket goes in a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BucketLookup {
    /// In the host's name for Amazon, in the path for others.
    #[default]
    Auto,
    /// In the host's name.
    VirtualHosted,
    /// In the path.
    Path,
}

/// What is wrong with a config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A field that the provider needs is not there.
    #[error("type {provider} needs config.{field}")]
    Missing {
        /// The kind of store.
        provider: Provider,
        /// The field.
        field: &'static str,
    },
    /// A field that means nothing for the provider.
    #[error("type {provider} knows no config.{field}")]
    Foreign {
        /// The kind of store.
        provider: Provider,
        /// The field.
        field: &'static str,
    },
    /// A time that must not be zero.
    #[error("{field} is zero")]
    Zero {
        /// The field.
        field: &'static str,
    },
}

impl BucketConfig {
    /// Finds all that is wrong; nothing is asked of the store.
    ///
    /// # Errors
    /// At least one fault.
    pub fn check(&self) -> Result<(), Vec<ConfigError>> {
        let provider = self.provider;
        let (needed, taken): (&[&str], &[&str]) = match provider {
            Provider::S3 => (
                &["bucket"],
                &[
                    "endpoint",
                    "region",
                    "access_key",
                    "secret_key",
                    "session_token",
                    "insecure",
                    "bucket_lookup_type",
                ],
            ),
            Provider::Gcs => (&["bucket"], &["service_account"]),
            Provider::Azure => (
                &["storage_account", "container"],
                &["storage_account_key", "endpoint"],
            ),
            Provider::FileSystem => (&["directory"], &[]),
        };
        let mut faults = Vec::new();
        for (field, is_given) in self.config.given() {
            if needed.contains(&field) && !is_given {
                faults.push(ConfigError::Missing { provider, field });
            }
            if is_given && !needed.contains(&field) && !taken.contains(&field) {
                faults.push(ConfigError::Foreign { provider, field });
            }
        }
        let keys = (
            !self.config.access_key.is_empty(),
            !self.config.secret_key.is_empty(),
        );
        match keys {
            (true, false) => faults.push(ConfigError::Missing {
                provider,
                field: "secret_key",
            }),
            (false, true) => faults.push(ConfigError::Missing {
                provider,
                field: "access_key",
            }),
            _ => {}
        }
        if self.sync_interval.is_zero() {
            faults.push(ConfigError::Zero {
                field: "sync_interval",
            });
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(faults),
        }
    }
}

impl Settings {
    /// Every field, and whether it says something.
    fn given(&self) -> [(&'static str, bool); 13] {
        [
            ("bucket", !self.bucket.is_empty()),
            ("endpoint", !self.endpoint.is_empty()),
            ("region", !self.region.is_empty()),
            ("access_key", !self.access_key.is_empty()),
            ("secret_key", !self.secret_key.is_empty()),
            ("session_token", !self.session_token.is_empty()),
            ("insecure", self.insecure),
            (
                "bucket_lookup_type",
                self.bucket_lookup_type != BucketLookup::Auto,
            ),
            ("service_account", !self.service_account.is_empty()),
            ("storage_account", !self.storage_account.is_empty()),
            ("storage_account_key", !self.storage_account_key.is_empty()),
            ("container", !self.container.is_empty()),
            ("directory", !self.directory.as_os_str().is_empty()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BucketConfig, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let config = read(r#"{"type": "S3", "config": {"bucket": "b"}}"#).unwrap();
        assert_eq!(config.delete_delay.to_string(), "2d");
        assert_eq!(config.sync_interval.to_string(), "3m");
        assert_eq!(config.cache_size.to_string(), "1GiB");
        assert!(config.retention.is_zero() && config.prefix.is_empty());
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn an_unknown_field_is_named() {
        for (text, named) in [
            (r#"{"type": "S3", "config": {"buckt": "b"}}"#, "buckt"),
            (r#"{"type": "S3", "config": {}, "prefx": "b"}"#, "prefx"),
            (r#"{"type": "SWIFT", "config": {}}"#, "SWIFT"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn each_provider_takes_its_own_fields_and_says_which_it_misses() {
        for (text, faults) in [
            (
                r#"{"type": "S3", "config": {}}"#,
                vec!["type S3 needs config.bucket"],
            ),
            (
                r#"{"type": "GCS", "config": {"bucket": "b", "region": "r"}}"#,
                vec!["type GCS knows no config.region"],
            ),
            (
                r#"{"type": "AZURE", "config": {"container": "c", "directory": "d"}}"#,
                vec![
                    "type AZURE needs config.storage_account",
                    "type AZURE knows no config.directory",
                ],
            ),
            (
                r#"{"type": "S3", "config": {"bucket": "b", "access_key": "k"}}"#,
                vec!["type S3 needs config.secret_key"],
            ),
            (
                r#"{"type": "FILESYSTEM", "config": {"directory": "d"}, "sync_interval": "0s"}"#,
                vec!["sync_interval is zero"],
            ),
        ] {
            let found = read(text).unwrap().check().unwrap_err();
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, faults);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = r#"{"type": "S3", "config": {"bucket": "b", "access_key": "k", "secret_key": "hunter2"}}"#;
        let config = read(text).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!serde_json::to_string(&config).unwrap().contains("hunter2"));
        assert_eq!(config.config.secret_key.expose(), "hunter2");
    }
}
