//! `Probe`: URLs, written down or those of ingresses, that a prober looks at.

use serde_json::{Map, Value, json};

use crate::client;
use crate::endpoint;
use crate::fields::{Fields, Report};
use crate::options::Options;
use crate::relabel::{copy_rule, first_rule, rules, set_rule, shard_rules};
use crate::scrape_class::Imposed;
use crate::selector::{Selector, discovery, namespaces};

/// Where a prober answers that says nothing else.
const PATH_DEFAULT: &str = "/probe";

/// The address of a prober, and what the server says of its jobs.
type Prober<'a> = (&'a str, (&'a Options, &'a Imposed<'a>));

/// Reads a probe.
pub(crate) fn read(
    mut fields: Fields<'_>,
    options: &Options,
    report: &mut Report<'_>,
) -> Option<Value> {
    let object = report.object;
    let name = format!("probe/{}/{}", object.namespace, object.name);
    let mut job = endpoint::job(name);
    job.insert("honor_timestamps".to_owned(), true.into());
    fields.copy_text("interval", (&mut job, "scrape_interval"), report);
    fields.copy_text("scrapeTimeout", (&mut job, "scrape_timeout"), report);
    let imposed = endpoint::spec(&mut fields, &mut job, options, report);
    parameters(&mut fields, &mut job, report);
    fields.copy_flag("followRedirects", (&mut job, "follow_redirects"), report);
    fields.copy_flag("enableHttp2", (&mut job, "enable_http2"), report);
    client::credentials(&mut fields, &mut job, options, report);
    endpoint::metric_rules(&mut fields, &mut job, &imposed, report);
    let mut all = vec![first_rule()];
    all.extend(
        fields
            .text("jobName", report)
            .map(|name| set_rule("job", name)),
    );
    let prober = prober(&mut fields, &mut job, report);
    imposed.fill(&mut job);
    let Some(mut targets) = fields.map("targets", report) else {
        report.fault(&fields.at("targets"), "must be there");
        return None;
    };
    let imposed = (options, &imposed);
    let fixed = targets.map("staticConfig", report);
    let ingress = targets.map("ingress", report);
    match (fixed, ingress) {
        // Where both are there, the former counts.
        (Some(fixed), _) => static_targets(fixed, &mut job, &mut all, (&prober, imposed), report),
        (None, Some(ingress)) => {
            ingress_targets(ingress, &mut job, &mut all, (&prober, imposed), report);
        }
        (None, None) => report.fault(&fields.at("targets"), "needs staticConfig or ingress"),
    }
    targets.finish(report);
    fields.finish(report);
    all.extend(shard_rules("__param_target", options));
    job.insert("relabel_configs".to_owned(), all.into());
    Some(Value::Object(job))
}

/// The prober's address; its path, scheme and proxy are the job's.
fn prober(
    fields: &mut Fields<'_>,
    job: &mut Map<String, Value>,
    report: &mut Report<'_>,
) -> String {
    let Some(mut prober) = fields.map("prober", report) else {
        report.fault(&fields.at("prober"), "must be there");
        return String::new();
    };
    let path = prober.text("path", report).unwrap_or(PATH_DEFAULT);
    job.insert("metrics_path".to_owned(), path.into());
    endpoint::scheme(&mut prober, job, report);
    client::proxy(&mut prober, job, report);
    let url = prober.text("url", report).unwrap_or_default();
    if url.is_empty() {
        report.fault(&prober.at("url"), "must be there");
    } else if url.contains("://") {
        let text = "is a host with or without a port: the scheme has a field of its own";
        report.fault(&prober.at("url"), text);
    }
    prober.finish(report);
    url.to_owned()
}

/// The module, and parameters beside it.
fn parameters(fields: &mut Fields<'_>, job: &mut Map<String, Value>, report: &mut Report<'_>) {
    let mut params = Map::new();
    for mut entry in fields.maps("params", report) {
        let values = entry.texts("values", report);
        match entry.text("name", report) {
            Some(name) => {
                params.insert(name.to_owned(), values.into());
            }
            None => report.fault(&entry.at("name"), "must be there"),
        }
        entry.finish(report);
    }
    if let Some(module) = fields.text("module", report) {
        params.insert("module".to_owned(), json!([module]));
    }
    if !params.is_empty() {
        job.insert("params".to_owned(), params.into());
    }
}

fn static_targets(
    mut fields: Fields<'_>,
    job: &mut Map<String, Value>,
    all: &mut Vec<Value>,
    (prober, (_, imposed)): Prober<'_>,
    report: &mut Report<'_>,
) {
    let targets = fields.texts("static", report);
    if targets.is_empty() {
        report.fault(&fields.at("static"), "has no target");
    }
    let mut labels = fields.pairs("labels", report).unwrap_or_default();
    let own = report.object.namespace.clone();
    labels.entry("namespace".to_owned()).or_insert(own);
    let found = json!([{"targets": targets, "labels": labels}]);
    job.insert("static_configs".to_owned(), found);
    all.push(copy_rule("__address__", "__param_target"));
    all.push(copy_rule("__param_target", "instance"));
    all.push(set_rule("__address__", prober));
    all.extend(imposed.target_rules(rules(&mut fields, "relabelingConfigs", report)));
    fields.finish(report);
}

fn ingress_targets(
    mut fields: Fields<'_>,
    job: &mut Map<String, Value>,
    all: &mut Vec<Value>,
    (prober, (options, imposed)): Prober<'_>,
    report: &mut Report<'_>,
) {
    let selector = fields.map("selector", report);
    let selector = selector.map(|selector| Selector::read(selector, report));
    let selected = fields.map("namespaceSelector", report);
    let namespaces = namespaces(selected, options, report);
    let found = discovery("ingress", &namespaces, None, &[]);
    job.insert("kubernetes_sd_configs".to_owned(), found);
    all.extend(selector.unwrap_or_default().relabelings("ingress"));
    all.push(json!({
        "source_labels": [
            "__meta_kubernetes_ingress_scheme",
            "__address__",
            "__meta_kubernetes_ingress_path",
        ],
        "separator": ";",
        "regex": "(.+);(.+);(.+)",
        "target_label": "__param_target",
        "replacement": "${1}://${2}${3}",
        "action": "replace",
    }));
    all.push(copy_rule("__meta_kubernetes_namespace", "namespace"));
    all.push(copy_rule("__meta_kubernetes_ingress_name", "ingress"));
    all.push(json!({
        "source_labels": ["__address__"],
        "separator": ";",
        "regex": "(.*)",
        "target_label": "__tmp_ingress_address",
        "replacement": "$1",
        "action": "replace",
    }));
    all.push(copy_rule("__param_target", "instance"));
    all.push(set_rule("__address__", prober));
    all.extend(imposed.target_rules(rules(&mut fields, "relabelingConfigs", report)));
    fields.finish(report);
}
