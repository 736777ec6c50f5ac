//! How often credentials are fetched from those who hand them out, and how often that fails.
//!
//! It is not: what is read of files before each request, which nobody hands out.

use std::sync::OnceLock;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The ways to get credentials that end. The label has the name of the field in `http_config`, and of
/// the grant type where one field has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    OAuth2,
    JwtBearer,
    SigV4,
    AzureAd,
    GoogleIam,
}

impl Mechanism {
    const ALL: [Self; 5] = [
        Self::OAuth2,
        Self::JwtBearer,
        Self::SigV4,
        Self::AzureAd,
        Self::GoogleIam,
    ];

    fn labels(self) -> MechanismLabel {
        let mechanism = match self {
            Self::OAuth2 => "oauth2",
            Self::JwtBearer => "oauth2_jwt_bearer",
            Self::SigV4 => "sigv4",
            Self::AzureAd => "azuread",
            Self::GoogleIam => "google_iam",
        };
        MechanismLabel { mechanism }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MechanismLabel {
    mechanism: &'static str,
}

/// Those of all clients. Each mechanism is there from the beginning, so that a first failure is an
/// increase.
#[derive(Debug, Clone)]
pub struct CredentialMetrics {
    fetches: Family<MechanismLabel, Counter>,
    failures: Family<MechanismLabel, Counter>,
}

/// Those of one mechanism.
#[derive(Debug, Clone, Default)]
pub(crate) struct FetchCounters {
    fetches: Counter,
    failures: Counter,
}

impl CredentialMetrics {
    /// Those of the process. Clients are made by nearly every part of the server, of whatever
    /// configuration it has at the time, and what they count has to outlive each of them: so they
    /// are not handed through all of those parts.
    pub fn of_process() -> &'static Self {
        static METRICS: OnceLock<CredentialMetrics> = OnceLock::new();
        METRICS.get_or_init(Self::new)
    }

    fn new() -> Self {
        let metrics = Self {
            fetches: Family::default(),
            failures: Family::default(),
        };
        for mechanism in Mechanism::ALL {
            metrics.counters(mechanism);
        }
        metrics
    }

    /// Shows them.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("narthex_http");
        registry.register(
            "credential_fetches",
            "Total number of times credentials were asked for by a mechanism of http_config, \
             failures among them",
            self.fetches.clone(),
        );
        registry.register(
            "credential_fetch_failures",
            "Total number of times no credentials were handed out by a mechanism of http_config",
            self.failures.clone(),
        );
    }

    pub(crate) fn counters(&self, mechanism: Mechanism) -> FetchCounters {
        let labels = mechanism.labels();
        FetchCounters {
            fetches: self.fetches.get_or_create_owned(&labels),
            failures: self.failures.get_or_create_owned(&labels),
        }
    }
}

impl FetchCounters {
    /// Those of the process.
    pub(crate) fn of(mechanism: Mechanism) -> Self {
        CredentialMetrics::of_process().counters(mechanism)
    }

    /// Credentials were asked for, and perhaps not to be had.
    pub(crate) fn count(&self, is_failure: bool) {
        self.fetches.inc();
        if is_failure {
            self.failures.inc();
        }
    }

    /// How many there were, and how many of them failed.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.fetches.get(), self.failures.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mechanism_is_shown_before_its_first_fetch() {
        let metrics = CredentialMetrics::new();
        metrics.counters(Mechanism::SigV4).count(true);
        metrics.counters(Mechanism::SigV4).count(false);
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for (sample, value) in [
            ("fetches_total{mechanism=\"sigv4\"}", 2),
            ("fetch_failures_total{mechanism=\"sigv4\"}", 1),
            ("fetches_total{mechanism=\"oauth2\"}", 0),
            ("fetch_failures_total{mechanism=\"oauth2\"}", 0),
            ("fetch_failures_total{mechanism=\"oauth2_jwt_bearer\"}", 0),
            ("fetch_failures_total{mechanism=\"azuread\"}", 0),
            ("fetch_failures_total{mechanism=\"google_iam\"}", 0),
        ] {
            let line = format!("narthex_http_credential_{sample} {value}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
    }
}
