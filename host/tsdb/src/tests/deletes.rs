//! Deleted samples in the head and in blocks, through cuts, compactions, cleaning and restarts.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::{Labels, Matcher, WriteBatch};
use narthex_storage::{Appendable, LabelsRequest, Queryable, StorageAdmin, TimeRange, contract};

use super::fixture::{BLOCK_MS, Setup, Store, append, sample};

/// Seconds by series.
type Seconds = BTreeMap<String, Vec<i64>>;

/// Three series, a sample a second.
fn fill(store: &Store, seconds: std::ops::Range<i64>) {
    for second in seconds {
        let samples = ["a", "b", "c"].map(|name| sample(name, second * 1_000, second as f64));
        assert!(append(store, samples.to_vec()).rejected.is_empty());
    }
}

async fn delete(store: &Store, name: &str, from_s: i64, to_s: i64) {
    let range = TimeRange {
        start_ms: from_s * 1_000,
        end_ms: to_s * 1_000,
    };
    let selector = vec![Matcher::equal("__name__", name)];
    store.tsdb.delete_series(&[selector], range).await.unwrap();
}

async fn seconds(store: &Store) -> Seconds {
    let samples = contract::samples(store, vec![], TimeRange::ALL).await;
    let seconds = samples.into_iter().map(|(labels, samples)| {
        let name = labels.split('"').nth(1).unwrap_or_default().to_owned();
        (name, samples.iter().map(|(at, _)| at / 1_000).collect())
    });
    seconds.collect()
}

fn all_but(name: &str, until: i64, gone: &[std::ops::RangeInclusive<i64>]) -> (String, Vec<i64>) {
    let kept = (0..until).filter(|second| !gone.iter().any(|gone| gone.contains(second)));
    (name.to_owned(), kept.collect())
}

#[tokio::test]
async fn what_is_deleted_stays_so_through_cuts_compactions_cleaning_and_restarts() {
    let mut store = Store::with(Setup::compacting());
    fill(&store, 0..330);
    store.maintain().await.unwrap();
    let blocks = store.catalog.blocks().len();
    assert!(blocks >= 2, "{:?}", store.spans());
    // Across two blocks and the head, in one block, and all of a series that there is.
    delete(&store, "a", 50, 320).await;
    delete(&store, "b", 10, 12).await;
    delete(&store, "c", 0, 9_000).await;
    fill(&store, 330..360);
    let expected: Seconds = [
        all_but("a", 360, &[50..=320]),
        all_but("b", 360, &[10..=12]),
        all_but("c", 360, &[0..=329]),
    ]
    .into();
    assert_eq!(seconds(&store).await, expected);
    store = store.reopen().await;
    assert_eq!(seconds(&store).await, expected);
    store = store.crash();
    assert_eq!(seconds(&store).await, expected);
    store.tsdb.clean_deleted().await.unwrap();
    assert_eq!(seconds(&store).await, expected);
    store.check_blocks("cleaned");
    assert!(
        store
            .catalog
            .blocks()
            .iter()
            .all(|block| !block.has_tombstones())
    );
    let samples: u64 = store
        .catalog
        .blocks()
        .iter()
        .map(|b| b.meta().stats.samples)
        .sum();
    let end_s = store.catalog.end_ms().unwrap() / 1_000;
    let kept = |seconds: &Vec<i64>| seconds.iter().filter(|second| **second < end_s).count();
    assert_eq!(samples, expected.values().map(kept).sum::<usize>() as u64);
    // The head's go with the next cuts, the blocks' with the compactions.
    delete(&store, "b", 200, 220).await;
    fill(&store, 360..960);
    store.maintain().await.unwrap();
    let expected: Seconds = [
        all_but("a", 960, &[50..=320]),
        all_but("b", 960, &[10..=12, 200..=220]),
        all_but("c", 960, &[0..=329]),
    ]
    .into();
    assert_eq!(seconds(&store).await, expected);
    assert!(store.spans().contains(&(0, 300)), "{:?}", store.spans());
    store = store.reopen().await;
    assert_eq!(seconds(&store).await, expected);
    store.check_blocks("at the end");
}

