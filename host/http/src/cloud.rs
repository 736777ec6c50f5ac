//! Who asks, in the ways of clouds: a signature over each request for AWS, a token for Azure and for
//! Google.
//!
//! It is not: a client of any service of theirs beside those that hand out credentials.

mod answer;
mod aws;
mod azure;
mod environment;
mod google;

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, Url};

pub use aws::SigV4Config;
pub use azure::{
    AzureAdConfig, AzureCertificate, AzureCloud, AzureManagedIdentity, AzureOAuth, AzureSdk,
    AzureWorkloadIdentity,
};
pub use google::GoogleIamConfig;

use crate::{BuildError, Secret};
use aws::AwsSigner;
use azure::AzureTokens;
use environment::Environment;
use google::GoogleTokens;

/// Credentials have to be there after this time, however many services are asked for them one after
/// the other. It is less than `remote_timeout` is where nothing is said, so that a request fails with
/// the reason.
const FETCH_TIMEOUT: Duration = Duration::from_secs(25);

/// One of the ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudAuth {
    /// `sigv4`
    SigV4(SigV4Config),
    /// `azuread`
    AzureAd(Box<AzureAdConfig>),
    /// `google_iam`
    GoogleIam(GoogleIamConfig),
}

impl CloudAuth {
    /// What does not fit together, in Prometheus' words where it has any; empty where all does.
    pub fn faults(&self) -> Vec<String> {
        match self {
            Self::SigV4(config) => config.faults(),
            Self::AzureAd(config) => config.faults(),
            Self::GoogleIam(_) => Vec::new(),
        }
    }
}

/// Signs requests.
pub(crate) enum CloudSigner {
    Aws(Box<AwsSigner>),
    Azure(Box<AzureTokens>),
    Google(Box<GoogleTokens>),
}

impl fmt::Debug for CloudSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudSigner").finish_non_exhaustive()
    }
}

impl CloudSigner {
    /// With the variables of the process and the machine's clock. Nothing is fetched before the first
    /// request.
    ///
    /// # Errors
    /// What is needed for every request is missing, such as a region.
    pub(crate) fn new(auth: &CloudAuth) -> Result<Self, BuildError> {
        Self::within(auth, Environment::of_process()?)
    }

    fn within(auth: &CloudAuth, environment: Environment) -> Result<Self, BuildError> {
        Ok(match auth {
            CloudAuth::SigV4(config) => Self::Aws(Box::new(AwsSigner::new(config, environment)?)),
            CloudAuth::AzureAd(config) => {
                Self::Azure(Box::new(AzureTokens::new(config, environment)))
            }
            CloudAuth::GoogleIam(config) => {
                Self::Google(Box::new(GoogleTokens::new(config, environment)))
            }
        })
    }

    /// The headers that a request needs beside its own.
    ///
    /// # Errors
    /// There are no credentials, and why.
    pub(crate) async fn headers(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<HeaderMap, String> {
        match self {
            Self::Aws(signer) => signer.headers(method, url, headers, body).await,
            Self::Azure(tokens) => bearer(&tokens.token().await?),
            Self::Google(tokens) => tokens.headers().await,
        }
    }
}

fn bearer(token: &Secret) -> Result<HeaderMap, String> {
    let value = secret_value(&format!("Bearer {}", token.expose()))
        .ok_or("the token cannot stand in a header")?;
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests;
