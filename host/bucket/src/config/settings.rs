//! How to reach a store: the fields of `config` in Thanos' object store file, with Thanos' names.
//!
//! It is not: which of them a provider takes, which [`super::BucketConfig::check`] knows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use narthex_http::Secret;
use narthex_model::PromDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How to reach a store. Each provider takes some of these.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// S3, GCS: the bucket.
    pub bucket: String,
    /// S3: host and port, with or without a scheme. AZURE: the suffix after the account's name, or
    /// a whole address.
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
    /// S3: the environment and the machine's role say who asks, as they do without keys.
    pub aws_sdk_auth: bool,
    /// S3: which encryption the store is asked for.
    pub sse_config: Encryption,
    /// S3: where roles are taken from.
    pub sts_endpoint: String,
    /// S3: `v2`, in which listings are asked for.
    pub list_objects_version: String,
    /// S3: signatures of version 2, which nothing here makes.
    pub signature_version2: bool,
    /// S3: what objects say of themselves, which is nothing here.
    pub put_user_metadata: BTreeMap<String, String>,
    /// S3: no objects in several parts, which large files always are here.
    pub disable_multipart: bool,
    /// S3: requests in the log, where they never are here.
    pub trace: Trace,
    /// GCS: the account's key, a JSON document. Without it, the environment and then the
    /// machine's account say so.
    pub service_account: Secret,
    /// GCS: gRPC instead of HTTP, which is always spoken here.
    pub use_grpc: bool,
    /// AZURE: the account.
    pub storage_account: String,
    /// AZURE: its key. Without it, the environment and then the machine's identity say so.
    pub storage_account_key: Secret,
    /// AZURE: account, key and address in one text, as Azure's own tools show it.
    pub storage_connection_string: Secret,
    /// AZURE: the container.
    pub container: String,
    /// AZURE: the directory of an application that asks with a secret of its own.
    pub az_tenant_id: String,
    /// AZURE: that application.
    pub client_id: String,
    /// AZURE: its secret.
    pub client_secret: Secret,
    /// AZURE: which of the machine's identities asks.
    pub user_assigned_id: String,
    /// FILESYSTEM: the folder.
    pub directory: PathBuf,
    /// S3, GCS, AZURE: the connections.
    pub http_config: HttpConfig,
    /// S3, GCS, AZURE: how often a request is sent again; zero leaves it at three times.
    pub max_retries: usize,
    /// S3: has no effect.
    pub disable_dualstack: Option<Value>,
    /// S3: has no effect: what was sent is read back.
    pub send_content_md5: Option<Value>,
    /// S3: has no effect: a part has 8 MiB.
    pub part_size: Option<Value>,
    /// GCS: has no effect: a part has 8 MiB.
    pub chunk_size_bytes: Option<Value>,
    /// GCS: has no effect.
    pub grpc_conn_pool_size: Option<Value>,
    /// AZURE: has no effect: the container is to be there.
    pub storage_create_container: Option<Value>,
    /// AZURE: has no effect.
    pub msi_resource: Option<Value>,
    /// AZURE: has no effect; `max_retries` has.
    pub reader_config: Option<Value>,
    /// AZURE: has no effect; `max_retries` has.
    pub pipeline_config: Option<Value>,
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

/// Which encryption of objects the store is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Encryption {
    /// By whose keys.
    #[serde(rename = "type")]
    pub kind: EncryptionKind,
    /// SSE-KMS: the key's name.
    pub kms_key_id: String,
    /// SSE-KMS: further words that keys are bound to, of which there are none here.
    pub kms_encryption_context: BTreeMap<String, String>,
    /// SSE-C: a file with the key.
    pub encryption_key: String,
}

/// By whose keys a store encrypts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum EncryptionKind {
    /// As the bucket is set up.
    #[default]
    #[serde(rename = "")]
    Unset,
    /// By the store's own.
    #[serde(rename = "SSE-S3")]
    S3,
    /// By a key that its key management has.
    #[serde(rename = "SSE-KMS")]
    Kms,
    /// By a key that each request brings along.
    #[serde(rename = "SSE-C")]
    Customer,
}

/// Whether requests are written to the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trace {
    /// They are.
    pub enable: bool,
}

/// The connections to a store.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// How long a connection is kept that nobody uses.
    pub idle_conn_timeout: Option<PromDuration>,
    /// So many of those are kept.
    pub max_idle_conns_per_host: Option<usize>,
    /// Whoever answers is believed to be the store.
    pub insecure_skip_verify: bool,
    /// Who is believed to be the store.
    pub tls_config: TlsConfig,
    /// Has no effect: a request has 30 s for all of it.
    pub response_header_timeout: Option<Value>,
    /// Has no effect: a connection has 10 s for all of it.
    pub tls_handshake_timeout: Option<Value>,
    /// Has no effect.
    pub expect_continue_timeout: Option<Value>,
    /// Has no effect.
    pub max_idle_conns: Option<Value>,
    /// Has no effect.
    pub max_conns_per_host: Option<Value>,
    /// Has no effect.
    pub disable_compression: Option<Value>,
}

