//! `sigv4`: requests signed as AWS' Signature Version 4 has it.
//!
//! It is not: where the keys come from, which is [`chain`], nor the arithmetic, which is
//! [`signature`].

mod chain;
mod machine;
mod profiles;
mod signature;
mod sts;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::secret_value;
use crate::{BuildError, Secret};
use chain::Chain;
use profiles::Profiles;
use signature::{Keys, Scope, ToSign};

/// The service that requests are for where nothing is said: Amazon Managed Service for Prometheus.
const SERVICE_DEFAULT: &str = "aps";

/// What a configuration says of it, field for field as Prometheus' `sigv4`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SigV4Config {
    /// Where the service stands; that of the variables or of the profile where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Whose key it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub access_key: String,
    /// The key.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub secret_key: Secret,
    /// A profile of the files `~/.aws/config` and `~/.aws/credentials`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub profile: String,
    /// A role that is assumed with those keys.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role_arn: String,
    /// What the role's owner agreed on with who assumes it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub external_id: String,
    /// Whether roles are assumed where FIPS 140 is kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub use_fips_sts_endpoint: bool,
    /// The service that requests are for; `aps` where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_name: String,
}

impl SigV4Config {
    /// What does not fit together, in Prometheus' words; empty where all does.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.access_key.is_empty() != self.secret_key.is_empty() {
            faults.push(
                "must provide a AWS SigV4 Access key and Secret Key if credentials are specified \
                 in the SigV4 config"
                    .to_owned(),
            );
        }
        if !self.external_id.is_empty() && self.role_arn.is_empty() {
            faults.push("external_id can only be used with role_arn".to_owned());
        }
        faults
    }
}

/// Signs requests.
pub(crate) struct AwsSigner {
    region: String,
    service: String,
    chain: Chain,
    environment: Environment,
}

impl AwsSigner {
    /// Reads the files of profiles where only they know the region.
    ///
    /// # Errors
    /// Nobody knows it.
    pub(crate) fn new(config: &SigV4Config, environment: Environment) -> Result<Self, BuildError> {
        let region = region(config, &environment)?;
        let service = match config.service_name.as_str() {
            "" => SERVICE_DEFAULT,
            service => service,
        };
        Ok(Self {
            chain: Chain::new(config.clone(), region.clone(), environment.clone()),
            region,
            service: service.to_owned(),
            environment,
        })
    }

    /// The headers that sign a request: its date, its signature, and what goes with keys that end.
    /// Its host, its content type and its body cannot be changed any more; other headers may be, as
    /// proxies do.
    ///
    /// # Errors
    /// There are no keys.
    pub(crate) async fn headers(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<HeaderMap, String> {
        let keys = self.chain.keys().await;
        let keys = keys.map_err(|error| format!("sigv4: {error}"))?;
        let scope = Scope {
            region: &self.region,
            service: &self.service,
        };
        let content_type = headers.get(CONTENT_TYPE);
        let to_sign = ToSign {
            method,
            url,
            content_type: content_type.and_then(|value| value.to_str().ok()),
            body,
        };
        signed(&keys, scope, self.environment.now_ms(), &to_sign)
    }
}

/// The headers that sign a request.
fn signed(
    keys: &Keys,
    scope: Scope<'_>,
    now_ms: i64,
    to_sign: &ToSign<'_>,
) -> Result<HeaderMap, String> {
    let unusable = || "sigv4: the keys or the time cannot stand in a header".to_owned();
    let now = Timestamp::from_millisecond(now_ms).map_err(|_| unusable())?;
    let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let authorization = signature::authorization(keys, scope, &date, to_sign);
    let mut headers = HeaderMap::new();
    let date = HeaderValue::from_str(&date).map_err(|_| unusable())?;
    headers.insert(HeaderName::from_static("x-amz-date"), date);
    if !keys.session_token.is_empty() {
        let token = secret_value(keys.session_token.expose()).ok_or_else(unusable)?;
        headers.insert(HeaderName::from_static("x-amz-security-token"), token);
    }
    let authorization = secret_value(&authorization).ok_or_else(unusable)?;
    headers.insert(reqwest::header::AUTHORIZATION, authorization);
    Ok(headers)
}

fn region(config: &SigV4Config, environment: &Environment) -> Result<String, BuildError> {
    if !config.region.is_empty() {
        return Ok(config.region.clone());
    }
    let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let mut regions = variables
        .iter()
        .filter_map(|name| environment.variable(name));
    if let Some(region) = regions.next() {
        return Ok(region);
    }
    let profiles = Profiles::read(environment).map_err(BuildError::Config)?;
    let name = profiles::name(&config.profile, environment);
    match profiles
        .get(&name)
        .and_then(|profile| profile.get("region"))
    {
        Some(region) => Ok(region.to_owned()),
        None => Err(BuildError::Config(
            "region not configured in sigv4 or in default credentials chain".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;
