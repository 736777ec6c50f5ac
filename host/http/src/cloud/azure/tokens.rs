//! How a token of Entra ID is asked for, in each of the ways.
//!
//! It is not: Azure Arc or Service Fabric, whose machines have identities of their own protocols.

use std::time::Duration;

use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::{AzureAdConfig, AzureCertificate};
use crate::Secret;
use crate::cloud::environment::{Environment, Question, Way};
use crate::cloud::lease::{Lease, Leased};
use crate::jwt::{self, Algorithm};
use crate::oauth2::encoded;

/// Where the machine's metadata service stands.
const MACHINE: &str = "http://169.254.169.254";

/// What says that a token is of a kind that another authority signed (RFC 7523, 2.2).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion of ours is good so long.
const ASSERTION_SECONDS: i64 = 10 * 60;

/// Has a token for whoever asks.
pub(crate) struct AzureTokens {
    config: AzureAdConfig,
    environment: Environment,
    held: Leased<Secret>,
}

/// An application, and where it is registered.
#[derive(Debug, Clone, Copy)]
struct Application<'a> {
    tenant_id: &'a str,
    client_id: &'a str,
}

impl AzureTokens {
    pub(crate) fn new(config: &AzureAdConfig, environment: Environment) -> Self {
        Self {
            config: config.clone(),
            environment,
            held: Leased::default(),
        }
    }

    /// The token for the next request. It is fetched anew after half of its time, as Prometheus does.
    ///
    /// # Errors
    /// There is none, and why.
    pub(crate) async fn token(&self) -> Result<Secret, String> {
        let token = self.held.get(self.fetch()).await;
        token.map_err(|error| format!("azuread: cannot fetch a token: {error}"))
    }

    async fn fetch(&self) -> Result<Lease<Secret>, String> {
        let (token, lasts) = self.ask().await?;
        Ok(Lease::renewed_after(token, lasts, lasts / 2))
    }

    async fn ask(&self) -> Result<(Secret, Duration), String> {
        let config = &self.config;
        if let Some(own) = &config.managed_identity {
            return self.of_machine(&own.client_id).await;
        }
        if let Some(own) = &config.workload_identity {
            let application = Application {
                tenant_id: &own.tenant_id,
                client_id: &own.client_id,
            };
            return self.with_file(application, own.token_file()).await;
        }
        if let Some(own) = &config.oauth {
            let application = Application {
                tenant_id: &own.tenant_id,
                client_id: &own.client_id,
            };
            return self.with_secret(application, &own.client_secret).await;
        }
        if let Some(own) = &config.certificate {
            return self.with_certificate(own).await;
        }
        let given = config.sdk.as_ref().map(|own| own.tenant_id.as_str());
        self.of_variables(given.unwrap_or_default()).await
    }

    /// As the variables of Azure's own programs say: an application with a secret, one with a token of
    /// Kubernetes, or the machine's identity.
    async fn of_variables(&self, tenant_id: &str) -> Result<(Secret, Duration), String> {
        let variable = |name: &str| self.environment.variable(name);
        let tenant_id = match tenant_id {
            "" => variable("AZURE_TENANT_ID").unwrap_or_default(),
            given => given.to_owned(),
        };
        let client_id = variable("AZURE_CLIENT_ID").unwrap_or_default();
        let application = Application {
            tenant_id: &tenant_id,
            client_id: &client_id,
        };
        if !tenant_id.is_empty() && !client_id.is_empty() {
            if let Some(secret) = variable("AZURE_CLIENT_SECRET") {
                let secret = Secret::new(secret);
                return self.with_secret(application, &secret).await;
            }
            if let Some(file) = variable("AZURE_FEDERATED_TOKEN_FILE") {
                return self.with_file(application, &file).await;
            }
        }
        self.of_machine(&client_id).await
    }

    async fn with_secret(
        &self,
        application: Application<'_>,
        secret: &Secret,
    ) -> Result<(Secret, Duration), String> {
        self.of_authority(application, &[("client_secret", secret.expose())])
            .await
    }

