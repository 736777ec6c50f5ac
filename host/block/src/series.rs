//! `series.parquet`: the label sets, one row a series. The row's number is the series' number
//! in the other files.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{MapBuilder, MapFieldNames, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, MapArray, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::{DataType, Field, SchemaRef};
use narthex_model::{Labels, METRIC_NAME};
use narthex_storage::TimeRange;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::Fault;
use crate::column_page::{ColumnPage, Content};
use crate::columns::{Columns, mistyped};
use crate::page::{Page, Stored};
use crate::upload::{schema, timestamp};

/// The file's name.
pub(crate) const SERIES_FILE: &str = "series.parquet";

/// A dictionary of times that grows beyond this is given up.
const TIMES_DICTIONARY_BYTES_MAX: usize = 4 << 10;

/// Labels whose values are numbers as text. They are compared last and as numbers, so that the
/// buckets of a histogram lie side by side.
const NUMERIC_LABELS: [&str; 2] = ["le", "quantile"];

/// The order of series in a block: by metric name, then by the other labels, then by the bound
/// of a bucket or quantile.
pub fn block_order(a: &Labels, b: &Labels) -> Ordering {
    let plain = |labels: &Labels, other: &Labels| -> Ordering {
        let keep =
            |(name, _): &(&str, &str)| *name != METRIC_NAME && !NUMERIC_LABELS.contains(name);
        labels.iter().filter(keep).cmp(other.iter().filter(keep))
    };
    let numeric = |labels: &Labels| {
        NUMERIC_LABELS.map(|name| {
            let value = labels.get(name)?;
            Some(Bound(value.parse().unwrap_or(f64::NAN)))
        })
    };
    a.metric_name()
        .cmp(b.metric_name())
        .then_with(|| plain(a, b))
        .then_with(|| numeric(a).cmp(&numeric(b)))
        .then_with(|| a.cmp(b))
}

struct Bound(f64);

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Bound {}

/// What the parts of a map are called.
pub(crate) fn map_names() -> MapFieldNames {
    MapFieldNames {
        entry: "key_value".to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    }
}

/// Labels but for `__name__`, or all of them, in one column.
pub(crate) fn label_map() -> DataType {
    let entry = DataType::Struct(
        vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", DataType::Utf8, false),
        ]
        .into(),
    );
    DataType::Map(Arc::new(Field::new("key_value", entry, false)), false)
}

fn columns() -> SchemaRef {
    schema([
        ("metric", DataType::Utf8, false),
        ("labels", label_map(), false),
        ("mint", timestamp(), false),
        ("maxt", timestamp(), false),
    ])
}

/// How the file is laid out.
pub(crate) fn layout(base: WriterPropertiesBuilder) -> (SchemaRef, WriterProperties) {
    let metric = ColumnPath::from("metric");
    let label = |part: &str| {
        let path = ["labels", "key_value", part];
        ColumnPath::new(path.map(str::to_owned).to_vec())
    };
    // A dictionary of text would have to be read whole for a single page; within a page zstd finds
    // what repeats. Of times there are few, as neighbours are mostly of the same targets, and a
    // dictionary of them is small; where it is not, it is given up.
    let mut properties =
        base.set_column_statistics_enabled(metric.clone(), EnabledStatistics::Page);
    for path in [metric, label("key"), label("value")] {
        properties = properties.set_column_encoding(path, Encoding::PLAIN);
    }
    for path in ["mint", "maxt"].map(ColumnPath::from) {
        properties = properties
            .set_column_dictionary_enabled(path.clone(), true)
            .set_column_dictionary_page_size_limit(path.clone(), TIMES_DICTIONARY_BYTES_MAX)
            .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
            .set_column_compression(path, Compression::UNCOMPRESSED);
    }
    (columns(), properties.build())
}

/// Rows that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct SeriesRows {
    rows: Vec<(Labels, TimeRange)>,
}

impl SeriesRows {
    pub(crate) fn push(&mut self, labels: Labels, range: TimeRange) {
        self.rows.push((labels, range));
    }

    /// Takes all rows.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, Fault> {
        let rows = std::mem::take(&mut self.rows);
        let text = StringBuilder::new;
        let mut labels = MapBuilder::new(Some(map_names()), text(), text())
            .with_values_field(Field::new("value", DataType::Utf8, false));
        for (set, _) in &rows {
            for (name, value) in set.iter().filter(|(name, _)| *name != METRIC_NAME) {
                labels.keys().append_value(name);
                labels.values().append_value(value);
            }
            labels
                .append(true)
                .map_err(|e| Fault::format(e.to_string()))?;
        }
        let metrics = rows.iter().map(|(labels, _)| labels.metric_name());
        let time = |of: fn(&TimeRange) -> i64| {
            let times = rows.iter().map(|(_, range)| of(range));
            TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC")
        };
        let batch = RecordBatch::try_new(
            columns(),
            vec![
                Arc::new(StringArray::from_iter_values(metrics)),
                Arc::new(labels.finish()),
                Arc::new(time(|range| range.start_ms)),
                Arc::new(time(|range| range.end_ms)),
            ],
        );
        batch.map_err(|e| Fault::format(e.to_string()))
    }
}

/// Label sets that were read, with their first and last sample.
#[derive(Debug)]
pub(crate) struct SeriesPage {
    rows: Vec<(Labels, TimeRange)>,
}

