//! From a config to a store.

mod connection_string;

use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use narthex_block::REQUEST_TIMEOUT;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig};

use self::connection_string::Credential;
use crate::config::{BucketLookup, EncryptionKind, Settings};
use crate::{BucketConfig, BucketError, Provider};

pub(crate) use self::connection_string::ConnectionString;

/// Where Amazon's own buckets are.
const AMAZON: &str = "amazonaws.com";

/// What a request may take until there is a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a request is sent again where the store answers with an error of its own.
const RETRIES_MAX: usize = 3;

/// The wait before a request is sent again grows up to this.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// The member of a service account's document that says where the store is, for emulators.
const GCS_BASE_URL: &str = "gcs_base_url";

/// What a store is asked for that is to encrypt with keys of its own.
const ENCRYPTION_KEY: &str = "aws_server_side_encryption";
const ENCRYPTION: &str = "AES256";

/// Makes the store that a config describes. Nothing is asked of it.
///
/// # Errors
/// The config contradicts itself, or the folder cannot be made, or a file that the config names
/// cannot be read.
pub fn open_store(config: &BucketConfig) -> Result<Arc<dyn ObjectStore>, BucketError> {
    // The clients of the store ask for the provider of the process.
    narthex_http::install_tls_provider();
    let settings = &config.config;
    let without_effect = settings.without_effect();
    if !without_effect.is_empty() {
        tracing::info!(fields = ?without_effect, "fields of the object store's config have no effect");
    }
    let client = client(settings)?;
    let opened: Result<Arc<dyn ObjectStore>, object_store::Error> = match config.provider {
        Provider::S3 => s3(settings, client)
            .build()
            .map(|store| Arc::new(store) as _),
        Provider::Gcs => gcs(settings, client)
            .build()
            .map(|store| Arc::new(store) as _),
        Provider::Azure => azure(settings, client)
            .and_then(MicrosoftAzureBuilder::build)
            .map(|store| Arc::new(store) as _),
        Provider::FileSystem => {
            let folder = &settings.directory;
            fs::create_dir_all(folder).map_err(BucketError::io("create", folder))?;
            let store = LocalFileSystem::new_with_prefix(folder);
            store.map(|store| Arc::new(store.with_fsync(true)) as _)
        }
    };
    let store = opened.map_err(BucketError::store("open", "the bucket"))?;
    let prefix = config.prefix.trim_matches('/');
    Ok(match prefix.is_empty() {
        true => store,
        false => Arc::new(PrefixStore::new(store, prefix)),
    })
}

/// The connections, but for whether they may be without TLS.
fn client(settings: &Settings) -> Result<ClientOptions, BucketError> {
    let http = &settings.http_config;
    let is_anybody = http.insecure_skip_verify || http.tls_config.insecure_skip_verify;
    let mut client = ClientOptions::new()
        .with_timeout(REQUEST_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_allow_invalid_certificates(is_anybody);
    if let Some(timeout) = http.idle_conn_timeout.filter(|timeout| !timeout.is_zero()) {
        client = client.with_pool_idle_timeout(timeout.as_std());
    }
    if let Some(max) = http.max_idle_conns_per_host.filter(|max| *max > 0) {
        client = client.with_pool_max_idle_per_host(max);
    }
    let file = &http.tls_config.ca_file;
    if !file.as_os_str().is_empty() {
        let text = fs::read(file).map_err(BucketError::io("read", file))?;
        let found = Certificate::from_pem_bundle(&text);
        let found = found.map_err(BucketError::store("use", file.display().to_string()))?;
        if found.is_empty() {
            let error = io::Error::new(io::ErrorKind::InvalidData, "there is no certificate in it");
            return Err(BucketError::io("use", file)(error));
        }
        client = found
            .into_iter()
            .fold(client, ClientOptions::with_root_certificate);
    }
    Ok(client)
}

fn retry(settings: &Settings) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            max_backoff: BACKOFF_MAX,
            ..BackoffConfig::default()
        },
        max_retries: match settings.max_retries {
            0 => RETRIES_MAX,
            retries => retries,
        },
        retry_timeout: REQUEST_TIMEOUT,
    }
}

fn is_plain(address: &str) -> bool {
    address.starts_with("http://")
}

