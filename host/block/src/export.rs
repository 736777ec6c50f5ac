//! A block as a table that every tool reads: one row for each sample. It is much larger than the
//! block.

use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, Int64Builder, MapBuilder, StringBuilder, TimestampMillisecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, SchemaRef};
use futures::TryStreamExt;
use narthex_storage::{SelectRequest, Series, TimeRange};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::chunks::CHUNKS_FILE;
use crate::series::{label_map, map_names};
use crate::upload::{schema, timestamp};
use crate::{Block, BlockError, Fault};

/// Rows that are handed to the Parquet writer at a time.
const BATCH_ROWS: usize = 1 << 16;

/// Rows of a row group.
const ROW_GROUP_ROWS: usize = 1 << 20;

/// The level of zstd: these files are written once and kept.
const ZSTD_LEVEL: i32 = 9;

fn columns() -> SchemaRef {
    schema([
        ("series_id", DataType::Int64, false),
        ("labels", label_map(), false),
        ("timestamp", timestamp(), false),
        ("value", DataType::Float64, true),
        ("histogram", DataType::Utf8, true),
    ])
}

/// Writes the samples of a block as Parquet, in PLAIN encoding and compressed with zstd, with
/// these columns:
///
/// - `series_id`: the number of the series in the block;
/// - `labels`: a map, `__name__` included;
/// - `timestamp`: in milliseconds, UTC;
/// - `value`: a double whose bits are those of the sample; null where it is a native histogram;
/// - `histogram`: a native histogram as Prometheus prints it; else null.
///
/// `progress` is told how many samples are written. Memory holds a row group.
///
/// # Errors
/// The block is damaged, or the file cannot be written.
pub async fn export(
    block: &Arc<Block>,
    file: impl Write + Send,
    mut progress: impl FnMut(u64),
) -> Result<u64, BlockError> {
    let blame = |fault: Fault| fault.of(&block.meta().ulid, CHUNKS_FILE);
    let mut parquet = writer(file).map_err(blame)?;
    let all = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    let (mut rows, mut number, mut written) = (Rows::new(), 0, 0);
    let mut samples = Arc::clone(block).select(&all).await?;
    while let Some(series) = samples.try_next().await? {
        for at in 0..series.timestamps.len() {
            rows.push(number, &series, at).map_err(blame)?;
            if rows.count == BATCH_ROWS {
                written += rows.count as u64;
                rows.write(&mut parquet).map_err(blame)?;
                progress(written);
            }
        }
        number += 1;
    }
    written += rows.count as u64;
    rows.write(&mut parquet).map_err(blame)?;
    parquet.close().map_err(|error| blame(error.into()))?;
    progress(written);
    Ok(written)
}

fn writer<W: Write + Send>(file: W) -> Result<ArrowWriter<W>, Fault> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("narthex".to_owned())
        .build();
    Ok(ArrowWriter::try_new(file, columns(), Some(properties))?)
}

/// Rows that wait to be written.
struct Rows {
    series: Int64Builder,
    labels: MapBuilder<StringBuilder, StringBuilder>,
    timestamps: TimestampMillisecondBuilder,
    values: Float64Builder,
    histograms: StringBuilder,
    count: usize,
}

impl Rows {
    fn new() -> Self {
        let text = StringBuilder::new;
        Self {
            series: Int64Builder::new(),
            labels: MapBuilder::new(Some(map_names()), text(), text())
                .with_values_field(Field::new("value", DataType::Utf8, false)),
            timestamps: TimestampMillisecondBuilder::new().with_timezone("UTC"),
            values: Float64Builder::new(),
            histograms: text(),
            count: 0,
        }
    }

    fn push(&mut self, number: i64, series: &Series, at: usize) -> Result<(), Fault> {
        self.series.append_value(number);
        for (name, value) in &series.labels {
            self.labels.keys().append_value(name);
            self.labels.values().append_value(value);
        }
        let appended = self.labels.append(true);
        appended.map_err(|error| Fault::format(error.to_string()))?;
        self.timestamps.append_value(series.timestamps[at]);
        let histogram = series.histograms.as_ref().and_then(|all| all[at].as_ref());
        let number = histogram.is_none().then(|| series.values[at]);
        self.values.append_option(number);
        let text = histogram.map(|histogram| histogram.to_string());
        self.histograms.append_option(text);
        self.count += 1;
        Ok(())
    }

    fn write<W: Write + Send>(&mut self, parquet: &mut ArrowWriter<W>) -> Result<(), Fault> {
        self.count = 0;
        let columns_now: Vec<ArrayRef> = vec![
            Arc::new(self.series.finish()),
            Arc::new(self.labels.finish()),
            Arc::new(self.timestamps.finish()),
            Arc::new(self.values.finish()),
            Arc::new(self.histograms.finish()),
        ];
        let batch = RecordBatch::try_new(columns(), columns_now);
        let batch = batch.map_err(|error| Fault::format(error.to_string()))?;
        Ok(parquet.write(&batch)?)
    }
}
