//! A bucket that is only read: what answers, what does not, and what is asked of it.

use std::sync::Arc;

use futures::TryStreamExt;
use narthex_block::SLICE_MS;
use narthex_bucket::{Archive, ArchiveOptions, BucketConfig, Partition, Provider, Settings};
use narthex_bucket::{MARK_FILE, TimeBound};
use narthex_model::{ByteSize, Labels, PromDuration, SimulatedClock};
use narthex_storage::{
    AdminError, Queryable, SelectRequest, Series, StorageAdmin, TimeRange, Warnings,
};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tempfile::TempDir;

use crate::fixture::{Beside, Disk, HOUR_MS, NOW_MS};

const NEWEST: i64 = NOW_MS / SLICE_MS;

/// An archive of a store, and what it tells of itself.
struct Reader {
    archive: Arc<Archive>,
    clock: SimulatedClock,
    registry: Registry,
}

impl Reader {
    async fn open(store: &Arc<dyn ObjectStore>, folder: &TempDir) -> Self {
        Self::open_with(store, folder, |options| options).await
    }

    async fn open_with(
        store: &Arc<dyn ObjectStore>,
        folder: &TempDir,
        change: impl FnOnce(ArchiveOptions) -> ArchiveOptions,
    ) -> Self {
        let clock = SimulatedClock::at(NOW_MS);
        let config = BucketConfig {
            provider: Provider::FileSystem,
            config: Settings::default(),
            prefix: String::new(),
            retention: PromDuration::default(),
            delete_delay: PromDuration::from_secs(48 * 3_600),
            sync_interval: PromDuration::from_secs(60),
            cache_size: ByteSize::from_bytes(8 << 20),
        };
        let options = ArchiveOptions::new(
            config,
            Arc::clone(store),
            folder.path().to_owned(),
            16 << 20,
            Arc::new(clock.clone()),
        );
        let mut registry = Registry::default();
        let archive = Archive::open(change(options), &mut registry).await;
        Self {
            archive: archive.unwrap(),
            clock,
            registry,
        }
    }

    /// A number that it tells.
    fn told(&self, name: &str) -> f64 {
        let mut page = String::new();
        encode(&mut page, &self.registry).unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in {page}"));
        value.trim().parse().unwrap()
    }

    /// How many blocks are in a state.
    fn state(&self, state: &str) -> f64 {
        self.told(&format!("thanos_blocks_meta_synced{{state=\"{state}\"}}"))
    }

    fn names(&self) -> Vec<String> {
        let blocks = self.archive.blocks().into_iter();
        blocks.map(|block| block.ulid).collect()
    }

    /// All series, with how many samples each has.
    async fn series(&self, range: TimeRange) -> Vec<(String, usize)> {
        let request = SelectRequest {
            matchers: Vec::new(),
            range,
        };
        let found = self.archive.select(&request).await.unwrap();
        let found: Vec<Series> = found.try_collect().await.unwrap();
        let mut series: Vec<(String, usize)> = found
            .iter()
            .map(|series| (series.labels.to_string(), series.timestamps.len()))
            .collect();
        series.sort();
        series
    }
}

/// A server with a folder of its own in the store and these labels brings blocks there.
async fn bring(store: &Arc<dyn ObjectStore>, folder: &str, labels: &[(&str, &str)], disk: &Disk) {
    let own: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(Arc::clone(store), folder));
    let beside = Beside::open(own).await;
    let labels = Labels::from_pairs(labels.iter().copied());
    beside.bucket.set_labels(&labels);
    beside.sync(disk).await.unwrap();
}

