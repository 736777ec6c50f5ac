//! How a token of Entra ID is asked for, in each of the ways.
//!
//! It is not: Azure Arc or Service Fabric, whose machines have identities of their own protocols.

use std::time::Duration;

use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::{AzureAdConfig, AzureCertificate, AzureCloud};
use crate::Secret;
use crate::cloud::FETCH_TIMEOUT;
use crate::cloud::environment::{Environment, Question, Way};
use crate::credential_metrics::{FetchCounters, Mechanism};
use crate::credentials::base64;
use crate::jwt::{self, Algorithm};
use crate::lease::{Lease, Leased};
use crate::oauth2::encoded;

/// Where the machine's metadata service stands.
const MACHINE: &str = "http://169.254.169.254";

/// Where Kubernetes' webhook for workload identities puts the token of the service account, if it does
/// not say so.
const TOKEN_FILE_DEFAULT: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

/// What says that a token is of a kind that another authority signed (RFC 7523, 2.2).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion of ours is good so long.
const ASSERTION_SECONDS: i64 = 10 * 60;

/// Has a token for whoever asks.
#[derive(Clone)]
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
            held: Leased::new(FETCH_TIMEOUT, FetchCounters::of(Mechanism::AzureAd)),
        }
    }

    /// The token for the next request. It is fetched anew after half of its time, as Prometheus does.
    ///
    /// # Errors
    /// There is none, and why.
    pub(crate) async fn token(&self) -> Result<Secret, String> {
        let fetch = || {
            let own = self.clone();
            async move { own.fetch().await }
        };
        let token = self.held.get(&(), fetch).await;
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
            let file = match own.token_file_path.as_str() {
                "" => self
                    .environment
                    .variable("AZURE_FEDERATED_TOKEN_FILE")
                    .unwrap_or_else(|| TOKEN_FILE_DEFAULT.to_owned()),
                file => file.to_owned(),
            };
            return self.with_file(application, &file).await;
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

    /// The files are read for each token, so that a new certificate counts from the next one on.
    async fn with_certificate(&self, own: &AzureCertificate) -> Result<(Secret, Duration), String> {
        let application = Application {
            tenant_id: &own.tenant_id,
            client_id: &own.client_id,
        };
        let path = own.certificate_path.as_str();
        let key_path = match own.certificate_key_path.as_str() {
            "" => path,
            key_path => key_path,
        };
        let file = self.environment.secret(path).await?;
        let key = self.environment.secret(key_path).await?;
        let certificates = CertificateDer::pem_slice_iter(file.expose().as_bytes());
        let certificates: Vec<CertificateDer<'_>> = certificates
            .collect::<Result<_, _>>()
            .map_err(|_| format!("{path} is no certificate in PEM"))?;
        let certificate = certificates
            .first()
            .ok_or_else(|| format!("{path} has no certificate in PEM"))?;
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
        let mut header = json!({ "x5t#S256": jwt::base64_url(thumbprint.as_ref()) });
        if own.send_certificate_chain {
            let shown = certificates.iter().map(|one| base64(one.as_ref()));
            header["x5c"] = shown.collect::<Vec<String>>().into();
        }
        let assertion = jwt::signed(Algorithm::Ps256, header, &claims, &key)
            .map_err(|error| format!("{key_path}: {error}"))?;
        self.with_assertion(application, &assertion).await
    }

    fn token_url(&self, application: Application<'_>) -> String {
        let cloud = self.config.cloud;
        // Clusters set the variable for all that runs in them. Who names another cloud means it.
        let given = match cloud {
            AzureCloud::AzurePublic => self.environment.variable("AZURE_AUTHORITY_HOST"),
            AzureCloud::AzureGovernment | AzureCloud::AzureChina => None,
        };
        let authority = given.unwrap_or_else(|| cloud.authority().to_owned());
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
        let answer = self.environment.ask(question).await?;
        answer.token(self.environment.now_ms())
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
        let answer = self.environment.ask(question).await?;
        answer.token(self.environment.now_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::tests::environment;

    #[test]
    fn a_cloud_that_is_named_has_its_own_authority() {
        let public = "https://login.microsoftonline.com";
        for (cloud, given, authority) in [
            (AzureCloud::AzurePublic, "", public),
            (
                AzureCloud::AzurePublic,
                "https://a.example/",
                "https://a.example",
            ),
            (
                AzureCloud::AzureChina,
                public,
                "https://login.chinacloudapi.cn",
            ),
        ] {
            let config = AzureAdConfig {
                cloud,
                ..AzureAdConfig::default()
            };
            let environment = environment(&[("AZURE_AUTHORITY_HOST", given)]);
            let tokens = AzureTokens::new(&config, environment);
            let url = tokens.token_url(Application {
                tenant_id: "t",
                client_id: "c",
            });
            assert_eq!(url, format!("{authority}/t/oauth2/v2.0/token"));
        }
    }
}
