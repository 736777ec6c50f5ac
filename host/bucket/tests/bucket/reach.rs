//! What a query reads of a month of blocks, and how often it waits for the store.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use narthex_block::{
    Block, PageCache, SLICE_MS, TimeBounds, Ulid, WriteOptions, block_order, compact, write,
};
use narthex_bucket::{Bucket, BucketConfig, BucketOptions, Provider, Settings};
use narthex_model::{ByteSize, Labels, Matcher, PromDuration, SimulatedClock};
use narthex_storage::{Queryable, SelectRequest, Series, TimeRange};
use narthex_tsdb::{Tsdb, TsdbOptions};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::counted::Counted;

/// What an answer of the store takes, in the test's own time.
const LATENCY: Duration = Duration::from_millis(40);

/// The newest slice of the large block.
const NEWEST: i64 = 236_000;

fn ulid(number: u64) -> Ulid {
    Ulid::from_parts(1_700_000_000_000 + number, u128::from(number))
}

/// Writes a block of one slice.
async fn cut(
    store: &dyn ObjectStore,
    folder: &Path,
    ulid: Ulid,
    slice: i64,
    labels: &[Labels],
    step_ms: i64,
) {
    let range = TimeBounds {
        start_ms: slice * SLICE_MS,
        end_ms: (slice + 1) * SLICE_MS,
    };
    let options = WriteOptions {
        ulid,
        range,
        slice_ms: SLICE_MS,
        sources: Vec::new(),
    };
    let series = labels.iter().enumerate().map(|(at, labels)| {
        let at = at as u64;
        // Each target is scraped at a moment of its own, and never exactly on time.
        let instance = labels.get("instance").unwrap_or_default().bytes();
        let target: i64 = instance.map(i64::from).sum();
        let late_ms = |n: i64| (n * 7_919 + target * 104_729) % 31 / 10;
        let first_ms = range.start_ms + target * 97 % step_ms.min(15_000);
        let times: Vec<i64> = (0..)
            .map(|n| first_ms + n * step_ms + late_ms(n))
            .take_while(|t| *t < range.end_ms)
            .collect();
        let mut state = at;
        let value = |n: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            match at % 3 {
                0 => at as f64,
                1 => (n * 40 + (state >> 60)) as f64,
                _ => (state >> 50) as f64 / 100.0,
            }
        };
        let values: Vec<f64> = (0..times.len() as u64).map(value).collect();
        Series::of_numbers(labels.clone(), times, values)
    });
    assert!(
        write(store, folder, series, &options)
            .await
            .unwrap()
            .is_some()
    );
}

/// What a query cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    requests: u64,
    bytes: u64,
    /// How often it waited for the store.
    rounds: u128,
}

impl Counted {
    /// Makes a block of the slices up to `last`, as cuts and compactions do; a sample about each
    /// `step_ms`.
    async fn write(&self, name: u64, last: i64, slices: i64, labels: &[Labels], step_ms: i64) {
        let disk: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let pages = Arc::new(PageCache::new(0));
        let mut parents = Vec::new();
        for slice in last - slices + 1..=last {
            let ulid = ulid(100 * name + slice.unsigned_abs() % 100);
            let folder = Path::from(ulid.to_string());
            cut(disk.as_ref(), &folder, ulid, slice, labels, step_ms).await;
            let block = Block::open(Arc::clone(&disk), &folder, &pages).await;
            parents.push(Arc::new(block.unwrap()));
        }
        let ulid = ulid(100_000 + name);
        let folder = Path::from(ulid.to_string());
        compact(&*self.inner, &folder, &parents, ulid)
            .await
            .unwrap();
        if name == 0 {
            let block = Block::open(Arc::clone(&self.inner), &folder, &pages).await;
            let block = block.unwrap();
            let meta = block.meta();
            let sizes: Vec<_> = meta
                .files
                .iter()
                .map(|(name, file)| (name, file.size))
                .collect();
            eprintln!(
                "{} series, {} samples: {sizes:?}",
                meta.stats.series, meta.stats.samples
            );
        }
    }

    async fn cost(&self, query: impl Future<Output = Vec<Series>>) -> (Vec<Series>, Cost) {
        self.take();
        let begin = Instant::now();
        let found = query.await;
        let (requests, bytes) = self.take();
        let cost = Cost {
            requests,
            bytes,
            rounds: begin.elapsed().as_millis() / LATENCY.as_millis(),
        };
        (found, cost)
    }
}

