//! `google_iam`: tokens of Google Cloud, as Managed Service for Prometheus takes them.
//!
//! It is not: identities of other clouds (`external_account`), nor who acts for another
//! (`impersonated_service_account`); such files are refused by name.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::FETCH_TIMEOUT;
use super::environment::{Environment, Question, Way};
use crate::Secret;
use crate::credential_metrics::{FetchCounters, Mechanism};
use crate::jwt::{self, Algorithm};
use crate::lease::{Lease, Leased};
use crate::oauth2::encoded;

/// What tokens are good for.
const SCOPE: &str = "https://www.googleapis.com/auth/monitoring.write";

/// Where tokens are, for files that do not say it.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// The grant type of who signs what it asks for (RFC 7523, 2.1).
const ASSERTION: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What we sign is good so long: the most that Google takes.
const ASSERTION_SECONDS: i64 = 3600;

/// The machine's metadata service.
const MACHINE: &str = "metadata.google.internal";

/// Where `gcloud` puts the credentials of who logs in, below the home folder.
const OF_USER: &str = ".config/gcloud/application_default_credentials.json";

/// Says whose quota a request counts for.
const QUOTA_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// What a configuration says of it, field for field as Prometheus' `google_iam`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GoogleIamConfig {
    /// A file with credentials in JSON; where it is empty, what Google's own programs would take.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub credentials_file: String,
}

/// Has a token for whoever asks.
#[derive(Clone)]
pub(crate) struct GoogleTokens {
    credentials_file: String,
    environment: Environment,
    held: Leased<Granted>,
}

/// What a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Granted {
    token: Secret,
    /// Whose quota the request counts for, where the credentials belong to no project; empty where
    /// they do.
    quota_project: String,
}

#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: Secret,
    #[serde(default)]
    private_key_id: String,
    token_uri: Option<String>,
}

#[derive(Deserialize)]
struct AuthorizedUser {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
    token_uri: Option<String>,
}

impl GoogleTokens {
    pub(crate) fn new(config: &GoogleIamConfig, environment: Environment) -> Self {
        Self {
            credentials_file: config.credentials_file.clone(),
            environment,
            held: Leased::new(FETCH_TIMEOUT, FetchCounters::of(Mechanism::GoogleIam)),
        }
    }

    /// The headers of the next request: a token, and whose quota it counts for.
    ///
    /// # Errors
    /// There is none, and why.
    pub(crate) async fn headers(&self) -> Result<HeaderMap, String> {
        let fetch = || {
            let own = self.clone();
            async move { own.fetch().await }
        };
        let granted = self.held.get(&(), fetch).await;
        let granted =
            granted.map_err(|error| format!("google_iam: cannot fetch a token: {error}"))?;
        let mut headers = super::bearer(&granted.token)?;
        if !granted.quota_project.is_empty() {
            let project = HeaderValue::from_str(&granted.quota_project)
                .map_err(|_| "google_iam: the quota project cannot stand in a header".to_owned())?;
            headers.insert(QUOTA_PROJECT, project);
        }
        Ok(headers)
    }

    async fn fetch(&self) -> Result<Lease<Granted>, String> {
        let (granted, lasts) = match self.file().await {
            Some(file) => self.of_file(&file).await?,
            None => {
                let (token, lasts) = self.of_machine().await?;
                (self.granted(token, ""), lasts)
            }
        };
        Ok(Lease::lasting(granted, lasts))
    }

    /// The variable comes before what the credentials say.
    fn granted(&self, token: Secret, quota_project: &str) -> Granted {
        let given = self.environment.variable("GOOGLE_CLOUD_QUOTA_PROJECT");
        Granted {
            token,
            quota_project: given.unwrap_or_else(|| quota_project.to_owned()),
        }
    }

