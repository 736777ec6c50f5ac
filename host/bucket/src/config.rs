//! What the owner of a bucket may choose: Thanos' object store file, and what is ours beside it.

mod settings;

use std::fmt;

use narthex_model::{ByteSize, PromDuration};
use serde::{Deserialize, Serialize};

use crate::provider::ConnectionString;

pub use self::settings::{
    BucketLookup, Encryption, EncryptionKind, HttpConfig, Settings, TlsConfig, Trace,
};

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

impl Provider {
    /// The fields that it needs, and those that it takes.
    fn fields(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::S3 => (
                &["bucket"],
                &[
                    "endpoint",
                    "region",
                    "access_key",
                    "secret_key",
                    "session_token",
                    "insecure",
                    "bucket_lookup_type",
                    "aws_sdk_auth",
                    "sse_config",
                    "sts_endpoint",
                    "list_objects_version",
                    "signature_version2",
                    "put_user_metadata",
                    "disable_multipart",
                    "trace",
                    "http_config",
                    "max_retries",
                    "disable_dualstack",
                    "send_content_md5",
                    "part_size",
                ],
            ),
            Self::Gcs => (
                &["bucket"],
                &[
                    "service_account",
                    "use_grpc",
                    "http_config",
                    "max_retries",
                    "chunk_size_bytes",
                    "grpc_conn_pool_size",
                ],
            ),
            Self::Azure => (
                &["storage_account", "container"],
                &[
                    "storage_account_key",
                    "storage_connection_string",
                    "endpoint",
                    "az_tenant_id",
                    "client_id",
                    "client_secret",
                    "user_assigned_id",
                    "http_config",
                    "max_retries",
                    "storage_create_container",
                    "msi_resource",
                    "reader_config",
                    "pipeline_config",
                ],
            ),
            Self::FileSystem => (&["directory"], &[]),
        }
    }
}

/// Fields of which each needs the other.
const TOGETHER: [(&str, &str); 3] = [
    ("access_key", "secret_key"),
    ("az_tenant_id", "client_id"),
    ("client_id", "client_secret"),
];

/// Fields that say who asks, each in a way of its own, as Thanos keeps them apart.
const APART: [(&str, &str); 5] = [
    ("aws_sdk_auth", "access_key"),
    ("storage_account_key", "storage_connection_string"),
    ("user_assigned_id", "storage_account_key"),
    ("user_assigned_id", "storage_connection_string"),
    ("user_assigned_id", "client_id"),
];

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
    /// A field of Thanos that asks for what nothing here does.
    #[error("config.{field} is not supported: {instead}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// How it is.
        instead: &'static str,
    },
    /// Two fields that say who asks.
    #[error("config.{field} and config.{other} exclude each other")]
    Excluded {
        /// The one field.
        field: &'static str,
        /// The other one.
        other: &'static str,
    },
    /// A text that is not of the form that it should have.
    #[error("config.{field} cannot be read: {fault}")]
    Malformed {
        /// The field.
        field: &'static str,
        /// What is wrong with it, without what it says.
        fault: &'static str,
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
        let (needed, taken) = provider.fields();
        let mut faults = Vec::new();
        let given = self.config.given();
        let is_given = |name: &str| given.iter().any(|(field, is)| *is && *field == name);
        for (field, is_there) in &given {
            let field = *field;
            if needed.contains(&field) && !is_there {
                faults.push(ConfigError::Missing { provider, field });
            }
            if *is_there && !needed.contains(&field) && !taken.contains(&field) {
                faults.push(ConfigError::Foreign { provider, field });
            }
        }
        for (one, other) in TOGETHER {
            for (there, field) in [(one, other), (other, one)] {
                if is_given(there) && !is_given(field) {
                    faults.push(ConfigError::Missing { provider, field });
                }
            }
        }
        for (field, other) in APART {
            if is_given(field) && is_given(other) {
                faults.push(ConfigError::Excluded { field, other });
            }
        }
        let sse = &self.config.sse_config;
        if sse.kind == EncryptionKind::Kms && sse.kms_key_id.is_empty() {
            let field = "sse_config.kms_key_id";
            faults.push(ConfigError::Missing { provider, field });
        }
        let string = &self.config.storage_connection_string;
        if !string.is_empty()
            && let Err(fault) = ConnectionString::parse(string.expose())
        {
            let field = "storage_connection_string";
            faults.push(ConfigError::Malformed { field, fault });
        }
        let unsupported = self.config.unsupported().into_iter();
        faults.extend(
            unsupported.map(|(field, instead)| ConfigError::Unsupported { field, instead }),
        );
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

#[cfg(test)]
mod tests;
