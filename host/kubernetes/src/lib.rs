//! What a Kubernetes cluster holds: objects of a kind, listed and then watched, once for all who
//! want to know of them.
//!
//! A [`Cluster`] keeps one watch for each kind, namespace and selector that somebody listens to.
//! A [`Watch`] is what one listener sees of it: everything that there is, as added, and then what
//! changes. A listener costs a position in the order of changes and no copy of an object.
//!
//! It is not: a reader of what the objects mean (the plugins are, and `narthex-operator`), nor of
//! YAML files, and it changes nothing in a cluster: all that it writes are events. Reviews, by which
//! a cluster says who somebody is and what they may, are sent and kept nowhere.

mod api;
mod backoff;
mod cluster;
mod config_map;
mod connection;
mod exec;
mod kind;
mod kubeconfig;
pub mod limits;
mod lines;
mod list;
mod metrics;
mod object;
mod reflector;
mod review;
mod selection;
mod store;
mod watch;

pub use cluster::{Cluster, ClusterOptions, Pace};
pub use config_map::ConfigMap;
pub use connection::{Connection, ConnectionError, SERVICE_ACCOUNT_FOLDER, ServiceAccount};
pub use exec::ExecConfig;
pub use kubeconfig::Kubeconfig;
pub use metrics::KubernetesMetrics;
pub use review::{Attributes, Resource, User};
pub use selection::Selection;
pub use store::Change;
pub use watch::{Event, Watch};