    /// The file that counts; none, where the machine is asked.
    async fn file(&self) -> Option<String> {
        if !self.credentials_file.is_empty() {
            return Some(self.credentials_file.clone());
        }
        let variable = "GOOGLE_APPLICATION_CREDENTIALS";
        let file = self.environment.file(variable, OF_USER)?;
        let is_said = self.environment.variable(variable).is_some();
        let is_there = is_said || tokio::fs::try_exists(&file).await.unwrap_or(false);
        is_there.then(|| file.display().to_string())
    }

    /// It is read for each token, so that a new key counts from the next one on.
    async fn of_file(&self, file: &str) -> Result<(Granted, Duration), String> {
        let text = self.environment.secret(file).await?;
        let name = Path::new(file).display();
        let read: Value = serde_json::from_str(text.expose())
            .map_err(|_| format!("{name} has no credentials in JSON"))?;
        let kind = read.get("type").and_then(Value::as_str).unwrap_or_default();
        // What serde says could quote a secret.
        let incomplete = |_: serde_json::Error| format!("{name} is no complete {kind}");
        let quota_project = read.get("quota_project_id").and_then(Value::as_str);
        let (token, lasts) = match kind {
            "service_account" => {
                let account = ServiceAccount::deserialize(&read).map_err(incomplete)?;
                self.of_account(&account)
                    .await
                    .map_err(|error| format!("{name}: {error}"))?
            }
            "authorized_user" => {
                let user = AuthorizedUser::deserialize(&read).map_err(incomplete)?;
                self.of_user(&user).await?
            }
            other => {
                return Err(format!(
                    "{name} has credentials of type {other:?}; there are service_account and \
                     authorized_user"
                ));
            }
        };
        let granted = self.granted(token, quota_project.unwrap_or_default());
        Ok((granted, lasts))
    }

    async fn of_account(&self, account: &ServiceAccount) -> Result<(Secret, Duration), String> {
        let token_uri = account.token_uri.as_deref().unwrap_or(TOKEN_URI);
        let now = self.environment.now_ms() / 1000;
        let claims = json!({
            "iss": account.client_email,
            "scope": SCOPE,
            "aud": token_uri,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        });
        let header = match account.private_key_id.as_str() {
            "" => json!({}),
            id => json!({ "kid": id }),
        };
        let key = &account.private_key;
        let assertion = jwt::signed(Algorithm::Rs256, header, &claims, key)?;
        let form = [("grant_type", ASSERTION), ("assertion", assertion.expose())];
        let question = Question::form(token_uri.to_owned(), &form);
        let answer = self.environment.ask(question).await?;
        answer.token(self.environment.now_ms())
    }

    async fn of_user(&self, user: &AuthorizedUser) -> Result<(Secret, Duration), String> {
        let token_uri = user.token_uri.as_deref().unwrap_or(TOKEN_URI);
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", user.client_id.as_str()),
            ("client_secret", user.client_secret.expose()),
            ("refresh_token", user.refresh_token.expose()),
        ];
        let question = Question::form(token_uri.to_owned(), &form);
        let answer = self.environment.ask(question).await?;
        answer.token(self.environment.now_ms())
    }

    async fn of_machine(&self) -> Result<(Secret, Duration), String> {
        let host = self.environment.variable("GCE_METADATA_HOST");
        let host = host.unwrap_or_else(|| MACHINE.to_owned());
        let url = format!(
            "http://{host}/computeMetadata/v1/instance/service-accounts/default/token?{}",
            encoded(&[("scopes", SCOPE)])
        );
        let question = Question::get(Way::Machine, url).with("metadata-flavor", "Google")?;
        let answer = self.environment.ask(question).await;
        let answer = answer.map_err(|error| {
            format!(
                "there is no credentials_file, no GOOGLE_APPLICATION_CREDENTIALS and no file of \
                 gcloud, and this machine is none of Google's: {error}"
            )
        })?;
        answer.token(self.environment.now_ms())
    }
}

#[cfg(test)]
mod tests;
