//! What a querier shows its endpoints: certificates and tokens, which are exchanged while it runs.
//!
//! It is not: what endpoints show, or who may ask them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use narthex_fleet::Fleet;
use narthex_http::{Authorization, HttpConfig};
use narthex_storeapi::{Credentials, EndpointTls};

use crate::flags::QuerierFlags;
use crate::prometheus_server::client_config;

/// How often the files of certificates are looked at. Those of tokens are read for each request.
const TLS_INTERVAL: Duration = Duration::from_secs(5);

/// Reads the certificates for ever, and has endpoints be spoken to by what is new. A broken file
/// changes nothing.
pub(super) async fn follow(fleet: Arc<Fleet>, flags: QuerierFlags) {
    let mut last_error = None;
    loop {
        tokio::time::sleep(TLS_INTERVAL).await;
        let flags = flags.clone();
        let read = tokio::task::spawn_blocking(move || tls(&flags)).await;
        let error = match read {
            Ok(Ok(tls)) => fleet.follow_tls(tls).err().map(|error| error.to_string()),
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = error.as_ref().filter(|_| error != last_error) {
            tracing::error!(
                error,
                "the certificates for endpoints are not taken; those before go on"
            );
        }
        last_error = error;
    }
}

/// What endpoints are shown of who asks.
pub(super) fn credentials(flags: &QuerierFlags) -> anyhow::Result<Option<Credentials>> {
    let config = match (&flags.token_file, &flags.client_config_file) {
        (None, None) => return Ok(None),
        (Some(file), _) => HttpConfig {
            authorization: Some(Authorization {
                credentials_file: file.display().to_string(),
                ..Authorization::default()
            }),
            ..HttpConfig::default()
        },
        (None, Some(file)) => {
            let config = client_config(file).context("--grpc-client-config.file")?;
            let other = HttpConfig {
                basic_auth: config.basic_auth.clone(),
                authorization: config.authorization.clone(),
                oauth2: config.oauth2.clone(),
                ..HttpConfig::default()
            };
            if config != other {
                bail!(
                    "--grpc-client-config.file: {}: only basic_auth, authorization, bearer_token, \
                     bearer_token_file and oauth2 can stand there",
                    file.display()
                );
            }
            config
        }
    };
    if !flags.is_secure {
        tracing::warn!(
            "credentials are sent to endpoints without TLS: --grpc-client-tls-secure is missing"
        );
    }
    Ok(Some(Credentials::new(&config)?))
}

/// How endpoints are spoken to; the files as they are now.
pub(super) fn tls(flags: &QuerierFlags) -> anyhow::Result<Option<EndpointTls>> {
    if !flags.is_secure {
        return Ok(None);
    }
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let identity = match (&flags.tls_cert, &flags.tls_key) {
        (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
        _ => None,
    };
    Ok(Some(EndpointTls {
        authorities: flags.tls_ca.as_ref().map(read).transpose()?,
        identity,
        server_name: flags.tls_server_name.clone(),
    }))
}