#[tokio::test]
async fn blocks_of_servers_in_folders_of_their_own_answer_under_their_labels() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    disk.cut(NEWEST - 2, 1, 60).await;
    disk.cut(NEWEST - 1, 1, 60).await;
    bring(&store, "eu/a", &[("replica", "a")], &disk).await;
    let mut other = Disk::new();
    // Names of blocks are counted, and those of the first server are taken.
    other.cut(NEWEST - 9, 1, 1).await;
    other.cut(NEWEST - 9, 1, 1).await;
    other.blocks.clear();
    other.cut(NEWEST - 1, 1, 30).await;
    bring(&store, "eu/b", &[("replica", "b")], &other).await;

    let folder = TempDir::new().unwrap();
    let reader = Reader::open(&store, &folder).await;
    let request = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    let early = reader.archive.select(&request).await;
    let early = early.map(|_| ()).unwrap_err().to_string();
    assert_eq!(early, "the blocks in the bucket are not known yet");
    reader.archive.sync().await.unwrap();
    reader.archive.synced().await;
    let expected = [
        (
            r#"{__name__="m", id="000000", replica="a"}"#.to_owned(),
            120,
        ),
        (r#"{__name__="m", id="000000", replica="b"}"#.to_owned(), 30),
    ];
    assert_eq!(reader.series(TimeRange::ALL).await, expected);
    assert_eq!(reader.told("thanos_bucket_store_blocks_loaded"), 3.0);
    assert_eq!(reader.state("loaded"), 3.0);
    let spans = reader.archive.spans();
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[0].0.get("replica"), Some("a"));
    assert_eq!(spans[0].1.start_ms, (NEWEST - 2) * SLICE_MS);
    // Nothing can be changed.
    let refused = Arc::clone(&reader.archive).clean_tombstones().await;
    assert!(matches!(refused, Err(AdminError::Refused(_))));

    // Another process knows the blocks by one listing.
    let gets = "narthex_objstore_bucket_operations_total{operation=\"get\"}";
    assert_eq!(reader.told(gets), 3.0);
    reader.archive.close().await;
    drop(reader);
    let reader = Reader::open(&store, &folder).await;
    reader.archive.sync().await.unwrap();
    assert_eq!(reader.told(gets), 0.0);
    assert_eq!(reader.series(TimeRange::ALL).await, expected);
}

#[tokio::test]
async fn a_longer_block_takes_the_place_of_its_parents_and_marks_are_heeded_with_a_delay() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    for slice in NEWEST - 3..NEWEST {
        disk.cut(slice, 2, 60).await;
    }
    let folder = TempDir::new().unwrap();
    let reader = Reader::open(&store, &folder).await;
    bring(&store, "", &[("replica", "a")], &disk).await;
    reader.archive.sync().await.unwrap();
    assert_eq!(reader.names().len(), 3);
    let before = reader.series(TimeRange::ALL).await;
    let newest = TimeRange {
        start_ms: (NEWEST - 1) * SLICE_MS,
        end_ms: i64::MAX,
    };
    let versions = || [TimeRange::ALL, newest].map(|range| reader.archive.version(range).unwrap());
    let versions_before = versions();
    let long = disk.compact(2).await;
    let name = long.meta().ulid.clone();
    bring(&store, "", &[("replica", "a")], &disk).await;
    reader.archive.sync().await.unwrap();
    assert_eq!(
        (reader.state("loaded"), reader.state("duplicate")),
        (2.0, 2.0)
    );
    assert!(reader.names().contains(&name));
    assert_eq!(reader.series(TimeRange::ALL).await, before);
    // What is kept of an answer goes where blocks did, and nowhere else.
    assert_ne!(versions()[0], versions_before[0]);
    assert_eq!(versions()[1], versions_before[1]);
    // Somebody marks the long one.
    let mark = format!(
        r#"{{"id": "{name}", "version": 1, "details": "by hand", "deletion_time": {}}}"#,
        NOW_MS / 1_000
    );
    let path = Path::from(format!("{name}/{MARK_FILE}"));
    store.put(&path, mark.into()).await.unwrap();
    for (hours, is_there) in [(0, true), (23, true), (25, false)] {
        reader.clock.set(NOW_MS + hours * HOUR_MS);
        reader.archive.sync().await.unwrap();
        assert_eq!(reader.names().contains(&name), is_there, "after {hours} h");
    }
    // Its parents are marked as well, two days before they go.
    assert_eq!(reader.state("marked-for-deletion"), 3.0);
    store.delete(&path).await.unwrap();
    reader.archive.sync().await.unwrap();
    assert!(reader.names().contains(&name), "the mark was taken away");
}

