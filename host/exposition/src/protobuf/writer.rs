//! Writes pages in protobuf: for `/federate`.
//!
//! It is not: a check of what it is given, or a writer of classic histograms that have their
//! series already; those are numbers here, as they are in the store.

use narthex_model::FloatHistogram;
use narthex_model::histogram::Buckets;

use super::message::{ProtobufMessage, push_varint};
use crate::entry::MetricType;

/// The `Content-Type` of a page.
pub const PROTOBUF_CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Writes one page.
#[derive(Debug, Clone, Default)]
pub struct ProtobufWriter {
    page: Vec<u8>,
    family: ProtobufMessage,
}

impl ProtobufWriter {
    /// A writer of an empty page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a family. A name may come again with another type.
    pub fn family(&mut self, name: &str, kind: MetricType) -> &mut Self {
        self.end_family();
        self.family.text(1, name);
        self.family.number_always(3, number_of(kind));
        self
    }

    fn end_family(&mut self) {
        let family = std::mem::take(&mut self.family);
        let family = family.as_bytes();
        if !family.is_empty() {
            push_varint(&mut self.page, family.len() as u64);
            self.page.extend_from_slice(family);
        }
    }

    /// Writes a number of a family without a type. Labels without a value are written.
    pub fn number<'a>(
        &mut self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
        timestamp_ms: i64,
    ) -> &mut Self {
        self.metric(labels, timestamp_ms, |metric| {
            metric.message(5, |untyped| untyped.double_always(1, value));
        })
    }

    /// Writes a native histogram of a family of histograms. The format has no bounds of its own
    /// for native histograms: one with custom buckets is written as a classic one of the same
    /// bounds.
    pub fn histogram<'a>(
        &mut self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        histogram: &FloatHistogram,
        timestamp_ms: i64,
    ) -> &mut Self {
        self.metric(labels, timestamp_ms, |metric| {
            metric.message(7, |message| {
                message.double(2, histogram.sum);
                message.double(4, histogram.count);
                match histogram.has_custom_buckets() {
                    true => classic(message, histogram),
                    false => native(message, histogram),
                }
            });
        })
    }

    fn metric<'a>(
        &mut self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        timestamp_ms: i64,
        write: impl FnOnce(&mut ProtobufMessage),
    ) -> &mut Self {
        self.family.message(4, |metric| {
            for (name, value) in labels {
                metric.message(1, |label| {
                    label.text(1, name);
                    label.text(2, value);
                });
            }
            write(metric);
            metric.signed(6, timestamp_ms);
        });
        self
    }

    /// The page.
    pub fn finish(mut self) -> Vec<u8> {
        self.end_family();
        self.page
    }
}

/// The number of a type.
fn number_of(kind: MetricType) -> u64 {
    match kind {
        MetricType::Counter => 0,
        MetricType::Gauge => 1,
        MetricType::Summary => 2,
        MetricType::Histogram => 4,
        MetricType::GaugeHistogram => 5,
        _ => 3,
    }
}

/// Each bucket with what is below it; the last one, which has no bound, is the count.
fn classic(message: &mut ProtobufMessage, histogram: &FloatHistogram) {
    let mut buckets = histogram.positive.iter().peekable();
    let mut below = 0.0;
    for (index, bound) in (0_i32..).zip(histogram.custom_bounds.iter()) {
        while let Some((_, count)) = buckets.next_if(|(at, _)| *at <= index) {
            below += count;
        }
        message.message(3, |bucket| {
            bucket.double(2, *bound);
            bucket.double(4, below);
        });
    }
    message.message(3, |bucket| {
        bucket.double(2, f64::INFINITY);
        bucket.double(4, histogram.count);
    });
}

