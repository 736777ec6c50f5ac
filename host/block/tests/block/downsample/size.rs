//! How many bytes aggregates take beside the samples that they are of.

use std::slice::from_ref;

use futures::executor::block_on;
use narthex_block::{SLICE_MS, TimeBounds, WriteOptions, write};
use narthex_storage::Series;

use super::{FIVE_MINUTES_MS, HOUR_MS, all, coarser, folder, put, ulid};
use crate::chance::Chance;
use crate::fixture::{memory, series};

const LENGTH_MS: i64 = 54 * HOUR_MS;

/// Series as a machine has them, each 15 s a sample: half of them never change; counters of whole
/// numbers, of seconds with a fraction, and gauges in bytes share the rest.
fn machine(number: u64) -> Vec<Series> {
    let mut chance = Chance(number);
    let instance = format!("host-{number}:9100");
    let mut found = Vec::new();
    for metric in 0..120_u64 {
        let name = format!("node_{metric:03}");
        let labels = [
            ("__name__", name.as_str()),
            ("instance", instance.as_str()),
            ("job", "node"),
        ];
        let offset_ms = i64::try_from(number).unwrap() * 1_234;
        let mut value = chance.below(1_000_000) as f64;
        let times = (0..LENGTH_MS / 15_000).map(|n| n * 15_000 + offset_ms);
        let samples: Vec<(i64, f64)> = times
            .map(|time| {
                value = match metric % 8 {
                    0 | 1 => value + chance.below(5_000) as f64,
                    2 => value + chance.below(1_500) as f64 / 100.0,
                    3 => 4.0e9 + (chance.below(1 << 16) * 4_096) as f64,
                    _ => value,
                };
                (time, value)
            })
            .collect();
        found.push(series(&labels, samples));
    }
    found
}

#[test]
fn windows_take_less_room_than_their_samples() {
    let store = memory();
    block_on(async {
        let fleet: Vec<Series> = (0..4).flat_map(machine).collect();
        let raw = put(&store, 1, fleet, 0..LENGTH_MS).await;
        let samples = raw.meta().stats.samples;
        let fine = coarser(&store, 2, from_ref(&raw), FIVE_MINUTES_MS).await;
        let coarse = coarser(&store, 3, from_ref(&fine), HOUR_MS).await;
        for (name, block) in [("raw", &raw), ("5m", &fine), ("1h", &coarse)] {
            let meta = block.meta();
            let per_sample = meta.size() as f64 / samples as f64;
            let slice_hours = meta.slice_ms / HOUR_MS;
            eprintln!(
                "{name}: {} B, {per_sample:.4} B a raw sample, {} samples, slices of {slice_hours} h",
                meta.size(),
                meta.stats.samples,
            );
            for (file, file_meta) in &meta.files {
                let share = file_meta.size as f64 / samples as f64;
                eprintln!("  {file}: {share:.4} B a raw sample");
            }
        }
        // What as short slices as raw ones would cost.
        let options = WriteOptions {
            ulid: ulid(4),
            range: TimeBounds {
                start_ms: 0,
                end_ms: LENGTH_MS,
            },
            slice_ms: SLICE_MS,
            sources: Vec::new(),
        };
        let windows = all(&fine, Vec::new()).await;
        let short = write(store.as_ref(), &folder(4), windows, &options).await;
        let short = short.unwrap().unwrap();
        let per_sample = short.size() as f64 / samples as f64;
        eprintln!(
            "5m in slices of 2 h: {} B, {per_sample:.4} B a raw sample",
            short.size()
        );
        assert_eq!(
            (fine.meta().slices_ms.len(), short.slices_ms.len()),
            (1, 27)
        );
        assert!(fine.meta().size() < raw.meta().size());
        assert!(coarse.meta().size() * 4 < fine.meta().size());
        assert!(fine.meta().size() < short.size());
    });
}
