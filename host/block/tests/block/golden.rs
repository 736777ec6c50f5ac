//! A block that an earlier build wrote is kept beside this file. It is read by this build, and
//! decoded by someone who has only read FORMAT.md.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{Block, SLICE_MS, block_order, write};
use narthex_storage::{Series, TimeRange};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::fixture::{ULID, cache, folder, memory, options, publish, request, series};
use crate::nx1;

/// Label sets and samples, values as bits.
type Decoded = BTreeMap<Vec<(String, String)>, Vec<(i64, u64)>>;

pub(crate) fn kept() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/block/golden/v1")
}

/// What the kept block holds. It never changes; a new version gets a block of its own.
pub(crate) fn content() -> Vec<Series> {
    let counter = |host: &str, first: i64| {
        let labels = [("__name__", "requests_total"), ("instance", host)];
        let samples = (first..300).map(|i| (i * 30_000 + 11, (i * i) as f64));
        series(&labels, samples)
    };
    let strange = [
        0.0,
        -0.0,
        f64::NEG_INFINITY,
        f64::from_bits(0x7ff0_0000_0000_0002),
        f64::from_bits(0xfff8_dead_beef_0001),
        0.1 + 0.2,
    ];
    let bucket = |le: &str| {
        let labels = [
            ("__name__", "seconds_bucket"),
            ("Zone", "ü\"\n"),
            ("le", le),
        ];
        let times = (0..300).filter(|i| i % 9 != 4).map(|i| i * 30_000 + 11);
        series(&labels, times.zip(strange.into_iter().cycle()))
    };
    let stale = series(
        &[("__name__", "gone")],
        (0..3).map(|i| (i * 30_000 + 11, strange[3])),
    );
    let mut all = vec![
        counter("a:9100", 0),
        counter("b:9100", 200),
        bucket("10"),
        bucket("2.5"),
        bucket("+Inf"),
        stale,
    ];
    all.sort_by(|a, b| block_order(&a.labels, &b.labels));
    all
}

fn expected() -> Decoded {
    let own = |text: &str| text.to_owned();
    let all = content().into_iter().map(|series| {
        let labels = series.labels.iter().map(|(n, v)| (own(n), own(v)));
        let values = series.values.iter().map(|value| value.to_bits());
        let samples = series.timestamps.iter().copied().zip(values);
        (labels.collect(), samples.collect())
    });
    all.collect()
}

/// Decodes a block from its Parquet files alone.
fn decode(read: &dyn Fn(&str) -> Bytes) -> Decoded {
    let rows = |file: &str| -> Vec<RecordBatch> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(read(file)).unwrap();
        let pairs = reader
            .metadata()
            .file_metadata()
            .key_value_metadata()
            .unwrap();
        let value = |key: &str| {
            let pair = pairs.iter().find(|pair| pair.key == key).unwrap();
            pair.value.clone().unwrap()
        };
        assert_eq!(
            (
                value("narthex.version"),
                value("narthex.codec"),
                value("narthex.block")
            ),
            ("1".to_owned(), "nx1".to_owned(), ULID.to_string())
        );
        reader.build().unwrap().map(Result::unwrap).collect()
    };
    let mut sets: Vec<Vec<(String, String)>> = Vec::new();
    for batch in rows("series.parquet") {
        let metrics = batch["metric"].as_string::<i32>();
        let maps = batch["labels"].as_map();
        for row in 0..batch.num_rows() {
            let entries = maps.value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let (keys, values) = (keys.as_string::<i32>(), values.as_string::<i32>());
            let mut set: Vec<(String, String)> = (0..keys.len())
                .map(|i| (keys.value(i).to_owned(), values.value(i).to_owned()))
                .collect();
            set.push(("__name__".to_owned(), metrics.value(row).to_owned()));
            set.sort();
            sets.push(set);
        }
    }
    let mut vectors: Vec<Vec<i64>> = Vec::new();
    for batch in rows("times.parquet") {
        let lists = batch["ts"].as_list::<i32>();
        for row in 0..lists.len() {
            let times = lists.value(row);
            vectors.push(
                times
                    .as_primitive::<TimestampMillisecondType>()
                    .values()
                    .to_vec(),
            );
        }
    }
    let mut decoded = Decoded::new();
    let mut series = sets.iter().cycle();
    for batch in rows("chunks.parquet") {
        let int = |name: &str, row| {
            let column = batch[name].as_primitive::<Int32Type>();
            usize::try_from(column.value(row)).unwrap()
        };
        for row in 0..batch.num_rows() {
            let set = series.next().unwrap();
            let count = int("n", row);
            if count == 0 {
                continue;
            }
            let gaps = batch["ts_gaps"].as_binary::<i32>();
            let gaps = gaps.is_valid(row).then(|| gaps.value(row));
            let is_gap = |i: usize| gaps.is_some_and(|gaps| gaps[i / 8] >> (i % 8) & 1 == 1);
            let vector = vectors[int("ts_group", row)][int("ts_start", row)..].iter();
            let times = vector
                .enumerate()
                .filter(|(i, _)| !is_gap(*i))
                .map(|(_, t)| *t);
            let bits: Vec<u64> = match int("enc", row) {
                0 => {
                    let constant = batch["v_const"].as_primitive::<Float64Type>();
                    vec![constant.value(row).to_bits(); count]
                }
                1 => nx1::decode(batch["cell"].as_binary::<i32>().value(row), count),
                other => panic!("encoding {other}"),
            };
            let samples = decoded.entry(set.clone()).or_default();
            samples.extend(times.zip(bits));
        }
    }
    decoded
}

#[test]
fn a_stranger_decodes_a_new_block() {
    let store = memory();
    block_on(publish(&store, content(), &options(0..2 * SLICE_MS)));
    let read = |file: &str| {
        let path = folder().join(file);
        let got = block_on(store.get_opts(&path, Default::default())).unwrap();
        block_on(got.bytes()).unwrap()
    };
    assert_eq!(decode(&read), expected());
}

#[test]
fn a_stranger_decodes_the_kept_block() {
    let path = kept().join(ULID.to_string());
    let read = |file: &str| Bytes::from(std::fs::read(path.join(file)).unwrap());
    assert_eq!(decode(&read), expected());
}

#[test]
fn the_kept_block_opens_and_answers() {
    if std::env::var_os("NARTHEX_WRITE_KEPT_BLOCK").is_some_and(|name| name == "v1") {
        write_the_kept_block();
    }
    let store = Arc::new(LocalFileSystem::new_with_prefix(kept()).unwrap());
    let found: Vec<Series> = block_on(async {
        let block = Arc::new(Block::open(store, &folder(), &cache()).await.unwrap());
        let request = request(vec![], TimeRange::ALL);
        block.select(&request).await.unwrap().try_collect().await
    })
    .unwrap();
    let bits =
        |series: &Series| -> Vec<u64> { series.values.iter().map(|v| v.to_bits()).collect() };
    assert_eq!(found.len(), content().len());
    for (found, expected) in found.iter().zip(content()) {
        assert_eq!(found.labels, expected.labels);
        assert_eq!(found.timestamps, expected.timestamps);
        assert_eq!(bits(found), bits(&expected));
    }
}

/// Writes the kept block anew, which only a new version of the format needs: run the tests with
/// `NARTHEX_WRITE_KEPT_BLOCK=v1`.
fn write_the_kept_block() {
    std::fs::create_dir_all(kept()).unwrap();
    let store = LocalFileSystem::new_with_prefix(kept()).unwrap();
    let options = options(0..2 * SLICE_MS);
    block_on(write(&store, &folder(), content(), &options)).unwrap();
}