#[tokio::test]
async fn what_is_young_damaged_or_anothers_does_not_answer() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    for slice in NEWEST - 4..NEWEST {
        disk.cut(slice, 1, 60).await;
    }
    bring(&store, "", &[("replica", "a")], &disk).await;
    let names: Vec<String> = disk.blocks.iter().map(|b| b.meta().ulid.clone()).collect();
    let folder = TempDir::new().unwrap();
    let reader = Reader::open_with(&store, &folder, |options| ArchiveOptions {
        consistency_delay: PromDuration::from_secs(3_600),
        ..options
    })
    .await;
    let meta = Path::from(format!("{}/meta.json", names[3]));
    let written = store.head(&meta).await.unwrap().last_modified;
    reader.clock.set(written.timestamp_millis() + HOUR_MS / 2);
    reader.archive.sync().await.unwrap();
    assert_eq!((reader.state("too-fresh"), reader.names().len()), (4.0, 0));
    reader.clock.set(written.timestamp_millis() + 2 * HOUR_MS);
    reader.archive.sync().await.unwrap();
    assert_eq!(
        (reader.state("too-fresh"), reader.names()),
        (0.0, names.clone())
    );

    // One loses a file, the meta of another one is turned into something else, a third one goes.
    let file = Path::from(format!("{}/chunks.parquet", names[0]));
    store.delete(&file).await.unwrap();
    let text = Path::from(format!("{}/meta.json", names[1]));
    store.put(&text, "{}".into()).await.unwrap();
    store.delete(&meta).await.unwrap();
    reader.archive.sync().await.unwrap();
    assert_eq!(reader.names(), [names[2].clone()]);
    let states = [
        "incomplete",
        "corrupted-meta-json",
        "no-meta-json",
        "loaded",
    ];
    assert_eq!(states.map(|state| reader.state(state)), [1.0; 4]);
    assert_eq!(reader.told("narthex_bucket_blocks_damaged"), 2.0);
    let warnings = Warnings::default();
    let request = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    let found = reader.archive.select_with_warnings(&request, &warnings);
    let found: Vec<Series> = found.await.unwrap().try_collect().await.unwrap();
    assert_eq!((found.len(), found[0].timestamps.len()), (1, 60));
}

#[tokio::test]
async fn shares_of_time_and_labels_are_answered_for_alone() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    for slice in NEWEST - 4..NEWEST {
        disk.cut(slice, 1, 60).await;
    }
    bring(&store, "", &[("replica", "a")], &disk).await;
    let folder = TempDir::new().unwrap();
    let start_ms = (NEWEST - 2) * SLICE_MS;
    let reader = Reader::open_with(&store, &folder, |options| ArchiveOptions {
        partition: Partition {
            min_time: Some(TimeBound::At(start_ms + SLICE_MS / 2)),
            max_time: Some(TimeBound::FromNow(-1)),
            relabel: Vec::new(),
        },
        ..options
    })
    .await;
    reader.archive.sync().await.unwrap();
    assert_eq!(
        (reader.names().len(), reader.state("time-excluded")),
        (2, 2.0)
    );
    let series = reader.series(TimeRange::ALL).await;
    assert_eq!(series.len(), 1);
    assert_eq!(series[0].1, 90, "half of one block, and another one");
    let another = TempDir::new().unwrap();
    let rules = r#"[{"source_labels": ["replica"], "action": "drop", "regex": "a"}]"#;
    let reader = Reader::open_with(&store, &another, |options| ArchiveOptions {
        partition: Partition {
            relabel: serde_json::from_str(rules).unwrap(),
            ..Partition::default()
        },
        ..options
    })
    .await;
    reader.archive.sync().await.unwrap();
    assert_eq!(
        (reader.names().len(), reader.state("label-excluded")),
        (0, 4.0)
    );
    assert!(reader.archive.spans().is_empty());
}

#[tokio::test]
async fn a_block_goes_on_to_answer_until_another_process_has_seen_the_longer_one() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    for slice in NEWEST - 2..NEWEST {
        disk.cut(slice, 1, 60).await;
    }
    bring(&store, "", &[("replica", "a")], &disk).await;
    let long = disk.compact(2).await;
    bring(&store, "", &[("replica", "a")], &disk).await;
    let name = &long.meta().ulid;
    let rules =
        format!(r#"[{{"source_labels": ["__block_id"], "action": "drop", "regex": "{name}"}}]"#);
    let folder = TempDir::new().unwrap();
    let reader = Reader::open_with(&store, &folder, |options| ArchiveOptions {
        partition: Partition {
            relabel: serde_json::from_str(&rules).unwrap(),
            ..Partition::default()
        },
        ..options
    })
    .await;
    let meta = Path::from(format!("{name}/meta.json"));
    let written = store.head(&meta).await.unwrap().last_modified;
    for (minutes, left) in [(1, 2), (20, 0)] {
        let now_ms = written.timestamp_millis() + minutes * HOUR_MS / 60;
        reader.clock.set(now_ms);
        reader.archive.sync().await.unwrap();
        assert_eq!(reader.names().len(), left, "after {minutes} min");
        assert_eq!(reader.state("label-excluded"), 1.0);
    }
}
