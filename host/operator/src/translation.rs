//! All objects, read: what becomes of each, and what is wrong with the others.

use serde_json::Value;

use crate::fault::Fault;
use crate::fields::{Fields, Report};
use crate::limits::OBJECTS_MAX;
use crate::object::{Kind, ObjectRef};
use crate::options::Options;
use crate::secrets::Secrets;
use crate::{
    alertmanager_config, pod_monitor, probe, prometheus_rule, scrape_config, service_monitor,
};

/// A scrape job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What it was made of.
    pub object: ObjectRef,
    /// An entry of `scrape_configs`. There are secrets in it.
    pub config: Value,
}

/// Groups of rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// What they were made of.
    pub object: ObjectRef,
    /// The name of the file that the Operator would make of them.
    pub path: String,
    /// What stands in it.
    pub groups: Value,
    /// A label and its value: all that their queries select must have it.
    pub enforced: Option<(String, String)>,
}

/// A branch of a routing tree, and what it names.
#[derive(Debug, Clone, PartialEq)]
pub struct Routing {
    /// What it was made of.
    pub object: ObjectRef,
    /// A child of the root route.
    pub route: Option<Value>,
    /// Entries of `receivers`. There are secrets in them.
    pub receivers: Vec<Value>,
    /// Entries of `inhibit_rules`.
    pub inhibit_rules: Vec<Value>,
    /// Entries of `time_intervals`.
    pub time_intervals: Vec<Value>,
}

/// What became of all objects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Translation {
    /// In the Operator's order: by kind, namespace and name.
    pub jobs: Vec<Job>,
    /// By namespace and name.
    pub rules: Vec<Rules>,
    /// By namespace and name.
    pub routings: Vec<Routing>,
    /// Why objects are left out.
    pub faults: Vec<Fault>,
    /// What was left out of objects that are taken.
    pub warnings: Vec<Fault>,
    /// Objects that name a secret that nobody has asked the cluster for yet: they are left out
    /// until somebody has.
    pub waiting: Vec<ObjectRef>,
}

/// Reads objects, each as the API server says it. What they name of secrets is remembered in
/// `secrets`. Objects with a fault are left out.
pub fn translate<'a>(
    objects: impl IntoIterator<Item = (Kind, &'a Value)>,
    options: &Options,
    secrets: &Secrets,
) -> Translation {
    let mut all: Vec<(ObjectRef, &Value)> = objects
        .into_iter()
        .map(|(kind, value)| (reference(kind, value), value))
        .collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut translation = Translation::default();
    let mut of_kind = (None, 0);
    for (object, value) in &all {
        of_kind = match of_kind {
            (Some(kind), count) if kind == object.kind => (Some(kind), count + 1),
            _ => (Some(object.kind), 1),
        };
        let mut report = Report::new(object, secrets);
        if of_kind.1 > OBJECTS_MAX {
            report.fault(
                "",
                format!("there are more than {OBJECTS_MAX} of this kind"),
            );
            translation.faults.append(&mut report.faults);
            continue;
        }
        let read = read(value, options, &mut report);
        translation.warnings.append(&mut report.warnings);
        match (report.faults.is_empty(), report.is_waiting) {
            (false, _) => translation.faults.append(&mut report.faults),
            (true, true) => translation.waiting.push(object.clone()),
            (true, false) => translation.take(object, read),
        }
    }
    translation
}

/// What one object becomes.
enum Read {
    Nothing,
    Jobs(Vec<Value>),
    Rules(Rules),
    Branch(alertmanager_config::Branch),
}

fn read(value: &Value, options: &Options, report: &mut Report<'_>) -> Read {
    let Some(spec) = value.get("spec") else {
        report.fault("spec", "must be there");
        return Read::Nothing;
    };
    let Some(fields) = Fields::of(spec, "spec", report) else {
        return Read::Nothing;
    };
    match report.object.kind {
        Kind::ServiceMonitor => Read::Jobs(service_monitor::read(fields, options, report).jobs),
        Kind::PodMonitor => Read::Jobs(pod_monitor::read(fields, options, report).jobs),
        Kind::Probe => Read::Jobs(Vec::from_iter(probe::read(fields, options, report))),
        Kind::ScrapeConfig => Read::Jobs(vec![scrape_config::read(fields, options, report)]),
        Kind::PrometheusRule => Read::Rules(Rules {
            object: report.object.clone(),
            path: file_of(report.object),
            groups: prometheus_rule::read(fields, options, report),
            enforced: options.enforced_label(report.object),
        }),
        Kind::AlertmanagerConfig => Read::Branch(alertmanager_config::read(fields, report)),
    }
}

impl Translation {
    fn take(&mut self, object: &ObjectRef, read: Read) {
        match read {
            Read::Nothing => {}
            Read::Jobs(jobs) => self.jobs.extend(jobs.into_iter().map(|config| Job {
                object: object.clone(),
                config,
            })),
            Read::Rules(rules) => self.rules.push(rules),
            Read::Branch(branch) => self.routings.push(Routing {
                object: object.clone(),
                route: branch.route,
                receivers: branch.receivers,
                inhibit_rules: branch.inhibit_rules,
                time_intervals: branch.time_intervals,
            }),
        }
    }
}

/// The file that the Operator would make of an object.
fn file_of(object: &ObjectRef) -> String {
    let ObjectRef {
        namespace,
        name,
        uid,
        ..
    } = object;
    format!("{namespace}-{name}-{uid}.yaml")
}

/// An object's name.
pub(crate) fn reference(kind: Kind, value: &Value) -> ObjectRef {
    let text = |name: &str| {
        let metadata = value.get("metadata");
        let text = metadata.and_then(|metadata| metadata.get(name));
        text.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    ObjectRef {
        kind,
        namespace: text("namespace"),
        name: text("name"),
        uid: text("uid"),
    }
}
