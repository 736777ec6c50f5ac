//! One way to make an HTTP client: credentials, TLS, proxies, redirects and bounded bodies, for
//! everything that reads from a configured endpoint.
//!
//! It is not: a server, and not a general client: [`Client`] sends the requests of scrapes and of remote write,
//! [`Outbound`] what a plugin asks for. TLS is rustls with the *ring* provider, which is named here
//! and never taken from the process' default.

// The fields of `http_section` name functions of this crate by this name, in its own tests as well.
extern crate self as narthex_http;

mod body;
mod client;
mod cloud;
mod config;
mod credential_metrics;
mod credentials;
mod dialled;
mod error;
mod jwt;
mod lease;
mod lookup;
mod oauth2;
mod outbound;
mod proxy;
mod reserved;
mod secret;
mod section;
mod shown_url;
mod tls;
mod tls_client;
mod transport;

pub use body::{BodyError, BodyLimit};
pub use client::{Client, REDIRECTS_MAX, Response};
pub use cloud::{
    AzureAdConfig, AzureCertificate, AzureCloud, AzureManagedIdentity, AzureOAuth, AzureSdk,
    AzureWorkloadIdentity, CloudAuth, GoogleIamConfig, SigV4Config,
};
pub use config::{Authorization, BasicAuth, HttpConfig, HttpHeader, TlsConfig, TlsVersion};
pub use credential_metrics::CredentialMetrics;
pub use credentials::{Credentials, basic_authorization};
pub use error::{BuildError, RequestError};
pub use lookup::{Lookup, SystemLookup};
pub use oauth2::OAuth2;
pub use outbound::{AddressFilter, Outbound, OutboundError, OutboundResponse};
pub use reqwest::StatusCode;
pub use reqwest::header;
pub use reserved::remote_header_fault;
pub use secret::Secret;
pub use section::HTTP_FIELDS;
pub use shown_url::{serialize_shown_url, shown_url};
pub use tls::install_tls_provider;
pub use tls_client::{TlsClient, TlsSession, session, tls_client};
pub use tokio_rustls::client::TlsStream;
