//! The series of points. A sender says the same resource, scope and attributes each time, so a
//! series is found again by a hash of them, and its labels are made once.
//!
//! The hash of a point is one of the hash of its metric and of its attributes, that of its metric
//! one of the hash of its scope, and so on: what many points share is looked at once a request.

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME, SeriesRef};

use super::config::OtlpConfig;
use super::family::Family;
use super::labels::{Labeler, tells_more};
use super::message::{KeyValue, Metric, ScopeMetrics};
use super::value::write_key_bytes;
use crate::receiver::cache::{Key, SeriesCache, ToLearn};
use crate::sender::MetricKind;

/// What `target_info` is called.
const TARGET_INFO: &str = "target_info";

/// Finds the series of one request.
pub(super) struct Finder<'c> {
    cache: &'c SeriesCache,
    /// What a key is made of.
    bytes: Vec<u8>,
    /// The series whose references the store will tell.
    pub(super) to_learn: Vec<ToLearn>,
    /// How many label sets had to be made.
    pub(super) made: u64,
}

/// A series, perhaps one that the store has not seen yet.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) key: Key,
    pub(super) series: SeriesRef,
    pub(super) labels: Labels,
}

impl<'c> Finder<'c> {
    pub(super) fn new(cache: &'c SeriesCache) -> Self {
        Self {
            cache,
            bytes: Vec::new(),
            to_learn: Vec::new(),
            made: 0,
        }
    }

    /// Where all keys begin: labels are made otherwise after each reload.
    pub(super) fn root(&self, config_number: u64) -> Key {
        self.cache.key(&config_number.to_le_bytes())
    }

    pub(super) fn resource(&mut self, root: Key, attributes: &[KeyValue<'_>]) -> Key {
        self.key(root, b'r', |bytes| write_attributes(attributes, bytes))
    }

    pub(super) fn scope(&mut self, resource: Key, metrics: &ScopeMetrics<'_>) -> Key {
        let scope = &metrics.scope;
        self.key(resource, b's', |bytes| {
            for text in [&scope.name, &scope.version, &metrics.schema_url] {
                write_key_bytes(text.as_bytes(), bytes);
            }
            write_attributes(&scope.attributes, bytes);
        })
    }

    pub(super) fn metric(&mut self, scope: Key, metric: &Metric<'_>, kind: MetricKind) -> Key {
        let form = [
            metric.gauge.is_some(),
            metric.sum.is_some(),
            metric.histogram.is_some(),
            metric.exponential_histogram.is_some(),
        ];
        self.key(scope, b'm', |bytes| {
            for text in [&metric.name, &metric.unit] {
                write_key_bytes(text.as_bytes(), bytes);
            }
            bytes.push(kind as u8);
            bytes.extend(form.map(u8::from));
        })
    }

    pub(super) fn point(&mut self, metric: Key, attributes: &[KeyValue<'_>]) -> Key {
        self.key(metric, b'p', |bytes| write_attributes(attributes, bytes))
    }

    fn key(&mut self, parent: Key, level: u8, write: impl FnOnce(&mut Vec<u8>)) -> Key {
        self.bytes.clear();
        self.bytes.extend(parent.bytes());
        self.bytes.push(level);
        write(&mut self.bytes);
        self.cache.key(&self.bytes)
    }

    fn find(
        &mut self,
        key: Key,
        make: impl FnOnce() -> Result<Labels, String>,
    ) -> Result<Found, String> {
        let (series, labels) = match self.cache.find(key) {
            Some(hit) => (hit.series, hit.labels),
            None => {
                self.made += 1;
                (SeriesRef::UNKNOWN, make()?)
            }
        };
        Ok(Found {
            key,
            series,
            labels,
        })
    }
}

/// Adds attributes to a key; their order does not tell.
fn write_attributes(attributes: &[KeyValue<'_>], bytes: &mut Vec<u8>) {
    let mut write = |pair: &KeyValue<'_>| {
        write_key_bytes(pair.key.as_bytes(), bytes);
        pair.value.write_key(bytes);
    };
    if attributes.is_sorted_by(|a, b| a.key <= b.key) {
        return attributes.iter().for_each(write);
    }
    let mut sorted: Vec<&KeyValue<'_>> = attributes.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    sorted.into_iter().for_each(&mut write);
}

/// What makes the labels of a resource's points, where one is new.
pub(super) struct ResourceLabels<'r> {
    pub(super) config: &'r OtlpConfig,
    pub(super) attributes: &'r [KeyValue<'r>],
    scope: Option<&'r ScopeMetrics<'r>>,
    labeler: Option<Labeler<'r>>,
    is_in_scope: bool,
}

