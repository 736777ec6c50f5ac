//! An exported block has a row for each sample, bit for bit.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use futures::executor::block_on;
use narthex_block::{SLICE_MS, export};
use narthex_model::Labels;
use narthex_storage::Series;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding};

use crate::damage::example;
use crate::fixture::{memory, options, publish};

/// Labels, time, bits, histogram.
type Row = (String, i64, Option<u64>, Option<String>);

fn rows_of(series: &[Series]) -> Vec<Row> {
    let rows = series.iter().flat_map(|series| {
        (0..series.timestamps.len()).map(|at| {
            let histogram = series.histograms.as_ref().and_then(|all| all[at].as_ref());
            let bits = series.values[at].to_bits();
            (
                series.labels.to_string(),
                series.timestamps[at],
                histogram.is_none().then_some(bits),
                histogram.map(|histogram| histogram.to_string()),
            )
        })
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.sort();
    rows
}

fn rows_in(batch: &RecordBatch) -> Vec<Row> {
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let labels = column("labels").as_map();
    let times = column("timestamp").as_primitive::<TimestampMillisecondType>();
    let values = column("value").as_primitive::<Float64Type>();
    let histograms = column("histogram").as_string::<i32>();
    let row = |row: usize| {
        let entries = labels.value(row);
        let (names, values_of) = (entries.column(0), entries.column(1));
        let (names, values_of) = (names.as_string::<i32>(), values_of.as_string::<i32>());
        let pairs = (0..names.len()).map(|at| (names.value(at), values_of.value(at)));
        (
            Labels::from_pairs(pairs).to_string(),
            times.value(row),
            values.is_valid(row).then(|| values.value(row).to_bits()),
            histograms
                .is_valid(row)
                .then(|| histograms.value(row).to_owned()),
        )
    };
    (0..batch.num_rows()).map(row).collect()
}

#[test]
fn a_row_for_each_sample() {
    block_on(async {
        let store = memory();
        let block = publish(&store, example(), &options(0..SLICE_MS)).await;
        let (mut file, mut told) = (Vec::new(), Vec::new());
        let exported = export(&block, &mut file, |rows| told.push(rows)).await;
        assert_eq!(exported.unwrap(), block.meta().stats.samples);
        assert_eq!(told, [block.meta().stats.samples]);
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
        let group = reader.metadata().row_group(0);
        for column in group.columns() {
            assert!(matches!(column.compression(), Compression::ZSTD(_)));
            assert!(
                column
                    .encodings()
                    .all(|e| matches!(e, Encoding::PLAIN | Encoding::RLE))
            );
        }
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        let mut rows: Vec<Row> = batches.iter().flat_map(rows_in).collect();
        let numbers = batches[0].column_by_name("series_id").unwrap();
        let numbers = numbers.as_primitive::<Int64Type>();
        assert!(numbers.values().is_sorted() && numbers.value(0) == 0);
        rows.sort();
        assert_eq!(rows, rows_of(&example()));
    });
}