#[tokio::test]
async fn a_block_of_which_nothing_is_left_goes_but_for_the_newest() {
    let mut store = Store::new();
    fill(&store, 0..400);
    store.maintain().await.unwrap();
    let spans = store.spans();
    assert!(spans.len() >= 2, "{spans:?}");
    let everything = TimeRange {
        start_ms: 0,
        end_ms: store.catalog.end_ms().unwrap() - 1,
    };
    store
        .tsdb
        .delete_series(&[vec![]], everything)
        .await
        .unwrap();
    let end_ms = store.catalog.end_ms();
    for _ in 0..2 {
        store.tsdb.clean_deleted().await.unwrap();
        // The log still has its samples in segments with newer ones.
        assert_eq!(store.spans(), spans[spans.len() - 1..]);
        assert_eq!(store.catalog.end_ms(), end_ms);
        store = store.crash();
        let found = seconds(&store).await;
        let first = found.values().map(|seconds| seconds[0]).min();
        assert_eq!(first, end_ms.map(|ms| ms / 1_000));
    }
    // Once there is a newer one, it goes as well.
    fill(&store, 400..600);
    store.maintain().await.unwrap();
    store.tsdb.clean_deleted().await.unwrap();
    assert!(!store.spans().contains(&spans[spans.len() - 1]));
}

#[tokio::test]
async fn late_samples_of_a_deleted_time_are_those_that_came_after() {
    let store = Store::new();
    store.set_out_of_order_window(narthex_model::PromDuration::from_secs(10_000));
    fill(&store, 0..300);
    store.maintain().await.unwrap();
    let end_s = store.catalog.end_ms().unwrap() / 1_000;
    append(
        &store,
        vec![sample("a", 1_500, 1.0), sample("a", 2_500, 1.0)],
    );
    delete(&store, "a", 0, 2).await;
    append(&store, vec![sample("a", 1_700, 2.0)]);
    let first = |samples: &Vec<(i64, u64)>| samples[..3].to_vec();
    let expected = vec![
        (1_700, 2.0_f64.to_bits()),
        (2_500, 1.0_f64.to_bits()),
        (3_000, 3.0_f64.to_bits()),
    ];
    let of_a = async |store: &Store| {
        let samples = store.samples().await;
        first(samples.values().next().unwrap())
    };
    assert_eq!(of_a(&store).await, expected);
    let store = store.crash();
    assert_eq!(of_a(&store).await, expected);
    fill(&store, 300..600);
    store.maintain().await.unwrap();
    assert!(store.catalog.end_ms().unwrap() / 1_000 > end_s);
    assert_eq!(of_a(&store).await, expected);
}

