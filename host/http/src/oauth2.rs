//! Tokens by OAuth 2.0, grant types `client_credentials` (RFC 6749, 4.4) and `jwt-bearer` (RFC 7523).
//!
//! A token is fetched when the first request needs it, and anew before it ends or when the file with
//! the client's secret or key has changed: once for all requests, whatever becomes of each.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use narthex_model::{Clock, SystemClock};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::credential_metrics::{FetchCounters, Mechanism};
use crate::credentials::{basic_authorization, read_secret};
use crate::error::cause;
use crate::jwt::{self, Algorithm};
use crate::lease::{Lease, Leased};
use crate::transport::Transport;
use crate::{BodyLimit, BuildError, HttpConfig, Secret, TlsConfig, body};

/// An answer with a token may be this large.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// A token has to be there after this time. It is less than `scrape_timeout` is where nothing is said,
/// so that a scrape fails with the reason.
const FETCH_TIMEOUT: Duration = Duration::from_secs(8);

/// A token that is said to last longer than this lasts this long.
const LIFETIME_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// So much of what the other side says of an error is shown.
const SHOWN_CHARS_MAX: usize = 300;

/// The grant type of who shows a secret.
const CLIENT_CREDENTIALS: &str = "client_credentials";

/// The grant type of who signs what it asks for.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What is signed is good so long, as in Prometheus.
const ASSERTION_SECONDS: i64 = 10 * 60;

/// What a configuration says of it, field for field as Prometheus' `oauth2`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OAuth2 {
    /// Who asks.
    pub client_id: String,
    /// The secret of who asks.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub client_secret: Secret,
    /// A file with the secret, read before each request.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_secret_file: String,
    /// `jwt-bearer`: which key signs, for who has several.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_certificate_key_id: String,
    /// `jwt-bearer`: the key that signs, PEM and of RSA.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub client_certificate_key: Secret,
    /// A file with that key, read before each request.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_certificate_key_file: String,
    /// Empty, `client_credentials` or `urn:ietf:params:oauth:grant-type:jwt-bearer`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub grant_type: String,
    /// `jwt-bearer`: `RS256`, `RS384` or `RS512`; the first where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub signature_algorithm: String,
    /// `jwt-bearer`: who signs; `client_id` where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub iss: String,
    /// `jwt-bearer`: for whom it is signed; `token_url` where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub audience: String,
    /// `jwt-bearer`: what else is signed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, serde_json::Value>,
    /// What the token is to be good for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Where tokens are.
    pub token_url: String,
    /// More parameters for there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoint_params: BTreeMap<String, String>,
    /// How TLS is spoken there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsConfig>,
    /// A proxy on the way there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<Secret>,
    /// Hosts that are asked directly, comma-separated.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub no_proxy: String,
    /// Takes the proxy from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
    #[serde(skip_serializing_if = "is_false")]
    pub proxy_from_environment: bool,
    /// Headers of the CONNECT request to the proxy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

impl OAuth2 {
    /// The files that it names; empty names among them.
    pub fn files(&mut self) -> Vec<&mut String> {
        let mut files = vec![
            &mut self.client_secret_file,
            &mut self.client_certificate_key_file,
        ];
        files.extend(self.tls_config.iter_mut().flat_map(TlsConfig::files));
        files
    }

