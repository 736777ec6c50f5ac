//! Rules that were read: what they select, what it is called, and what is asked of the store.
//!
//! It is not: the asking.

use std::collections::BTreeMap;

use narthex_model::regexp::translated;
use narthex_model::{Labels, Matcher};
use narthex_promql::{ParseOptions, parse, parse_metric_selector};
use regex::Regex;

use crate::config::{MetricRule, NameMapping, ResourceMapping, ResourceQueries, ResourceRules};
use crate::kinds::ObjectKind;
use crate::template::{Filling, Template};

/// The labels that name objects where a section says nothing.
const LABELS_DEFAULT: [(&str, &str); 3] = [
    ("namespace", "namespaces"),
    ("node", "nodes"),
    ("pod", "pods"),
];

/// Which labels name which objects.
#[derive(Debug)]
pub(crate) struct Mapping {
    overrides: BTreeMap<String, ObjectKind>,
    template: Option<(Template, Regex)>,
}

/// What series are called as a metric.
#[derive(Debug)]
struct Naming {
    matches: Regex,
    renamed: String,
}

/// The series of a rule.
#[derive(Debug)]
struct Selection {
    matchers: Vec<Matcher>,
    /// Each with whether a match is what is wanted.
    filters: Vec<(Regex, bool)>,
    naming: Naming,
}

/// A rule of custom metrics.
#[derive(Debug)]
pub(crate) struct CompiledRule {
    selection: Selection,
    pub(crate) mapping: Mapping,
    pub(crate) query: Template,
}

/// A rule of external metrics.
#[derive(Debug)]
pub(crate) struct CompiledExternal {
    selection: Selection,
    /// The label that names the namespace; none where metrics lie in no namespace.
    pub(crate) namespace_label: Option<String>,
    pub(crate) query: Template,
}

/// The queries of one resource.
#[derive(Debug)]
pub(crate) struct CompiledQueries {
    pub(crate) containers: Template,
    pub(crate) nodes: Template,
    pub(crate) mapping: Mapping,
    pub(crate) container_label: String,
}

/// The queries of `metrics.k8s.io`.
#[derive(Debug)]
pub(crate) struct CompiledResources {
    pub(crate) cpu: CompiledQueries,
    pub(crate) memory: CompiledQueries,
    /// In seconds.
    pub(crate) window: u64,
}

impl Mapping {
    fn new(mapping: &ResourceMapping) -> Result<Self, String> {
        let mut overrides = BTreeMap::new();
        for (label, name) in &mapping.overrides {
            if !narthex_model::is_classic_label_name(label) {
                return Err(format!("resources.overrides: {label:?} is no label"));
            }
            if name.resource.is_empty() {
                return Err(format!("resources.overrides: {label} has no resource"));
            }
            overrides.insert(label.clone(), ObjectKind::of(&name.group, &name.resource));
        }
        let template = match mapping.template.as_str() {
            "" => None,
            text => Some(label_template(text).map_err(|it| format!("resources.template: {it}"))?),
        };
        Ok(Self {
            overrides,
            template,
        })
    }

    fn or_default(mut self) -> Self {
        for (label, resource) in LABELS_DEFAULT {
            let kind = ObjectKind::of("", resource);
            if self.label(&kind).is_none() {
                self.overrides.insert(label.to_owned(), kind);
            }
        }
        self
    }

    fn is_empty(&self) -> bool {
        self.overrides.is_empty() && self.template.is_none()
    }

    /// The kind of the objects that a label names: those of Kubernetes itself, unless it is said.
    fn kind(&self, label: &str) -> Option<ObjectKind> {
        if let Some(kind) = self.overrides.get(label) {
            return Some(kind.clone());
        }
        let (_, pattern) = self.template.as_ref()?;
        let found = pattern.captures(label)?;
        let group = found.name("group").map_or("", |group| group.as_str());
        // Not each label with a name of that form is one of objects.
        ObjectKind::known(&group.replace('_', "."), &found["resource"])
    }

