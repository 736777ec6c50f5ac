//! From a config to a store.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use narthex_block::REQUEST_TIMEOUT;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::config::{BucketLookup, Settings};
use crate::{BucketConfig, BucketError, Provider};

/// Where Amazon's own buckets are.
const AMAZON: &str = "amazonaws.com";

/// What a request may take until there is a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a request is sent again where the store answers with an error of its own.
const RETRIES_MAX: usize = 3;

/// The wait before a request is sent again grows up to this.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Makes the store that a config describes. Nothing is asked of it.
///
/// # Errors
/// The config contradicts itself, or the folder cannot be made.
pub fn open_store(config: &BucketConfig) -> Result<Arc<dyn ObjectStore>, BucketError> {
    // The clients of the store ask for the provider of the process.
    narthex_http::install_tls_provider();
    let settings = &config.config;
    let opened: Result<Arc<dyn ObjectStore>, object_store::Error> = match config.provider {
        Provider::S3 => s3(settings).build().map(|store| Arc::new(store) as _),
        Provider::Gcs => gcs(settings).build().map(|store| Arc::new(store) as _),
        Provider::Azure => azure(settings).build().map(|store| Arc::new(store) as _),
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

fn client(settings: &Settings) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(settings.insecure || settings.endpoint.starts_with("http://"))
        .with_timeout(REQUEST_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT)
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            max_backoff: BACKOFF_MAX,
            ..BackoffConfig::default()
        },
        max_retries: RETRIES_MAX,
        retry_timeout: REQUEST_TIMEOUT,
    }
}

fn s3(settings: &Settings) -> AmazonS3Builder {
    let has_key = !settings.access_key.is_empty();
    let mut builder = match has_key {
        true => AmazonS3Builder::new()
            .with_access_key_id(&settings.access_key)
            .with_secret_access_key(settings.secret_key.expose()),
        false => AmazonS3Builder::from_env(),
    };
    builder = builder
        .with_bucket_name(&settings.bucket)
        .with_client_options(client(settings))
        .with_retry(retry());
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

fn gcs(settings: &Settings) -> GoogleCloudStorageBuilder {
    let key = &settings.service_account;
    let builder = match key.is_empty() {
        true => GoogleCloudStorageBuilder::from_env(),
        false => GoogleCloudStorageBuilder::new().with_service_account_key(key.expose()),
    };
    builder
        .with_bucket_name(&settings.bucket)
        .with_client_options(client(settings))
        .with_retry(retry())
}

fn azure(settings: &Settings) -> MicrosoftAzureBuilder {
    let key = &settings.storage_account_key;
    let builder = match key.is_empty() {
        true => MicrosoftAzureBuilder::from_env(),
        false => MicrosoftAzureBuilder::new().with_access_key(key.expose()),
    };
    let builder = builder
        .with_account(&settings.storage_account)
        .with_container_name(&settings.container)
        .with_client_options(client(settings))
        .with_retry(retry());
    match settings.endpoint.as_str() {
        "" => builder,
        full if full.contains("://") => builder.with_endpoint(full.to_owned()),
        suffix => {
            let account = &settings.storage_account;
            builder.with_endpoint(format!("https://{account}.{suffix}"))
        }
    }
}
