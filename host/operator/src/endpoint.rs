//! What the four kinds that become jobs have in common: how a target is scraped, and how much of it
//! is taken.

use serde_json::{Map, Value};

use crate::client;
use crate::fields::{Fields, Report};
use crate::options::Options;
use crate::relabel;
use crate::scrape_class::Imposed;

/// A port by its name or number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Port {
    Name(String),
    Number(u64),
}

impl Port {
    /// `targetPort`, a number or a text.
    pub(crate) fn read(
        fields: &mut Fields<'_>,
        name: &str,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let path = fields.at(name);
        let value = fields.value(name)?;
        match (value.as_u64(), value.as_str()) {
            (Some(0), _) | (_, Some("")) => None,
            (Some(number), _) => Some(Self::Number(number)),
            (_, Some(text)) => Some(Self::Name(text.to_owned())),
            _ => {
                report.fault(&path, "it is neither the name nor the number of a port");
                None
            }
        }
    }

    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Number(number) => number.to_string(),
        }
    }

    /// Keeps the targets whose container has this port.
    pub(crate) fn rule(&self) -> Value {
        let label = match self {
            Self::Name(_) => "__meta_kubernetes_pod_container_port_name",
            Self::Number(_) => "__meta_kubernetes_pod_container_port_number",
        };
        relabel::keep_rule(&[label.to_owned()], &self.shown())
    }
}

/// Begins a job.
pub(crate) fn job(name: String) -> Map<String, Value> {
    Map::from_iter([("job_name".to_owned(), Value::from(name))])
}