    /// The label that names objects of a kind.
    pub(crate) fn label(&self, kind: &ObjectKind) -> Option<String> {
        let own = self.overrides.iter().find(|(_, own)| *own == kind);
        if let Some((label, _)) = own {
            return Some(label.clone());
        }
        let (template, _) = self.template.as_ref()?;
        Some(template.fill(&Filling {
            group: kind.group.replace('.', "_"),
            resource: kind.singular.clone(),
            ..Filling::default()
        }))
    }

    /// The kinds of the objects that a series is about.
    pub(crate) fn kinds(&self, labels: &Labels) -> Vec<ObjectKind> {
        let labels = labels.iter().filter(|(_, value)| !value.is_empty());
        labels.filter_map(|(name, _)| self.kind(name)).collect()
    }
}

fn label_template(text: &str) -> Result<(Template, Regex), String> {
    let template = Template::parse(text)?;
    if !template.is_of_label() {
        return Err("it needs <<.Resource>>, and may have <<.Group>>".to_owned());
    }
    let pattern = Regex::new(&template.pattern()).map_err(|error| error.to_string())?;
    Ok((template, pattern))
}

/// An expression that means what it means in Go.
fn expression(text: &str) -> Result<Regex, String> {
    Regex::new(&translated(text)?).map_err(|error| error.to_string())
}

impl Naming {
    fn new(name: &NameMapping) -> Result<Self, String> {
        let matches = match name.matches.as_str() {
            "" => ".*",
            pattern => pattern,
        };
        let matches = expression(matches).map_err(|error| format!("name.matches: {error}"))?;
        let renamed = match (name.renamed.as_str(), matches.captures_len()) {
            ("", 1) => "$0".to_owned(),
            ("", 2) => "$1".to_owned(),
            ("", _) => {
                return Err("name.as: must be set, as name.matches has several groups".to_owned());
            }
            (renamed, _) => renamed.to_owned(),
        };
        Ok(Self { matches, renamed })
    }

    fn of(&self, series: &str) -> Option<String> {
        let found = self.matches.captures(series)?;
        let mut name = String::new();
        found.expand(&self.renamed, &mut name);
        (!name.is_empty()).then_some(name)
    }
}

impl Selection {
    fn new(rule: &MetricRule) -> Result<Self, String> {
        if rule.series_query.is_empty() {
            return Err("seriesQuery: must be set".to_owned());
        }
        let matchers = parse_metric_selector(&rule.series_query);
        let matchers = matchers.map_err(|error| format!("seriesQuery: {error}"))?;
        let mut filters = Vec::new();
        for filter in &rule.series_filters {
            for (pattern, wanted) in [(&filter.is, true), (&filter.is_not, false)] {
                if !pattern.is_empty() {
                    let pattern = expression(pattern);
                    let pattern = pattern.map_err(|error| format!("seriesFilters: {error}"))?;
                    filters.push((pattern, wanted));
                }
            }
        }
        Ok(Self {
            matchers,
            filters,
            naming: Naming::new(&rule.name)?,
        })
    }

    /// What a series is called; none where a filter leaves it out.
    fn name(&self, series: &str) -> Option<String> {
        let mut filters = self.filters.iter();
        filters
            .all(|(pattern, wanted)| pattern.is_match(series) == *wanted)
            .then(|| self.naming.of(series))
            .flatten()
    }
}

impl CompiledRule {
    /// Reads a rule.
    ///
    /// # Errors
    /// Which field cannot be used, and why.
    pub(crate) fn new(rule: &MetricRule) -> Result<Self, String> {
        let mapping = Mapping::new(&rule.resources)?;
        if mapping.is_empty() {
            let text = "resources: overrides or template must say which labels name objects";
            return Err(text.to_owned());
        }
        Ok(Self {
            selection: Selection::new(rule)?,
            mapping,
            query: query("metricsQuery", rule.query())?,
        })
    }

    pub(crate) fn matchers(&self) -> &[Matcher] {
        &self.selection.matchers
    }

    pub(crate) fn name(&self, series: &str) -> Option<String> {
        self.selection.name(series)
    }
}

