//! A damaged block says so, with its name and the file's, and never answers with other numbers.

use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{Block, BlockError, SLICE_MS};
use narthex_model::{Labels, MatchOp, Matcher};
use narthex_storage::{Series, StorageError, TimeRange};
use object_store::{ObjectStore, ObjectStoreExt};

use crate::fixture::{cache, folder, memory, options, publish, request, series};
use crate::kinds::{self, AllBits};

const FILES: [&str; 7] = [
    "meta.json",
    "series.parquet",
    "index.parquet",
    "times.parquet",
    "chunks.parquet",
    "histograms.parquet",
    "starts.parquet",
];

pub(crate) fn example() -> Vec<Series> {
    let all = (0..40_i64).map(|i| {
        let number = i.to_string();
        let labels = [("__name__", "m"), ("number", number.as_str())];
        series(
            &labels,
            (0..100).map(|n| (n * 15_000 + i % 3, (n * i) as f64 * 0.5)),
        )
    });
    let kinds = kinds::zoo(0..600_000, 3).into_iter();
    let kinds = kinds.filter(|series| series.labels.metric_name() != "plain");
    let kinds = kinds.map(|mut series| {
        let pairs = series.labels.iter().chain([("number", "7")]);
        series.labels = Labels::from_pairs(pairs);
        series
    });
    all.chain(kinds).collect()
}

/// Opens the block and asks everything of it, so that every file is read.
async fn everything(store: &Arc<dyn ObjectStore>) -> Result<Vec<Series>, BlockError> {
    let block = Arc::new(Block::open(Arc::clone(store), &folder(), &cache()).await?);
    let number = Matcher::new("number", MatchOp::Regex, "[0-9]+").unwrap();
    let request = request(vec![number], TimeRange::ALL);
    block.select(&request).await?.try_collect().await
}

fn bits(series: &[Series]) -> Vec<AllBits> {
    let mut all: Vec<AllBits> = series.iter().map(kinds::all_bits).collect();
    all.sort();
    all
}

#[test]
fn a_flipped_bit_in_any_file_is_found() {
    block_on(async {
        let store = memory();
        publish(&store, example(), &options(0..SLICE_MS)).await;
        for name in FILES {
            let path = folder().join(name);
            let sound = store.get(&path).await.unwrap().bytes().await.unwrap();
            let step = sound.len() / 300 + 1;
            for at in (0..sound.len()).step_by(step) {
                let mut flipped = sound.to_vec();
                flipped[at] ^= 1 << (at % 8);
                store.put(&path, flipped.into()).await.unwrap();
                match everything(&store).await {
                    Err(error) => {
                        let expected = format!("block {}: {name}", folder());
                        assert_eq!(error.to_string(), expected, "byte {at}");
                        let error = StorageError::from(error);
                        assert_eq!(error.to_string(), expected);
                    }
                    // Only the case of a hexadecimal digit of the checksum may pass.
                    Ok(found) => {
                        assert_eq!(name, "meta.json", "byte {at}");
                        assert_eq!(bits(&found), bits(&example()));
                    }
                }
            }
            store.put(&path, sound.into()).await.unwrap();
        }
        assert_eq!(bits(&everything(&store).await.unwrap()), bits(&example()));
    });
}

#[test]
fn a_short_a_long_an_empty_and_a_missing_file_are_found() {
    block_on(async {
        let store = memory();
        publish(&store, example(), &options(0..SLICE_MS)).await;
        for name in FILES {
            let path = folder().join(name);
            let sound = store.get(&path).await.unwrap().bytes().await.unwrap();
            let long = [&sound[..], b"x"].concat();
            for damaged in [&sound[..sound.len() - 1], &long, &[]] {
                store.put(&path, damaged.to_vec().into()).await.unwrap();
                let error = everything(&store).await.unwrap_err();
                assert_eq!(error.to_string(), format!("block {}: {name}", folder()));
            }
            store.delete(&path).await.unwrap();
            let error = everything(&store).await.unwrap_err();
            assert_eq!(error.to_string(), format!("block {}: {name}", folder()));
            store.put(&path, sound.into()).await.unwrap();
        }
    });
}

#[test]
fn files_of_another_block_do_not_pass() {
    block_on(async {
        let (store, other) = (memory(), memory());
        publish(&store, example(), &options(0..SLICE_MS)).await;
        let mut changed = example();
        let values: Vec<f64> = changed[3].values.iter().map(|value| value + 1.0).collect();
        changed[3].values = values.into();
        publish(&other, changed, &options(0..SLICE_MS)).await;
        let path = folder().join("chunks.parquet");
        let foreign = other.get(&path).await.unwrap().bytes().await.unwrap();
        store.put(&path, foreign.into()).await.unwrap();
        let error = everything(&store).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("block {}: chunks.parquet", folder())
        );

        let renamed = object_store::path::Path::from("01ARZ3NDEKTSV4RRFFQ69G5FAV");
        for name in FILES {
            let from = folder().join(name);
            other
                .copy(&from, &renamed.clone().join(name))
                .await
                .unwrap();
        }
        let error = Block::open(other, &renamed, &cache()).await.unwrap_err();
        assert_eq!(error.file, "meta.json");
        assert_eq!(
            error.fault.to_string(),
            format!("it belongs to block {}", folder())
        );
    });
}

#[test]
fn whichever_bit_of_a_small_block_is_flipped_its_file_is_named() {
    block_on(async {
        let few = |i: i64| {
            let number = i.to_string();
            let labels = [("__name__", "m"), ("number", number.as_str())];
            series(&labels, (0..20).map(|n| (n * 15_000, (n * i) as f64 * 0.5)))
        };
        let few: Vec<Series> = (0..3).map(few).collect();
        let store = memory();
        publish(&store, few.clone(), &options(0..SLICE_MS)).await;
        let files: Vec<_> = store.list(Some(&folder())).try_collect().await.unwrap();
        let mut flips = 0;
        for path in files.into_iter().map(|meta| meta.location) {
            let name = path.filename().unwrap();
            let sound = store.get(&path).await.unwrap().bytes().await.unwrap();
            for at in 0..sound.len() {
                let mut flipped = sound.to_vec();
                flipped[at] ^= 1 << (at * 5 % 8);
                store.put(&path, flipped.into()).await.unwrap();
                match everything(&store).await {
                    Err(error) => assert_eq!(error.file, name, "byte {at}: {error:?}"),
                    // Only the case of a hexadecimal digit of the checksum may pass.
                    Ok(found) => {
                        assert_eq!(name, "meta.json", "byte {at}");
                        assert_eq!(bits(&found), bits(&few));
                    }
                }
                flips += 1;
            }
            store.put(&path, sound.into()).await.unwrap();
        }
        assert!(flips > 3_000, "{flips}");
    });
}
