//! Who may ask a server, and how it is spoken to: the file of `--web.config.file`, in the format of
//! Prometheus' exporter-toolkit, with TLS, client certificates, users, response headers and a rate, and
//! with tokens and roles, which `narthex-access` knows.
//!
//! It is not: a server. [`Entrance`] says which TLS a connection gets and whether a request may go
//! on; who listens asks it. Nor does it know YAML: who opens an entrance hands in the reader.

mod client_certificates;
mod config;
mod entrance;
mod error;
mod extension;
mod files;
mod front_proxy;
mod logins;
mod peer;
mod rate;
mod self_signed;
mod tls;

pub use config::{HttpServerConfig, RateLimit, TlsServerConfig, WebConfig};
pub use entrance::{Admission, Entrance};
pub use error::WebConfigError;
pub use extension::{Delegation, EXTENSION_CONFIG, Refused};
pub use files::FILE_BYTES_MAX;
pub use front_proxy::FrontProxy;
pub use logins::LOGINS_MAX;
pub use narthex_access::Verdict;
pub use peer::Peer;
pub use tls::tls_server;
