//! Quotas and limits of namespaces, and how many pods may be missing at once.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, Samples, gauge};
use crate::resources::Resources;

objects! {
    ResourceQuota {
        metadata: Metadata,
        status: QuotaStatus,
    }

    QuotaStatus {
        hard: Resources,
        used: Resources,
    }

    LimitRange {
        metadata: Metadata,
        spec: LimitRangeSpec,
    }

    LimitRangeSpec {
        limits: Vec<Limit>,
    }

    Limit {
        #[serde(rename = "type")]
        kind: String,
        default: Resources,
        default_request: Resources,
        max: Resources,
        max_limit_request_ratio: Resources,
        min: Resources,
    }

    DisruptionBudget {
        metadata: Metadata,
        status: DisruptionBudgetStatus,
    }

    DisruptionBudgetStatus {
        current_healthy: f64,
        desired_healthy: f64,
        disruptions_allowed: f64,
        expected_pods: f64,
        observed_generation: f64,
    }
}

impl ResourceQuota {
    /// What there is and what is used of it; resources are named as the quota names them.
    fn amounts(&self, samples: &mut Samples<'_, '_>) {
        for (what, amounts) in [("hard", &self.status.hard), ("used", &self.status.used)] {
            for (resource, amount) in amounts {
                let labels = [("resource", &**resource), ("type", what)];
                samples.with(&labels, amount.exact());
            }
        }
    }
}

impl LimitRange {
    fn limits(&self, samples: &mut Samples<'_, '_>) {
        for limit in &self.spec.limits {
            for (constraint, amounts) in [
                ("min", &limit.min),
                ("max", &limit.max),
                ("default", &limit.default),
                ("defaultRequest", &limit.default_request),
                ("maxLimitRequestRatio", &limit.max_limit_request_ratio),
            ] {
                for (resource, amount) in amounts {
                    let labels = [
                        ("resource", &**resource),
                        ("type", &*limit.kind),
                        ("constraint", constraint),
                    ];
                    samples.with(&labels, amount.exact());
                }
            }
        }
    }
}

impl Object for ResourceQuota {
    const RESOURCE: &'static str = "resourcequotas";
    const NAME: &'static str = "resourcequota";
    const API_VERSION: &'static str = "v1";
    const KIND: &'static str = "ResourceQuota";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_resourcequota",
            "What the namespace may have of a resource, and what it has.",
            Self::amounts,
        ),
        gauge(
            "kube_resourcequota_created",
            "When the quota was made.",
            |quota, samples| quota.metadata.created(samples),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}

impl Object for LimitRange {
    const RESOURCE: &'static str = "limitranges";
    const NAME: &'static str = "limitrange";
    const API_VERSION: &'static str = "v1";
    const KIND: &'static str = "LimitRange";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_limitrange",
            "What pods, containers and claims of the namespace may ask for.",
            Self::limits,
        ),
        gauge(
            "kube_limitrange_created",
            "When the limits were made.",
            |range, samples| range.metadata.created(samples),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}

impl Object for DisruptionBudget {
    const RESOURCE: &'static str = "poddisruptionbudgets";
    const NAME: &'static str = "poddisruptionbudget";
    const API_VERSION: &'static str = "policy/v1";
    const KIND: &'static str = "PodDisruptionBudget";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_poddisruptionbudget_created",
            "When the budget was made.",
            |budget, samples| budget.metadata.created(samples),
        ),
        gauge(
            "kube_poddisruptionbudget_deletion_timestamp",
            "When the budget is to go.",
            |budget, samples| budget.metadata.deleted(samples),
        ),
        gauge(
            "kube_poddisruptionbudget_status_current_healthy",
            "How many pods are healthy.",
            |budget, samples| samples.value(budget.status.current_healthy),
        ),
        gauge(
            "kube_poddisruptionbudget_status_desired_healthy",
            "How many pods have to be.",
            |budget, samples| samples.value(budget.status.desired_healthy),
        ),
        gauge(
            "kube_poddisruptionbudget_status_expected_pods",
            "How many pods the budget is for.",
            |budget, samples| samples.value(budget.status.expected_pods),
        ),
        gauge(
            "kube_poddisruptionbudget_status_observed_generation",
            "The change that was seen last.",
            |budget, samples| samples.value(budget.status.observed_generation),
        ),
        gauge(
            "kube_poddisruptionbudget_status_pod_disruptions_allowed",
            "How many pods may be disturbed now.",
            |budget, samples| samples.value(budget.status.disruptions_allowed),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}