impl SeriesPage {
    /// The label set of a row.
    pub(crate) fn labels(&self, row: usize) -> &Labels {
        &self.rows[row].0
    }

    /// How many rows there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// From the first to the last sample of a row.
    pub(crate) fn span(&self, row: usize) -> TimeRange {
        self.rows[row].1
    }
}

impl Page for SeriesPage {
    const COLUMNS: &'static [&'static str] = &["metric", "labels", "mint", "maxt"];

    const STORED: Option<Stored<Self>> = Some(Stored {
        columns: &[
            (&["metric"], Content::Text),
            (&["labels", "key_value", "key"], Content::Text),
            (&["labels", "key_value", "value"], Content::Text),
            (&["mint"], Content::Integers),
            (&["maxt"], Content::Integers),
        ],
        decode: |columns| {
            let columns: Result<[ColumnPage<'_>; 5], _> = columns.try_into();
            let [metrics, keys, values, mint, maxt] = columns.map_err(|_| contradiction())?;
            let columns = SeriesColumns {
                metrics: metrics.texts()?,
                labels: keys.lists(),
                keys: keys.texts()?,
                values: values.texts()?,
                mint: mint.integers()?,
                maxt: maxt.integers()?,
            };
            columns.rows()
        },
    });

    fn decode(batch: &RecordBatch) -> Result<Self, Fault> {
        let map = batch.any("labels")?.as_map_opt();
        let map: &MapArray = map.ok_or_else(|| mistyped("labels"))?;
        let metrics = batch.text("metric")?;
        let (mint, maxt) = (batch.times("mint")?, batch.times("maxt")?);
        let text = |column: &'_ ArrayRef| {
            let column = column.as_string_opt::<i32>().cloned();
            column.ok_or_else(|| mistyped("labels"))
        };
        let (keys, values) = (text(map.keys())?, text(map.values())?);
        let at = |offset: i32| usize::try_from(offset).unwrap_or(usize::MAX);
        let ends = map.value_offsets().windows(2);
        let columns = SeriesColumns {
            metrics: metrics.iter().flatten().collect(),
            labels: ends.map(|ends| at(ends[0])..at(ends[1])).collect(),
            keys: keys.iter().flatten().collect(),
            values: values.iter().flatten().collect(),
            mint: mint.values().to_vec(),
            maxt: maxt.values().to_vec(),
        };
        columns.rows()
    }

    fn bytes(&self) -> usize {
        let texts = self.rows.iter().map(|(labels, _)| labels.encoded_len());
        size_of_val(self.rows.as_slice()) + texts.sum::<usize>()
    }
}

/// The columns of a page.
struct SeriesColumns<'a> {
    metrics: Vec<&'a str>,
    /// Which of the keys and values each row has.
    labels: Vec<Range<usize>>,
    keys: Vec<&'a str>,
    values: Vec<&'a str>,
    mint: Vec<i64>,
    maxt: Vec<i64>,
}

impl SeriesColumns<'_> {
    /// Checks what the columns say together.
    fn rows(&self) -> Result<SeriesPage, Fault> {
        let rows = self.metrics.len();
        let lengths = [self.labels.len(), self.mint.len(), self.maxt.len()];
        if lengths != [rows; 3] || self.keys.len() != self.values.len() {
            return Err(contradiction());
        }
        let row = |row: usize| {
            let span = TimeRange {
                start_ms: self.mint[row],
                end_ms: self.maxt[row],
            };
            Ok((self.label_set(row)?, span))
        };
        Ok(SeriesPage {
            rows: (0..rows).map(row).collect::<Result<_, Fault>>()?,
        })
    }

    /// The label set of a row.
    fn label_set(&self, row: usize) -> Result<Labels, Fault> {
        let labels = self.labels[row].clone();
        let keys = self.keys.get(labels.clone()).ok_or_else(contradiction)?;
        let values = self.values.get(labels).ok_or_else(contradiction)?;
        let place = keys.iter().take_while(|key| **key < METRIC_NAME).count();
        let metric = std::iter::once((METRIC_NAME, self.metrics[row]));
        let pairs = |part: Range<usize>| {
            let keys = keys[part.clone()].iter().copied();
            keys.zip(values[part].iter().copied())
        };
        let all = pairs(0..place)
            .chain(metric)
            .chain(pairs(place..keys.len()));
        Labels::from_sorted(all)
            .map_err(|name| Fault::format(format!("label {name:?} out of order")))
    }
}

fn contradiction() -> Fault {
    Fault::format("a row of series contradicts itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_lie_in_the_order_of_their_bounds() {
        let set = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
        let ordered = [
            set(&[("Zone", "z"), ("__name__", "a")]),
            set(&[("__name__", "b")]),
            set(&[("__name__", "b"), ("le", "2")]),
            set(&[("__name__", "b"), ("le", "10")]),
            set(&[("__name__", "b"), ("le", "10.0")]),
            set(&[("__name__", "b"), ("le", "+Inf")]),
            set(&[("__name__", "b"), ("job", "x"), ("quantile", "0.5")]),
            set(&[("__name__", "b"), ("job", "x"), ("quantile", "0.99")]),
            set(&[("__name__", "b"), ("job", "x"), ("le", "1")]),
        ];
        assert!(ordered.is_sorted_by(|a, b| block_order(a, b) == Ordering::Less));
    }
}
