//! When a block is cut, and what readers and writers see of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use narthex_model::{Rejection, SeriesRef};
use narthex_storage::{
    Appendable, LabelsRequest, Queryable, SelectRequest, StorageAdmin, TimeRange, contract,
};

use super::fixture::{BLOCK_MS, Readers, Restless, Store, append, sample};
use crate::TsdbError;

#[test]
fn an_uncut_store_keeps_the_contract() {
    futures::executor::block_on(contract::holds(Store::new));
}

#[tokio::test]
async fn a_store_that_cuts_and_restarts_before_each_answer_keeps_the_contract() {
    contract::holds(Restless::new).await;
}

/// A store whose older half is in blocks.
async fn half_cut() -> Store {
    let store = Store::new();
    for t in (0..350).map(|t| t * 1_000) {
        append(&store, vec![sample("a", t, t as f64), sample("b", t, 1.0)]);
    }
    store.maintain().await.unwrap();
    store
}

#[tokio::test]
async fn a_block_is_cut_once_the_head_is_one_and_a_half_blocks_long() {
    let store = Store::new();
    append(
        &store,
        vec![sample("a", 40_000, 1.0), sample("a", 190_000, 2.0)],
    );
    store.maintain().await.unwrap();
    assert_eq!(store.catalog.blocks().len(), 0);
    append(&store, vec![sample("a", 190_001, 3.0)]);
    store.maintain().await.unwrap();
    let blocks = store.catalog.blocks();
    let ranges: Vec<_> = blocks.iter().map(|b| b.meta().range).collect();
    assert_eq!(ranges.len(), 1);
    assert_eq!((ranges[0].start_ms, ranges[0].end_ms), (0, BLOCK_MS));
    assert_eq!(store.head.min_time(), Some(190_000));
    assert_eq!(store.samples().await.into_values().flatten().count(), 3);
}

#[tokio::test]
async fn samples_ahead_of_the_clock_do_not_cut_the_present() {
    let store = Store::new();
    store.clock.set(50_000);
    append(
        &store,
        vec![sample("a", 49_000, 1.0), sample("b", 900_000, 1.0)],
    );
    store.maintain().await.unwrap();
    assert_eq!(store.catalog.blocks().len(), 0);
    assert!(
        append(&store, vec![sample("a", 51_000, 1.0)])
            .rejected
            .is_empty()
    );
    store.clock.set(250_000);
    store.maintain().await.unwrap();
    assert_eq!(store.catalog.blocks().len(), 1);
}

