//! The metrics APIs of Kubernetes, answered from the store: `metrics.k8s.io` for `kubectl top` and
//! autoscalers, `custom.metrics.k8s.io` and `external.metrics.k8s.io` by rules in the words of
//! prometheus-adapter.
//!
//! A request and its answer are values here: [`ApiRequest`] in, [`ApiAnswer`] out. It is not: a
//! server, nor who decides who may ask; [`ApiRequest::attributes`] says what has to be allowed.

mod adapter;
mod answer;
mod catalogue;
mod config;
mod custom_metrics;
mod discovery;
mod external_metrics;
mod kinds;
pub mod limits;
mod quantity;
mod query;
mod request;
mod resource_metrics;
mod rule;
mod selector;
mod table;
mod template;

pub use adapter::{Adapter, Source};
pub use answer::{ApiAnswer, refusal};
pub use config::{
    ExternalRule, MetricRule, MetricsApisConfig, NameMapping, ResourceMapping, ResourceName,
    ResourceQueries, ResourceRules, SeriesFilter,
};
pub use request::ApiRequest;
