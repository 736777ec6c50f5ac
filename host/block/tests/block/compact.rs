//! A block that was made of others answers as they did together, bit for bit.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{Array, RecordBatch};
use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{
    Block, Fault, PARENTS_MAX, SLICE_MS, TimeBounds, WriteOptions, block_order, compact, write,
};
use narthex_model::{MatchOp, Matcher};
use narthex_storage::{LabelsRequest, Series, TimeRange};
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::fixture::{memory, request, series};
use crate::numbered::{folder, open, put, ulid};

/// Samples by label set and time, as bits.
type Samples = BTreeMap<String, BTreeMap<i64, u64>>;

const HOUR_MS: i64 = 3_600_000;

/// Makes one block of several, and checks what it says of itself.
async fn join(store: &Arc<dyn ObjectStore>, number: u64, parents: &[Arc<Block>]) -> Arc<Block> {
    let meta = compact(store.as_ref(), &folder(number), parents, ulid(number)).await;
    let block = open(store, number).await;
    assert_eq!(*block.meta(), meta.unwrap());
    let meta = block.meta();
    assert!(meta.slices_ms.is_sorted());
    let of = |pick: fn(&TimeBounds) -> i64| {
        let bounds = parents.iter().map(move |parent| pick(&parent.meta().range));
        bounds.collect::<Vec<_>>()
    };
    let starts = of(|range| range.start_ms);
    let ends = of(|range| range.end_ms);
    let span = (meta.range.start_ms, meta.range.end_ms);
    assert_eq!(
        span,
        (*starts.iter().min().unwrap(), *ends.iter().max().unwrap())
    );
    let origin = meta.compaction.as_ref().unwrap();
    let named: Vec<&str> = origin.parents.iter().map(|p| p.ulid.as_str()).collect();
    let mut expected = Vec::new();
    for parent in parents.iter().map(|parent| parent.meta()) {
        expected.push(parent.ulid.as_str());
        // A block that it was made of may lie where it never lay: in a bucket.
        let before = parent.compaction.iter().flat_map(|made| &made.parents);
        let before = before.map(|before| before.ulid.as_str());
        expected.extend(before.filter(|name| !origin.sources.iter().any(|it| it == name)));
    }
    assert_eq!(named, expected);
    block
}

async fn samples(block: &Arc<Block>, matchers: Vec<Matcher>, range: TimeRange) -> Samples {
    let found = Arc::clone(block).select(&request(matchers, range)).await;
    let found: Vec<Series> = found.unwrap().try_collect().await.unwrap();
    assert!(found.is_sorted_by(|a, b| block_order(&a.labels, &b.labels).is_lt()));
    let points = |series: &Series| {
        let values = series.values.iter().map(|value| value.to_bits());
        series.timestamps.iter().copied().zip(values).collect()
    };
    found
        .iter()
        .map(|series| (series.labels.to_string(), points(series)))
        .collect()
}

/// What several blocks answer together: of equal times the first block's sample counts.
async fn together(blocks: &[Arc<Block>], matchers: &[Matcher], range: TimeRange) -> Samples {
    let mut all = Samples::new();
    for block in blocks {
        for (labels, points) in samples(block, matchers.to_vec(), range).await {
            let known = all.entry(labels).or_default();
            for (timestamp_ms, bits) in points {
                known.entry(timestamp_ms).or_insert(bits);
            }
        }
    }
    all
}

async fn label_values(blocks: &[Arc<Block>], name: &str) -> Vec<String> {
    let request = LabelsRequest {
        matchers: vec![],
        range: TimeRange::ALL,
        limit: None,
    };
    let mut values = Vec::new();
    for block in blocks {
        values.extend(block.label_values(name, &request).await.unwrap());
    }
    values.sort();
    values.dedup();
    values
}

