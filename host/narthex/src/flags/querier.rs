//! Flags of `narthex query serve`: Thanos Query's names, where it has such a flag.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use narthex_fleet::{Address, Dedup};
use narthex_model::PromDuration;
use narthex_rules::PartialResponse;

/// What it is called on the command line.
const NAME: [&str; 2] = ["query", "serve"];

// This is no doc comment, because clap would show it as what the whole program is for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Flags of query serve")]
pub(crate) struct QuerierFlags {
    /// Whether this is `query serve`.
    #[arg(skip)]
    pub(crate) is_on: bool,

    /// Who is asked by the StoreAPI: host:port, dns+host:port, dnssrv+name or dnssrvnoa+name.
    /// May be given several times.
    #[arg(long = "endpoint", alias = "store", value_name = "ADDRESS")]
    pub(crate) endpoints: Vec<Address>,

    /// As --endpoint, but for who is always asked: what is missing of it is always said.
    #[arg(
        long = "endpoint-strict",
        alias = "store-strict",
        value_name = "ADDRESS"
    )]
    pub(crate) strict_endpoints: Vec<Address>,

    /// File that lists further endpoints; it is read again when it changes.
    #[arg(long = "endpoint.sd-config-file", value_name = "FILE")]
    pub(crate) endpoints_file: Option<PathBuf>,

    /// What becomes of a rule where a part of the store does not answer, in groups that do not say it
    /// themselves: abort, and its alerts stay as they are, or warn, and it goes on over what is there.
    #[arg(
        long = "rules.partial-response-strategy",
        value_name = "STRATEGY",
        default_value = "abort"
    )]
    pub(crate) rules_partial_response: PartialResponse,

    /// Label that tells replicas apart: series that differ in it alone are one. May be given
    /// several times.
    #[arg(long = "query.replica-label", value_name = "NAME")]
    pub(crate) replica_labels: Vec<String>,

    /// How replicas become one series.
    #[arg(long = "deduplication.func", value_enum, default_value = "interval")]
    dedup: DedupName,

    /// Answer where a part is missing, with a warning, instead of with an error. The default; a
    /// request says otherwise by partial_response.
    #[arg(
        long = "query.partial-response",
        overrides_with = "no_partial_response"
    )]
    partial_response: bool,

    #[arg(
        long = "no-query.partial-response",
        hide = true,
        overrides_with = "partial_response"
    )]
    no_partial_response: bool,

    /// Have aggregations evaluated by Narthex hosts over the series that they alone have, so that
    /// results travel and not series. The default.
    #[arg(long = "query.pushdown", overrides_with = "no_pushdown")]
    pushdown: bool,

    #[arg(long = "no-query.pushdown", hide = true, overrides_with = "pushdown")]
    no_pushdown: bool,

    /// So long an endpoint may keep one query waiting in all; then the query goes on without it.
    #[arg(long = "store.response-timeout", default_value = "30s")]
    pub(crate) response_timeout: PromDuration,

    /// An endpoint that does not answer is forgotten after this time, unless it is a strict one.
    #[arg(long = "store.unhealthy-timeout", default_value = "5m")]
    pub(crate) unhealthy_timeout: PromDuration,

    /// How often names of endpoints are looked up.
    #[arg(long = "store.sd-dns-interval", default_value = "30s")]
    pub(crate) dns_interval: PromDuration,

    /// Speak TLS with endpoints.
    #[arg(long = "grpc-client-tls-secure")]
    pub(crate) is_secure: bool,

    /// File with the authorities that sign endpoints; without it, those of the system.
    #[arg(
        long = "grpc-client-tls-ca",
        value_name = "FILE",
        requires = "is_secure"
    )]
    pub(crate) tls_ca: Option<PathBuf>,

    /// File with our certificate.
    #[arg(
        long = "grpc-client-tls-cert",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub(crate) tls_cert: Option<PathBuf>,

    /// File with its key.
    #[arg(
        long = "grpc-client-tls-key",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub(crate) tls_key: Option<PathBuf>,

    /// The name that certificates of endpoints must have; without it, that of the address.
    #[arg(
        long = "grpc-client-server-name",
        value_name = "NAME",
        requires = "is_secure"
    )]
    pub(crate) tls_server_name: Option<String>,

    /// File with a bearer token that endpoints are shown. It is read for each request. Thanos has no
    /// such flag.
    #[arg(
        id = "endpoint_token_file",
        long = "grpc-client-bearer-token-file",
        value_name = "FILE",
        conflicts_with = "endpoint_client_config_file"
    )]
    pub(crate) token_file: Option<PathBuf>,

    /// File in the format of promtool's --http.config.file whose basic_auth, authorization or oauth2
    /// endpoints are shown. Thanos has no such flag.
    #[arg(
        id = "endpoint_client_config_file",
        long = "grpc-client-config.file",
        value_name = "FILE"
    )]
    pub(crate) client_config_file: Option<PathBuf>,
}

/// `--deduplication.func`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DedupName {
    Interval,
    Penalty,
    Chain,
}

impl QuerierFlags {
    pub(crate) fn dedup(&self) -> Dedup {
        match self.dedup {
            DedupName::Interval => Dedup::Interval,
            DedupName::Penalty => Dedup::Penalty,
            DedupName::Chain => Dedup::Chain,
        }
    }

    pub(crate) fn pushes_down(&self) -> bool {
        self.pushdown || !self.no_pushdown
    }

    pub(crate) fn is_partial(&self) -> bool {
        self.partial_response || !self.no_partial_response
    }
}

/// Arguments without `query serve`, and whether it was there. What is left is a server's: that is
/// what a querier is.
pub(super) fn without_its_name(args: impl IntoIterator<Item = String>) -> (Vec<String>, bool) {
    let mut args: Vec<String> = args.into_iter().collect();
    let is_querier = args.get(1..=2).is_some_and(|first| first == NAME);
    if is_querier {
        args.drain(1..=2);
    }
    (args, is_querier)
}