fn s3(settings: &Settings, client: ClientOptions) -> AmazonS3Builder {
    let has_key = !settings.access_key.is_empty();
    let mut builder = match has_key {
        true => AmazonS3Builder::new()
            .with_access_key_id(&settings.access_key)
            .with_secret_access_key(settings.secret_key.expose()),
        false => AmazonS3Builder::from_env(),
    };
    builder = builder
        .with_bucket_name(&settings.bucket)
        .with_client_options(
            client.with_allow_http(settings.insecure || is_plain(&settings.endpoint)),
        )
        .with_retry(retry(settings));
    if !settings.sts_endpoint.is_empty() {
        builder = builder.with_config(AmazonS3ConfigKey::StsEndpoint, &settings.sts_endpoint);
    }
    match (
        settings.sse_config.kind,
        ENCRYPTION_KEY.parse::<AmazonS3ConfigKey>(),
    ) {
        (EncryptionKind::Kms, _) => {
            builder = builder.with_sse_kms_encryption(&settings.sse_config.kms_key_id);
        }
        (EncryptionKind::S3, Ok(key)) => builder = builder.with_config(key, ENCRYPTION),
        _ => {}
    }
    if !settings.session_token.is_empty() {
        builder = builder.with_token(settings.session_token.expose());
    }
    if !settings.region.is_empty() {
        builder = builder.with_region(&settings.region);
    }
    if settings.endpoint.is_empty() {
        let in_host = settings.bucket_lookup_type != BucketLookup::Path;
        return builder.with_virtual_hosted_style_request(in_host);
    }
    let (scheme, host) = match settings.endpoint.split_once("://") {
        Some(parts) => parts,
        None if settings.insecure => ("http", settings.endpoint.as_str()),
        None => ("https", settings.endpoint.as_str()),
    };
    let in_host = match settings.bucket_lookup_type {
        BucketLookup::Auto => host.trim_end_matches('/').ends_with(AMAZON),
        BucketLookup::VirtualHosted => true,
        BucketLookup::Path => false,
    };
    let endpoint = match in_host {
        true => format!("{scheme}://{}.{host}", settings.bucket),
        false => format!("{scheme}://{host}"),
    };
    builder
        .with_endpoint(endpoint.trim_end_matches('/'))
        .with_virtual_hosted_style_request(in_host)
}

fn gcs(settings: &Settings, client: ClientOptions) -> GoogleCloudStorageBuilder {
    let key = &settings.service_account;
    let builder = match key.is_empty() {
        true => GoogleCloudStorageBuilder::from_env(),
        false => GoogleCloudStorageBuilder::new().with_service_account_key(key.expose()),
    };
    // What is no document is refused where it is used.
    let document: serde_json::Value = serde_json::from_str(key.expose()).unwrap_or_default();
    let is_plain = document[GCS_BASE_URL].as_str().is_some_and(is_plain);
    builder
        .with_bucket_name(&settings.bucket)
        .with_client_options(client.with_allow_http(is_plain))
        .with_retry(retry(settings))
}

/// # Errors
/// The connection string is none.
fn azure(
    settings: &Settings,
    client: ClientOptions,
) -> Result<MicrosoftAzureBuilder, object_store::Error> {
    let mut account = settings.storage_account.clone();
    let mut endpoint = match settings.endpoint.as_str() {
        "" => None,
        full if full.contains("://") => Some(full.to_owned()),
        suffix => Some(format!("https://{account}.{suffix}")),
    };
    let key = &settings.storage_account_key;
    let string = &settings.storage_connection_string;
    let builder = if !string.is_empty() {
        let read = ConnectionString::parse(string.expose());
        let read = read.map_err(|fault| object_store::Error::Generic {
            store: "MicrosoftAzure",
            source: format!("storage_connection_string: {fault}").into(),
        })?;
        account = read.account.unwrap_or(account);
        endpoint = read.endpoint.or(endpoint);
        let builder = MicrosoftAzureBuilder::new();
        match read.credential {
            Credential::Key(key) => builder.with_access_key(key.expose()),
            Credential::Signature(sas) => builder.with_config(AzureConfigKey::SasKey, sas.expose()),
        }
    } else if !key.is_empty() {
        MicrosoftAzureBuilder::new().with_access_key(key.expose())
    } else if !settings.client_id.is_empty() {
        MicrosoftAzureBuilder::new().with_client_secret_authorization(
            &settings.client_id,
            settings.client_secret.expose(),
            &settings.az_tenant_id,
        )
    } else if !settings.user_assigned_id.is_empty() {
        MicrosoftAzureBuilder::new().with_client_id(&settings.user_assigned_id)
    } else {
        MicrosoftAzureBuilder::from_env()
    };
    let is_plain = endpoint.as_deref().is_some_and(is_plain);
    let builder = builder
        .with_account(account)
        .with_container_name(&settings.container)
        .with_client_options(client.with_allow_http(is_plain))
        .with_retry(retry(settings));
    Ok(match endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint),
        None => builder,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_authorities_without_certificates_is_refused() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("ca.pem");
        fs::write(&file, "nothing").unwrap();
        let config = serde_json::json!({
            "type": "S3",
            "config": {"bucket": "b", "http_config": {"tls_config": {"ca_file": file}}},
        });
        let config: BucketConfig = serde_json::from_value(config).unwrap();
        let error = open_store(&config).unwrap_err().to_string();
        assert!(error.contains("ca.pem"), "{error}");
    }
}
