//! Horizontal pod autoscalers: what they scale, by which metrics, and how far.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, Samples, gauge};
use crate::quantity::Quantity;

objects! {
    Autoscaler {
        metadata: Metadata,
        spec: AutoscalerSpec,
        status: AutoscalerStatus,
    }

    AutoscalerSpec {
        max_replicas: f64,
        metrics: Vec<Metric>,
        min_replicas: Option<f64>,
        scale_target_ref: ScaleTarget,
    }

    ScaleTarget {
        api_version: String,
        kind: String,
        name: String,
    }

    AutoscalerStatus {
        conditions: Vec<AutoscalerCondition>,
        current_metrics: Vec<Metric>,
        current_replicas: f64,
        desired_replicas: f64,
    }

    AutoscalerCondition {
        #[serde(rename = "type")]
        kind: String,
        status: String,
    }

    /// What is wanted of a metric, or what it is now: one of its sources is there.
    Metric {
        container_resource: Option<Source>,
        external: Option<Source>,
        object: Option<Source>,
        pods: Option<Source>,
        resource: Option<Source>,
    }

    Source {
        /// Of a resource.
        name: String,
        /// Of a resource of one container.
        container: String,
        /// Of anything else.
        metric: MetricName,
        /// What is wanted.
        target: Amounts,
        /// What it is.
        current: Amounts,
    }

    MetricName {
        name: String,
    }

    Amounts {
        average_utilization: Option<f64>,
        average_value: Option<Quantity>,
        value: Option<Quantity>,
    }
}

impl Metric {
    fn source(&self) -> Option<&Source> {
        let resources = self.resource.as_ref().or(self.container_resource.as_ref());
        let others = self.pods.as_ref().or(self.object.as_ref());
        resources.or(others).or(self.external.as_ref())
    }
}

/// A sample for each way in which the amounts of a metric are told.
fn amounts(metrics: &[Metric], of: fn(&Source) -> &Amounts, samples: &mut Samples<'_, '_>) {
    for source in metrics.iter().filter_map(Metric::source) {
        let name = match &*source.name {
            "" => &*source.metric.name,
            name => name,
        };
        let amounts = of(source);
        for (what, amount) in [
            ("value", amounts.value.map(Quantity::exact)),
            ("utilization", amounts.average_utilization),
            ("average", amounts.average_value.map(Quantity::exact)),
        ] {
            if let Some(amount) = amount {
                let labels = [
                    ("metric_name", name),
                    ("metric_target_type", what),
                    ("container", &*source.container),
                ];
                samples.with(&labels, amount);
            }
        }
    }
}

impl Object for Autoscaler {
    const RESOURCE: &'static str = "horizontalpodautoscalers";
    const NAME: &'static str = "horizontalpodautoscaler";
    const API_VERSION: &'static str = "autoscaling/v2";
    const KIND: &'static str = "HorizontalPodAutoscaler";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_horizontalpodautoscaler_created",
            "When the autoscaler was made.",
            |scaler, samples| scaler.metadata.created(samples),
        ),
        gauge(
            "kube_horizontalpodautoscaler_deletion_timestamp",
            "When the autoscaler is to go.",
            |scaler, samples| scaler.metadata.deleted(samples),
        ),
        gauge(
            "kube_horizontalpodautoscaler_info",
            "What is scaled.",
            |scaler, samples| {
                let target = &scaler.spec.scale_target_ref;
                let labels = [
                    ("scaletargetref_api_version", &*target.api_version),
                    ("scaletargetref_kind", &*target.kind),
                    ("scaletargetref_name", &*target.name),
                ];
                samples.with(&labels, 1.0);
            },
        ),
        gauge(
            "kube_horizontalpodautoscaler_metadata_generation",
            "How often what is wanted was changed.",
            |scaler, samples| samples.value(scaler.metadata.generation),
        ),
        gauge(
            "kube_horizontalpodautoscaler_spec_max_replicas",
            "How many pods there may be.",
            |scaler, samples| samples.value(scaler.spec.max_replicas),
        ),
        gauge(
            "kube_horizontalpodautoscaler_spec_min_replicas",
            "How many pods there have to be.",
            |scaler, samples| samples.value(scaler.spec.min_replicas.unwrap_or(1.0)),
        ),
        gauge(
            "kube_horizontalpodautoscaler_spec_target_metric",
            "What is wanted of the metrics.",
            |scaler, samples| {
                amounts(&scaler.spec.metrics, |source| &source.target, samples);
            },
        ),
        gauge(
            "kube_horizontalpodautoscaler_status_condition",
            "The conditions of the autoscaler.",
            |scaler, samples| {
                for condition in &scaler.status.conditions {
                    let labels = [("condition", &*condition.kind)];
                    samples.condition(&labels, "status", &condition.status);
                }
            },
        ),
        gauge(
            "kube_horizontalpodautoscaler_status_current_replicas",
            "How many pods there are.",
            |scaler, samples| samples.value(scaler.status.current_replicas),
        ),
        gauge(
            "kube_horizontalpodautoscaler_status_desired_replicas",
            "How many pods are wanted.",
            |scaler, samples| samples.value(scaler.status.desired_replicas),
        ),
        gauge(
            "kube_horizontalpodautoscaler_status_target_metric",
            "What the metrics are.",
            |scaler, samples| {
                amounts(
                    &scaler.status.current_metrics,
                    |source| &source.current,
                    samples,
                );
            },
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}
