//! `kubernetes_metrics_apis`: the rules in the words of prometheus-adapter, and which cluster knows the
//! objects.

use std::collections::BTreeMap;

use narthex_http::http_section;
use narthex_model::PromDuration;
use serde::{Deserialize, Serialize};

use crate::limits::RULES_MAX;
use crate::rule::{CompiledExternal, CompiledResources, CompiledRule};

/// Cores that containers use. An instant rate of the last two samples is as new as can be. Kubelets tell
/// of a container twice, by cAdvisor and by `/metrics/resource`: the greater one is not both.
const CONTAINER_CPU: &str = "max by (<<.GroupBy>>) (irate(container_cpu_usage_seconds_total{<<.LabelMatchers>>,container!=\"\",container!=\"POD\"}[5m]))";

/// Bytes that containers cannot do without.
const CONTAINER_MEMORY: &str = "max by (<<.GroupBy>>) (container_memory_working_set_bytes{<<.LabelMatchers>>,container!=\"\",container!=\"POD\"})";

/// Cores that nodes use: of cAdvisor, else of the kubelet, else of a node exporter.
const NODE_CPU: &str = "max by (<<.GroupBy>>) (irate(container_cpu_usage_seconds_total{<<.LabelMatchers>>,id=\"/\"}[5m])) or max by (<<.GroupBy>>) (irate(node_cpu_usage_seconds_total{<<.LabelMatchers>>}[5m])) or sum by (<<.GroupBy>>) (irate(node_cpu_seconds_total{<<.LabelMatchers>>,mode!~\"idle|iowait|steal\"}[5m]))";

/// Bytes that nodes cannot do without, of the same three.
const NODE_MEMORY: &str = "max by (<<.GroupBy>>) (container_memory_working_set_bytes{<<.LabelMatchers>>,id=\"/\"}) or max by (<<.GroupBy>>) (node_memory_working_set_bytes{<<.LabelMatchers>>}) or max by (<<.GroupBy>>) (node_memory_MemTotal_bytes{<<.LabelMatchers>>} - node_memory_MemAvailable_bytes{<<.LabelMatchers>>})";

/// The query of a rule that says none.
const METRIC: &str = "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)";

http_section! {
    /// The section.
    pub struct MetricsApisConfig {
        /// The URL of the API; empty is the cluster that this server runs in.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub api_server: String = String::new(),
        /// A file that says where the API is and who asks.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub kubeconfig_file: String = String::new(),
        /// What `metrics.k8s.io` is answered from.
        #[serde(rename = "resourceRules")]
        pub resource_rules: ResourceRules = ResourceRules::default(),
        /// What `custom.metrics.k8s.io` is answered from.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub rules: Vec<MetricRule> = Vec::new(),
        /// What `external.metrics.k8s.io` is answered from.
        #[serde(rename = "externalRules", skip_serializing_if = "Vec::is_empty")]
        pub external_rules: Vec<ExternalRule> = Vec::new(),
    }
}

/// Queries for what containers and nodes use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceRules {
    /// Cores.
    pub cpu: ResourceQueries,
    /// Bytes.
    pub memory: ResourceQueries,
    /// What the answers say that they were measured over.
    pub window: PromDuration,
}

impl Default for ResourceRules {
    fn default() -> Self {
        Self {
            cpu: ResourceQueries::of(CONTAINER_CPU, NODE_CPU),
            memory: ResourceQueries::of(CONTAINER_MEMORY, NODE_MEMORY),
            window: PromDuration::from_secs(60),
        }
    }
}

/// Queries for one resource. What is left out of a section is that of cores or bytes by default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ResourceQueries {
    /// The usage of containers, by namespace, pod and container.
    pub container_query: String,
    /// The usage of nodes, by node.
    pub node_query: String,
    /// Which labels name namespaces, pods and nodes.
    pub resources: ResourceMapping,
    /// Which label names containers; empty is `container`.
    pub container_label: String,
}

impl ResourceQueries {
    fn of(container_query: &str, node_query: &str) -> Self {
        Self {
            container_query: container_query.to_owned(),
            node_query: node_query.to_owned(),
            ..Self::default()
        }
    }
}

/// How labels name objects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ResourceMapping {
    /// By label.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<String, ResourceName>,
    /// For the labels that are not named above: `kube_<<.Group>>_<<.Resource>>`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// Whether external metrics lie in namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaced: Option<bool>,
}

/// A resource by group and name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceName {
    /// Empty for the core.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// In the singular or plural.
    pub resource: String,
}

/// A rule of custom metrics.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct MetricRule {
    /// Which series become metrics; empty takes the `metricsQuery` for any name.
    pub series_query: String,
    /// Which of them, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub series_filters: Vec<SeriesFilter>,
    /// Which objects they are about.
    pub resources: ResourceMapping,
    /// What the metric is called.
    pub name: NameMapping,
    /// What is asked of the store.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metrics_query: String,
}