fn native(message: &mut ProtobufMessage, histogram: &FloatHistogram) {
    message.zigzag(5, i64::from(histogram.schema));
    message.double(6, histogram.zero_threshold);
    message.double(8, histogram.zero_count);
    side(message, [9, 11], &histogram.negative);
    side(message, [12, 14], &histogram.positive);
    let has_buckets = !histogram.negative.is_empty() || !histogram.positive.is_empty();
    if !has_buckets && histogram.zero_threshold == 0.0 {
        // Nothing else would tell that it is a native one.
        message.message(12, |_| {});
    }
}

fn side(message: &mut ProtobufMessage, [span, counts]: [u32; 2], buckets: &Buckets) {
    let mut next = 0;
    for run in buckets.spans() {
        let first = i64::from(run.first);
        message.message(span, |message| {
            message.zigzag(1, first - next);
            message.number(2, run.len as u64);
        });
        next = first.saturating_add(i64::try_from(run.len).unwrap_or(i64::MAX));
    }
    message.packed_doubles(counts, buckets.counts());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ProtobufEntry, ProtobufParser};

    /// Each metric as `TYPE name labels value@time`.
    fn read(page: &[u8]) -> Vec<String> {
        let mut parser = ProtobufParser::new(page);
        let mut shown = Vec::new();
        while let Some(entry) = parser.next_entry().unwrap() {
            let ProtobufEntry::Metric(family, metric) = entry else {
                continue;
            };
            let labels: Vec<String> = metric
                .label_pairs()
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let head = format!(
                "{} {} {}",
                family.kind.as_str(),
                family.name,
                labels.join(",")
            );
            let time_ms = metric.timestamp_ms().unwrap();
            if metric.is_native_histogram() {
                let native = metric.native_histogram().unwrap();
                shown.push(format!("{head} {native}@{time_ms}"));
                continue;
            }
            shown.extend(metric.samples().map(|sample| {
                let number = sample.number.map(|(_, number)| number.to_string());
                let number = number.unwrap_or_default();
                format!(
                    "{head} {}{number} {}@{time_ms}",
                    sample.suffix, sample.value
                )
            }));
        }
        shown
    }

    #[test]
    fn what_is_written_is_read_again() {
        let native = FloatHistogram {
            schema: 1,
            zero_threshold: 0.5,
            zero_count: 1.5,
            count: 8.5,
            sum: -3.0,
            positive: Buckets::new([-3, -2, 4], vec![1.0, 2.5, 0.5]).unwrap(),
            negative: Buckets::new([7], vec![3.0]).unwrap(),
            ..FloatHistogram::default()
        };
        let custom = FloatHistogram {
            schema: narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA,
            count: 6.0,
            sum: 9.0,
            positive: Buckets::new([0, 2], vec![1.0, 5.0]).unwrap(),
            custom_bounds: [0.5, 1.0].into(),
            ..FloatHistogram::default()
        };
        let mut writer = ProtobufWriter::new();
        writer
            .family("h", MetricType::Unknown)
            .number([("a", "1"), ("empty", "")], f64::NEG_INFINITY, 5)
            .number([], 0.0, -5)
            .family("h", MetricType::Histogram)
            .histogram([("b", "2")], &native, 7)
            .histogram([], &FloatHistogram::default(), 8)
            .family("g", MetricType::GaugeHistogram)
            .histogram([], &custom, 9);
        let shown = read(&writer.finish());
        let empty = FloatHistogram::default();
        let expected = [
            "unknown h a=1,empty=  -inf@5".to_owned(),
            "unknown h   0@-5".to_owned(),
            format!("histogram h b=2 {native}@7"),
            format!("histogram h  {empty}@8"),
            "gaugehistogram g  _count 6@9".to_owned(),
            "gaugehistogram g  _sum 9@9".to_owned(),
            "gaugehistogram g  _bucket0.5 1@9".to_owned(),
            "gaugehistogram g  _bucket1 1@9".to_owned(),
            "gaugehistogram g  _bucketinf 6@9".to_owned(),
        ];
        assert_eq!(shown, expected);
    }
}