impl CompiledExternal {
    /// Reads a rule.
    ///
    /// # Errors
    /// Which field cannot be used, and why.
    pub(crate) fn new(rule: &MetricRule) -> Result<Self, String> {
        let mapping = Mapping::new(&rule.resources)?;
        let namespaces = ObjectKind::of("", "namespaces");
        let namespace_label = match rule.resources.namespaced {
            Some(false) => None,
            _ => mapping.label(&namespaces),
        };
        Ok(Self {
            selection: Selection::new(rule)?,
            namespace_label,
            query: query("metricsQuery", rule.query())?,
        })
    }

    pub(crate) fn matchers(&self) -> &[Matcher] {
        &self.selection.matchers
    }

    pub(crate) fn name(&self, series: &str) -> Option<String> {
        self.selection.name(series)
    }
}

impl CompiledQueries {
    fn new(queries: &ResourceQueries) -> Result<Self, String> {
        Ok(Self {
            containers: query("containerQuery", &queries.container_query)?,
            nodes: query("nodeQuery", &queries.node_query)?,
            mapping: Mapping::new(&queries.resources)?.or_default(),
            container_label: match queries.container_label.as_str() {
                "" => "container".to_owned(),
                label if narthex_model::is_classic_label_name(label) => label.to_owned(),
                label => return Err(format!("containerLabel: {label:?} is no label")),
            },
        })
    }
}

impl CompiledResources {
    /// Reads the resource rules.
    ///
    /// # Errors
    /// Which field cannot be used, and why.
    pub(crate) fn new(rules: &ResourceRules) -> Result<Self, String> {
        Ok(Self {
            cpu: CompiledQueries::new(&rules.cpu).map_err(|text| format!("cpu.{text}"))?,
            memory: CompiledQueries::new(&rules.memory).map_err(|text| format!("memory.{text}"))?,
            window: rules.window.as_std().as_secs(),
        })
    }
}

/// A template that is PromQL once it is filled.
fn query(field: &str, text: &str) -> Result<Template, String> {
    let template = Template::parse(text).map_err(|error| format!("{field}: {error}"))?;
    let sample = template.fill(&Filling {
        series: "series".to_owned(),
        label_matchers: "label=\"value\"".to_owned(),
        group_by: "label".to_owned(),
        group: "group".to_owned(),
        resource: "resource".to_owned(),
        values: BTreeMap::new(),
    });
    let parsed = parse(&sample, &ParseOptions::default());
    parsed.map_err(|error| format!("{field}: {error}"))?;
    Ok(template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ResourceName, SeriesFilter};

    #[test]
    fn series_become_metrics_of_their_objects() {
        let rule = MetricRule {
            series_query: "{__name__=~\".+_total\"}".to_owned(),
            series_filters: vec![SeriesFilter {
                is: String::new(),
                is_not: "^container_".to_owned(),
            }],
            resources: ResourceMapping {
                overrides: BTreeMap::from([(
                    "kubernetes_namespace".to_owned(),
                    ResourceName {
                        resource: "namespace".to_owned(),
                        ..ResourceName::default()
                    },
                )]),
                template: "k8s_<<.Resource>>".to_owned(),
                namespaced: None,
            },
            name: NameMapping {
                matches: "^(.*)_total$".to_owned(),
                renamed: "${1}_per_second".to_owned(),
            },
            metrics_query: String::new(),
        };
        let compiled = CompiledRule::new(&rule).unwrap();
        for (series, expected) in [
            ("http_requests_total", Some("http_requests_per_second")),
            ("container_cpu_total", None),
            ("up", None),
        ] {
            assert_eq!(compiled.name(series).as_deref(), expected);
        }
        let labels = [
            ("__name__", "http_requests_total"),
            ("k8s_deployment", "d"),
            ("kubernetes_namespace", "n"),
            ("other", "o"),
        ];
        let kinds = compiled.mapping.kinds(&Labels::from_pairs(labels));
        let names: Vec<&str> = kinds.iter().map(|kind| kind.plural.as_str()).collect();
        assert_eq!(names, ["deployments", "namespaces"]);
        let pods = ObjectKind::of("", "pod");
        assert_eq!(compiled.mapping.label(&pods).as_deref(), Some("k8s_pod"));
    }
}
