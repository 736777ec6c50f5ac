//! The objects of the Prometheus Operator (`monitoring.coreos.com`), read as a configuration: scrape
//! jobs, groups of rules, and routes of alerts.
//!
//! What comes out is what stands in `prometheus.yml`, in files of rules and in `alertmanager.yml`,
//! as JSON values: their owners read them, so that there is one reader of each. An object that is
//! wrong is left out with a [`Fault`] that names its field; the others go on.
//!
//! It is not: what watches a cluster or asks it for secrets. Objects and secrets are handed in, and
//! what is missing is handed back ([`Secrets::wanted`]).

mod alertmanager_config;
mod client;
mod endpoint;
mod explain;
mod fault;
mod fields;
pub mod limits;
mod object;
mod options;
mod pod_monitor;
mod probe;
mod prometheus_rule;
mod relabel;
mod scrape_class;
mod scrape_config;
mod secrets;
mod selector;
mod service_monitor;
mod translation;

pub use explain::{Explained, Finding, Seen, explain};
pub use fault::Fault;
pub use object::{GROUP, Kind, ObjectRef};
pub use options::{Excluded, Limits, Options, Role};
pub use scrape_class::{ClassAttachMetadata, ClassAuthorization, ClassTls, ScrapeClass};
pub use secrets::{SecretKind, SecretRef, Secrets};
pub use translation::{Job, Routing, Rules, Translation, translate};
