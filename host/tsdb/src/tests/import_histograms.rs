//! Native histograms that a Prometheus has written are here after an import as they were there,
//! bit for bit. A hint may say less where a slice begins: what comes before lies in another block.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use narthex_block::SLICE_MS;
use narthex_model::histogram::CounterResetHint;
use narthex_model::{FloatHistogram, sample};
use narthex_promblock::PromBlock;
use narthex_storage::{Queryable, SelectRequest, Series, TimeRange};
use tempfile::TempDir;

use super::fixture::{Setup, Store};
use super::handmade::{Line, write};
use super::import::HOUR_MS;
use super::{chunks, live};

/// Series by labels.
type All = BTreeMap<String, Series>;

fn by_labels(series: Vec<Series>) -> All {
    let named = series.into_iter().map(|s| (s.labels.to_string(), s));
    named.collect()
}

fn theirs(block: &Path) -> All {
    let block = PromBlock::open(block).unwrap();
    let series: Result<Vec<_>, _> = block.series().collect();
    by_labels(series.unwrap())
}

async fn ours(store: &Store) -> All {
    let request = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    let found = store.select(&request).await.unwrap();
    by_labels(found.try_collect().await.unwrap())
}

/// Where slices begin, a series of histograms has a first one that may not know what came before.
fn compare(found: &All, expected: &All, when: &str) {
    assert!(found.keys().eq(expected.keys()), "{when}");
    for (name, expected) in expected {
        let found = &found[name];
        assert_eq!(found.timestamps, expected.timestamps, "{when}: {name}");
        let bits = |series: &Series| {
            let values = series.values.iter().map(|value| value.to_bits());
            values.collect::<Vec<_>>()
        };
        assert_eq!(bits(found), bits(expected), "{when}: {name}");
        assert_eq!(found.starts, expected.starts, "{when}: {name}");
        let histograms = |series: &Series| match &series.histograms {
            Some(all) => all.to_vec(),
            None => vec![None; series.timestamps.len()],
        };
        let pairs = histograms(found).into_iter().zip(histograms(expected));
        let mut slice = None;
        for ((found, expected), at) in pairs.zip(expected.timestamps.iter()) {
            let its_slice = Some(at.div_euclid(SLICE_MS));
            let is_first = std::mem::replace(&mut slice, its_slice) != its_slice;
            let (Some(found), Some(expected)) = (&found, &expected) else {
                assert!(found.is_none() && expected.is_none(), "{when}: {name} {at}");
                continue;
            };
            same(found, expected, &format!("{when}: {name} {at}"));
            let hints = (found.counter_reset_hint, expected.counter_reset_hint);
            let says_less = is_first && hints.0 == CounterResetHint::Unknown;
            let stays = hints.0 == hints.1;
            assert!(stays || says_less, "{when}: {name} {at}: {hints:?}");
        }
    }
}

fn same(found: &Arc<FloatHistogram>, expected: &Arc<FloatHistogram>, story: &str) {
    // Equality compares the bits of all but the hint.
    assert_eq!(found, expected, "{story}");
    let bounds = |histogram: &FloatHistogram| {
        let bounds = histogram.custom_bounds.iter().map(|bound| bound.to_bits());
        bounds.collect::<Vec<_>>()
    };
    assert_eq!(bounds(found), bounds(expected), "{story}");
}

/// Imports a folder, and compares at once, after a restart, and after compaction.
async fn check(from: &Path, block: &Path, now_ms: i64) -> All {
    let expected = theirs(block);
    let store = Store::with(Setup {
        longest_ms: 24 * HOUR_MS,
        now_ms,
        ..Setup::from(2 * HOUR_MS)
    });
    let report = store.import(from, |_| ControlFlow::Continue(())).await;
    let samples: usize = expected.values().map(|s| s.timestamps.len()).sum();
    assert_eq!(report.unwrap().samples, samples as u64);
    compare(&ours(&store).await, &expected, "imported");
    let store = store.reopen().await;
    compare(&ours(&store).await, &expected, "opened again");
    store.maintain().await.unwrap();
    compare(&ours(&store).await, &expected, "compacted");
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_chunk_comes_back() {
    let folder = TempDir::new().unwrap();
    let block = folder.path().join("01JD0000000000000000000000");
    let line = |name, chunks| Line {
        labels: vec![("__name__", name), ("ort", "Küche")],
        chunks,
    };
    let across_ms = SLICE_MS - 20_000;
    let lines = [
        line("a_numbers", vec![chunks::xor()]),
        line("b_starts", vec![chunks::xor2()]),
        line("c_integers", vec![chunks::integers(2_000_000)]),
        line("d_gauge_with_bounds", vec![chunks::floats()]),
        line("e_mixed", vec![chunks::xor(), chunks::integers(across_ms)]),
    ];
    write(&block, 2, &lines, &[]);
    // The block is twice as long as a slice.
    let meta = block.join("meta.json");
    let text = std::fs::read_to_string(&meta).unwrap();
    let longer = text.replace("7200000", "14400000");
    assert_ne!(text, longer);
    std::fs::write(&meta, longer).unwrap();
    let found = check(folder.path(), &block, 20 * HOUR_MS).await;
    let histograms = |series: &Series| {
        let all = series.histograms.clone().unwrap();
        all.iter().flatten().cloned().collect::<Vec<_>>()
    };
    let named = |name: &str| {
        let of = found.values().find(|s| s.labels.metric_name() == name);
        of.unwrap()
    };
    // What the test is about is there.
    let gauges = histograms(named("d_gauge_with_bounds"));
    let is_gauge = |h: &Arc<FloatHistogram>| h.counter_reset_hint == CounterResetHint::Gauge;
    assert!(
        gauges
            .iter()
            .all(|h| is_gauge(h) && !h.custom_bounds.is_empty())
    );
    let integers = named("c_integers");
    let last = integers.values.last().unwrap().to_bits();
    assert_eq!(last, sample::STALE_NAN.to_bits());
    let hints = histograms(integers);
    let hints: Vec<_> = hints.iter().map(|h| h.counter_reset_hint).collect();
    use CounterResetHint::{NotReset, Reset};
    assert_eq!(hints, [Reset, NotReset, NotReset]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_of_prometheus_itself_comes_back() {
    let folder = TempDir::new().unwrap();
    let running = folder.path().to_owned();
    let made = tokio::task::spawn_blocking(move || live::block(&running));
    let block = made.await.unwrap();
    let now_ms = PromBlock::open(&block).unwrap().meta().max_time;
    let found = check(block.parent().unwrap(), &block, now_ms).await;
    let histograms = found.values().filter_map(|s| s.histograms.as_ref());
    assert_eq!(histograms.count(), 2);
}
