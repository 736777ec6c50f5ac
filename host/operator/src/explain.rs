//! Why a monitor has no targets: the walk from the object over its selector, services, endpoints and
//! port to what relabelling leaves, and where it stops.
//!
//! It is not: what lists the objects, nor what finds targets while a server runs. The walk is over
//! what it is handed, so that it can be tried without a cluster.

mod candidate;
mod pods;
mod services;

use std::collections::BTreeMap;
use std::fmt;

use narthex_model::LabelsBuilder;
use narthex_model::relabel::RelabelConfig;
use serde_json::Value;

use self::candidate::Candidate;
use crate::fields::{Fields, Report};
use crate::limits::NAMED_MAX;
use crate::object::{Kind, ObjectRef};
use crate::options::Options;
use crate::secrets::Secrets;
use crate::selector::Selector;
use crate::{pod_monitor, service_monitor};

/// What a cluster has, as far as a walk needs it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// All monitors of the kind.
    pub monitors: Vec<Value>,
    /// Why the server does not read the monitor although it is there; `None` where it does.
    pub left_out: Option<String>,
    /// All namespaces; none where nobody may list them.
    pub namespaces: Vec<Value>,
    /// All services.
    pub services: Vec<Value>,
    /// All endpoint slices.
    pub slices: Vec<Value>,
    /// All pods.
    pub pods: Vec<Value>,
}

/// One step of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `object`, `selected`, `read`, `namespaces`, `services` or `pods`, `endpoints`, `port`,
    /// `relabelling`, `targets`.
    pub step: &'static str,
    /// What was found, or what stopped it.
    pub text: String,
}

/// A walk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explained {
    /// The steps that it took.
    pub findings: Vec<Finding>,
    /// Where it stopped; one for each endpoint that has no target.
    pub stops: Vec<Finding>,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { step, text } in &self.findings {
            writeln!(f, "ok    {step}: {text}")?;
        }
        for Finding { step, text } in &self.stops {
            writeln!(f, "STOP  {step}: {text}")?;
        }
        Ok(())
    }
}

impl Explained {
    fn found(&mut self, step: &'static str, text: impl Into<String>) {
        let text = text.into();
        self.findings.push(Finding { step, text });
    }

    fn stop(&mut self, step: &'static str, text: impl Into<String>) {
        let text = text.into();
        self.stops.push(Finding { step, text });
    }
}

/// Walks from a `ServiceMonitor` or `PodMonitor` to its targets.
pub fn explain(
    kind: Kind,
    (namespace, name): (&str, &str),
    seen: &Seen,
    options: &Options,
    secrets: &Secrets,
) -> Explained {
    let mut explained = Explained::default();
    let shown = format!("{} {namespace}/{name}", kind.as_str());
    let text = |object: &Value, field: &str| metadata(object, field).to_owned();
    let named = |object: &&Value| text(object, "name") == name;
    let here = |object: &&Value| named(object) && text(object, "namespace") == namespace;
    let Some(monitor) = seen.monitors.iter().find(here) else {
        let elsewhere = seen.monitors.iter().filter(named);
        let elsewhere: Vec<String> = elsewhere.map(|object| text(object, "namespace")).collect();
        let hint = match elsewhere.is_empty() {
            true => String::new(),
            false => format!("; there is one in {}", several(&elsewhere)),
        };
        explained.stop("object", format!("the cluster has no {shown}{hint}"));
        return explained;
    };
    explained.found("object", format!("{shown} is there"));
    if let Some(reason) = &seen.left_out {
        explained.stop("selected", reason.clone());
        return explained;
    }
    explained.found("selected", "the server reads it");
    let object = ObjectRef {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: text(monitor, "uid"),
    };
    let mut report = Report::new(&object, secrets);
    let nothing = Value::Null;
    let spec = monitor.get("spec").unwrap_or(&nothing);
    let fields = Fields::of(spec, "spec", &mut report);
    let walk = Walk {
        seen,
        explained: &mut explained,
    };
    match (fields, kind) {
        (Some(fields), Kind::ServiceMonitor) => {
            let monitor = service_monitor::read(fields, options, &mut report);
            if walk.explained.is_read(&report) {
                walk.services(&monitor);
            }
        }
        (Some(fields), Kind::PodMonitor) => {
            let monitor = pod_monitor::read(fields, options, &mut report);
            if walk.explained.is_read(&report) {
                walk.pods(&monitor);
            }
        }
        (Some(_), _) => {
            let text = "only a ServiceMonitor and a PodMonitor can be explained";
            walk.explained.stop("read", text);
        }
        (None, _) => {
            walk.explained.is_read(&report);
        }
    }
    explained
}

/// A walk that is under way.
struct Walk<'a> {
    seen: &'a Seen,
    explained: &'a mut Explained,
}

