//! How many bytes a sample takes.

use futures::executor::block_on;
use narthex_block::SLICE_MS;
use narthex_storage::Series;

use crate::fixture::{memory, options, publish, series};

/// 2,000 series of four targets, 480 samples each: two of three constant, the others counters,
/// every second one with a fraction.
fn fleet() -> Vec<Series> {
    let mut state = 1_u64;
    let mut chance = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state >> 40
    };
    let mut all = Vec::new();
    for i in 0..2_000_u64 {
        let name = format!("metric_{}_total", i % 500);
        let instance = format!("host-{}:9100", i / 500);
        let labels = [
            ("__name__", name.as_str()),
            ("instance", instance.as_str()),
            ("job", "node"),
        ];
        let mut value = (chance() % 100_000) as f64;
        let samples: Vec<(i64, f64)> = (0..480)
            .map(|n| {
                if i % 3 == 0 {
                    value += match i % 2 {
                        0 => (chance() % 500) as f64,
                        _ => (chance() % 1_500) as f64 / 100.0,
                    };
                }
                (n * 15_000 + i64::try_from(i / 500).unwrap() * 1_234, value)
            })
            .collect();
        all.push(series(&labels, samples));
    }
    all
}

#[test]
fn a_made_up_fleet_stays_under_six_tenths_of_a_byte() {
    let block = block_on(publish(&memory(), fleet(), &options(0..SLICE_MS)));
    let samples = block.meta().stats.samples;
    assert_eq!(samples, 960_000);
    for (name, file) in &block.meta().files {
        eprintln!(
            "{name}: {} B, {:.4} B/sample",
            file.size,
            file.size as f64 / samples as f64
        );
    }
    let size = block.meta().size() as f64 / samples as f64;
    eprintln!("all: {size:.4} B/sample");
    assert!(size < 0.6, "{size}");
}