    /// What does not fit together, in Prometheus' words; empty where all does.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let has_key = !self.client_certificate_key.is_empty();
        let has_key_file = !self.client_certificate_key_file.is_empty();
        for (wrong, text) in [
            (
                self.client_id.is_empty(),
                "oauth2 client_id must be configured".to_owned(),
            ),
            (
                self.token_url.is_empty(),
                "oauth2 token_url must be configured".to_owned(),
            ),
            (
                !self.client_secret.is_empty() && !self.client_secret_file.is_empty(),
                "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must \
                 be configured"
                    .to_owned(),
            ),
            (
                !matches!(
                    self.grant_type.as_str(),
                    "" | CLIENT_CREDENTIALS | JWT_BEARER
                ),
                format!(
                    "oauth2 grant_type {:?} is not supported, only {CLIENT_CREDENTIALS:?} and \
                     {JWT_BEARER:?}",
                    self.grant_type
                ),
            ),
            (
                self.signs() && has_key && has_key_file,
                format!(
                    "at most one of oauth2 client_certificate_key, client_certificate_key_file & \
                     client_certificate_key_ref must be configured using grant-type={JWT_BEARER}"
                ),
            ),
            (
                self.signs() && !has_key && !has_key_file,
                format!(
                    "oauth2 client_certificate_key or client_certificate_key_file must be \
                     configured using grant-type={JWT_BEARER}"
                ),
            ),
            (
                self.signs() && self.algorithm().is_none(),
                "valid signature algorithms are RS256, RS384 and RS512".to_owned(),
            ),
        ] {
            if wrong {
                faults.push(text);
            }
        }
        faults.extend(self.http_config().faults());
        faults
    }

    /// Whether what it asks for is signed, in place of a secret.
    fn signs(&self) -> bool {
        self.grant_type == JWT_BEARER
    }

    fn algorithm(&self) -> Option<Algorithm> {
        match self.signature_algorithm.as_str() {
            "" | "RS256" => Some(Algorithm::Rs256),
            "RS384" => Some(Algorithm::Rs384),
            "RS512" => Some(Algorithm::Rs512),
            _ => None,
        }
    }

    /// What is signed in place of a secret.
    fn assertion(&self, key: &Secret, now_ms: i64) -> Result<Secret, String> {
        let or = |given: &str, other: &str| match given {
            "" => other.to_owned(),
            given => given.to_owned(),
        };
        let now = now_ms / 1000;
        let mut claims = json!({
            "iss": or(&self.iss, &self.client_id),
            "sub": self.client_id,
            "aud": or(&self.audience, &self.token_url),
            "jti": jwt::random_id()?,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        });
        let scopes = self.scopes.join(" ");
        if !scopes.is_empty() {
            claims["scope"] = scopes.into();
        }
        for (name, value) in &self.claims {
            claims[name] = value.clone();
        }
        let header = match self.client_certificate_key_id.as_str() {
            "" => json!({}),
            id => json!({ "kid": id }),
        };
        let algorithm = self.algorithm().unwrap_or(Algorithm::Rs256);
        jwt::signed(algorithm, header, &claims, key)
    }

    /// What tokens are fetched with.
    fn http_config(&self) -> HttpConfig {
        HttpConfig {
            tls_config: self.tls_config.clone(),
            proxy_url: self.proxy_url.clone(),
            no_proxy: self.no_proxy.clone(),
            proxy_from_environment: self.proxy_from_environment,
            proxy_connect_header: self.proxy_connect_header.clone(),
            ..HttpConfig::default()
        }
    }
}

/// Has a token for whoever asks.
#[derive(Clone)]
pub(crate) struct TokenSource {
    endpoint: Arc<Endpoint>,
    /// The value of the `Authorization` header, by the secret or the key that it was fetched with.
    held: Leased<Secret, Secret>,
}

/// Where tokens are.
struct Endpoint {
    config: OAuth2,
    transport: Transport,
    clock: Arc<dyn Clock>,
    /// Whether the other side wants the client's secret as parameters: not known before it has
    /// refused it in a header.
    wants_parameters: AtomicBool,
}

/// What the other side says.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    access_token: String,
    token_type: String,
    expires_in: Option<serde_json::Value>,
    error: String,
    error_description: String,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").finish_non_exhaustive()
    }
}

impl TokenSource {
    pub(crate) fn new(config: &OAuth2) -> Result<Self, BuildError> {
        let mechanism = match config.signs() {
            true => Mechanism::JwtBearer,
            false => Mechanism::OAuth2,
        };
        Ok(Self {
            endpoint: Arc::new(Endpoint {
                transport: Transport::new(&config.http_config())?,
                config: config.clone(),
                clock: Arc::new(SystemClock),
                wants_parameters: AtomicBool::new(false),
            }),
            held: Leased::new(FETCH_TIMEOUT, FetchCounters::of(mechanism)),
        })
    }

    /// The value of the `Authorization` header of the next request.
    pub(crate) async fn authorization(&self) -> Result<Secret, String> {
        let config = &self.endpoint.config;
        let (given, file) = match config.signs() {
            true => (
                &config.client_certificate_key,
                &config.client_certificate_key_file,
            ),
            false => (&config.client_secret, &config.client_secret_file),
        };
        let secret = match file.as_str() {
            "" => given.clone(),
            file => read_secret(file).await?,
        };
        let fetch = || {
            let (endpoint, secret) = (Arc::clone(&self.endpoint), secret.clone());
            async move { endpoint.token(&secret).await }
        };
        let token = self.held.get(&secret, fetch).await;
        token.map_err(|error| format!("oauth2: {error}"))
    }
}