async fn compare(block: &Arc<Block>, parents: &[Arc<Block>], case: &str) {
    let whole = [Arc::clone(block)];
    let middle = TimeRange {
        start_ms: SLICE_MS / 2,
        end_ms: 2 * SLICE_MS + 77_000,
    };
    let ranges = [
        TimeRange::ALL,
        middle,
        TimeRange {
            start_ms: -SLICE_MS,
            end_ms: -1,
        },
    ];
    let matchers = [
        vec![],
        vec![Matcher::equal("job", "j1")],
        vec![Matcher::new("id", MatchOp::Regex, "1.|[3-5]").unwrap()],
    ];
    for range in ranges {
        for matchers in &matchers {
            let found = together(&whole, matchers, range).await;
            let expected = together(parents, matchers, range).await;
            assert!(found == expected, "{case}: {matchers:?} {range:?}");
        }
    }
    for name in ["id", "job", "le", "__name__"] {
        let expected = label_values(parents, name).await;
        assert_eq!(label_values(&whole, name).await, expected, "{case}: {name}");
    }
    let all = together(&whole, &[], TimeRange::ALL).await;
    let stats = block.meta().stats;
    assert_eq!(stats.series, all.len() as u64, "{case}");
    let count: usize = all.values().map(BTreeMap::len).sum();
    assert_eq!(stats.samples, count as u64, "{case}");
}

/// A small generator of chance: the same numbers for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn time(&mut self, below: i64) -> i64 {
        i64::try_from(self.below(below.unsigned_abs())).unwrap()
    }

    fn value(&mut self, n: i64) -> f64 {
        match self.below(7) {
            0 => narthex_model::sample::STALE_NAN,
            1 => f64::from_bits(0x7ff8_0000_0000_0000 | self.below(1 << 40)),
            2 => f64::from_bits(self.below(u64::MAX)),
            3 => -0.0,
            _ => n as f64 * 0.25,
        }
    }

    /// Some of forty series, with samples on grids that they share in part.
    fn content(&mut self, range: &Range<i64>) -> Vec<Series> {
        let mut all = Vec::new();
        for id in 0..40_u64 {
            if self.below(3) == 0 {
                continue;
            }
            let (text, job) = (id.to_string(), format!("j{}", id % 3));
            let bound = ["0.5", "10", "+Inf"][usize::try_from(id % 3).unwrap()];
            let name = ["up", "a_bucket"][usize::try_from(id % 2).unwrap()];
            let (text, job) = (text.as_str(), job.as_str());
            let labels = [
                ("__name__", name),
                ("id", text),
                ("job", job),
                ("le", bound),
            ];
            let step_ms = [60_000, 15_000, 300_000][usize::try_from(id % 3).unwrap()];
            let first = range.start + i64::try_from(id % 4).unwrap() * 7;
            let times = (0..).map(|n| first + n * step_ms);
            let times = times.take_while(|t| *t < range.end);
            let is_constant = self.below(3) == 0;
            let keep = 1 + self.below(9);
            let times: Vec<i64> = times.filter(|_| self.below(10) < keep).collect();
            let sample = |t: &i64| match is_constant {
                true => (*t, 42.5),
                false => (*t, self.value(*t)),
            };
            let points: Vec<(i64, f64)> = times.iter().map(sample).collect();
            if !points.is_empty() {
                all.push(series(&labels, points));
            }
        }
        all
    }
}

