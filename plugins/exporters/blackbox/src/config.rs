//! A module, in blackbox_exporter's words.

use std::collections::BTreeMap;
use std::time::Duration;

use narthex_sdk::http::Scheme;
use serde::{Deserialize, Deserializer};

use crate::expression::Expression;

/// What a job can set: one module.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub(crate) prober: Kind,
    /// A probe that took longer has failed. The job's `scrape_timeout` is what ends one.
    #[serde(default, deserialize_with = "duration")]
    pub(crate) timeout: Option<Duration>,
    #[serde(default)]
    pub(crate) http: Http,
    #[serde(default)]
    pub(crate) tcp: Tcp,
    #[serde(default)]
    pub(crate) dns: Dns,
    #[serde(default)]
    pub(crate) icmp: Icmp,
}

/// How to probe.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Http,
    Tcp,
    Dns,
    Icmp,
}

/// The version of IP that is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    Ip4,
    #[default]
    Ip6,
}

/// What is set of TLS beside the profile.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The name that the certificate must have, where it is not the target's host.
    pub(crate) server_name: Option<String>,
}

/// The section `http`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub(crate) valid_status_codes: Vec<u16>,
    pub(crate) valid_http_versions: Vec<String>,
    pub(crate) preferred_ip_protocol: Protocol,
    pub(crate) ip_protocol_fallback: bool,
    pub(crate) method: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    pub(crate) no_follow_redirects: bool,
    pub(crate) follow_redirects: Option<bool>,
    /// Hosts besides the target's that redirects may lead to; read by the host as a grant.
    pub(crate) redirects_to: Vec<String>,
    pub(crate) fail_if_ssl: bool,
    pub(crate) fail_if_not_ssl: bool,
    pub(crate) fail_if_body_matches_regexp: Vec<Expression>,
    pub(crate) fail_if_body_not_matches_regexp: Vec<Expression>,
    pub(crate) fail_if_header_matches: Vec<HeaderMatch>,
    pub(crate) fail_if_header_not_matches: Vec<HeaderMatch>,
    pub(crate) basic_auth: Option<BasicAuth>,
    pub(crate) bearer_token: Option<String>,
    /// The name of the secret that is the token.
    pub(crate) bearer_token_secret: Option<String>,
    pub(crate) tls_profile: String,
    pub(crate) tls_config: Tls,
    /// Of a target that is no URL.
    pub(crate) scheme: Scheme,
    /// Of a target that is no URL.
    pub(crate) path: String,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            valid_status_codes: Vec::new(),
            valid_http_versions: Vec::new(),
            preferred_ip_protocol: Protocol::default(),
            ip_protocol_fallback: true,
            method: "GET".to_owned(),
            headers: BTreeMap::new(),
            body: String::new(),
            no_follow_redirects: false,
            follow_redirects: None,
            redirects_to: Vec::new(),
            fail_if_ssl: false,
            fail_if_not_ssl: false,
            fail_if_body_matches_regexp: Vec::new(),
            fail_if_body_not_matches_regexp: Vec::new(),
            fail_if_header_matches: Vec::new(),
            fail_if_header_not_matches: Vec::new(),
            basic_auth: None,
            bearer_token: None,
            bearer_token_secret: None,
            tls_profile: String::new(),
            tls_config: Tls::default(),
            scheme: Scheme::Http,
            path: "/".to_owned(),
        }
    }
}

/// What a header must or must not be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderMatch {
    pub(crate) header: String,
    pub(crate) regexp: Expression,
    #[serde(default)]
    pub(crate) allow_missing: bool,
}

/// A user's name and password.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BasicAuth {
    #[serde(default)]
    pub(crate) username: String,
    pub(crate) password: Option<String>,
    /// The name of the secret that is the password.
    pub(crate) password_secret: Option<String>,
}

/// The section `tcp`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tcp {
    pub(crate) preferred_ip_protocol: Protocol,
    pub(crate) ip_protocol_fallback: bool,
    pub(crate) query_response: Vec<QueryResponse>,
    pub(crate) tls: bool,
    pub(crate) tls_profile: String,
    pub(crate) tls_config: Tls,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            preferred_ip_protocol: Protocol::default(),
            ip_protocol_fallback: true,
            query_response: Vec::new(),
            tls: false,
            tls_profile: String::new(),
            tls_config: Tls::default(),
        }
    }
}

