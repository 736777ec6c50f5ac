//! `ScrapeConfig`: a job with discoveries of its own, field for field.

use serde_json::{Map, Value, json};

use crate::client;
use crate::endpoint;
use crate::fields::{Fields, Report};
use crate::options::Options;
use crate::relabel::{first_rule, rules, set_rule, shard_rules};

/// Discoveries of the Operator's that nobody brings here.
const ABSENT: [&str; 18] = [
    "azureSDConfigs",
    "digitalOceanSDConfigs",
    "dockerSwarmSDConfigs",
    "ec2SDConfigs",
    "eurekaSDConfigs",
    "gceSDConfigs",
    "hetznerSDConfigs",
    "ionosSDConfigs",
    "kumaSDConfigs",
    "lightSailSDConfigs",
    "linodeSDConfigs",
    "nomadSDConfigs",
    "openstackSDConfigs",
    "ovhcloudSDConfigs",
    "puppetDBSDConfigs",
    "scalewaySDConfigs",
    "marathonSDConfigs",
    "tritonSDConfigs",
];

/// Reads one entry of a discovery.
type Read = fn(&mut Fields<'_>, &Options, &mut Report<'_>) -> Map<String, Value>;

/// Reads one.
pub(crate) fn read(mut fields: Fields<'_>, options: &Options, report: &mut Report<'_>) -> Value {
    let object = report.object;
    let name = format!("scrapeConfig/{}/{}", object.namespace, object.name);
    let mut job = endpoint::job(name);
    endpoint::honor(&mut fields, &mut job, options, report);
    fields.copy_text("scrapeInterval", (&mut job, "scrape_interval"), report);
    fields.copy_text("scrapeTimeout", (&mut job, "scrape_timeout"), report);
    fields.copy_text("metricsPath", (&mut job, "metrics_path"), report);
    fields.copy_flag(
        "enableCompression",
        (&mut job, "enable_compression"),
        report,
    );
    endpoint::scheme(&mut fields, &mut job, report);
    endpoint::params(&mut fields, &mut job, report);
    let imposed = endpoint::spec(&mut fields, &mut job, options, report);
    client::read(&mut fields, "enableHTTP2", &mut job, options, report);
    imposed.fill(&mut job);
    names(&mut fields, &mut job, report);
    endpoint::metric_rules(&mut fields, &mut job, &imposed, report);
    let mut all = vec![first_rule()];
    all.extend(
        fields
            .text("jobName", report)
            .map(|name| set_rule("job", name)),
    );
    all.extend(imposed.target_rules(rules(&mut fields, "relabelings", report)));
    // Who shares targets by a hash of their own is left to it.
    if !all.iter().any(|rule| rule["action"] == "hashmod") {
        all.extend(shard_rules("__address__", options));
    }
    job.insert("relabel_configs".to_owned(), all.into());
    discoveries(&mut fields, &mut job, options, report);
    fields.finish(report);
    Value::Object(job)
}

/// Which names of metrics are taken, and how others are asked for.
fn names(fields: &mut Fields<'_>, job: &mut Map<String, Value>, report: &mut Report<'_>) {
    if let Some(scheme) = fields.text("nameValidationScheme", report) {
        let scheme = scheme.to_ascii_lowercase();
        job.insert("metric_name_validation_scheme".to_owned(), scheme.into());
    }
    if let Some(scheme) = fields.text("nameEscapingScheme", report) {
        let scheme = match scheme {
            "AllowUTF8" => "allow-utf-8".to_owned(),
            other => other.to_ascii_lowercase(),
        };
        job.insert("metric_name_escaping_scheme".to_owned(), scheme.into());
    }
}

fn discoveries(
    fields: &mut Fields<'_>,
    job: &mut Map<String, Value>,
    options: &Options,
    report: &mut Report<'_>,
) {
    for name in ABSENT {
        if fields.value(name).is_some() {
            report.fault(&fields.at(name), "no plugin brings this discovery yet");
        }
    }
    let readers: [(&str, &str, Read); 7] = [
        ("staticConfigs", "static_configs", static_targets),
        ("fileSDConfigs", "file_sd_configs", files),
        ("httpSDConfigs", "http_sd_configs", http),
        ("kubernetesSDConfigs", "kubernetes_sd_configs", kubernetes),
        ("consulSDConfigs", "consul_sd_configs", consul),
        ("dnsSDConfigs", "dns_sd_configs", dns),
        ("dockerSDConfigs", "docker_sd_configs", docker),
    ];
    for (name, as_name, read) in readers {
        let mut entries = Vec::new();
        for mut entry in fields.maps(name, report) {
            let read = read(&mut entry, options, report);
            entry.finish(report);
            entries.push(Value::Object(read));
        }
        if !entries.is_empty() {
            job.insert(as_name.to_owned(), entries.into());
        }
    }
}

fn static_targets(
    from: &mut Fields<'_>,
    _options: &Options,
    report: &mut Report<'_>,
) -> Map<String, Value> {
    let mut entry = Map::new();
    let targets = from.texts("targets", report);
    entry.insert("targets".to_owned(), targets.into());
    if let Some(labels) = from.pairs("labels", report) {
        entry.insert("labels".to_owned(), json!(labels));
    }
    entry
}