/// A rule of external metrics has the same fields.
pub type ExternalRule = MetricRule;

/// Names that are taken, or that are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeriesFilter {
    /// Taken are names with a match.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub is: String,
    /// Taken are names without one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub is_not: String,
}

/// How the name of a series becomes that of a metric.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NameMapping {
    /// A regular expression; empty is any name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub matches: String,
    /// What the name becomes, with `$1` or `${1}`; empty is the first group, or the whole match.
    #[serde(rename = "as", skip_serializing_if = "String::is_empty")]
    pub renamed: String,
}

impl MetricRule {
    /// The query, where the rule says none the sum.
    pub(crate) fn query(&self) -> &str {
        match self.metrics_query.as_str() {
            "" => METRIC,
            query => query,
        }
    }
}

impl MetricsApisConfig {
    /// The resource rules, with the default queries where a query is left out.
    pub(crate) fn resource_rules(&self) -> ResourceRules {
        let mut rules = self.resource_rules.clone();
        let ResourceRules { cpu, memory, .. } = ResourceRules::default();
        for (own, default) in [(&mut rules.cpu, cpu), (&mut rules.memory, memory)] {
            if own.container_query.is_empty() {
                own.container_query = default.container_query;
            }
            if own.node_query.is_empty() {
                own.node_query = default.node_query;
            }
        }
        rules
    }

    /// What does not hold, each with the field that it is about.
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults: Vec<(String, String)> = Vec::new();
        let mut fault = |field: String, text: String| faults.push((field, text));
        for text in self.http_faults() {
            fault(String::new(), text);
        }
        if !self.api_server.is_empty() && !self.kubeconfig_file.is_empty() {
            let text = "api_server and kubeconfig_file cannot both be said".to_owned();
            fault("kubeconfig_file".to_owned(), text);
        }
        for (field, length) in [
            ("rules", self.rules.len()),
            ("externalRules", self.external_rules.len()),
        ] {
            if length > RULES_MAX {
                fault(field.to_owned(), format!("more than {RULES_MAX} rules"));
            }
        }
        for (at, rule) in self.rules.iter().enumerate().take(RULES_MAX) {
            if let Err(text) = CompiledRule::new(rule) {
                fault(format!("rules/{at}"), text);
            }
        }
        for (at, rule) in self.external_rules.iter().enumerate().take(RULES_MAX) {
            if let Err(text) = CompiledExternal::new(rule) {
                fault(format!("externalRules/{at}"), text);
            }
        }
        if let Err(text) = CompiledResources::new(&self.resource_rules()) {
            fault("resourceRules".to_owned(), text);
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_section_has_sound_defaults() {
        let config: MetricsApisConfig = serde_json::from_value(json!({})).unwrap();
        assert_eq!(config, MetricsApisConfig::default());
        assert_eq!(config.faults(), []);
        let written = serde_json::to_value(&config).unwrap();
        let again: MetricsApisConfig = serde_json::from_value(written).unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn there_are_so_many_rules_and_no_more() {
        let rule = json!({"seriesQuery": "a"});
        let section = json!({"externalRules": vec![rule; RULES_MAX + 1]});
        let config: MetricsApisConfig = serde_json::from_value(section).unwrap();
        let expected = ("externalRules".to_owned(), "more than 500 rules".to_owned());
        assert_eq!(config.faults(), [expected]);
    }

    #[test]
    fn what_does_not_hold_is_named_with_its_place() {
        let rule = |fields: serde_json::Value| {
            let mut rule = json!({"seriesQuery": "a", "resources": {"overrides": {
                "pod": {"resource": "pod"}}}});
            for (name, value) in fields.as_object().unwrap() {
                rule[name] = value.clone();
            }
            rule
        };
        let rules = [
            (json!({}), ""),
            (json!({"seriesQuery": "a{"}), "seriesQuery: "),
            (json!({"seriesQuery": ""}), "seriesQuery: must be set"),
            (
                json!({"metricsQuery": "<<.Sum>>"}),
                "metricsQuery: <<.Sum>>",
            ),
            (json!({"metricsQuery": "sum("}), "metricsQuery: "),
            (json!({"name": {"matches": "("}}), "name.matches: "),
            (json!({"name": {"matches": "(a)(b)"}}), "name.as: "),
            (json!({"seriesFilters": [{"is": "["}]}), "seriesFilters: "),
            (json!({"resources": {}}), "resources: "),
            (
                json!({"resources": {"template": "x"}}),
                "resources.template: ",
            ),
        ];
        for (fields, expected) in rules {
            let text = json!({"rules": [rule(fields.clone())]});
            let config: MetricsApisConfig = serde_json::from_value(text).unwrap();
            match (config.faults().as_slice(), expected) {
                ([], "") => {}
                ([(place, text)], expected) => {
                    assert_eq!(place, "rules/0");
                    assert!(text.starts_with(expected), "{fields}: {text}");
                }
                (faults, _) => panic!("{fields}: {faults:?}"),
            }
        }
    }
}