impl Endpoint {
    /// A token, by the proof that the other side wants.
    async fn token(&self, secret: &Secret) -> Result<Lease<Secret>, String> {
        let wants_parameters = self.wants_parameters.load(Ordering::Relaxed);
        let proof = match (self.config.signs(), wants_parameters) {
            (true, _) => Proof::Signature,
            (false, true) => Proof::Parameters,
            (false, false) => Proof::Header,
        };
        let mut fetched = self.fetch(secret, proof).await;
        if let (Err(Refused::ByStatus(_)), Proof::Header) = (&fetched, proof) {
            fetched = self.fetch(secret, Proof::Parameters).await;
            self.wants_parameters
                .store(fetched.is_ok(), Ordering::Relaxed);
        }
        fetched.map_err(|refused| match refused {
            Refused::ByStatus(text) | Refused::Otherwise(text) => text,
        })
    }

    async fn fetch(&self, secret: &Secret, proof: Proof) -> Result<Lease<Secret>, Refused> {
        let config = &self.config;
        let assertion = match proof {
            Proof::Signature => config
                .assertion(secret, self.clock.now_ms())
                .map_err(|why| failed(&why))?,
            Proof::Header | Proof::Parameters => Secret::default(),
        };
        let grant_type = match proof {
            Proof::Signature => JWT_BEARER,
            Proof::Header | Proof::Parameters => CLIENT_CREDENTIALS,
        };
        let mut form = vec![("grant_type", grant_type)];
        let scopes = config.scopes.join(" ");
        // A signature says it already.
        if !scopes.is_empty() && proof != Proof::Signature {
            form.push(("scope", &scopes));
        }
        for (name, value) in &config.endpoint_params {
            form.push((name, value));
        }
        match proof {
            Proof::Header => {}
            Proof::Parameters => {
                form.push(("client_id", &config.client_id));
                form.push(("client_secret", secret.expose()));
            }
            Proof::Signature => form.push(("assertion", assertion.expose())),
        }
        let client = self.transport.client().await.map_err(Refused::Otherwise)?;
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut request = client
            .post(&config.token_url)
            .header(CONTENT_TYPE, form_type)
            .body(encoded(&form));
        if proof == Proof::Header {
            let user = percent_encoded(&config.client_id);
            let password = percent_encoded(secret.expose());
            let mut value = HeaderValue::try_from(basic_authorization(&user, &password))
                .map_err(|_| failed("the client's secret cannot stand in a header"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let answered = request.send().await;
        let response = answered.map_err(|error| failed(&cause(&error, &config.token_url)))?;
        let status = response.status();
        let limit = BodyLimit::Bytes(ANSWER_BYTES_MAX);
        let body = body::read(response, limit).await;
        let body = body.map_err(|error| failed(&error.to_string()))?;
        let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
        if !answer.error.is_empty() {
            let said = format!("{:?} {:?}", answer.error, answer.error_description);
            let said: String = said.chars().take(SHOWN_CHARS_MAX).collect();
            return Err(Refused::ByStatus(said));
        }
        if !status.is_success() {
            return Err(Refused::ByStatus(format!("cannot fetch token: {status}")));
        }
        if answer.access_token.is_empty() {
            return Err(failed("server response missing access_token"));
        }
        Ok(answer.lease())
    }
}

/// How is shown who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// By the secret in a header.
    Header,
    /// By the secret among the parameters.
    Parameters,
    /// By a signature.
    Signature,
}

enum Refused {
    /// The other side may want the secret in the other way.
    ByStatus(String),
    Otherwise(String),
}

fn failed(why: &str) -> Refused {
    Refused::Otherwise(format!("cannot fetch token: {why}"))
}

impl Answer {
    fn lease(self) -> Lease<Secret> {
        let scheme = match self.token_type.to_ascii_lowercase().as_str() {
            "" | "bearer" => "Bearer",
            "basic" => "Basic",
            "mac" => "MAC",
            _ => self.token_type.as_str(),
        };
        let authorization = Secret::new(format!("{scheme} {}", self.access_token));
        let seconds: Option<f64> = match &self.expires_in {
            Some(serde_json::Value::String(text)) => text.parse().ok(),
            Some(number) => number.as_f64(),
            None => None,
        };
        match seconds.filter(|seconds| *seconds > 0.0) {
            Some(seconds) => {
                let lasts = Duration::try_from_secs_f64(seconds).unwrap_or(LIFETIME_MAX);
                Lease::lasting(authorization, lasts.min(LIFETIME_MAX))
            }
            None => Lease::forever(authorization),
        }
    }
}

/// A form as its content type wants it.
pub(crate) fn encoded(form: &[(&str, &str)]) -> String {
    let pairs = form
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