fn files(from: &mut Fields<'_>, options: &Options, report: &mut Report<'_>) -> Map<String, Value> {
    let mut entry = Map::new();
    if !options.allow_files {
        let text = "files of the server cannot be named here, unless its configuration sets \
                    allow_files";
        report.fault(&from.at("files"), text);
    }
    entry.insert("files".to_owned(), from.texts("files", report).into());
    from.copy_text("refreshInterval", (&mut entry, "refresh_interval"), report);
    entry
}

fn http(from: &mut Fields<'_>, options: &Options, report: &mut Report<'_>) -> Map<String, Value> {
    let mut entry = Map::new();
    from.copy_text("url", (&mut entry, "url"), report);
    from.copy_text("refreshInterval", (&mut entry, "refresh_interval"), report);
    client::read(from, "enableHTTP2", &mut entry, options, report);
    entry
}

fn kubernetes(
    from: &mut Fields<'_>,
    options: &Options,
    report: &mut Report<'_>,
) -> Map<String, Value> {
    let mut entry = Map::new();
    from.copy_text("apiServer", (&mut entry, "api_server"), report);
    if let Some(role) = from.text("role", report) {
        entry.insert("role".to_owned(), role.to_ascii_lowercase().into());
    }
    if let Some(mut namespaces) = from.map("namespaces", report) {
        let mut section = Map::new();
        let own = namespaces.flag("ownNamespace", report).unwrap_or(false);
        if own {
            section.insert("own_namespace".to_owned(), true.into());
        }
        let names = namespaces.texts("names", report);
        if !names.is_empty() {
            section.insert("names".to_owned(), names.into());
        }
        namespaces.finish(report);
        entry.insert("namespaces".to_owned(), section.into());
    }
    let mut selectors = Vec::new();
    for mut one in from.maps("selectors", report) {
        let mut selector = Map::new();
        if let Some(role) = one.text("role", report) {
            selector.insert("role".to_owned(), role.to_ascii_lowercase().into());
        }
        one.copy_text("label", (&mut selector, "label"), report);
        one.copy_text("field", (&mut selector, "field"), report);
        one.finish(report);
        selectors.push(Value::Object(selector));
    }
    if !selectors.is_empty() {
        entry.insert("selectors".to_owned(), selectors.into());
    }
    if let Some(node) = endpoint::attach_node(from, report) {
        entry.insert("attach_metadata".to_owned(), json!({"node": node}));
    }
    client::read(from, "enableHTTP2", &mut entry, options, report);
    entry
}

fn consul(from: &mut Fields<'_>, options: &Options, report: &mut Report<'_>) -> Map<String, Value> {
    let mut entry = Map::new();
    for (name, as_name) in [
        ("server", "server"),
        ("pathPrefix", "path_prefix"),
        ("datacenter", "datacenter"),
        ("namespace", "namespace"),
        ("partition", "partition"),
        ("tagSeparator", "tag_separator"),
        ("refreshInterval", "refresh_interval"),
        ("filter", "filter"),
        ("healthFilter", "health_filter"),
    ] {
        from.copy_text(name, (&mut entry, as_name), report);
    }
    endpoint::scheme(from, &mut entry, report);
    for name in ["services", "tags"] {
        let texts = from.texts(name, report);
        if !texts.is_empty() {
            entry.insert(name.to_owned(), texts.into());
        }
    }
    if let Some(nodes) = from.pairs("nodeMeta", report) {
        entry.insert("node_meta".to_owned(), json!(nodes));
    }
    from.copy_flag("allowStale", (&mut entry, "allow_stale"), report);
    client::copy_secret(from, "tokenRef", (&mut entry, "token"), report);
    client::read(from, "enableHTTP2", &mut entry, options, report);
    entry
}

fn dns(from: &mut Fields<'_>, _options: &Options, report: &mut Report<'_>) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("names".to_owned(), from.texts("names", report).into());
    from.copy_text("type", (&mut entry, "type"), report);
    from.copy_text("refreshInterval", (&mut entry, "refresh_interval"), report);
    if let Some(port) = from.count("port", report) {
        entry.insert("port".to_owned(), port.into());
    }
    entry
}

fn docker(from: &mut Fields<'_>, options: &Options, report: &mut Report<'_>) -> Map<String, Value> {
    let mut entry = Map::new();
    if let Some(host) = from.text("host", report) {
        // A socket is a file of this machine too.
        if host.starts_with("unix:") && !options.allow_files {
            let text = "sockets of the server cannot be named here, unless its configuration sets \
                        allow_files";
            report.fault(&from.at("host"), text);
        }
        entry.insert("host".to_owned(), host.into());
    }
    from.copy_text(
        "hostNetworkingHost",
        (&mut entry, "host_networking_host"),
        report,
    );
    from.copy_text("refreshInterval", (&mut entry, "refresh_interval"), report);
    from.copy_flag(
        "matchFirstNetwork",
        (&mut entry, "match_first_network"),
        report,
    );
    if let Some(port) = from.count("port", report) {
        entry.insert("port".to_owned(), port.into());
    }
    let mut filters = Vec::new();
    for mut one in from.maps("filters", report) {
        let name = one.text("name", report).unwrap_or_default();
        let values = one.texts("values", report);
        one.finish(report);
        filters.push(json!({"name": name, "values": values}));
    }
    if !filters.is_empty() {
        entry.insert("filters".to_owned(), filters.into());
    }
    client::read(from, "enableHTTP2", &mut entry, options, report);
    entry
}
