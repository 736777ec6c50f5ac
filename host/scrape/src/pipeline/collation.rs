//! The lines of one classic histogram on a page of text, brought together
//! (`convert_classic_histograms_to_nhcb`).

use std::borrow::Cow;

use narthex_exposition::{ClassicHistogram, SeriesEntry};
use narthex_model::{Exemplar, METRIC_NAME};

/// Keys that start so are those of converted histograms; no line of a page does.
const KEY_PREFIX: u8 = 2;

/// A histogram keeps so many exemplars at the most; of more lines they are left out.
const EXEMPLARS_MAX: usize = 1 << 10;

const LE_LABEL: &str = "le";

/// What a line says of a classic histogram.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// The histogram's labels, its name first and the others sorted.
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// The count of a bucket that ends there.
    Bucket(f64),
    Count,
    Sum,
}

/// The histogram that is being collected, if there is one.
#[derive(Debug, Default)]
pub(super) struct Collation {
    collected: Option<Collected>,
}

/// A histogram that is complete once its last line is read.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) histogram: ClassicHistogram,
    pub(super) key: Vec<u8>,
    pub(super) pairs: Vec<(String, String)>,
    pub(super) unit: String,
    pub(super) timestamp_ms: Option<i64>,
    pub(super) start_ms: Option<i64>,
    /// Those that have a time: native histograms have no others.
    pub(super) exemplars: Vec<Exemplar>,
}

impl<'a> Part<'a> {
    /// What a line says of the classic histogram of this family; `None` where it is no part of
    /// one.
    pub(super) fn of(series: &SeriesEntry<'a>, family: &str) -> Option<Self> {
        let mut le = None;
        let mut name = None;
        let mut others = Vec::new();
        for (label, value) in series.label_pairs() {
            if label == METRIC_NAME {
                name = Some(value);
            } else if label == LE_LABEL {
                le = Some(value);
            } else {
                others.push((label, value));
            }
        }
        let suffix = name?.strip_prefix(family)?.to_owned();
        let what = match (suffix.as_str(), &le) {
            ("_bucket", Some(le)) => What::Bucket(le.parse().ok().filter(|le: &f64| !le.is_nan())?),
            ("_count", _) => What::Count,
            ("_sum", _) => What::Sum,
            _ => return None,
        };
        others.sort_unstable();
        let name = (Cow::Borrowed(METRIC_NAME), Cow::Owned(family.to_owned()));
        others.insert(0, name);
        let pairs = others;
        Some(Self { pairs, what })
    }
}

impl Collation {
    /// Whether a line is of the histogram that is being collected.
    pub(super) fn holds(&self, part: &Part<'_>) -> bool {
        let held = self.collected.as_ref();
        held.is_some_and(|held| {
            let of_held = held.pairs.iter().flat_map(|(name, value)| [&**name, value]);
            let of_part = part.pairs.iter().flat_map(|(name, value)| [&**name, value]);
            of_held.eq(of_part)
        })
    }

    /// Begins with the histogram of a line.
    pub(super) fn begin(
        &mut self,
        part: &Part<'_>,
        timestamp_ms: Option<i64>,
        start_ms: Option<i64>,
        unit: &str,
    ) {
        let mut key = vec![KEY_PREFIX];
        for text in part.pairs.iter().flat_map(|(name, value)| [name, value]) {
            key.extend_from_slice(&text.len().to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        }
        let pairs = part.pairs.iter();
        self.collected = Some(Collected {
            key,
            pairs: pairs
                .map(|(name, value)| (name.clone().into_owned(), value.clone().into_owned()))
                .collect(),
            unit: unit.to_owned(),
            timestamp_ms,
            start_ms,
            ..Collected::default()
        });
    }

    /// Adds a line.
    pub(super) fn add(&mut self, part: &Part<'_>, series: &SeriesEntry<'_>) {
        let Some(held) = &mut self.collected else {
            return;
        };
        match part.what {
            What::Bucket(upper) => held.histogram.set_bucket(upper, series.value),
            What::Count => held.histogram.set_count(series.value),
            What::Sum => held.histogram.set_sum(series.value),
        }
        if let Some(exemplar) = series.exemplar
            && let Some(timestamp_ms) = exemplar.timestamp_ms
            && let Ok(labels) = exemplar.labels()
            && held.exemplars.len() < EXEMPLARS_MAX
        {
            held.exemplars.push(Exemplar {
                labels,
                value: exemplar.value,
                timestamp_ms,
            });
        }
    }

    /// What was collected, exemplars in the order of time; nothing is being collected then.
    pub(super) fn take(&mut self) -> Option<Collected> {
        let mut collected = self.collected.take()?;
        let exemplars = &mut collected.exemplars;
        exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
        Some(collected)
    }
}
