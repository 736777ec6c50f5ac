//! What a plugin brought, in a form that can be compared and printed.
//!
//! It is not: what becomes of it in a scrape (relabelling, limits); only that the samples can be
//! read at all is seen to here.

use std::collections::BTreeMap;

use narthex_exposition::{Entry, Families, FamilyMeta, Format, MetricType, Parser, write};
use narthex_model::Labels;
use narthex_scrape::Scraped;

/// The samples of one collection.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Collected {
    /// Value and time by series, metric name included.
    pub series: BTreeMap<Labels, Observation>,
    /// The type of each family that has one.
    pub kinds: BTreeMap<String, MetricType>,
    /// The help text of each family that has one.
    pub helps: BTreeMap<String, String>,
    /// All of it as text.
    pub text: String,
}

/// One sample.
#[derive(Debug, Clone, Copy)]
pub struct Observation {
    /// The value.
    pub value: f64,
    /// Milliseconds since the epoch, where the plugin says a time.
    pub timestamp_ms: Option<i64>,
}

impl PartialEq for Observation {
    /// As stored: any two values that are no numbers are the same.
    fn eq(&self, other: &Self) -> bool {
        let both_nan = self.value.is_nan() && other.value.is_nan();
        (self.value == other.value || both_nan) && self.timestamp_ms == other.timestamp_ms
    }
}

impl Collected {
    /// Reads what a plugin brought, as the host does.
    ///
    /// # Errors
    /// It is a text that does not parse, or a series is there twice.
    pub fn of(scraped: &Scraped) -> Result<Self, String> {
        match scraped {
            Scraped::Families(families) => Self::of_families(families),
            Scraped::Text { content_type, body } => {
                let format = Format::from_content_type(content_type, None);
                Self::of_text(body, format.map_err(|error| error.to_string())?)
            }
        }
    }

    fn of_families(families: &Families) -> Result<Self, String> {
        let mut collected = Self::default();
        for (meta, samples) in families.iter() {
            collected.family(&meta);
            for sample in samples {
                let labels = sample.labels();
                let labels = labels.map_err(|error| format!("{}: {error}", sample.name()))?;
                collected.add(labels, sample.value, sample.timestamp_ms)?;
            }
        }
        let mut writer = write::TextWriter::new(Format::PrometheusText);
        collected.text = writer.families(families).clone().finish();
        Ok(collected)
    }

    fn of_text(body: &[u8], format: Format) -> Result<Self, String> {
        let mut collected = Self {
            text: String::from_utf8_lossy(body).into_owned(),
            ..Self::default()
        };
        for entry in Parser::new(body, format) {
            match entry.map_err(|error| error.to_string())? {
                Entry::Series(entry) => {
                    let labels = labels_as_written(entry.text)
                        .or_else(|_| entry.labels().map_err(|error| error.to_string()));
                    let labels = labels.map_err(|error| format!("{}: {error}", entry.text))?;
                    collected.add(labels, entry.value, entry.timestamp_ms)?;
                }
                Entry::Type { metric, kind } => {
                    collected.kinds.insert(metric.into_owned(), kind);
                }
                Entry::Help { metric, help } => {
                    collected
                        .helps
                        .insert(metric.into_owned(), help.into_owned());
                }
                Entry::Unit { .. } => {}
            }
        }
        Ok(collected)
    }

    fn family(&mut self, meta: &FamilyMeta<'_>) {
        self.kinds.insert(meta.name.to_owned(), meta.kind);
        if !meta.help.is_empty() {
            self.helps
                .insert(meta.name.to_owned(), meta.help.to_owned());
        }
    }

    fn add(&mut self, labels: Labels, value: f64, timestamp_ms: Option<i64>) -> Result<(), String> {
        let observation = Observation {
            value,
            timestamp_ms,
        };
        let series = format_series(&labels);
        match self.series.insert(labels, observation) {
            None => Ok(()),
            Some(_) => Err(format!(
                "{series} is there twice: of the two only one is stored"
            )),
        }
    }
}

/// The labels of a series as they are written: OpenMetrics has bounds of buckets written anew.
///
/// # Errors
/// It is none of the classic format.
pub(crate) fn labels_as_written(series: &str) -> Result<Labels, String> {
    let line = format!("{series} 0\n");
    let mut parser = Parser::new(line.as_bytes(), Format::PrometheusText);
    match parser.next() {
        Some(Ok(Entry::Series(entry))) => entry.labels().map_err(|error| error.to_string()),
        Some(Err(error)) => Err(error.to_string()),
        _ => Err(format!("{series:?} is not a series")),
    }
}

/// A series as text: `name{label="value"}`.
pub fn format_series(labels: &Labels) -> String {
    let mut writer = write::TextWriter::new(Format::PrometheusText);
    let text = writer
        .sample(labels.metric_name(), labels.iter(), 0.0, None)
        .clone()
        .finish();
    let text = text.trim_end();
    text.strip_suffix(" 0").unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Collected, String> {
        Collected::of(&Scraped::Text {
            content_type: "text/plain".to_owned(),
            body: text.to_owned().into(),
        })
    }

    #[test]
    fn a_text_is_read_as_the_host_reads_it() {
        let collected = of("# HELP a b\n# TYPE a gauge\na{x=\"1\"} 2 3\n").unwrap();
        let (labels, observation) = collected.series.first_key_value().unwrap();
        assert_eq!(format_series(labels), "a{x=\"1\"}");
        assert_eq!(
            (observation.value, observation.timestamp_ms),
            (2.0, Some(3))
        );
        assert_eq!(collected.kinds["a"], MetricType::Gauge);
        assert_eq!(collected.helps["a"], "b");
    }

    #[test]
    fn what_the_host_could_not_store_is_an_error() {
        assert!(
            of("a 1\na 2\n")
                .unwrap_err()
                .starts_with("a is there twice")
        );
        assert!(of("a{ 1\n").is_err());
        let error = Collected::of(&Scraped::Text {
            content_type: "text/html".to_owned(),
            body: "".into(),
        });
        assert!(error.unwrap_err().contains("text/html"));
    }
}
