//! A store under a seeded load is compared with one in memory, bit for bit.

use std::collections::BTreeMap;

use narthex_model::{Labels, MatchOp, Matcher, Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, LabelsRequest, MemoryStore, Queryable, TimeRange, contract};

use super::fixture::{BLOCK_MS, Setup, Store};

/// What each sequence of tests goes through.
const STEPS: u64 = 400;

/// A small generator of chance: the same numbers for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn labels(series: u64) -> Labels {
    let number = series.to_string();
    let bound = [2.5, 10.0, f64::INFINITY][usize::try_from(series % 3).unwrap()].to_string();
    Labels::from_pairs([
        (
            "__name__",
            ["up", "a_total", "Size"][usize::try_from(series % 4 / 2).unwrap()],
        ),
        ("Number", &number),
        ("le", &bound),
    ])
}

fn value(chance: &mut Chance, timestamp_ms: i64) -> f64 {
    match chance.below(6) {
        0 => 1.0,
        1 => narthex_model::sample::STALE_NAN,
        2 => -0.0,
        3 => f64::from_bits(chance.below(u64::MAX)),
        _ => timestamp_ms as f64 * 0.1,
    }
}

async fn compare(store: &Store, model: &MemoryStore, chance: &mut Chance, now_ms: i64, seed: u64) {
    let matchers = match chance.below(4) {
        0 => vec![],
        1 => vec![Matcher::equal("__name__", "up")],
        2 => vec![Matcher::new("Number", MatchOp::Regex, "1.|3").unwrap()],
        _ => vec![Matcher::new("le", MatchOp::NotEqual, "10").unwrap()],
    };
    let range = match chance.below(3) {
        0 => TimeRange::ALL,
        _ => {
            let end_ms = now_ms - i64::try_from(chance.below(400_000)).unwrap();
            let start_ms = end_ms - i64::try_from(chance.below(200_000)).unwrap();
            TimeRange { start_ms, end_ms }
        }
    };
    let found = contract::samples(store, matchers.clone(), range).await;
    let expected = contract::samples(model, matchers.clone(), range).await;
    assert!(
        found == expected,
        "seed {seed}, at {now_ms}: {matchers:?} {range:?}"
    );
    let request = LabelsRequest {
        matchers: matchers.clone(),
        range: TimeRange::ALL,
        limit: None,
    };
    let mut found = store.series(&request).await.unwrap();
    let mut expected = model.series(&request).await.unwrap();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "seed {seed}, at {now_ms}");
    let found = store.label_values("Number", &request).await.unwrap();
    let expected = model.label_values("Number", &request).await.unwrap();
    assert_eq!(found, expected, "seed {seed}, at {now_ms}");
}

#[tokio::test]
async fn appends_cuts_and_restarts_answer_as_memory_does() {
    for seed in 1..=6 {
        // Half of the stores make longer blocks of those that they cut.
        let setup = match seed % 2 {
            0 => Setup::compacting(),
            _ => Setup::from(BLOCK_MS),
        };
        let mut chance = Chance(seed * 0x9e37_79b9_7f4a_7c15);
        let model = MemoryStore::new();
        let mut store = Store::with(setup);
        let mut now_ms = -150_000_i64;
        let mut refs: BTreeMap<u64, SeriesRef> = BTreeMap::new();
        for _ in 0..STEPS {
            now_ms += i64::try_from(chance.below(4_000)).unwrap();
            let mut samples = Vec::new();
            for series in 0..24 {
                if chance.below(8) == 0 {
                    continue;
                }
                samples.push(Sample {
                    series: refs.get(&series).copied().unwrap_or(SeriesRef::UNKNOWN),
                    labels: labels(series),
                    timestamp_ms: now_ms,
                    value: value(&mut chance, now_ms),
                });
            }
            let batch = WriteBatch::from(samples);
            let report = store.append(&batch).unwrap();
            let expected = model.append(&batch).unwrap();
            assert_eq!(report.rejected, expected.rejected, "seed {seed}");
            for (sample, series) in batch.samples.iter().zip(&report.series) {
                let number = sample.labels.get("Number").unwrap().parse().unwrap();
                refs.insert(number, *series);
            }
            match chance.below(24) {
                0 | 1 => store.maintain().await.unwrap(),
                2 => store = store.reopen().await,
                3 => store = store.crash(),
                4..8 => compare(&store, &model, &mut chance, now_ms, seed).await,
                _ => {}
            }
        }
        store.maintain().await.unwrap();
        compare(&store, &model, &mut chance, now_ms, seed).await;
        let blocks = store.catalog.blocks();
        let cut: usize = blocks.iter().map(|b| b.meta().sources().len()).sum();
        assert!(cut > 4, "{cut} blocks");
        for block in blocks.iter() {
            let range = block.meta().range;
            assert_eq!(range.start_ms.rem_euclid(BLOCK_MS), 0);
            assert_eq!(range.end_ms.rem_euclid(BLOCK_MS), 0);
            let length_ms = range.end_ms - range.start_ms;
            assert!(
                (BLOCK_MS..=setup.longest_ms).contains(&length_ms),
                "seed {seed}"
            );
        }
        let is_compacted = blocks.iter().any(|block| block.meta().level() > 1);
        assert_eq!(is_compacted, setup.longest_ms > BLOCK_MS, "seed {seed}");
        store.check_blocks("at the end");
    }
}