/// What an endpoint of a `ServiceMonitor` or `PodMonitor` says of how it is scraped.
pub(crate) fn scrape(
    fields: &mut Fields<'_>,
    job: &mut Map<String, Value>,
    (options, imposed): (&Options, &Imposed<'_>),
    report: &mut Report<'_>,
) {
    honor(fields, job, options, report);
    fields.copy_text("interval", (job, "scrape_interval"), report);
    fields.copy_text("scrapeTimeout", (job, "scrape_timeout"), report);
    fields.copy_text("path", (job, "metrics_path"), report);
    scheme(fields, job, report);
    params(fields, job, report);
    client::read(fields, "enableHttp2", job, options, report);
    metric_rules(fields, job, imposed, report);
}

/// What becomes of samples.
pub(crate) fn metric_rules(
    fields: &mut Fields<'_>,
    job: &mut Map<String, Value>,
    imposed: &Imposed<'_>,
    report: &mut Report<'_>,
) {
    let rules = imposed.metric_rules(relabel::rules(fields, "metricRelabelings", report));
    if !rules.is_empty() {
        job.insert("metric_relabel_configs".to_owned(), rules.into());
    }
}

/// Whose labels and timestamps count.
pub(crate) fn honor(
    fields: &mut Fields<'_>,
    job: &mut Map<String, Value>,
    options: &Options,
    report: &mut Report<'_>,
) {
    let labels = fields.flag("honorLabels", report).unwrap_or(false);
    let labels = labels && !options.override_honor_labels;
    job.insert("honor_labels".to_owned(), labels.into());
    let timestamps = fields.flag("honorTimestamps", report);
    if options.override_honor_timestamps {
        job.insert("honor_timestamps".to_owned(), false.into());
    } else if let Some(timestamps) = timestamps {
        job.insert("honor_timestamps".to_owned(), timestamps.into());
    }
    fields.copy_flag(
        "trackTimestampsStaleness",
        (job, "track_timestamps_staleness"),
        report,
    );
}

/// Newer objects may write it in capitals.
pub(crate) fn scheme(
    fields: &mut Fields<'_>,
    job: &mut Map<String, Value>,
    report: &mut Report<'_>,
) {
    if let Some(scheme) = fields.text("scheme", report) {
        job.insert("scheme".to_owned(), scheme.to_ascii_lowercase().into());
    }
}

/// Parameters of the URL, each with several values.
pub(crate) fn params(
    fields: &mut Fields<'_>,
    job: &mut Map<String, Value>,
    report: &mut Report<'_>,
) {
    if let Some(params) = fields.value("params") {
        if !params.is_object() {
            report.fault(&fields.at("params"), "it is no map");
        }
        job.insert("params".to_owned(), params.clone());
    }
}

/// What a spec says of all its targets: limits, formats, native histograms; and its scrape class.
pub(crate) fn spec<'o>(
    fields: &mut Fields<'_>,
    job: &mut Map<String, Value>,
    options: &'o Options,
    report: &mut Report<'_>,
) -> Imposed<'o> {
    let enforced = &options.enforced_limits;
    for (name, as_name, most) in [
        ("sampleLimit", "sample_limit", enforced.sample_limit),
        ("targetLimit", "target_limit", enforced.target_limit),
        ("labelLimit", "label_limit", enforced.label_limit),
        (
            "labelNameLengthLimit",
            "label_name_length_limit",
            enforced.label_name_length_limit,
        ),
        (
            "labelValueLengthLimit",
            "label_value_length_limit",
            enforced.label_value_length_limit,
        ),
        (
            "keepDroppedTargets",
            "keep_dropped_targets",
            enforced.keep_dropped_targets,
        ),
    ] {
        let asked = fields.count(name, report).filter(|asked| *asked > 0);
        let limit = match (asked, most) {
            (asked, 0) => asked,
            (None, most) => Some(most),
            (Some(asked), most) => Some(asked.min(most)),
        };
        if let Some(limit) = limit {
            job.insert(as_name.to_owned(), limit.into());
        }
    }
    fields.copy_text("bodySizeLimit", (job, "body_size_limit"), report);
    let protocols = fields.texts("scrapeProtocols", report);
    if !protocols.is_empty() {
        job.insert("scrape_protocols".to_owned(), protocols.into());
    }
    fields.copy_text(
        "fallbackScrapeProtocol",
        (job, "fallback_scrape_protocol"),
        report,
    );
    for (name, as_name) in [
        ("scrapeNativeHistograms", "scrape_native_histograms"),
        (
            "scrapeClassicHistograms",
            "always_scrape_classic_histograms",
        ),
        (
            "convertClassicHistogramsToNHCB",
            "convert_classic_histograms_to_nhcb",
        ),
    ] {
        fields.copy_flag(name, (job, as_name), report);
    }
    if let Some(limit) = fields.count("nativeHistogramBucketLimit", report) {
        job.insert("native_histogram_bucket_limit".to_owned(), limit.into());
    }
    let path = fields.at("nativeHistogramMinBucketFactor");
    if let Some(value) = fields.value("nativeHistogramMinBucketFactor") {
        match quantity(value) {
            Some(factor) => {
                let name = "native_histogram_min_bucket_factor";
                job.insert(name.to_owned(), factor.into());
            }
            None => report.fault(&path, "it is no quantity"),
        }
    }
    Imposed::read(fields, options, report)
}

/// Whether targets are selected by the cluster itself instead of by relabelling.
pub(crate) fn is_selected_by_role(fields: &mut Fields<'_>, report: &mut Report<'_>) -> bool {
    match fields.text("selectorMechanism", report) {
        None | Some("RelabelConfig") => false,
        Some("RoleSelector") => true,
        Some(other) => {
            let text = format!("{other:?} is neither RelabelConfig nor RoleSelector");
            report.fault(&fields.at("selectorMechanism"), text);
            false
        }
    }
}

/// Whether labels of nodes are attached.
pub(crate) fn attach_node(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<bool> {
    let mut attach = fields.map("attachMetadata", report)?;
    let node = attach.flag("node", report).unwrap_or(false);
    attach.finish(report);
    Some(node)
}

/// A quantity of Kubernetes, as far as a factor needs one: a number, or a text with thousandths
/// (`1100m`).
fn quantity(value: &Value) -> Option<f64> {
    if let Some(number) = value.as_f64() {
        return Some(number);
    }
    let text = value.as_str()?;
    let (digits, scale) = match text.strip_suffix('m') {
        Some(digits) => (digits, 1000.0),
        None => (text, 1.0),
    };
    let number: f64 = digits.parse().ok()?;
    number.is_finite().then_some(number / scale)
}
