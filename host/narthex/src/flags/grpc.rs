//! Flags of the StoreAPI: Thanos' names, where Thanos has such a flag.

use std::path::PathBuf;

use clap::Args;
use narthex_model::{ByteSize, PromDuration};
use narthex_storeapi::StoreLimits;

// This is no doc comment, because clap would show it as what the whole program is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct GrpcFlags {
    /// Address to answer Thanos' StoreAPI on, for queriers: samples by gRPC, under the external
    /// labels. Without it, it is not answered; 10901 is the usual port.
    #[arg(
        long = "grpc.listen-address",
        alias = "grpc-address",
        value_name = "ADDRESS"
    )]
    pub(crate) grpc_listen_address: Option<String>,

    /// Time that answers by gRPC have to finish when the server stops.
    #[arg(
        long = "grpc-grace-period",
        value_name = "DURATION",
        default_value = "10s"
    )]
    pub(crate) grpc_grace_period: PromDuration,

    /// File with the TLS certificate for gRPC. Without it, plain text is spoken.
    #[arg(
        long = "grpc-server-tls-cert",
        value_name = "FILE",
        requires = "grpc_server_tls_key"
    )]
    pub(crate) grpc_server_tls_cert: Option<PathBuf>,

    /// File with the key of that certificate.
    #[arg(
        long = "grpc-server-tls-key",
        value_name = "FILE",
        requires = "grpc_server_tls_cert"
    )]
    pub(crate) grpc_server_tls_key: Option<PathBuf>,

    /// File with the authorities that sign clients. With it, a client without a certificate of
    /// theirs is refused.
    #[arg(
        long = "grpc-server-tls-client-ca",
        value_name = "FILE",
        requires = "grpc_server_tls_cert"
    )]
    pub(crate) grpc_server_tls_client_ca: Option<PathBuf>,

    /// The oldest version of TLS that is spoken by gRPC.
    #[arg(
        long = "grpc-server-tls-min-version",
        value_name = "VERSION",
        default_value = "1.3",
        value_parser = ["1.2", "1.3"]
    )]
    pub(crate) grpc_server_tls_min_version: String,

    /// File in the format of --web.config.file that says for gRPC how connections are encrypted and who
    /// may ask: users, and tokens and roles by narthex_access. It may be the same file. Thanos has no
    /// such flag.
    #[arg(
        long = "grpc.config.file",
        value_name = "FILE",
        conflicts_with_all = ["grpc_server_tls_cert", "grpc_server_tls_client_ca"]
    )]
    pub(crate) grpc_config_file: Option<PathBuf>,

    /// Maximum number of series that an answer by gRPC may have, 0 for no limit.
    #[arg(long = "store.limits.request-series", default_value_t = 0)]
    pub(crate) request_series_max: usize,

    /// Maximum number of samples that an answer by gRPC may have, 0 for no limit.
    #[arg(long = "store.limits.request-samples", default_value_t = 0)]
    pub(crate) request_samples_max: usize,

    /// Maximum size of what a single answer by gRPC can hold in memory while it is put in order.
    /// Thanos has no such flag.
    #[arg(long = "store.limits.request-bytes", default_value = "1GB")]
    pub(crate) request_bytes_max: ByteSize,

    /// Maximum number of requests for series by gRPC that are answered at a time; others wait.
    #[arg(long = "store.grpc.series-max-concurrency", default_value_t = 20)]
    pub(crate) series_requests_max: usize,
}

impl GrpcFlags {
    /// What bounds requests for series.
    pub(crate) fn limits(&self) -> StoreLimits {
        StoreLimits {
            series_max: self.request_series_max,
            samples_max: self.request_samples_max,
            bytes_max: usize::try_from(self.request_bytes_max.as_bytes()).unwrap_or(usize::MAX),
            requests_max: self.series_requests_max,
        }
    }
}
