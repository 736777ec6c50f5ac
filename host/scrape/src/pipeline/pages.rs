//! Reads pages of text, and the batches of plugins.

use std::borrow::Cow;

use narthex_exposition::{Entry, Families, Format, MetricType, PageFormat, Parser, SeriesEntry};
use narthex_model::METRIC_NAME;
use narthex_model::sample::NORMAL_NAN_BITS;

use super::collation::{Collation, Part};
use super::sample_labels::Described;
use super::starts::CreatedSeries;
use super::walk::{Place, Walk};
use crate::config::ScrapeProtocol;
use crate::{ScrapeError, Scraped};

/// What the page said last of a family.
#[derive(Debug, Default)]
struct Current<'a> {
    family: String,
    kind: MetricType,
    unit: &'a str,
}

impl Current<'_> {
    /// A line of metadata on a family; what was said of the one before is over.
    fn enter(&mut self, metric: &str) {
        if self.family != metric {
            metric.clone_into(&mut self.family);
            self.unit = "";
        }
    }
}

impl Walk<'_> {
    /// Reads what was scraped.
    pub(super) fn read(&mut self, scraped: &Scraped) -> Result<(), ScrapeError> {
        match scraped {
            // A page without a byte needs no content type to be read.
            Scraped::Text { body, .. } if body.is_empty() => Ok(()),
            Scraped::Text { content_type, body } => {
                let fallback = self.rules.config.fallback_scrape_protocol;
                let format = PageFormat::from_content_type(content_type, fallback.map(format))
                    .map_err(|error| ScrapeError::Parse(error.to_string()))?;
                match format {
                    PageFormat::Text(format) => self.read_text(body, format),
                    PageFormat::Protobuf => self.read_protobuf(body),
                }
            }
            Scraped::Families(families) => self.read_families(families),
        }
    }

    fn read_text(&mut self, body: &[u8], format: Format) -> Result<(), ScrapeError> {
        let reads_starts = self.rules.options.reads_starts() && format == Format::OpenMetrics;
        let starts = reads_starts.then(|| CreatedSeries::find(body));
        let converts = self.rules.config.convert_classic_histograms_to_nhcb == Some(true);
        let mut collation = converts.then(Collation::default);
        let mut current = Current::default();
        for entry in Parser::new(body, format) {
            let series = match entry.map_err(|error| ScrapeError::Parse(error.to_string()))? {
                Entry::Series(series) => series,
                metadata => {
                    if let Some(collation) = &mut collation {
                        self.flush(collation)?;
                    }
                    self.metadata(metadata, &mut current);
                    continue;
                }
            };
            let mut start_ms = None;
            if let Some(starts) = &starts {
                if starts.is_one(&series, &current.family) {
                    continue;
                }
                start_ms = starts.of(&series, &current.family);
            }
            if let Some(collation) = &mut collation
                && self.collates(collation, &series, &current, start_ms)?
            {
                continue;
            }
            let described = Described {
                kind: series.metric_type(),
                unit: current.unit,
            };
            let (key, time) = (series.text.as_bytes(), series.timestamp_ms);
            let place = self.place(key, time, described, || series.label_pairs())?;
            if let Some(place) = place
                && self.number(place, series.value, start_ms)
            {
                self.text_exemplar(place, &series);
            }
        }
        match &mut collation {
            Some(collation) => self.flush(collation),
            None => Ok(()),
        }
    }

    fn metadata<'p>(&mut self, entry: Entry<'p>, current: &mut Current<'p>) {
        let cache = &mut self.memory.metadata;
        match entry {
            Entry::Type { metric, kind } => {
                cache.set_kind(&metric, kind);
                current.enter(&metric);
                current.kind = kind;
            }
            Entry::Help { metric, help } => {
                cache.set_help(&metric, &help);
                current.enter(&metric);
            }
            Entry::Unit { metric, unit } => {
                cache.set_unit(&metric, unit);
                current.enter(&metric);
                current.unit = unit;
            }
            Entry::Series(_) => {}
        }
    }

    /// Adds a line to the histogram that it is a part of; `true` where that is all that becomes
    /// of it.
    fn collates(
        &mut self,
        collation: &mut Collation,
        series: &SeriesEntry<'_>,
        current: &Current<'_>,
        start_ms: Option<i64>,
    ) -> Result<bool, ScrapeError> {
        let is_classic = current.kind == MetricType::Histogram;
        let part = is_classic.then(|| Part::of(series, &current.family));
        let Some(part) = part.flatten() else {
            self.flush(collation)?;
            return Ok(false);
        };
        if !collation.holds(&part) {
            self.flush(collation)?;
            let (time, unit) = (series.timestamp_ms, current.unit);
            collation.begin(&part, time, start_ms, unit);
        }
        collation.add(&part, series);
        let keeps = self.rules.config.always_scrape_classic_histograms == Some(true);
        Ok(!keeps)
    }

    /// Takes in the histogram that was collected, where there is one. What cannot be converted is
    /// left out.
    fn flush(&mut self, collation: &mut Collation) -> Result<(), ScrapeError> {
        let Some(collected) = collation.take() else {
            return Ok(());
        };
        let Ok(histogram) = collected.histogram.convert() else {
            return Ok(());
        };
        let described = Described {
            kind: MetricType::Histogram,
            unit: &collected.unit,
        };
        let time = collected.timestamp_ms;
        let place = self.place(&collected.key, time, described, || {
            let pairs = collected.pairs.iter();
            pairs.map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value)))
        })?;
        if let Some(place) = place
            && self.histogram(place, histogram, collected.start_ms)
        {
            for exemplar in collected.exemplars {
                let own_ms = Some(exemplar.timestamp_ms);
                self.exemplar(place, exemplar.labels, exemplar.value, own_ms);
            }
        }
        Ok(())
    }

    /// Takes in the exemplar of a line. One whose labels are no label set is left out.
    fn text_exemplar(&mut self, place: Place, series: &SeriesEntry<'_>) {
        if let Some(exemplar) = series.exemplar
            && let Ok(labels) = exemplar.labels()
        {
            self.exemplar(place, labels, exemplar.value, exemplar.timestamp_ms);
        }
    }

    fn read_families(&mut self, families: &Families) -> Result<(), ScrapeError> {
        let mut key = Vec::new();
        for (family, samples) in families.iter() {
            self.memory.metadata.set_kind(family.name, family.kind);
            self.memory.metadata.set_help(family.name, family.help);
            self.memory.metadata.set_unit(family.name, family.unit);
            let described = Described {
                kind: family.kind,
                unit: family.unit,
            };
            for sample in samples {
                // A key that no line of a page can be: it starts with a zero byte, and each part
                // is preceded by its length.
                key.clear();
                key.push(0);
                let name = std::iter::once((METRIC_NAME, sample.name()));
                for (name, value) in name.chain(sample.label_pairs()) {
                    for part in [name, value] {
                        key.extend_from_slice(&part.len().to_le_bytes());
                        key.extend_from_slice(part.as_bytes());
                    }
                }
                let value = match sample.value.is_nan() {
                    true => f64::from_bits(NORMAL_NAN_BITS),
                    false => sample.value,
                };
                let place = self.place(&key, sample.timestamp_ms, described, || {
                    std::iter::once((METRIC_NAME, Cow::Borrowed(sample.name())))
                        .chain(sample.stored_pairs())
                        .map(|(name, value)| (Cow::Borrowed(name), value))
                })?;
                if let Some(place) = place {
                    self.number(place, value, None);
                }
            }
        }
        Ok(())
    }
}

fn format(protocol: ScrapeProtocol) -> PageFormat {
    match protocol {
        ScrapeProtocol::PrometheusProto => PageFormat::Protobuf,
        ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => {
            PageFormat::Text(Format::OpenMetrics)
        }
        ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => {
            PageFormat::Text(Format::PrometheusText)
        }
    }
}