/// Who is believed to be the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// A file with the certificates of authorities, beside those of the system.
    pub ca_file: PathBuf,
    /// A certificate of one's own, of which there is none here.
    pub cert_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
    /// Another name that the store's certificate has.
    pub server_name: String,
    /// Whoever answers is believed to be the store.
    pub insecure_skip_verify: bool,
}

impl Settings {
    /// Every field, and whether it says something.
    pub(super) fn given(&self) -> Vec<(&'static str, bool)> {
        let mut given = vec![
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
            ("aws_sdk_auth", self.aws_sdk_auth),
            ("sse_config", self.sse_config != Encryption::default()),
            ("sts_endpoint", !self.sts_endpoint.is_empty()),
            (
                "list_objects_version",
                !self.list_objects_version.is_empty(),
            ),
            ("signature_version2", self.signature_version2),
            ("put_user_metadata", !self.put_user_metadata.is_empty()),
            ("disable_multipart", self.disable_multipart),
            ("trace", self.trace.enable),
            ("service_account", !self.service_account.is_empty()),
            ("use_grpc", self.use_grpc),
            ("storage_account", !self.storage_account.is_empty()),
            ("storage_account_key", !self.storage_account_key.is_empty()),
            (
                "storage_connection_string",
                !self.storage_connection_string.is_empty(),
            ),
            ("container", !self.container.is_empty()),
            ("az_tenant_id", !self.az_tenant_id.is_empty()),
            ("client_id", !self.client_id.is_empty()),
            ("client_secret", !self.client_secret.is_empty()),
            ("user_assigned_id", !self.user_assigned_id.is_empty()),
            ("directory", !self.directory.as_os_str().is_empty()),
            ("http_config", self.http_config != HttpConfig::default()),
            ("max_retries", self.max_retries > 0),
        ];
        given.extend(self.idle());
        given
    }

    /// The fields that mean nothing to any provider here, and whether they are there.
    fn idle(&self) -> [(&'static str, bool); 9] {
        [
            ("disable_dualstack", self.disable_dualstack.is_some()),
            ("send_content_md5", self.send_content_md5.is_some()),
            ("part_size", self.part_size.is_some()),
            ("chunk_size_bytes", self.chunk_size_bytes.is_some()),
            ("grpc_conn_pool_size", self.grpc_conn_pool_size.is_some()),
            (
                "storage_create_container",
                self.storage_create_container.is_some(),
            ),
            ("msi_resource", self.msi_resource.is_some()),
            ("reader_config", self.reader_config.is_some()),
            ("pipeline_config", self.pipeline_config.is_some()),
        ]
    }

    /// The fields that are there, are taken, and have no effect.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        let http = &self.http_config;
        let connections = [
            (
                "http_config.response_header_timeout",
                http.response_header_timeout.is_some(),
            ),
            (
                "http_config.tls_handshake_timeout",
                http.tls_handshake_timeout.is_some(),
            ),
            (
                "http_config.expect_continue_timeout",
                http.expect_continue_timeout.is_some(),
            ),
            ("http_config.max_idle_conns", http.max_idle_conns.is_some()),
            (
                "http_config.max_conns_per_host",
                http.max_conns_per_host.is_some(),
            ),
            (
                "http_config.disable_compression",
                http.disable_compression.is_some(),
            ),
        ];
        let all = self.idle().into_iter().chain(connections);
        let there = all.filter(|(_, is_there)| *is_there);
        there.map(|(field, _)| field).collect()
    }

    /// What is asked for that nothing here does, and what is to be written instead.
    pub(super) fn unsupported(&self) -> Vec<(&'static str, &'static str)> {
        let tls = &self.http_config.tls_config;
        let sse = &self.sse_config;
        let is_listed = ["", "v2"].contains(&self.list_objects_version.as_str());
        let has_pair =
            !tls.cert_file.as_os_str().is_empty() || !tls.key_file.as_os_str().is_empty();
        [
            (
                "signature_version2",
                self.signature_version2,
                "requests are signed by version 4",
            ),
            (
                "put_user_metadata",
                !self.put_user_metadata.is_empty(),
                "objects have no metadata; a class of storage is a matter of the bucket's rules",
            ),
            (
                "list_objects_version",
                !is_listed,
                "objects are listed by version 2",
            ),
            (
                "disable_multipart",
                self.disable_multipart,
                "files of more than 8 MiB are sent in parts",
            ),
            (
                "trace.enable",
                self.trace.enable,
                "requests are counted by /metrics and not logged",
            ),
            (
                "sse_config.type",
                sse.kind == EncryptionKind::Customer,
                "keys are not sent along; SSE-S3 and SSE-KMS are supported",
            ),
            (
                "sse_config.kms_encryption_context",
                !sse.kms_encryption_context.is_empty(),
                "keys are asked for without a context",
            ),
            ("use_grpc", self.use_grpc, "HTTP is spoken"),
            (
                "http_config.tls_config.cert_file",
                has_pair,
                "no certificate of one's own is shown to a store",
            ),
            (
                "http_config.tls_config.server_name",
                !tls.server_name.is_empty(),
                "the store's certificate is to have the name of the endpoint",
            ),
        ]
        .into_iter()
        .filter(|(_, is_asked, _)| *is_asked)
        .map(|(field, _, instead)| (field, instead))
        .collect()
    }
}