#[test]
fn a_compacted_set_answers_what_its_parents_answered() {
    block_on(async {
        for seed in 1..=10 {
            let mut chance = Chance(seed * 0x9e37_79b9_7f4a_7c15);
            let store = memory();
            let mut parents = Vec::new();
            let mut start_ms = -SLICE_MS;
            for number in 0..2 + chance.below(4) {
                // Beside each other on slices, within slices, and over each other.
                let length_ms = [SLICE_MS, HOUR_MS, 3 * HOUR_MS, 2 * SLICE_MS];
                let length_ms = length_ms[usize::try_from(chance.below(4)).unwrap()];
                let range = start_ms..start_ms + length_ms;
                let content = chance.content(&range);
                parents.push(put(&store, number, content, range).await);
                start_ms += match seed % 2 {
                    0 => length_ms,
                    _ => chance.time(length_ms),
                };
            }
            let case = format!("seed {seed}");
            let block = join(&store, 100, &parents).await;
            compare(&block, &parents, &case).await;
            assert_eq!(block.meta().level(), 2, "{case}");

            let range = start_ms..start_ms + SLICE_MS;
            let newest = put(&store, 50, chance.content(&range), range).await;
            let again = join(&store, 101, &[Arc::clone(&block), Arc::clone(&newest)]).await;
            parents.push(newest);
            compare(&again, &parents, &case).await;
            assert_eq!(again.meta().level(), 3, "{case}");
            let sources: Vec<&String> = parents.iter().map(|p| &p.meta().ulid).collect();
            let found: Vec<&String> = again.meta().sources().iter().collect();
            assert_eq!(found, sources, "{case}");
        }
    });
}

/// What `chunks.parquet` says of each row: count, gaps, encoding, value and cell.
type Row = (i32, Vec<u8>, i32, Option<u64>, Vec<u8>);

async fn rows(store: &Arc<dyn ObjectStore>, number: u64) -> Vec<Row> {
    let path = folder(number).join("chunks.parquet");
    let bytes = store.get(&path).await.unwrap().bytes().await.unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let reader = reader.build().unwrap();
    let of_batch = |batch: RecordBatch| {
        let int = |name: &str| batch[name].as_primitive::<Int32Type>().clone();
        let blob = |name: &str| batch[name].as_binary::<i32>().clone();
        let constant = batch["v_const"].as_primitive::<Float64Type>();
        let row = |row: usize| {
            (
                int("n").value(row),
                blob("ts_gaps").value(row).to_vec(),
                int("enc").value(row),
                constant
                    .is_valid(row)
                    .then(|| constant.value(row).to_bits()),
                blob("cell").value(row).to_vec(),
            )
        };
        (0..batch.num_rows()).map(row).collect::<Vec<Row>>()
    };
    reader.flat_map(|batch| of_batch(batch.unwrap())).collect()
}

#[test]
fn what_one_parent_alone_has_is_copied_byte_by_byte() {
    block_on(async {
        let store = memory();
        let mut chance = Chance(7);
        let mut parents = Vec::new();
        let mut copied = Vec::new();
        for number in 0..3_u64 {
            let start_ms = i64::try_from(number).unwrap() * SLICE_MS;
            let content = |chance: &mut Chance| {
                let all = (0..2_000_i64).map(|id| {
                    let text = format!("{id:04}");
                    let first = start_ms + id % 3;
                    let times = (0..40).map(|n| first + n * 15_000);
                    let times: Vec<i64> = times.filter(|t| (t + id) % 11 != 0).collect();
                    let points = times.iter().map(|t| match id % 4 {
                        0 => (*t, 1.5),
                        _ => (*t, chance.value(*t)),
                    });
                    series(&[("__name__", "m"), ("id", text.as_str())], points)
                });
                all.collect::<Vec<_>>()
            };
            let range = start_ms..start_ms + SLICE_MS;
            parents.push(put(&store, number, content(&mut chance), range).await);
            copied.extend(rows(&store, number).await);
        }
        let block = join(&store, 9, &parents).await;
        let found = rows(&store, 9).await;
        assert_eq!(found.len(), copied.len());
        let differs = found
            .iter()
            .zip(&copied)
            .find(|(found, copied)| found != copied);
        assert_eq!(differs, None);
        compare(&block, &parents, "three slices").await;
        let groups = parents.iter().map(|p| p.meta().stats.timestamp_groups);
        assert_eq!(block.meta().stats.timestamp_groups, groups.sum::<u64>());
    });
}