    async fn with_file(
        &self,
        application: Application<'_>,
        file: &str,
    ) -> Result<(Secret, Duration), String> {
        let token = self.environment.secret(file).await?;
        self.with_assertion(application, &token).await
    }

    async fn with_assertion(
        &self,
        application: Application<'_>,
        assertion: &Secret,
    ) -> Result<(Secret, Duration), String> {
        let form = [
            ("client_assertion_type", ASSERTION),
            ("client_assertion", assertion.expose()),
        ];
        self.of_authority(application, &form).await
    }

    /// Both files are read for each token, so that a new certificate counts from the next one on.
    async fn with_certificate(&self, own: &AzureCertificate) -> Result<(Secret, Duration), String> {
        let application = Application {
            tenant_id: &own.tenant_id,
            client_id: &own.client_id,
        };
        let certificate = self.environment.secret(&own.certificate_file).await?;
        let key = self.environment.secret(&own.private_key_file).await?;
        let certificate = CertificateDer::from_pem_slice(certificate.expose().as_bytes())
            .map_err(|_| format!("{} is no certificate in PEM", own.certificate_file))?;
        let now = self.environment.now_ms() / 1000;
        let claims = json!({
            "aud": self.token_url(application),
            "iss": own.client_id,
            "sub": own.client_id,
            "jti": jwt::random_id()?,
            "iat": now,
            "nbf": now,
            "exp": now + ASSERTION_SECONDS,
        });
        let thumbprint = digest(&SHA256, certificate.as_ref());
        let header = json!({ "x5t#S256": jwt::base64_url(thumbprint.as_ref()) });
        let assertion = jwt::signed(Algorithm::Ps256, header, &claims, &key)
            .map_err(|error| format!("{}: {error}", own.private_key_file))?;
        self.with_assertion(application, &assertion).await
    }

    fn token_url(&self, application: Application<'_>) -> String {
        let given = self.environment.variable("AZURE_AUTHORITY_HOST");
        let authority = given.unwrap_or_else(|| self.config.cloud.authority().to_owned());
        let authority = authority.trim_end_matches('/');
        format!("{authority}/{}/oauth2/v2.0/token", application.tenant_id)
    }

    fn scope(&self) -> &str {
        match self.config.scope.as_str() {
            "" => self.config.cloud.scope(),
            scope => scope,
        }
    }

    async fn of_authority(
        &self,
        application: Application<'_>,
        proof: &[(&str, &str)],
    ) -> Result<(Secret, Duration), String> {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", application.client_id),
            ("scope", self.scope()),
        ];
        form.extend_from_slice(proof);
        let question = Question::form(self.token_url(application), &form);
        self.environment.ask(question).await?.token()
    }

    /// The machine's identity, or that of the service which the variables speak of.
    async fn of_machine(&self, client_id: &str) -> Result<(Secret, Duration), String> {
        let variable = |name: &str| self.environment.variable(name);
        let scope = self.scope();
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let mut query = vec![("resource", resource)];
        if !client_id.is_empty() {
            query.push(("client_id", client_id));
        }
        let service = (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER"));
        let question = match service {
            (Some(url), Some(header)) => {
                query.push(("api-version", "2019-08-01"));
                let url = format!("{url}?{}", encoded(&query));
                Question::get(Way::Machine, url).with("x-identity-header", &header)?
            }
            (Some(_), None) => {
                return Err(
                    "IDENTITY_ENDPOINT is set without IDENTITY_HEADER: the identities of Azure \
                     Arc are not supported"
                        .to_owned(),
                );
            }
            (None, _) => {
                query.push(("api-version", "2018-02-01"));
                let host = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST");
                let host = host.unwrap_or_else(|| MACHINE.to_owned());
                let url = format!(
                    "{}/metadata/identity/oauth2/token?{}",
                    host.trim_end_matches('/'),
                    encoded(&query)
                );
                Question::get(Way::Machine, url).with("metadata", "true")?
            }
        };
        self.environment.ask(question).await?.token()
    }
}