/// Series of targets that all have the same metrics.
fn labels(metrics: usize, targets: usize) -> Vec<Labels> {
    let mut all = Vec::with_capacity(metrics * targets);
    for target in 0..targets {
        let instance = format!("10.0.{}.{}:9100", target / 250, target % 250);
        let node = format!("node-{target:05}");
        for metric in 0..metrics {
            let name = format!("node_subsystem_{:03}_metric_{metric:04}_total", metric % 37);
            all.push(Labels::from_pairs([
                ("__name__", name.as_str()),
                ("cluster", "eu-west-1"),
                ("device", ["eth0", "eth1", "lo"][metric % 3]),
                ("instance", instance.as_str()),
                ("job", "node"),
                ("mode", ["idle", "user", "system", "iowait"][metric % 4]),
                ("node", node.as_str()),
            ]));
        }
    }
    all.sort_by(block_order);
    all
}

async fn month(far: &Counted, metrics: usize, targets: usize) {
    far.write(0, NEWEST, 3, &labels(metrics, targets), 15_000)
        .await;
    let few = labels(10, 10);
    for block in 0..30 {
        let last = NEWEST - 3 - 12 * i64::try_from(block).unwrap();
        far.write(1 + block, last, 12, &few, 1_800_000).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_one_series_of_a_hundred_thousand_is_two_steps_and_less_than_two_megabytes() {
    let far = Arc::new(Counted::far(Arc::new(InMemory::new()), LATENCY));
    month(&far, 500, 200).await;
    let folder = TempDir::new().unwrap();
    let clock = Arc::new(SimulatedClock::at((NEWEST + 2) * SLICE_MS));
    let data = TempDir::new().unwrap();
    let options = TsdbOptions::new(data.path(), clock.clone());
    let tsdb = Tsdb::open(options, &mut Registry::default()).unwrap();
    let config = BucketConfig {
        provider: Provider::FileSystem,
        config: Settings::default(),
        prefix: String::new(),
        retention: PromDuration::default(),
        delete_delay: PromDuration::from_secs(1),
        sync_interval: PromDuration::from_secs(60),
        cache_size: ByteSize::from_bytes(64 << 20),
    };
    let options = BucketOptions::new(
        config,
        Arc::clone(&far) as _,
        folder.path().to_owned(),
        Arc::clone(tsdb.page_cache()),
        clock,
    );
    let bucket = Bucket::open(options, &mut Registry::default())
        .await
        .unwrap();
    tsdb.attach(Arc::clone(&bucket) as _);
    let (_stop, stopping) = watch::channel(false);
    let sync = async {
        bucket.sync(&[], &stopping).await.unwrap();
        Vec::new()
    };
    let (_, cost) = far.cost(sync).await;
    eprintln!("the list, with meta.json of 31 blocks: {cost:?}");

    let select = |metric: &str, instance: &str, hour: i64| {
        let start_ms = NEWEST * SLICE_MS + hour * SLICE_MS / 4;
        let request = SelectRequest {
            matchers: vec![
                Matcher::equal("__name__", metric),
                Matcher::equal("instance", instance),
            ],
            range: TimeRange {
                start_ms,
                end_ms: start_ms + SLICE_MS / 2,
            },
        };
        let tsdb = Arc::clone(&tsdb);
        async move {
            let found = tsdb.select(&request).await.unwrap();
            found.try_collect::<Vec<Series>>().await.unwrap()
        }
    };
    let mut costs = Vec::new();
    for (what, metric, instance, hour) in [
        (
            "nothing cached",
            "node_subsystem_007_metric_0044_total",
            "10.0.0.17:9100",
            -1,
        ),
        (
            "footers cached",
            "node_subsystem_030_metric_0400_total",
            "10.0.0.190:9100",
            -1,
        ),
        (
            "the same again",
            "node_subsystem_030_metric_0400_total",
            "10.0.0.190:9100",
            -1,
        ),
        (
            "one slice",
            "node_subsystem_019_metric_0204_total",
            "10.0.0.99:9100",
            1,
        ),
    ] {
        let (found, cost) = far.cost(select(metric, instance, hour)).await;
        eprintln!("{what}: {cost:?}");
        assert_eq!(found.len(), 1, "{what}");
        assert!((239..=241).contains(&found[0].values.len()), "{what}");
        costs.push(cost);
    }
    let [cold, warm, again, one] = costs[..] else {
        panic!("four queries")
    };
    assert!(cold.bytes < 2 << 20, "{cold:?}");
    assert!(warm.bytes < 2 << 20 && warm.rounds <= 2, "{warm:?}");
    assert_eq!((again.requests, again.bytes), (0, 0), "{again:?}");
    assert!(one.bytes < 1 << 20 && one.rounds <= 2, "{one:?}");
    tsdb.close().await.unwrap();
}
