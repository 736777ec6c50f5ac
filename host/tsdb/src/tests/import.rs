//! What a Prometheus has written is taken over once, however often the import is stopped. Debian's
//! promtool writes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use narthex_block::TimeBounds;
use narthex_model::{Labels, PromDuration};
use narthex_storage::Series;
use tempfile::TempDir;

use super::deletes::Bucket;
use super::fixture::{Setup, Store, append, sample};
use crate::{ImportError, ImportReport, TsdbError};

/// 2026-01-01 00:00 UTC.
pub(super) const START_MS: i64 = 1_767_225_600_000;
pub(super) const HOUR_MS: i64 = 3_600_000;

type Samples = BTreeMap<String, Vec<(i64, u64)>>;

/// Ten hours of a few series, the text and what is in it.
pub(super) fn written() -> (String, Samples) {
    let (mut text, mut samples) = (String::new(), Samples::new());
    for (name, le, every_ms) in [
        ("steady", "", 60_000),
        ("bucket", "10", 60_000),
        ("bucket", "9", 60_000),
        ("rare", "", 3 * HOUR_MS),
    ] {
        let labels = match le {
            "" => Labels::from_pairs([("__name__", name), ("A", "ü")]),
            _ => Labels::from_pairs([("__name__", name), ("A", "ü"), ("le", le)]),
        };
        let written = match le {
            "" => format!("{name}{{A=\"ü\"}}"),
            _ => format!("{name}{{A=\"ü\",le=\"{le}\"}}"),
        };
        let of_series = samples.entry(labels.to_string()).or_default();
        for at_ms in (START_MS..START_MS + 10 * HOUR_MS).step_by(usize::try_from(every_ms).unwrap())
        {
            let value = (at_ms / 1_000 % 977) as f64 / 7.0;
            writeln!(text, "{written} {value:e} {}", at_ms / 1_000).unwrap();
            of_series.push((at_ms, value.to_bits()));
        }
    }
    text.push_str("# EOF\n");
    (text, samples)
}

