//! Writes pages: for `/federate`, and for tests.
//!
//! It is not a check: what it is given comes out in the format's syntax, also where a target
//! should not say it (a family twice, a histogram without buckets).

use std::fmt::Write;

use narthex_model::{METRIC_NAME, is_classic_label_name, is_classic_metric_name};

use crate::Format;
use crate::entry::MetricType;
use crate::families::{Families, FamilyMeta};
use crate::float::{push_float, push_open_metrics_float};

/// Writes one page into a string.
#[derive(Debug, Clone)]
pub struct TextWriter {
    format: Format,
    out: String,
}

impl TextWriter {
    /// A writer of an empty page.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            out: String::new(),
        }
    }

    /// Starts a family: `# HELP` where there is a text, `# TYPE`, and, in OpenMetrics, `# UNIT`
    /// where there is one. Types that Prometheus text does not have become `untyped`. In
    /// OpenMetrics a counter's family has the name without `_total`, and a counter that does not
    /// end so is `unknown`.
    pub fn family(&mut self, meta: &FamilyMeta<'_>) -> &mut Self {
        let (name, kind) = match self.format {
            Format::PrometheusText => (meta.name, prometheus_type(meta.kind)),
            Format::OpenMetrics => open_metrics_family(meta),
        };
        if !meta.help.is_empty() {
            self.comment("HELP", name);
            match self.format {
                Format::PrometheusText => push_escaped(&mut self.out, meta.help, &['\\', '\n']),
                Format::OpenMetrics => push_escaped(&mut self.out, meta.help, &['\\', '\n', '"']),
            }
            self.out.push('\n');
        }
        self.comment("TYPE", name);
        self.out.push_str(kind);
        self.out.push('\n');
        if self.format == Format::OpenMetrics && !meta.unit.is_empty() {
            self.comment("UNIT", name);
            self.out.push_str(meta.unit);
            self.out.push('\n');
        }
        self
    }

    fn comment(&mut self, keyword: &str, name: &str) {
        self.out.push_str("# ");
        self.out.push_str(keyword);
        self.out.push(' ');
        push_name(&mut self.out, name, is_classic_metric_name(name));
        self.out.push(' ');
    }

    /// Writes one sample. A label called `__name__` is left out. An empty value is written: to a
    /// parser it is no label, but it keeps a server that honors labels from putting its own.
    pub fn sample<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
        timestamp_ms: Option<i64>,
    ) -> &mut Self {
        let classic = is_classic_metric_name(name);
        if !classic {
            self.out.push('{');
        }
        push_name(&mut self.out, name, classic);
        let mut separator = if classic { '{' } else { ',' };
        for (label, label_value) in labels {
            if label == METRIC_NAME {
                continue;
            }
            self.out.push(separator);
            separator = ',';
            push_name(&mut self.out, label, is_classic_label_name(label));
            self.out.push('=');
            push_quoted(&mut self.out, label_value);
        }
        if separator == ',' {
            self.out.push('}');
        }
        self.out.push(' ');
        match self.format {
            Format::PrometheusText => push_float(&mut self.out, value),
            Format::OpenMetrics => push_open_metrics_float(&mut self.out, value),
        }
        if let Some(timestamp_ms) = timestamp_ms {
            self.out.push(' ');
            self.timestamp(timestamp_ms);
        }
        self.out.push('\n');
        self
    }

    fn timestamp(&mut self, timestamp_ms: i64) {
        // Writing to a string cannot fail.
        let _ = match self.format {
            Format::PrometheusText => write!(self.out, "{timestamp_ms}"),
            // Seconds, but never through a float: milliseconds are exact.
            Format::OpenMetrics => {
                let sign = if timestamp_ms < 0 { "-" } else { "" };
                let millis = timestamp_ms.unsigned_abs();
                write!(self.out, "{sign}{}.{:03}", millis / 1000, millis % 1000)
            }
        };
    }

    /// Writes a batch.
    pub fn families(&mut self, families: &Families) -> &mut Self {
        for (meta, samples) in families.iter() {
            self.family(&meta);
            for sample in samples {
                let labels = sample.label_pairs();
                self.sample(sample.name(), labels, sample.value, sample.timestamp_ms);
            }
        }
        self
    }

    /// How many bytes the page has so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The page, ended as its format asks for.
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }
}

fn prometheus_type(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter | MetricType::Gauge | MetricType::Histogram | MetricType::Summary => {
            kind.as_str()
        }
        MetricType::Unknown
        | MetricType::GaugeHistogram
        | MetricType::Info
        | MetricType::Stateset => "untyped",
    }
}

fn open_metrics_family<'a>(meta: &FamilyMeta<'a>) -> (&'a str, &'static str) {
    if meta.kind != MetricType::Counter {
        return (meta.name, meta.kind.as_str());
    }
    match meta.name.strip_suffix("_total") {
        Some(name) => (name, "counter"),
        None => (meta.name, "unknown"),
    }
}

fn push_name(out: &mut String, name: &str, classic: bool) {
    if classic {
        out.push_str(name);
    } else {
        push_quoted(out, name);
    }
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text, &['\\', '\n', '"']);
    out.push('"');
}

fn push_escaped(out: &mut String, text: &str, escaped: &[char]) {
    let mut rest = text;
    while let Some(at) = rest.find(escaped) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        out.push('\\');
        // All of them are one byte long.
        let (special, following) = special.split_at(1);
        out.push_str(if special == "\n" { "n" } else { special });
        rest = following;
    }
    out.push_str(rest);
}