#[tokio::test]
async fn what_is_older_than_the_blocks_is_refused_and_the_rest_of_its_batch_is_not() {
    let store = half_cut().await;
    let report = append(
        &store,
        vec![
            sample("a", 349_000, 7.0),
            sample("c", 1_000, 1.0),
            sample("", 360_000, 1.0),
            sample("a", 351_000, 8.0),
            sample("a", 99_999, 9.0),
            sample("c", 351_000, 2.0),
        ],
    );
    let expected = [
        (0, Rejection::DuplicateTimestamp),
        (1, Rejection::OutOfBounds),
        (2, Rejection::InvalidLabels),
        (4, Rejection::OutOfBounds),
    ];
    assert_eq!(report.rejected, expected);
    assert_eq!((report.series.len(), report.created), (6, 1));
    assert_ne!(report.series[5], SeriesRef::UNKNOWN);
    let samples = store.samples().await;
    assert_eq!(
        samples[r#"{__name__="c", job="x"}"#],
        [(351_000, 2.0_f64.to_bits())]
    );
    assert_eq!(samples[r#"{__name__="a", job="x"}"#].len(), 351);
    assert_eq!(
        store.metric(r#"prometheus_tsdb_out_of_bound_samples_total{type="float"}"#),
        "2"
    );
}

#[tokio::test]
async fn a_reader_that_began_before_the_cut_sees_all_of_it() {
    let store = Store::new();
    for t in (0..350).map(|t| t * 1_000) {
        append(&store, vec![sample("a", t, t as f64)]);
    }
    let request = SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    };
    let early = store.select(&request).await.unwrap();
    store.maintain().await.unwrap();
    assert!(!store.catalog.blocks().is_empty());
    let series: Vec<_> = futures::TryStreamExt::try_collect(early).await.unwrap();
    let series: Vec<narthex_storage::Series> = series;
    assert_eq!(series[0].timestamps.len(), 350);
}

#[tokio::test]
async fn between_the_steps_of_a_cut_every_sample_is_seen_once() {
    let store = Store::new();
    for t in (0..350).map(|t| t * 1_000) {
        append(&store, vec![sample("a", t, t as f64), sample("b", t, 1.0)]);
    }
    let expected = store.samples().await;
    while let Some(range) = store.due() {
        store.head.refuse_before(range.end_ms);
        let ulid = store.write_block(range).await.unwrap().unwrap();
        assert_eq!(store.samples().await, expected, "written");
        store.catalog.publish(ulid).await.unwrap();
        assert_eq!(store.samples().await, expected, "published");
        store.truncate(range.end_ms).unwrap();
        assert_eq!(store.samples().await, expected, "truncated");
    }
    assert_eq!(store.catalog.blocks().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_beside_a_writer_and_cuts_see_every_sample_once() {
    const BATCHES: i64 = 200;
    let store = Store::new();
    let readers = Readers::of(&store);
    for batch in 0..BATCHES {
        let times = (batch * 5..batch * 5 + 5).map(|i| i * 1_000);
        append(&store, times.map(|t| sample("a", t, 1.0)).collect());
        store.maintain().await.unwrap();
    }
    readers.finish().await;
    assert_eq!(store.catalog.blocks().len(), 9);
    let samples = store.samples().await.into_values().flatten().count();
    assert_eq!(samples, 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_late_sample_that_was_taken_while_a_block_was_cut_is_there() {
    const LATE_MAX: i64 = 20_000;
    let store = Store::new();
    for t in (0..350).map(|t| t * 1_000) {
        append(&store, vec![sample("a", t, t as f64)]);
    }
    let (tsdb, done) = (Arc::clone(&store.tsdb), Arc::new(AtomicBool::new(false)));
    let (started, wait) = tokio::sync::oneshot::channel();
    let is_done = Arc::clone(&done);
    let writer = std::thread::spawn(move || {
        let (mut taken, mut started) = (Vec::new(), Some(started));
        for i in 0..LATE_MAX {
            let name = format!("late_{i}");
            let batch = vec![sample(&name, i, 1.0), sample("a", 350_000 + i, 1.0)];
            match append(&*tsdb, batch).rejected.as_slice() {
                [] => taken.push(name),
                [(0, Rejection::OutOfBounds)] => {}
                other => panic!("{other:?}"),
            }
            if i == 20 {
                started.take().unwrap().send(()).unwrap();
            }
            if i > 20 && is_done.load(Ordering::SeqCst) {
                break;
            }
        }
        taken
    });
    wait.await.unwrap();
    store.maintain().await.unwrap();
    done.store(true, Ordering::SeqCst);
    let taken = writer.join().unwrap();
    assert!(taken.len() > 20);
    let request = LabelsRequest {
        matchers: vec![],
        range: TimeRange::ALL,
        limit: None,
    };
    let mut found = store.label_values("__name__", &request).await.unwrap();
    let mut expected = taken;
    expected.push("a".to_owned());
    expected.sort();
    found.sort();
    assert!(found == expected, "{} of {}", found.len(), expected.len());
}

#[tokio::test]
async fn the_store_tells_of_itself() {
    let store = half_cut().await;
    for (name, value) in [
        ("prometheus_tsdb_head_series ", "2"),
        (
            r#"prometheus_tsdb_head_samples_appended_total{type="float"}"#,
            "700",
        ),
        ("prometheus_tsdb_head_min_time ", "200000"),
        ("prometheus_tsdb_head_max_time ", "349000"),
        ("prometheus_tsdb_lowest_timestamp ", "0"),
        ("prometheus_tsdb_blocks_loaded ", "2"),
        ("prometheus_tsdb_compactions_total ", "2"),
        ("prometheus_tsdb_compactions_failed_total ", "0"),
        ("prometheus_tsdb_head_truncations_total ", "2"),
        ("prometheus_tsdb_head_series_created_total ", "2"),
        ("prometheus_tsdb_wal_corruptions_total ", "0"),
        ("prometheus_tsdb_clean_start ", "1"),
        ("narthex_tsdb_blocks_damaged ", "0"),
    ] {
        assert_eq!(store.metric(name), value, "{name}");
    }
    assert_eq!(store.stats(5).series, 2);
    let blocks = StorageAdmin::blocks(&**store);
    let shown = blocks
        .iter()
        .map(|block| (block.level, block.series, block.version));
    assert_eq!(shown.collect::<Vec<_>>(), [(1, 2, 1), (1, 2, 1)]);
    assert_eq!(blocks[0].sources, [blocks[0].ulid.as_str()]);
    assert_eq!(blocks[0].max_time_ms, blocks[1].min_time_ms);
}

#[tokio::test]
async fn a_block_that_cannot_be_written_is_tried_again() {
    let store = Store::new();
    for t in (0..350).map(|t| t * 1_000) {
        append(&store, vec![sample("a", t, t as f64)]);
    }
    let expected = store.samples().await;
    // The folder's name is taken by a file of somebody else.
    let real = store.path().to_owned();
    let aside = real.with_extension("aside");
    std::fs::rename(&real, &aside).unwrap();
    std::fs::write(&real, "").unwrap();
    let error = store.maintain().await.unwrap_err();
    assert!(matches!(error, TsdbError::Block(_)), "{error}");
    assert_eq!(
        store.metric("prometheus_tsdb_compactions_failed_total "),
        "1"
    );
    std::fs::remove_file(&real).unwrap();
    std::fs::rename(&aside, &real).unwrap();
    assert_eq!(store.samples().await, expected);
    store.maintain().await.unwrap();
    assert_eq!(store.catalog.blocks().len(), 2);
    assert_eq!(store.samples().await, expected);
}

#[tokio::test]
async fn a_closed_store_takes_nothing_and_can_be_opened_again() {
    let store = half_cut().await;
    let expected = store.samples().await;
    assert!(matches!(
        Store::open(Arc::clone(&store.folder), BLOCK_MS),
        Err(TsdbError::Locked { .. })
    ));
    store.close().await.unwrap();
    store.close().await.unwrap();
    let batch = contract::batch([]);
    assert!(store.append(&batch).is_err());
    assert!(matches!(store.maintain().await, Err(TsdbError::Closed)));
    let store = store.reopen().await;
    assert_eq!(store.samples().await, expected);
    assert_eq!(store.metric("prometheus_tsdb_clean_start "), "1");
}