/// Has promtool make blocks of some length.
pub(super) fn prometheus(folder: &Path, text: &str, longest: &str) {
    let file = folder.join("text");
    std::fs::write(&file, text).unwrap();
    let mut promtool = Command::new("promtool");
    promtool.args([
        "tsdb",
        "create-blocks-from",
        &format!("--max-block-duration={longest}"),
    ]);
    promtool.arg("openmetrics").arg(&file).arg(folder);
    let done = promtool
        .output()
        .expect("promtool is in Debian's package prometheus");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn store() -> Store {
    let day = PromDuration::from_secs(24 * 3_600);
    Store::with(Setup {
        longest_ms: day.as_millis_i64(),
        now_ms: START_MS + 20 * HOUR_MS,
        ..Setup::from(2 * HOUR_MS)
    })
}

async fn import(store: &Store, from: &Path) -> Result<ImportReport, ImportError> {
    store.import(from, |_| ControlFlow::Continue(())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_of_any_length_come_once() {
    let (text, expected) = written();
    for longest in ["2h", "12h"] {
        let folder = Arc::new(TempDir::new().unwrap());
        prometheus(folder.path(), &text, longest);
        let store = store();
        let report = import(&store, folder.path()).await.unwrap();
        assert_eq!(report.skipped, 0);
        assert_eq!(
            report.samples,
            expected.values().map(|s| s.len() as u64).sum::<u64>()
        );
        assert_eq!(store.samples().await, expected, "{longest}");
        let store = store.reopen().await;
        store.maintain().await.unwrap();
        assert!(
            store.spans().len() < 5,
            "they are compacted: {:?}",
            store.spans()
        );
        let again = import(&store, folder.path()).await.unwrap();
        assert_eq!((again.skipped, again.samples), (report.blocks, 0));
        assert_eq!(store.samples().await, expected, "{longest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_goes_on_behind_the_last_sample() {
    let (text, expected) = written();
    let folder = TempDir::new().unwrap();
    prometheus(folder.path(), &text, "12h");
    let store = store();
    import(&store, folder.path()).await.unwrap();
    let last_ms = START_MS + 10 * HOUR_MS - 60_000;
    assert_eq!(store.spans().last().unwrap().1, last_ms / 1_000);
    let store = store.reopen().await;
    append(&store, vec![sample("x", last_ms + 1_000, 1.0)]);
    let store = store.crash();
    assert_eq!(store.samples().await.len(), expected.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_of_prometheus_beside_ours_are_left_alone() {
    let (text, expected) = written();
    let folder = TempDir::new().unwrap();
    prometheus(folder.path(), &text, "12h");
    let store = store();
    import(&store, folder.path()).await.unwrap();
    let mut theirs = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            let beside = store.path().join(entry.file_name());
            std::fs::rename(entry.path(), &beside).unwrap();
            theirs.push(beside);
        }
    }
    let store = store.reopen().await;
    store.maintain().await.unwrap();
    let store = store.reopen().await;
    assert_eq!(store.samples().await, expected);
    assert!(!theirs.is_empty() && theirs.iter().all(|folder| folder.join("index").exists()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_stopped_goes_on_where_it_was() {
    let (text, expected) = written();
    let folder = TempDir::new().unwrap();
    prometheus(folder.path(), &text, "12h");
    let mut store = store();
    let mut told = Vec::new();
    loop {
        let stop = |progress: crate::ImportProgress<'_>| {
            told.push((progress.slices_done, progress.slices));
            ControlFlow::Break(())
        };
        match store.import(folder.path(), stop).await {
            Err(ImportError::Stopped) => store = store.crash(),
            done => {
                assert_eq!(done.unwrap().samples, 0);
                break;
            }
        }
    }
    let slices: usize = told
        .iter()
        .filter(|(done, of)| done == of)
        .map(|(_, of)| of)
        .sum();
    assert_eq!((told.len(), slices), (5, 5), "{told:?}");
    assert_eq!(store.samples().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_stopped_goes_on_though_its_blocks_became_part_of_others() {
    let (text, mut expected) = written();
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    prometheus(first.path(), &text, "12h");
    prometheus(second.path(), &text.replace("steady", "other"), "12h");
    let steady = Labels::from_pairs([("__name__", "steady"), ("A", "ü")]);
    let other = Labels::from_pairs([("__name__", "other"), ("A", "ü")]);
    let samples = expected[&steady.to_string()].clone();
    expected.insert(other.to_string(), samples);
    let store = store();
    let stopped = store.import(first.path(), |_| ControlFlow::Break(())).await;
    assert!(matches!(stopped, Err(ImportError::Stopped)));
    import(&store, second.path()).await.unwrap();
    store.maintain().await.unwrap();
    let longest = store.spans().into_iter().map(|(start, end)| end - start);
    assert!(
        longest.max() > Some(2 * HOUR_MS / 1_000),
        "{:?}",
        store.spans()
    );
    let rest = import(&store, first.path()).await.unwrap();
    assert_eq!((rest.blocks, rest.skipped), (2, 0));
    assert_eq!(store.samples().await, expected);
    store.maintain().await.unwrap();
    let again = import(&store, first.path()).await.unwrap();
    assert_eq!((again.skipped, again.samples), (2, 0));
    assert_eq!(store.samples().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_that_is_only_in_a_bucket_answers_beside_those_of_the_same_block() {
    // As imports of earlier versions noted it: the block, and not its slices.
    let source = "01JGFJJZ000000000000000001".to_owned();
    let store = store();
    for slice in 0..2 {
        let start_ms = START_MS + slice * 2 * HOUR_MS;
        let range = TimeBounds {
            start_ms,
            end_ms: start_ms + 2 * HOUR_MS,
        };
        let labels = Labels::from_pairs([("__name__", "m")]);
        let series = Series::of_numbers(labels, vec![start_ms], vec![1.0]);
        let taken =
            store.take_in::<TsdbError, _>(range, vec![source.clone()], || [Ok(series.clone())]);
        assert!(taken.await.unwrap().is_some());
    }
    let expected = store.samples().await;
    assert_eq!(expected[r#"{__name__="m"}"#].len(), 2);
    let blocks = store.local_blocks();
    store.attach(Arc::new(Bucket(Arc::clone(&blocks))));
    assert_eq!(store.samples().await, expected);
    store.catalog.remove(&blocks[..1]);
    assert_eq!(store.samples().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_go_with_what_is_here_is_refused() {
    let (text, _) = written();
    let folder = TempDir::new().unwrap();
    prometheus(folder.path(), &text, "12h");
    let store = store();
    let itself = import(&store, store.path()).await.unwrap_err();
    assert!(
        itself.to_string().ends_with("is the store itself"),
        "{itself}"
    );

    append(&store, vec![sample("x", START_MS + HOUR_MS, 1.0)]);
    let newer = import(&store, folder.path()).await.unwrap_err();
    assert!(
        newer.to_string().starts_with("the log has samples from"),
        "{newer}"
    );
    assert!(store.spans().is_empty());
}
