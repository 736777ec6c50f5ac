//! What is wrong with a block is named, all of it, and a sound block has nothing.

use std::sync::Arc;

use futures::executor::block_on;
use narthex_block::{SLICE_MS, verify};
use object_store::{ObjectStore, ObjectStoreExt};

use crate::damage::example;
use crate::fixture::{folder, memory, options, publish};

async fn faults(store: &Arc<dyn ObjectStore>) -> Vec<String> {
    let errors = verify(Arc::clone(store), &folder()).await;
    let text = |error: &narthex_block::BlockError| format!("{}: {}", error.file, error.fault);
    errors.iter().map(text).collect()
}

async fn bytes(store: &Arc<dyn ObjectStore>, file: &str) -> Vec<u8> {
    let got = store.get(&folder().join(file)).await.unwrap();
    got.bytes().await.unwrap().to_vec()
}

async fn put(store: &Arc<dyn ObjectStore>, file: &str, bytes: Vec<u8>) {
    let path = folder().join(file);
    store.put(&path, bytes.into()).await.unwrap();
}

#[test]
fn damage_in_several_files_is_named_in_one_go() {
    block_on(async {
        let store = memory();
        publish(&store, example(), &options(0..SLICE_MS)).await;
        assert_eq!(faults(&store).await, Vec::<String>::new());
        for file in ["chunks.parquet", "index.parquet", "starts.parquet"] {
            let mut damaged = bytes(&store, file).await;
            damaged[9] ^= 1;
            put(&store, file, damaged).await;
        }
        let mut long = bytes(&store, "times.parquet").await;
        long.push(0);
        put(&store, "times.parquet", long).await;
        let removed = store.delete(&folder().join("series.parquet")).await;
        removed.unwrap();
        let faults = faults(&store).await;
        let named: Vec<&str> = faults.iter().filter_map(|f| f.split(':').next()).collect();
        assert_eq!(
            named,
            [
                "chunks.parquet",
                "index.parquet",
                "series.parquet",
                "starts.parquet",
                "times.parquet"
            ]
        );
        assert!(faults[0].contains("bytes 0 to "), "{faults:?}");
        assert!(faults[4].contains("and should have"), "{faults:?}");
    });
}

#[test]
fn each_damaged_stretch_of_a_file_is_named() {
    block_on(async {
        let store = memory();
        let many = (0..3_000_u64).map(|i| {
            let number = i.to_string();
            let labels = [("__name__", "m"), ("number", number.as_str())];
            let value = |n: i64| {
                f64::from_bits((i * 1_000 + n.unsigned_abs()).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            };
            crate::fixture::series(&labels, (0..30).map(|n| (n * 1_000, value(n))))
        });
        publish(&store, many.collect(), &options(0..SLICE_MS)).await;
        let mut damaged = bytes(&store, "chunks.parquet").await;
        for at in [40_000, 70_000, 140_000] {
            damaged[at] ^= 0x80;
        }
        let end = damaged.len().min(163_840);
        put(&store, "chunks.parquet", damaged).await;
        assert_eq!(
            faults(&store).await,
            [
                "chunks.parquet: bytes 32768 to 98304 do not match their checksum".to_owned(),
                format!("chunks.parquet: bytes 131072 to {end} do not match their checksum"),
            ]
        );
    });
}

/// The document with another text in it, under a checksum that fits.
fn resealed(meta: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(meta).unwrap();
    let end = text.rfind(",\n  \"checksum\"").unwrap();
    let open = text[..end].replace(from, to);
    assert_ne!(open, text[..end], "{from}");
    let sum = crc32c::crc32c(open.as_bytes());
    format!("{open},\n  \"checksum\": \"{sum:08x}\"\n}}\n").into_bytes()
}

#[test]
fn what_contradicts_the_samples_is_found_under_sound_checksums() {
    block_on(async {
        let store = memory();
        let block = publish(&store, example(), &options(0..SLICE_MS)).await;
        let meta = bytes(&store, "meta.json").await;
        let stats = block.meta().stats;
        let oldest = format!("\"min_time_ms\": {}", block.meta().min_time_ms);
        for (from, to, expected) in [
            (
                format!("\"samples\": {}", stats.samples),
                "\"samples\": 7".to_owned(),
                format!(
                    "meta.json: it says 7 samples, and {} are there",
                    stats.samples
                ),
            ),
            (
                oldest,
                "\"min_time_ms\": -5".to_owned(),
                "meta.json: the oldest or the newest sample is another one".to_owned(),
            ),
            (
                format!("\"end_ms\": {SLICE_MS}"),
                "\"end_ms\": 1000".to_owned(),
                "has samples outside the range of the block".to_owned(),
            ),
            (
                "\"sha256\": \"".to_owned(),
                "\"sha256\": \"0".to_owned(),
                "chunks.parquet: the checksums of the whole are other ones".to_owned(),
            ),
        ] {
            put(&store, "meta.json", resealed(&meta, &from, &to)).await;
            let faults = faults(&store).await;
            assert!(
                faults
                    .first()
                    .is_some_and(|fault| fault.contains(&expected)),
                "{from}: {faults:?}"
            );
        }
        put(&store, "meta.json", b"{}".to_vec()).await;
        assert!(faults(&store).await[0].starts_with("meta.json: "));
    });
}