impl Explained {
    fn is_read(&mut self, report: &Report<'_>) -> bool {
        for fault in &report.faults {
            self.stop("read", format!("{}: {}", fault.field, fault.text));
        }
        if report.faults.is_empty() {
            let warnings = report.warnings.iter();
            let warnings = warnings.map(|fault| format!("; {}: {}", fault.field, fault.text));
            let warnings: String = warnings.collect();
            self.found("read", format!("nothing is wrong with it{warnings}"));
        }
        report.faults.is_empty()
    }
}

impl Walk<'_> {
    /// Whether one of the namespaces that a monitor selects in is there.
    fn namespaces(&mut self, names: &[String]) -> bool {
        if names.is_empty() {
            self.explained.found("namespaces", "all of them");
            return true;
        }
        let there = |name: &&String| {
            let all = self.seen.namespaces.iter();
            all.map(|object| metadata(object, "name"))
                .any(|other| other == name.as_str())
        };
        let known: Vec<String> = names.iter().filter(there).cloned().collect();
        if known.is_empty() && !self.seen.namespaces.is_empty() {
            let text = format!("the cluster has no namespace {}", several(names));
            self.explained.stop("namespaces", text);
            return false;
        }
        self.explained.found("namespaces", several(names));
        true
    }

    /// The objects of a kind that a monitor's selector chooses; none where the walk ends with that.
    fn chosen<'v>(
        &mut self,
        (kind, step): (&str, &'static str),
        objects: &'v [Value],
        namespaces: &[String],
        selector: &Selector,
    ) -> Vec<&'v Value> {
        let all = within(objects, namespaces);
        if all.is_empty() {
            let text = format!("there is no {kind} in these namespaces");
            self.explained.stop(step, text);
            return Vec::new();
        }
        let unmet = |object: &Value| selector.unmet(&labels_of(object));
        let chosen = all.iter().copied().filter(|one| unmet(one).is_none());
        let chosen: Vec<&Value> = chosen.collect();
        if chosen.is_empty() {
            let nearest = all.iter().take(NAMED_MAX).filter_map(|object| {
                let unmet = unmet(object)?;
                Some(format!("{} does not meet {unmet}", full_name(object)))
            });
            let nearest: Vec<String> = nearest.collect();
            let text = format!(
                "the selector matches none of {}: {}",
                all.len(),
                nearest.join(", ")
            );
            self.explained.stop(step, text);
            return Vec::new();
        }
        let names: Vec<String> = chosen.iter().map(|object| full_name(object)).collect();
        self.explained.found(step, several(&names));
        chosen
    }

    /// What the rules of a job leave of its candidates.
    fn relabel(&mut self, endpoint: usize, job: &Value, candidates: &[Candidate]) {
        let empty = Vec::new();
        let said = job["relabel_configs"].as_array().unwrap_or(&empty);
        let mut rules: Vec<RelabelConfig> = Vec::new();
        for rule in said {
            match serde_json::from_value(rule.clone()) {
                Ok(rule) => rules.push(rule),
                Err(error) => {
                    let text = format!("endpoint {endpoint}: {rule} is no rule: {error}");
                    self.explained.stop("relabelling", text);
                    return;
                }
            }
        }
        let (mut targets, mut dropped) = (Vec::new(), BTreeMap::new());
        for candidate in candidates {
            let mut labels = LabelsBuilder::default();
            for (name, value) in &candidate.labels {
                labels.set(name, value);
            }
            match rules.iter().position(|rule| !rule.apply(&mut labels)) {
                Some(rule) => *dropped.entry(rule).or_insert(0_usize) += 1,
                None => targets.push(labels.get("__address__").to_owned()),
            }
        }
        if !targets.is_empty() {
            let text = format!("endpoint {endpoint}: {}", several(&targets));
            self.explained.found("targets", text);
            return;
        }
        let most = dropped.into_iter().max_by_key(|(_, count)| *count);
        if let Some((rule, count)) = most {
            let shown = said.get(rule).map(Value::to_string).unwrap_or_default();
            let all = candidates.len();
            let text =
                format!("endpoint {endpoint}: the rule {shown} drops {count} of {all} targets");
            self.explained.stop("relabelling", text);
        }
    }
}

/// A field of an object's metadata; empty where it is not there.
fn metadata<'v>(object: &'v Value, field: &str) -> &'v str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// `NAMESPACE/NAME`
fn full_name(object: &Value) -> String {
    format!(
        "{}/{}",
        metadata(object, "namespace"),
        metadata(object, "name")
    )
}

fn labels_of(object: &Value) -> BTreeMap<String, String> {
    texts(&object["metadata"]["labels"])
}

/// A map of texts.
fn texts(value: &Value) -> BTreeMap<String, String> {
    let map = value.as_object().into_iter().flatten();
    map.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// The first few of a list.
fn several(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
    match names.len().saturating_sub(NAMED_MAX) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// Those of some objects that are in the namespaces of a monitor.
fn within<'v>(objects: &'v [Value], namespaces: &[String]) -> Vec<&'v Value> {
    let is_meant = |object: &&Value| {
        namespaces.is_empty()
            || namespaces
                .iter()
                .any(|name| name == metadata(object, "namespace"))
    };
    objects.iter().filter(is_meant).collect()
}
