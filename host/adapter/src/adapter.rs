//! Answers requests: which of the APIs is meant, and what the rules in force make of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_kubernetes::{Cluster, Selection};
use narthex_promql::Engine;
use narthex_storage::Queryable;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::answer::{ApiAnswer, no_such_path, refusal};
use crate::catalogue::Catalogue;
use crate::config::MetricsApisConfig;
use crate::limits::CATALOGUE_AGE;
use crate::query::Names;
use crate::request::ApiRequest;
use crate::rule::{CompiledExternal, CompiledResources, CompiledRule};
use crate::{custom_metrics, discovery, external_metrics, resource_metrics};

/// What answers are made from.
#[derive(Clone)]
pub struct Source {
    /// Evaluates the queries of rules.
    pub engine: Arc<Engine>,
    /// Where the samples are.
    pub storage: Arc<dyn Queryable>,
    /// Now, in milliseconds since the epoch.
    pub now_ms: i64,
}

/// The rules of one configuration.
#[derive(Debug)]
pub struct Adapter {
    pub(crate) resources: CompiledResources,
    pub(crate) rules: Vec<CompiledRule>,
    pub(crate) external: Vec<CompiledExternal>,
    cluster: Option<Arc<Cluster>>,
    /// What the rules found last, and when.
    catalogue: Mutex<Option<(i64, Arc<Catalogue>)>>,
}

/// Objects of a cluster.
pub(crate) struct Objects {
    /// Which of them are asked for.
    pub(crate) names: Names,
    /// As the cluster has them, where it was asked: by namespace and name.
    pub(crate) listed: BTreeMap<(String, String), Value>,
}

impl Objects {
    /// An object as the cluster has it; the namespace is empty where it has none.
    pub(crate) fn find(&self, namespace: &str, name: &str) -> Option<&Value> {
        let key = (namespace.to_owned(), name.to_owned());
        self.listed.get(&key)
    }
}

impl Adapter {
    /// Rules that can be followed. Without a cluster, nothing can be selected by labels of objects.
    ///
    /// # Errors
    /// A rule cannot be used; [`MetricsApisConfig::faults`] says all that is wrong.
    pub fn new(config: &MetricsApisConfig, cluster: Option<Arc<Cluster>>) -> Result<Self, String> {
        let rules = config.rules.iter().map(CompiledRule::new);
        let external = config.external_rules.iter().map(CompiledExternal::new);
        Ok(Self {
            resources: CompiledResources::new(&config.resource_rules())?,
            rules: rules.collect::<Result<_, String>>()?,
            external: external.collect::<Result<_, String>>()?,
            cluster,
            catalogue: Mutex::default(),
        })
    }

    /// Answers a request, of which somebody has said that it may be asked.
    pub async fn answer(&self, request: &ApiRequest, source: &Source) -> ApiAnswer {
        if request.takes_nothing_we_have() {
            let message = "only the following media types are accepted: application/json";
            return refusal(406, message);
        }
        let answered = match (request.group.as_str(), request.version.as_str()) {
            _ if request.parts.is_empty() => discovery::answer(self, request, source).await,
            _ if request.is_watch() => Err(refusal(405, "metrics cannot be watched")),
            ("metrics.k8s.io", "v1beta1") => resource_metrics::answer(self, request, source).await,
            ("custom.metrics.k8s.io", "v1beta1" | "v1beta2") => {
                custom_metrics::answer(self, request, source).await
            }
            ("external.metrics.k8s.io", "v1beta1") => {
                external_metrics::answer(self, request, source).await
            }
            _ => Err(no_such_path()),
        };
        answered.unwrap_or_else(|refused| refused)
    }

    /// What the rules find. The store is asked again after a while.
    pub(crate) async fn catalogue(&self, source: &Source) -> Result<Arc<Catalogue>, ApiAnswer> {
        // Those who come while somebody asks wait for the answer.
        let mut known = self.catalogue.lock().await;
        let age_ms = i64::try_from(CATALOGUE_AGE.as_millis()).unwrap_or(i64::MAX);
        if let Some((at_ms, catalogue)) = known.as_ref()
            && (0..age_ms).contains(&source.now_ms.saturating_sub(*at_ms))
        {
            return Ok(Arc::clone(catalogue));
        }
        let found = Catalogue::find(&self.rules, &self.external, source).await?;
        let found = Arc::new(found);
        *known = Some((source.now_ms, Arc::clone(&found)));
        Ok(found)
    }

    /// The objects that selectors of a request select. The cluster is asked only where there are any.
    pub(crate) async fn objects(
        &self,
        api_version: &str,
        kind: &str,
        request: &ApiRequest,
    ) -> Result<Objects, ApiAnswer> {
        let (labels, fields) = (
            request.parameter("labelSelector"),
            request.parameter("fieldSelector"),
        );
        if labels.is_empty() && fields.is_empty() {
            return Ok(Objects {
                names: Names::All,
                listed: BTreeMap::new(),
            });
        }
        let Some(cluster) = &self.cluster else {
            let message = "objects cannot be selected: this server is connected to no cluster";
            return Err(refusal(503, message));
        };
        let selection = Selection {
            namespace: request.namespace.clone(),
            label_selector: labels.to_owned(),
            field_selector: fields.to_owned(),
            ..Selection::of(api_version, kind)
        };
        let listed = cluster.objects(&selection).await.map_err(|error| {
            tracing::warn!(%error, kind, "the cluster does not say which objects are selected");
            refusal(503, format!("{kind} cannot be listed: {error}"))
        })?;
        let text = |object: &Value, field: &str| {
            let text = object["metadata"][field].as_str();
            text.unwrap_or_default().to_owned()
        };
        let listed = listed.into_iter();
        let listed = listed.map(|it| ((text(&it, "namespace"), text(&it, "name")), it));
        let listed: BTreeMap<(String, String), Value> = listed.collect();
        let names = listed.keys().map(|(_, name)| name.clone());
        Ok(Objects {
            names: Names::Only(names.collect()),
            listed,
        })
    }
}

/// A time as Kubernetes writes it, in whole seconds.
pub(crate) fn timestamp(at_ms: i64) -> String {
    let second = jiff::Timestamp::from_second(at_ms.div_euclid(1000));
    second.map_or_else(|_| String::new(), |second| second.to_string())
}

#[cfg(test)]
mod tests;
