//! Who asks a server, and what they may: the section `narthex_access` of the web configuration.
//!
//! Somebody is known by a token that a cluster of Kubernetes reviews or an issuer of OpenID Connect has
//! signed, or by what a proxy says that is trusted; what they may is said by roles or by the cluster.
//! [`Reviews`] alone serve who asks the cluster about requests of its own.
//!
//! It is not: TLS or passwords, which `narthex-web` has, nor a server.

mod access;
mod config;
mod jwt;
pub mod limits;
mod metrics;
mod network;
mod oidc;
mod remembered;
mod reviews;
mod role;

pub use access::{Access, AccessParts, Asking, Verdict};
pub use config::{AccessConfig, KubernetesAccess, Members, OidcConfig, Roles, TrustedProxies};
pub use metrics::AccessMetrics;
pub use narthex_kubernetes::{Attributes, User};
pub use reviews::{ReviewError, Reviews};
pub use role::Role;
