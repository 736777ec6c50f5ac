//! Reads pages of protobuf.

use std::borrow::Cow;

use narthex_exposition::{
    ClassicHistogram, FamilyMeta, Metric, MetricExemplar, MetricSample, MetricType, ProtobufEntry,
    ProtobufError, ProtobufParser,
};
use narthex_model::METRIC_NAME;

use super::sample_labels::Described;
use super::walk::{Place, Walk};
use crate::ScrapeError;

/// Keys that start so are those of metrics in protobuf; no line of a page does.
const KEY_PREFIX: u8 = 1;

/// Ends the key of a native histogram, which has its metric's own name, as no suffix does.
const HISTOGRAM_KEY: u8 = 0xff;

/// What is used again from metric to metric.
#[derive(Debug, Default)]
struct Scratch {
    /// The name and the labels of the metric, and then what tells the series from its others.
    key: Vec<u8>,
    /// How much of the key all series of the metric have.
    shared: usize,
    classic: ClassicHistogram,
}

impl Walk<'_> {
    pub(super) fn read_protobuf(&mut self, body: &[u8]) -> Result<(), ScrapeError> {
        let mut parser = ProtobufParser::new(body);
        let mut scratch = Scratch::default();
        while let Some(entry) = parser.next_entry().map_err(fault)? {
            match entry {
                ProtobufEntry::Family(family) => {
                    let metadata = &mut self.memory.metadata;
                    metadata.set_kind(family.name, family.kind);
                    metadata.set_help(family.name, family.help);
                    metadata.set_unit(family.name, family.unit);
                }
                ProtobufEntry::Metric(family, metric) => {
                    scratch.set_metric(&family, metric);
                    self.metric(&family, metric, &mut scratch)?;
                }
            }
        }
        Ok(())
    }

    fn metric(
        &mut self,
        family: &FamilyMeta<'_>,
        metric: &Metric<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), ScrapeError> {
        let config = self.rules.config;
        let reads_native = config.scrape_native_histograms == Some(true);
        let converts = config.convert_classic_histograms_to_nhcb == Some(true);
        let histogram = if reads_native && metric.is_native_histogram() {
            Some(metric.native_histogram().map_err(fault)?)
        } else if converts && family.kind == MetricType::Histogram {
            metric.classic_histogram(&mut scratch.classic);
            // What cannot be converted is left out.
            scratch.classic.convert().ok()
        } else {
            return self.series(family, metric, scratch);
        };
        if let Some(histogram) = histogram {
            scratch.set_histogram();
            let place = self.place_metric(family, metric, None, &scratch.key)?;
            if let Some(place) = place
                && self.histogram(place, histogram, metric.start_ms())
            {
                let mut exemplars: Vec<_> = metric.native_exemplars().collect();
                exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
                for exemplar in exemplars {
                    self.metric_exemplar(place, exemplar);
                }
            }
        }
        match config.always_scrape_classic_histograms == Some(true) && metric.has_classic_buckets()
        {
            true => self.series(family, metric, scratch),
            false => Ok(()),
        }
    }

    /// Takes a metric in as the series that it is in the text formats.
    fn series(
        &mut self,
        family: &FamilyMeta<'_>,
        metric: &Metric<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), ScrapeError> {
        for sample in metric.samples() {
            scratch.set_sample(&sample);
            let place = self.place_metric(family, metric, Some(&sample), &scratch.key)?;
            if let Some(place) = place
                && self.number(place, sample.value, metric.start_ms())
                && let Some(exemplar) = sample.exemplar
            {
                self.metric_exemplar(place, exemplar);
            }
        }
        Ok(())
    }

    fn place_metric(
        &mut self,
        family: &FamilyMeta<'_>,
        metric: &Metric<'_>,
        sample: Option<&MetricSample<'_, '_>>,
        key: &[u8],
    ) -> Result<Option<Place>, ScrapeError> {
        let described = Described {
            kind: family.kind,
            unit: family.unit,
        };
        self.place(key, metric.timestamp_ms(), described, || {
            let name = match sample.map_or("", |sample| sample.suffix) {
                "" => Cow::Borrowed(family.name),
                suffix => Cow::Owned(format!("{}{suffix}", family.name)),
            };
            let pairs = metric.label_pairs().iter();
            let pairs = pairs.map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value)));
            let number = sample.and_then(MetricSample::number_label);
            let number = number.map(|(label, text)| (Cow::Borrowed(label), Cow::Owned(text)));
            std::iter::once((Cow::Borrowed(METRIC_NAME), name))
                .chain(pairs)
                .chain(number)
        })
    }

    /// Takes in an exemplar. One whose labels are no label set is left out.
    fn metric_exemplar(&mut self, place: Place, exemplar: &MetricExemplar<'_>) {
        if let Ok(labels) = exemplar.labels() {
            self.exemplar(place, labels, exemplar.value, exemplar.timestamp_ms);
        }
    }
}

fn fault(error: ProtobufError) -> ScrapeError {
    ScrapeError::Parse(error.to_string())
}

impl Scratch {
    fn set_metric(&mut self, family: &FamilyMeta<'_>, metric: &Metric<'_>) {
        self.key.clear();
        self.key.push(KEY_PREFIX);
        let labels = metric.label_pairs().iter();
        let labels = labels.flat_map(|(name, value)| [*name, *value]);
        for text in std::iter::once(family.name).chain(labels) {
            self.key.extend_from_slice(&text.len().to_le_bytes());
            self.key.extend_from_slice(text.as_bytes());
        }
        self.shared = self.key.len();
    }

    fn set_histogram(&mut self) {
        self.key.truncate(self.shared);
        self.key.push(HISTOGRAM_KEY);
    }

    fn set_sample(&mut self, sample: &MetricSample<'_, '_>) {
        self.key.truncate(self.shared);
        self.key.extend_from_slice(sample.suffix.as_bytes());
        if let Some((_, number)) = sample.number {
            self.key.extend_from_slice(&number.to_bits().to_le_bytes());
        }
    }
}