/// One step of a dialogue: a line that is waited for, one that is sent, TLS that begins.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QueryResponse {
    pub(crate) expect: Option<Expression>,
    pub(crate) send: String,
    pub(crate) starttls: bool,
}

/// The section `dns`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dns {
    pub(crate) preferred_ip_protocol: Protocol,
    pub(crate) ip_protocol_fallback: bool,
    pub(crate) transport_protocol: Transport,
    pub(crate) dns_over_tls: bool,
    pub(crate) tls_profile: String,
    pub(crate) tls_config: Tls,
    pub(crate) query_name: String,
    pub(crate) query_type: String,
    pub(crate) query_class: String,
    pub(crate) recursion_desired: bool,
    pub(crate) valid_rcodes: Vec<String>,
    pub(crate) validate_answer_rrs: Records,
    pub(crate) validate_authority_rrs: Records,
    pub(crate) validate_additional_rrs: Records,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            preferred_ip_protocol: Protocol::default(),
            ip_protocol_fallback: true,
            transport_protocol: Transport::Udp,
            dns_over_tls: false,
            tls_profile: String::new(),
            tls_config: Tls::default(),
            query_name: String::new(),
            query_type: "ANY".to_owned(),
            query_class: "IN".to_owned(),
            recursion_desired: true,
            valid_rcodes: vec!["NOERROR".to_owned()],
            validate_answer_rrs: Records::default(),
            validate_authority_rrs: Records::default(),
            validate_additional_rrs: Records::default(),
        }
    }
}

/// What carries a DNS message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// What the records of one section must or must not be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Records {
    pub(crate) fail_if_matches_regexp: Vec<Expression>,
    pub(crate) fail_if_all_match_regexp: Vec<Expression>,
    pub(crate) fail_if_not_matches_regexp: Vec<Expression>,
    pub(crate) fail_if_none_matches_regexp: Vec<Expression>,
}

/// The section `icmp`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Icmp {
    pub(crate) preferred_ip_protocol: Protocol,
    pub(crate) ip_protocol_fallback: bool,
    pub(crate) payload_size: u16,
}

impl Default for Icmp {
    fn default() -> Self {
        Self {
            preferred_ip_protocol: Protocol::default(),
            ip_protocol_fallback: true,
            payload_size: 36,
        }
    }
}

/// A duration as Prometheus writes it: `1m30s`, `500ms`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fault = || serde::de::Error::custom(format!("{text:?} is no duration"));
    parse_duration(&text).map(Some).ok_or_else(fault)
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let length = count.parse::<u64>().ok()?.checked_mul(milliseconds)?;
        total = total.checked_add(Duration::from_millis(length))?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_prometheus_own() {
        for (text, milliseconds) in [
            ("5s", Some(5000)),
            ("500ms", Some(500)),
            ("1m30s", Some(90_000)),
            ("1h", Some(3_600_000)),
            ("", None),
            ("5", None),
            ("s", None),
            ("99999999999999999999s", None),
        ] {
            let expected = milliseconds.map(Duration::from_millis);
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_module_is_refused() {
        for (text, word) in [
            (r#"{"prober": "grpc"}"#, "grpc"),
            (r#"{"prober": "http", "timeout": "5"}"#, "duration"),
            (
                r#"{"prober": "http", "http": {"compression": "gzip"}}"#,
                "compression",
            ),
            (
                r#"{"prober": "http", "http": {"fail_if_body_matches_regexp": ["("]}}"#,
                "regular expression",
            ),
            (
                r#"{"prober": "tcp", "tcp": {"tls_config": {"insecure_skip_verify": true}}}"#,
                "insecure_skip_verify",
            ),
        ] {
            let error = serde_json::from_str::<Config>(text).unwrap_err();
            assert!(error.to_string().contains(word), "{text}: {error}");
        }
    }
}