#[tokio::test]
async fn labels_are_there_until_they_are_cleaned_and_a_limit_holds_while_reading() {
    let store = Store::new();
    fill(&store, 0..400);
    store.maintain().await.unwrap();
    delete(&store, "b", 0, 1_000).await;
    let request = |limit| LabelsRequest {
        matchers: vec![],
        range: TimeRange {
            start_ms: 0,
            end_ms: BLOCK_MS - 1,
        },
        limit,
    };
    let names = async |limit| {
        let series = store.series(&request(limit)).await.unwrap();
        let mut names: Vec<String> = series.iter().map(|l| l.metric_name().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(None).await, ["a", "c"]);
    assert_eq!(names(Some(1)).await.len(), 1);
    let values = async || {
        store
            .label_values("__name__", &request(None))
            .await
            .unwrap()
    };
    assert_eq!(values().await, ["a", "b", "c"]);
    store.tsdb.clean_deleted().await.unwrap();
    assert_eq!(values().await, ["a", "c"]);
}

#[tokio::test]
async fn a_closed_store_refuses_and_the_operator_is_told() {
    let store = Store::new();
    fill(&store, 0..10);
    let admin: Arc<dyn StorageAdmin> = store.tsdb.clone();
    admin
        .clone()
        .delete(vec![vec![]], TimeRange::ALL)
        .await
        .unwrap();
    assert!(store.samples().await.is_empty());
    admin.clone().clean_tombstones().await.unwrap();
    store.tsdb.close().await.unwrap();
    let errors = [
        admin
            .clone()
            .delete(vec![vec![]], TimeRange::ALL)
            .await
            .err(),
        admin.clone().clean_tombstones().await.err(),
        admin.snapshot(false).await.err(),
    ];
    let texts = errors.map(|error| error.unwrap().to_string());
    assert_eq!(
        texts,
        ["delete series", "clean tombstones", "create snapshot"]
    );
}

#[tokio::test]
async fn how_late_samples_are_is_measured_whether_they_are_taken_or_not() {
    let store = Store::new();
    let number = |labels: &str, at| {
        let labels = Labels::from_pairs([("__name__", labels)]);
        narthex_model::Sample {
            labels,
            ..sample("", at, 1.0)
        }
    };
    let batch = |at| WriteBatch::from(vec![number("a", at)]);
    store.append(&batch(10_000_000)).unwrap();
    store.append(&batch(9_000_000)).unwrap();
    store.set_out_of_order_window(narthex_model::PromDuration::from_secs(10_000));
    store.append(&batch(8_000_000)).unwrap();
    assert_eq!(store.metric("prometheus_tsdb_sample_ooo_delta_count"), "2");
    assert_eq!(
        store.metric("prometheus_tsdb_sample_ooo_delta_sum"),
        "3000.0"
    );
}

/// A bucket that has the blocks of another store, and all of ours.
#[derive(Debug)]
pub(super) struct Bucket(pub(super) Arc<Vec<Arc<narthex_block::Block>>>);

impl crate::RemoteBlocks for Bucket {
    fn blocks(&self) -> Option<Arc<Vec<Arc<narthex_block::Block>>>> {
        Some(Arc::clone(&self.0))
    }

    fn has(&self, _: &narthex_block::Block) -> bool {
        true
    }
}

#[tokio::test]
async fn with_a_bucket_what_lies_only_there_is_refused_and_what_lies_here_is_written_anew() {
    let past = Store::new();
    fill(&past, 0..400);
    past.maintain().await.unwrap();
    let there = past.local_blocks();
    let there_end_s = there.last().unwrap().meta().range.end_ms / 1_000;
    let store = Store::new();
    fill(&store, 1_000..1_400);
    store.attach(Arc::new(Bucket(there)));
    store.maintain().await.unwrap();
    let before = seconds(&store).await;
    let selector = |name| vec![Matcher::equal("__name__", name)];
    let refused = store
        .tsdb
        .delete_series(&[selector("nobody"), selector("a")], TimeRange::ALL)
        .await;
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains("lies only in the bucket") && text.contains("nothing was deleted"),
        "{text}"
    );
    assert_eq!(seconds(&store).await, before);
    delete(&store, "nobody", 0, 2_000).await;
    delete(&store, "a", there_end_s, 1_050).await;
    delete(&store, "b", 1_000, 1_000).await;
    let blocks = || store.catalog.blocks();
    assert!(blocks()[0].has_tombstones() && !store.is_safe(&blocks()[0]));
    let expected = seconds(&store).await;
    store.maintain().await.unwrap();
    assert!(blocks().iter().all(|block| !block.has_tombstones()));
    assert_eq!(seconds(&store).await, expected);
    // A block of which nothing is left stays: in the bucket it would answer.
    let first = blocks()[0].meta().range;
    store
        .tsdb
        .delete_series(
            &[vec![]],
            TimeRange {
                start_ms: first.start_ms,
                end_ms: first.end_ms - 1,
            },
        )
        .await
        .unwrap();
    store.tsdb.clean_deleted().await.unwrap();
    store.maintain().await.unwrap();
    assert_eq!(blocks()[0].meta().range, first);
    assert!(!store.is_safe(&blocks()[0]));
}