#[test]
fn timestamps_that_parents_share_are_kept_once() {
    block_on(async {
        let store = memory();
        let times = || (0..480).map(|n| n * 15_000 + 3);
        let of = |name: &'static str| {
            let points = times().map(|t| (t, t as f64));
            vec![series(&[("__name__", name)], points)]
        };
        let parents = [
            put(&store, 1, of("a"), 0..SLICE_MS).await,
            put(&store, 2, of("b"), 0..SLICE_MS).await,
        ];
        let block = join(&store, 3, &parents).await;
        compare(&block, &parents, "shared").await;
        assert_eq!(block.meta().stats.timestamp_groups, 1);
        assert_eq!(block.meta().slices_ms, [0]);
    });
}

#[test]
fn of_equal_times_the_sample_of_the_first_parent_counts() {
    block_on(async {
        let store = memory();
        let of = |value: f64, times: &[i64]| {
            let points = times.iter().map(|t| (*t, value));
            vec![series(&[("__name__", "a")], points)]
        };
        let parents = [
            put(&store, 1, of(1.0, &[10, 20, 40]), 0..100).await,
            put(&store, 2, of(2.0, &[20, 30, 40, 50]), 0..100).await,
            put(&store, 3, of(f64::NAN, &[5, 50, 60]), 0..100).await,
        ];
        let block = join(&store, 4, &parents).await;
        let found = samples(&block, vec![], TimeRange::ALL).await;
        let nan = f64::NAN;
        let expected = [
            (5, nan),
            (10, 1.0),
            (20, 1.0),
            (30, 2.0),
            (40, 1.0),
            (50, 2.0),
            (60, nan),
        ];
        let expected = expected.map(|(t, value)| (t, value.to_bits()));
        assert_eq!(
            found.into_values().next().unwrap(),
            BTreeMap::from(expected)
        );
    });
}

#[test]
fn a_damaged_parent_is_named_and_no_block_comes_of_it() {
    block_on(async {
        for file in ["series.parquet", "times.parquet", "chunks.parquet"] {
            let store = memory();
            let mut parents = Vec::new();
            for number in 0..3_u64 {
                let start_ms = i64::try_from(number).unwrap() * SLICE_MS;
                let range = start_ms..start_ms + SLICE_MS;
                let content = Chance(number + 1).content(&range);
                parents.push(put(&store, number, content, range).await);
            }
            let path = folder(1).join(file);
            let sound = store.get(&path).await.unwrap().bytes().await.unwrap();
            let mut flipped = sound.to_vec();
            let middle = flipped.len() / 2;
            flipped[middle] ^= 1;
            store.put(&path, flipped.into()).await.unwrap();
            let made = compact(store.as_ref(), &folder(9), &parents, ulid(9)).await;
            let error = made.unwrap_err();
            assert_eq!(
                (error.block, error.file.as_str()),
                (ulid(1).to_string(), file)
            );
            assert!(matches!(error.fault, Fault::Checksum { .. }), "{file}");
            let meta = store.head(&folder(9).join("meta.json")).await;
            assert!(meta.is_err(), "{file}");
            store.put(&path, sound.into()).await.unwrap();
            let block = join(&store, 9, &parents).await;
            compare(&block, &parents, file).await;
        }
    });
}

#[test]
fn what_makes_no_block_is_refused() {
    block_on(async {
        let store = memory();
        let of = |name: &'static str| vec![series(&[("__name__", name)], [(5, 1.0)])];
        let one = put(&store, 1, of("a"), 0..100).await;
        let options = WriteOptions {
            ulid: ulid(2),
            range: one.meta().range,
            slice_ms: 1_000,
            sources: Vec::new(),
        };
        let written = write(store.as_ref(), &folder(2), of("b"), &options).await;
        written.unwrap().unwrap();
        let other = open(&store, 2).await;
        let many = vec![Arc::clone(&one); PARENTS_MAX + 1];
        for (parents, expected) in [
            (vec![], "a block cannot be made of none"),
            (many, "17 blocks, at most 16 become one"),
            (vec![one, other], "blocks with slices of different lengths"),
        ] {
            let made = compact(store.as_ref(), &folder(3), &parents, ulid(3)).await;
            assert_eq!(made.unwrap_err().fault.to_string(), expected);
        }
    });
}
