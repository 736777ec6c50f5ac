//! `azuread`: tokens of Microsoft Entra ID, as Azure Monitor's workspaces take them.
//!
//! It is not: how one is asked for, which is [`tokens`].

mod tokens;

use serde::{Deserialize, Serialize};

use crate::Secret;

pub(crate) use tokens::AzureTokens;

/// What a configuration says of it, field for field as Prometheus' `azuread`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AzureAdConfig {
    /// The identity of the machine or of the service that this runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_identity: Option<AzureManagedIdentity>,
    /// That of a service account of Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<AzureWorkloadIdentity>,
    /// An application with a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<AzureOAuth>,
    /// An application with a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<AzureCertificate>,
    /// What the variables say, or else the machine's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdk: Option<AzureSdk>,
    /// Which of the clouds.
    pub cloud: AzureCloud,
    /// What tokens are to be good for; Azure Monitor where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

/// The clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum AzureCloud {
    /// The one for everybody.
    #[default]
    AzurePublic,
    /// That of the United States' government.
    AzureGovernment,
    /// That in China.
    AzureChina,
}

/// The identity of the machine or of the service that this runs in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AzureManagedIdentity {
    /// Which, where there are several; that of the system where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_id: String,
}

/// That of a service account of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AzureWorkloadIdentity {
    /// The application or identity.
    pub client_id: String,
    /// Where it is registered.
    pub tenant_id: String,
    /// The file with the token of the service account; the one that Azure's webhook says where it is
    /// empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_file_path: String,
}

/// An application with a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AzureOAuth {
    /// The application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Where it is registered.
    pub tenant_id: String,
}

/// An application with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AzureCertificate {
    /// The application.
    pub client_id: String,
    /// Where it is registered.
    pub tenant_id: String,
    /// The certificate, PEM, before those that vouch for it; with its key where that has no file.
    pub certificate_path: String,
    /// Its key, PEM and of RSA, where it is in a file of its own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certificate_key_path: String,
    /// What opens a file of PKCS#12: refused, since these are not read.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub certificate_password: Secret,
    /// Whether the certificates are shown, for those who trust an issuer and a name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub send_certificate_chain: bool,
}

/// What the variables say, or else the machine's identity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AzureSdk {
    /// Where the application is registered; the variables say it where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tenant_id: String,
}

/// Whether a value is what its field wants.
type IsValid = fn(&str) -> bool;

impl AzureCloud {
    /// Where tokens are.
    fn authority(self) -> &'static str {
        match self {
            Self::AzurePublic => "https://login.microsoftonline.com",
            Self::AzureGovernment => "https://login.microsoftonline.us",
            Self::AzureChina => "https://login.chinacloudapi.cn",
        }
    }

    /// What a token for Azure Monitor is asked for.
    fn scope(self) -> &'static str {
        match self {
            Self::AzurePublic => "https://monitor.azure.com//.default",
            Self::AzureGovernment => "https://monitor.azure.us//.default",
            Self::AzureChina => "https://monitor.azure.cn//.default",
        }
    }
}

impl AzureAdConfig {
    /// The files that it names; empty names among them.
    pub fn files(&mut self) -> Vec<&mut String> {
        let workload = self.workload_identity.iter_mut();
        let mut files: Vec<_> = workload.map(|own| &mut own.token_file_path).collect();
        if let Some(own) = &mut self.certificate {
            files.extend([&mut own.certificate_path, &mut own.certificate_key_path]);
        }
        files
    }

    /// What does not fit together, in Prometheus' words; empty where all does.
    pub fn faults(&self) -> Vec<String> {
        let ways = [
            self.managed_identity.is_some(),
            self.workload_identity.is_some(),
            self.oauth.is_some(),
            self.certificate.is_some(),
            self.sdk.is_some(),
        ];
        let mut faults = Vec::new();
        match ways.into_iter().filter(|is_there| *is_there).count() {
            0 => faults.push(
                "must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth, \
                 Azure Certificate or Azure SDK in the Azure AD config"
                    .to_owned(),
            ),
            1 => {}
            _ => faults.push(
                "cannot provide multiple authentication methods in the Azure AD config".to_owned(),
            ),
        }
        // What, the field, its value, whether it may be missing, and what it has to be.
        let mut fields: Vec<(&str, &str, &str, bool, IsValid)> = Vec::new();
        if let Some(own) = &self.managed_identity {
            fields.push((
                "Managed Identity",
                "client_id",
                &own.client_id,
                true,
                is_uuid,
            ));
        }
        if let Some(own) = &self.workload_identity {
            let what = "Workload Identity";
            fields.push((what, "client_id", &own.client_id, false, is_uuid));
            fields.push((what, "tenant_id", &own.tenant_id, false, is_uuid));
        }
        if let Some(own) = &self.oauth {
            let secret = own.client_secret.expose();
            fields.push(("OAuth", "client_id", &own.client_id, false, is_uuid));
            fields.push(("OAuth", "client_secret", secret, false, |_| true));
            fields.push(("OAuth", "tenant_id", &own.tenant_id, false, is_tenant));
        }
        if let Some(own) = &self.certificate {
            let what = "Certificate";
            fields.push((what, "client_id", &own.client_id, false, is_uuid));
            fields.push((what, "tenant_id", &own.tenant_id, false, is_tenant));
            let path = &own.certificate_path;
            fields.push((what, "certificate_path", path, false, |_| true));
            if !own.certificate_password.is_empty() {
                faults.push(
                    "certificate_password: certificates in PKCS#12 are not supported, only in PEM"
                        .to_owned(),
                );
            }
        }
        if let Some(own) = &self.sdk {
            fields.push(("SDK", "tenant_id", &own.tenant_id, true, is_tenant));
        }
        for (what, field, value, may_be_missing, is_valid) in fields {
            if value.is_empty() && !may_be_missing {
                faults.push(format!(
                    "must provide an Azure {what} {field} in the Azure AD config"
                ));
            } else if !value.is_empty() && !is_valid(value) {
                faults.push(format!("the provided Azure {what} {field} is invalid"));
            }
        }
        let is_fine = |c: char| c.is_ascii_alphanumeric() || "_:/.- \t".contains(c);
        if !self.scope.chars().all(is_fine) {
            faults.push("the provided scope contains invalid characters".to_owned());
        }
        faults
    }
}

/// Whether it is a UUID, with its dashes or without.
fn is_uuid(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let is_dash = |at: usize| text.as_bytes().get(at) == Some(&b'-');
    match text.len() {
        32 => digits == 32,
        36 => digits == 32 && [8, 13, 18, 23].into_iter().all(is_dash),
        _ => false,
    }
}

fn is_tenant(text: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    text.chars().all(is_fine)
}

#[cfg(test)]
mod tests;
