//! The body of a push: Prometheus text, whatever its `Content-Type` says, or protobuf.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use narthex_exposition::{
    Entry, Format, MetricType, Parser, ProtobufEntry, ProtobufParser, SeriesEntry,
};

use crate::family::{Bucket, Families, Family, Metric, Quantile, Value};

/// A body may have this many bytes, as it arrives and once it is unpacked.
pub const PUSH_BYTES_MAX: usize = 16 << 20;

/// Why a body is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It cannot be read.
    #[error("{0}")]
    Invalid(String),
    /// It has more than [`PUSH_BYTES_MAX`] bytes.
    #[error("the body has over {PUSH_BYTES_MAX} bytes")]
    TooLarge,
}

/// What a body holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Body {
    pub(crate) families: Families,
    /// Samples must have none.
    pub(crate) has_timestamps: bool,
}

/// The families of a body; `content_type` and `encoding` are the values of the headers, "" where
/// one is missing.
///
/// # Errors
/// It cannot be read.
pub fn parse(content_type: &str, encoding: &str, body: &[u8]) -> Result<Pushed, BodyError> {
    let unpacked = match encoding.trim() {
        "" | "identity" => None,
        gzip if gzip.eq_ignore_ascii_case("gzip") => Some(unpack(body)?),
        other => {
            let text = format!("unsupported Content-Encoding: {other}");
            return Err(BodyError::Invalid(text));
        }
    };
    let body = unpacked.as_deref().unwrap_or(body);
    if body.len() > PUSH_BYTES_MAX {
        return Err(BodyError::TooLarge);
    }
    let read = match is_protobuf(content_type) {
        true => protobuf(body),
        false => text(body),
    };
    read.map(Pushed).map_err(BodyError::Invalid)
}

/// A body that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pushed(pub(crate) Body);

fn is_protobuf(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let is_type = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/vnd.google.protobuf"));
    let has = |parameter: &str| content_type.split(';').any(|part| part.trim() == parameter);
    is_type && has("encoding=delimited") && has("proto=io.prometheus.client.MetricFamily")
}

fn unpack(body: &[u8]) -> Result<Vec<u8>, BodyError> {
    let mut unpacked = Vec::new();
    let mut reader = MultiGzDecoder::new(body).take(PUSH_BYTES_MAX as u64 + 1);
    match reader.read_to_end(&mut unpacked) {
        Ok(_) => Ok(unpacked),
        Err(error) => Err(BodyError::Invalid(format!("gzip: {error}"))),
    }
}

/// Where in a family the metric with these labels is.
type Places = BTreeMap<(String, BTreeMap<String, String>), usize>;

fn text(body: &[u8]) -> Result<Body, String> {
    if body.last().is_some_and(|last| *last != b'\n') {
        let line = body.split(|byte| *byte == b'\n').count();
        return Err(format!(
            "text format parsing error in line {line}: unexpected end of input stream"
        ));
    }
    let mut read = Body::default();
    let (mut places, mut helped) = (Places::new(), BTreeMap::new());
    for entry in Parser::new(body, Format::PrometheusText) {
        match entry.map_err(|error| format!("text format parsing error: {error}"))? {
            Entry::Type { metric, kind } => {
                let family = read.families.entry(metric.to_string()).or_default();
                if !family.metrics.is_empty() || family.kind != MetricType::Unknown {
                    return Err(format!(
                        "text format parsing error: second TYPE line for metric name {metric:?}, \
                         or TYPE reported after samples"
                    ));
                }
                family.kind = kind;
            }
            Entry::Help { metric, help } => {
                if helped.insert(metric.to_string(), ()).is_some() {
                    return Err(format!(
                        "text format parsing error: second HELP line for metric name {metric:?}"
                    ));
                }
                let family = read.families.entry(metric.to_string()).or_default();
                family.help = help.to_string();
            }
            Entry::Unit { .. } => {}
            Entry::Series(series) => {
                read.has_timestamps |= series.timestamp_ms.is_some();
                add(&mut read.families, &mut places, &series)?;
            }
        }
    }
    // What was only spoken of is not there.
    read.families.retain(|_, family| !family.metrics.is_empty());
    Ok(read)
}