impl<'r> ResourceLabels<'r> {
    pub(super) fn new(config: &'r OtlpConfig, attributes: &'r [KeyValue<'r>]) -> Self {
        Self {
            config,
            attributes,
            scope: None,
            labeler: None,
            is_in_scope: false,
        }
    }

    /// The points from here on are of this scope.
    pub(super) fn enter(&mut self, scope: &'r ScopeMetrics<'r>) {
        self.scope = Some(scope);
        self.is_in_scope = false;
    }

    fn of_resource(&mut self) -> Result<&mut Labeler<'r>, String> {
        let labeler = match self.labeler.take() {
            Some(labeler) => labeler,
            None => Labeler::new(self.config, self.attributes)?,
        };
        Ok(self.labeler.insert(labeler))
    }

    fn of_scope(&mut self) -> Result<&mut Labeler<'r>, String> {
        let scope = self.scope.filter(|_| !self.is_in_scope);
        if let Some(scope) = scope {
            self.of_resource()?.enter(scope)?;
            self.is_in_scope = true;
        }
        self.of_resource()
    }

    /// The series of `target_info`, where the resource has something to tell besides who it is.
    ///
    /// # Errors
    /// An attribute cannot be a label.
    pub(super) fn target_info(
        &mut self,
        finder: &mut Finder<'_>,
        resource: Key,
    ) -> Result<Option<Found>, String> {
        if !tells_more(self.attributes) {
            return Ok(None);
        }
        let key = finder.key(resource, b't', |_| ());
        if let Some(hit) = finder.cache.find(key) {
            return Ok(Some(Found {
                key,
                series: hit.series,
                labels: hit.labels,
            }));
        }
        let attributes = self.attributes;
        let Some(labels) = self.of_resource()?.target_info(TARGET_INFO, attributes)? else {
            return Ok(None);
        };
        finder.made += 1;
        Ok(Some(Found {
            key,
            series: SeriesRef::UNKNOWN,
            labels,
        }))
    }
}

/// What the series of one point have in common.
pub(super) struct PointLabels<'p, 'r> {
    pub(super) resource: &'p mut ResourceLabels<'r>,
    pub(super) family: &'p Family<'p>,
    pub(super) attributes: &'p [KeyValue<'p>],
    pub(super) key: Key,
    /// Made for the first series that is new.
    pub(super) builder: Option<LabelsBuilder>,
}

impl PointLabels<'_, '_> {
    /// The series of the family's name and what is behind it, with one label more where the point
    /// has several of that name. Those without one come first.
    ///
    /// # Errors
    /// An attribute cannot be a label.
    pub(super) fn series(
        &mut self,
        finder: &mut Finder<'_>,
        suffix: &str,
        more: Option<(&str, f64)>,
    ) -> Result<Found, String> {
        let key = finder.key(self.key, b'n', |bytes| {
            write_key_bytes(suffix.as_bytes(), bytes);
            if let Some((name, value)) = more {
                write_key_bytes(name.as_bytes(), bytes);
                bytes.extend(value.to_le_bytes());
            }
        });
        finder.find(key, || {
            let builder = match self.builder.take() {
                Some(builder) => builder,
                None => {
                    let labeler = self.resource.of_scope()?;
                    labeler.point(self.attributes, self.family.said)?
                }
            };
            let builder = self.builder.insert(builder);
            match suffix {
                "" => builder.set(METRIC_NAME, &self.family.name),
                suffix => builder.set(METRIC_NAME, &format!("{}{suffix}", self.family.name)),
            };
            if let Some((name, value)) = more {
                builder.set(name, &plain(value));
            }
            Ok(builder.build())
        })
    }
}

/// A number without an exponent, as Go's format `f` writes it.
fn plain(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}
