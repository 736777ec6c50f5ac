//! The labels of a point: its attributes, and what its resource and scope add.

use std::collections::BTreeMap;

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME};

use super::config::OtlpConfig;
use super::message::{KeyValue, ScopeMetrics};
use super::{names, units};

const SERVICE_NAME: &str = "service.name";
const SERVICE_NAMESPACE: &str = "service.namespace";
const SERVICE_INSTANCE: &str = "service.instance.id";

/// What names a target, and so is `job` and `instance` and no attribute any more.
const IDENTIFYING: [&str; 3] = [SERVICE_NAMESPACE, SERVICE_NAME, SERVICE_INSTANCE];

/// A name and its value, in Prometheus' form already.
type Pair = (String, String);

/// Makes the labels of points of one resource.
pub(super) struct Labeler<'c> {
    config: &'c OtlpConfig,
    job: String,
    instance: String,
    promoted: Vec<Pair>,
    scope: Vec<Pair>,
    /// Names of attributes and what they become; a request says each again and again.
    names: BTreeMap<String, String>,
}

/// What labels besides attributes a series gets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TypeAndUnit<'a> {
    pub(super) kind: &'a str,
    pub(super) unit: &'a str,
}

/// Whether a resource says something besides who it is.
pub(super) fn tells_more(resource: &[KeyValue<'_>]) -> bool {
    resource
        .iter()
        .any(|pair| !IDENTIFYING.contains(&pair.key.as_ref()))
}

impl<'c> Labeler<'c> {
    /// For a resource.
    ///
    /// # Errors
    /// An attribute cannot be a label.
    pub(super) fn new(config: &'c OtlpConfig, resource: &[KeyValue<'_>]) -> Result<Self, String> {
        let value = |name: &str| {
            let found = resource.iter().find(|pair| pair.key == name);
            found.map(|pair| pair.value.text().into_owned())
        };
        let job = match (value(SERVICE_NAMESPACE), value(SERVICE_NAME)) {
            (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
            (None, Some(name)) => name,
            (_, None) => String::new(),
        };
        let mut promoted = Vec::new();
        for pair in resource {
            let named = |list: &[String]| list.iter().any(|name| *name == pair.key);
            let is_promoted = match config.promote_all_resource_attributes {
                true => !named(&config.ignore_resource_attributes),
                false => named(&config.promote_resource_attributes),
            };
            if is_promoted {
                let name = names::label(config, &pair.key)?;
                promoted.push((name, pair.value.text().into_owned()));
            }
        }
        Ok(Self {
            config,
            job,
            instance: value(SERVICE_INSTANCE).unwrap_or_default(),
            promoted,
            scope: Vec::new(),
            names: BTreeMap::new(),
        })
    }

    /// The points from here on are of this scope.
    ///
    /// # Errors
    /// An attribute cannot be a label.
    pub(super) fn enter(&mut self, metrics: &ScopeMetrics<'_>) -> Result<(), String> {
        self.scope.clear();
        let scope = &metrics.scope;
        if !self.config.promote_scope_metadata || scope.name.is_empty() {
            return Ok(());
        }
        for pair in &scope.attributes {
            let name = names::label(self.config, &format!("otel_scope_{}", pair.key))?;
            self.scope.push((name, pair.value.text().into_owned()));
        }
        for (name, value) in [
            ("otel_scope_name", &scope.name),
            ("otel_scope_version", &scope.version),
            ("otel_scope_schema_url", &metrics.schema_url),
        ] {
            self.scope.push((name.to_owned(), value.to_string()));
        }
        Ok(())
    }

    /// The labels of a point, without the name of its metric.
    ///
    /// # Errors
    /// An attribute cannot be a label.
    pub(super) fn point(
        &mut self,
        attributes: &[KeyValue<'_>],
        said: TypeAndUnit<'_>,
    ) -> Result<LabelsBuilder, String> {
        let mut labels = LabelsBuilder::default();
        self.add(&mut labels, attributes, &[METRIC_NAME])?;
        for (name, value) in &self.promoted {
            if labels.get(name).is_empty() {
                labels.set(name, value);
            }
        }
        self.identify(&mut labels);
        for (name, value) in &self.scope {
            labels.set(name, value);
        }
        if !said.kind.is_empty() {
            labels.set("__type__", said.kind);
        }
        if !said.unit.is_empty() {
            let escapes = self.config.translation_strategy.escapes();
            labels.set("__unit__", &units::label(said.unit, escapes));
        }
        Ok(labels)
    }

    /// The labels of `target_info` under its name, where the resource has something to tell besides who it is.
    ///
    /// # Errors
    /// An attribute cannot be a label.
    pub(super) fn target_info(
        &mut self,
        metric_name: &str,
        resource: &[KeyValue<'_>],
    ) -> Result<Option<Labels>, String> {
        if !tells_more(resource) {
            return Ok(None);
        }
        let mut labels = LabelsBuilder::default();
        let ignored: &[&str] = match self.config.keep_identifying_resource_attributes {
            true => &[],
            false => &IDENTIFYING,
        };
        self.add(&mut labels, resource, ignored)?;
        self.identify(&mut labels);
        if labels.get("job").is_empty() && labels.get("instance").is_empty() {
            return Ok(None);
        }
        labels.set(METRIC_NAME, metric_name);
        Ok(Some(labels.build()))
    }

    fn identify(&self, labels: &mut LabelsBuilder) {
        for (name, value) in [("job", &self.job), ("instance", &self.instance)] {
            if !value.is_empty() {
                labels.set(name, value);
            }
        }
    }

    /// Adds attributes in the order of their names: of two that become the same label, both
    /// values are kept.
    fn add(
        &mut self,
        labels: &mut LabelsBuilder,
        attributes: &[KeyValue<'_>],
        ignored: &[&str],
    ) -> Result<(), String> {
        let taken = attributes
            .iter()
            .filter(|pair| !ignored.contains(&pair.key.as_ref()));
        let mut taken: Vec<&KeyValue<'_>> = taken.collect();
        taken.sort_by(|a, b| a.key.cmp(&b.key));
        let escapes = self.config.translation_strategy.escapes();
        for pair in taken {
            let name = match self.names.get(pair.key.as_ref()) {
                Some(name) => name,
                None => {
                    let name = names::label(self.config, &pair.key)?;
                    self.names.entry(pair.key.to_string()).or_insert(name)
                }
            };
            let value = pair.value.text();
            match labels.get(name) {
                held if escapes && !held.is_empty() => {
                    let both = format!("{held};{value}");
                    labels.set(name, &both);
                }
                _ => {
                    labels.set(name, &value);
                }
            }
        }
        Ok(())
    }
}