fn add(
    families: &mut Families,
    places: &mut Places,
    series: &SeriesEntry<'_>,
) -> Result<(), String> {
    let fault = |text: String| format!("text format parsing error: {text}");
    let (mut name, mut labels) = (String::new(), BTreeMap::new());
    for (label, value) in series.label_pairs() {
        match label.as_ref() {
            "__name__" => name = value.into_owned(),
            _ => match labels.entry(label.into_owned()) {
                Slot::Vacant(free) => {
                    free.insert(value.into_owned());
                }
                Slot::Occupied(held) => {
                    let text = format!(
                        "duplicate label names for metric {name:?}: {:?}",
                        held.key()
                    );
                    return Err(fault(text));
                }
            },
        }
    }
    let (name, suffix) = split(families, &name);
    let name = name.to_owned();
    let family = families.entry(name.clone()).or_default();
    let number_label = match (family.kind, suffix) {
        (MetricType::Histogram, "_bucket") => Some("le"),
        (MetricType::Summary, "") => Some("quantile"),
        (MetricType::Histogram, "") => {
            return Err(fault(format!(
                "histogram {name:?} has a sample of its own name"
            )));
        }
        _ => None,
    };
    let number = match number_label {
        None => None,
        Some(label) => {
            let number = labels
                .remove(label)
                .and_then(|text| text.parse::<f64>().ok());
            let text = || fault(format!("expected float as value for {label:?} label"));
            Some(number.ok_or_else(text)?)
        }
    };
    let value = series.value;
    if !matches!(family.kind, MetricType::Histogram | MetricType::Summary) {
        let value = Value::Number(value);
        family.metrics.push(Metric { labels, value });
        return Ok(());
    }
    let at = match places.entry((name, labels)) {
        Slot::Occupied(held) => *held.get(),
        Slot::Vacant(free) => {
            let metric = Metric {
                labels: free.key().1.clone(),
                value: Value::none(family.kind),
            };
            family.metrics.push(metric);
            *free.insert(family.metrics.len() - 1)
        }
    };
    if let Some(metric) = family.metrics.get_mut(at) {
        set(&mut metric.value, suffix, number, value);
    }
    Ok(())
}

/// Which family a sample is of, and what its name has besides.
fn split<'n>(families: &Families, name: &'n str) -> (&'n str, &'n str) {
    if families.contains_key(name) {
        return (name, "");
    }
    for (suffix, kinds) in [
        ("_sum", &[MetricType::Summary, MetricType::Histogram][..]),
        ("_count", &[MetricType::Summary, MetricType::Histogram]),
        ("_bucket", &[MetricType::Histogram]),
    ] {
        let base = name.strip_suffix(suffix);
        let family = base.and_then(|base| families.get(base));
        if let (Some(base), Some(family)) = (base, family)
            && kinds.contains(&family.kind)
        {
            return name.split_at(base.len());
        }
    }
    (name, "")
}

/// Takes one sample into a histogram or a summary.
fn set(into: &mut Value, suffix: &str, number: Option<f64>, sent: f64) {
    match into {
        Value::Number(value) => *value = sent,
        Value::Histogram { sum, count, .. } | Value::Summary { sum, count, .. }
            if number.is_none() =>
        {
            match suffix {
                "_sum" => *sum = sent,
                _ => *count = sent,
            }
        }
        Value::Histogram { buckets, .. } => buckets.push(Bucket {
            upper: number.unwrap_or_default(),
            count: sent,
        }),
        Value::Summary { quantiles, .. } => quantiles.push(Quantile {
            quantile: number.unwrap_or_default(),
            value: sent,
        }),
    }
}

fn protobuf(body: &[u8]) -> Result<Body, String> {
    let mut read = Body::default();
    let mut parser = ProtobufParser::new(body);
    while let Some(entry) = parser.next_entry().map_err(|error| error.to_string())? {
        let (meta, metric) = match entry {
            ProtobufEntry::Family(meta) => {
                if !is_known(meta.kind) {
                    let kind = meta.kind.as_str();
                    return Err(format!("{kind} {:?} cannot be pushed", meta.name));
                }
                let family = Family {
                    help: meta.help.to_owned(),
                    kind: meta.kind,
                    metrics: Vec::new(),
                };
                // Of two families of one name the last counts, as in the Pushgateway.
                read.families.insert(meta.name.to_owned(), family);
                continue;
            }
            ProtobufEntry::Metric(meta, metric) => (meta, metric),
        };
        if metric.is_native_histogram() && !metric.has_classic_buckets() {
            let name = meta.name;
            return Err(format!(
                "native histogram {name:?} cannot be pushed: it has no classic buckets"
            ));
        }
        read.has_timestamps |= metric.timestamp_ms().is_some();
        let mut value = Value::none(meta.kind);
        for sample in metric.samples() {
            let number = sample.number.map(|(_, number)| number);
            set(&mut value, sample.suffix, number, sample.value);
        }
        let pairs = metric.label_pairs().iter();
        let labels = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let labels: BTreeMap<String, String> = labels.collect();
        if labels.len() < metric.label_pairs().len() {
            return Err(format!(
                "metric {:?} has two labels of the same name",
                meta.name
            ));
        }
        if let Some(family) = read.families.get_mut(meta.name) {
            family.metrics.push(Metric { labels, value });
        }
    }
    Ok(read)
}

fn is_known(kind: MetricType) -> bool {
    use MetricType::{Counter, Gauge, Histogram, Summary, Unknown};
    matches!(kind, Counter | Gauge | Histogram | Summary | Unknown)
}
