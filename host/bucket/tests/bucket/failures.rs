//! A store that is down for a while, in one way or another: what is said, what is counted, how often
//! it is asked, and what comes when it is back. The task is spawned as the binary does it.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use narthex_block::SLICE_MS;
use narthex_bucket::{
    Bucket, BucketConfig, BucketError, BucketOptions, Provider, Settings, open_store,
};
use narthex_model::{ByteSize, PromDuration, SimulatedClock, with_sources};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::fixture::{Disk, NOW_MS, pages};

/// What is wrong with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ill {
    Refuses,
    RefusesPuts,
    Stalls,
    StallsPuts,
    CutsBodies,
}

#[derive(Debug)]
struct Sick {
    inner: InMemory,
    ill: Mutex<Option<Ill>>,
}

impl Sick {
    fn ill(&self) -> Option<Ill> {
        *self.ill.lock().unwrap()
    }

    /// What every request meets.
    async fn meet(&self) -> Result<()> {
        match self.ill() {
            Some(Ill::Refuses) => Err(unavailable()),
            Some(Ill::Stalls) => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

fn unavailable() -> Error {
    Error::Generic {
        store: "sick",
        source: "503 Slow Down".into(),
    }
}

impl fmt::Display for Sick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sick")
    }
}

#[async_trait]
impl ObjectStore for Sick {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.meet().await?;
        match self.ill() {
            Some(Ill::RefusesPuts) => Err(unavailable()),
            Some(Ill::StallsPuts) => std::future::pending().await,
            _ => self.inner.put_opts(path, payload, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.meet().await?;
        let is_cut = self.ill() == Some(Ill::CutsBodies) && !options.head;
        let mut got = self.inner.get_opts(path, options).await?;
        if is_cut {
            let (meta, range) = (got.meta.clone(), got.range.clone());
            let attributes = std::mem::take(&mut got.attributes);
            let bytes = got.bytes().await?;
            let half = vec![Ok(bytes.slice(..bytes.len() / 2))];
            got = GetResult {
                payload: GetResultPayload::Stream(stream::iter(half).boxed()),
                meta,
                range,
                attributes,
                extensions: Default::default(),
            };
        }
        Ok(got)
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.ill() {
            Some(Ill::Refuses) => stream::once(async { Err(unavailable()) }).boxed(),
            Some(Ill::Stalls) => stream::pending().boxed(),
            _ => self.inner.list(prefix),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A bucket and what it tells of itself.
struct Told {
    bucket: Arc<Bucket>,
    registry: Registry,
    _folder: TempDir,
}

impl Told {
    async fn open(store: Arc<dyn ObjectStore>) -> Self {
        let folder = TempDir::new().unwrap();
        let config = BucketConfig {
            provider: Provider::FileSystem,
            config: Settings::default(),
            prefix: String::new(),
            retention: PromDuration::default(),
            delete_delay: PromDuration::from_secs(48 * 3_600),
            sync_interval: PromDuration::from_secs(60),
            cache_size: ByteSize::from_bytes(8 << 20),
        };
        let clock = Arc::new(SimulatedClock::at(NOW_MS));
        let path = folder.path().to_owned();
        let options = BucketOptions {
            timeout: Duration::from_secs(10),
            ..BucketOptions::new(config, store, path, pages(), clock)
        };
        let mut registry = Registry::default();
        let bucket = Bucket::open(options, &mut registry).await.unwrap();
        Self {
            bucket,
            registry,
            _folder: folder,
        }
    }

    async fn sync(&self, disk: &Disk) -> Result<(), BucketError> {
        let (_stop, stopping) = watch::channel(false);
        self.bucket.sync(&disk.blocks, &stopping).await
    }

    /// The number that a line of `/metrics` shows.
    fn metric(&self, name: &str) -> f64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
        line.trim().parse().unwrap()
    }
}

async fn disk() -> Disk {
    let mut disk = Disk::new();
    for slice in [2, 1] {
        disk.cut(NOW_MS / SLICE_MS - slice, 5, 60).await;
    }
    disk
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_named_and_counted() {
    for (ill, said, operation) in [
        (
            Ill::Refuses,
            "the object store cannot list the bucket: Generic sick error: 503 Slow Down",
            "iter",
        ),
        (
            Ill::Stalls,
            "the object store did not list the bucket within 10 s",
            "iter",
        ),
        (
            Ill::RefusesPuts,
            "the object store cannot put BLOCK/chunks.parquet: Generic sick error: 503 Slow Down",
            "upload",
        ),
        (
            Ill::StallsPuts,
            "the object store did not put BLOCK/chunks.parquet within 10 s",
            "upload",
        ),
        (
            Ill::CutsBodies,
            "BLOCK/chunks.parquet is in the bucket with other bytes than were sent",
            "",
        ),
    ] {
        let disk = disk().await;
        let store = Arc::new(Sick {
            inner: InMemory::new(),
            ill: Mutex::new(Some(ill)),
        });
        let told = Told::open(Arc::clone(&store) as _).await;
        let error = told.sync(&disk).await.unwrap_err();
        let first = &disk.blocks[0].meta().ulid;
        let found = with_sources(&error).replace(first, "BLOCK");
        assert!(found.starts_with(said), "{ill:?}: {found}");
        assert_eq!(told.metric("narthex_bucket_sync_failures_total"), 1.0);
        assert_eq!(told.metric("narthex_bucket_uploads_total"), 0.0);
        if !operation.is_empty() {
            let name = "narthex_objstore_bucket_operation_failures_total";
            let name = format!("{name}{{operation=\"{operation}\"}}");
            assert_eq!(told.metric(&name), 1.0, "{ill:?}");
        }
        // A block whose answers are cut does not keep the next one from being tried.
        let tried = match ill {
            Ill::Refuses | Ill::Stalls => 0.0,
            Ill::CutsBodies => 2.0,
            _ => 1.0,
        };
        let failed = told.metric("narthex_bucket_upload_failures_total");
        assert_eq!(failed, tried, "{ill:?}");
        *store.ill.lock().unwrap() = None;
        told.sync(&disk).await.unwrap();
        assert_eq!(told.metric("narthex_bucket_blocks "), 2.0, "{ill:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_for_an_hour_is_asked_seldom_and_gets_everything_when_it_is_back() {
    for ill in [Ill::Refuses, Ill::Stalls, Ill::RefusesPuts, Ill::CutsBodies] {
        let disk = disk().await;
        let store = Arc::new(Sick {
            inner: InMemory::new(),
            ill: Mutex::new(Some(ill)),
        });
        let told = Told::open(Arc::clone(&store) as _).await;
        let (stop, stopping) = watch::channel(false);
        let blocks = Arc::new(disk.blocks.clone());
        let running = Arc::clone(&told.bucket);
        let task = tokio::spawn(async move {
            running.run(|| Arc::clone(&blocks), stopping).await;
        });
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        // At 5, 10, 20 and 40 s, and then once a minute; a stall takes its time.
        let syncs = told.metric("narthex_bucket_syncs_total");
        assert!((50.0..=64.0).contains(&syncs), "{ill:?}: {syncs}");
        let failures = told.metric("narthex_bucket_sync_failures_total");
        assert!(syncs - failures <= 1.0, "{ill:?}: {failures} of {syncs}");
        let last = "narthex_bucket_last_successful_sync_timestamp_seconds";
        assert_eq!(told.metric(last), 0.0);
        assert_eq!(told.metric("narthex_bucket_uploads_total"), 0.0);
        *store.ill.lock().unwrap() = None;
        tokio::time::sleep(Duration::from_secs(75)).await;
        assert_eq!(told.metric("narthex_bucket_uploads_total"), 2.0, "{ill:?}");
        assert_eq!(told.metric("narthex_bucket_blocks_waiting "), 0.0);
        assert_eq!(told.metric(last), NOW_MS as f64 / 1_000.0);
        stop.send_replace(true);
        task.await.unwrap();
        let listed: Vec<_> = store.inner.list(None).try_collect().await.unwrap();
        let metas = listed
            .iter()
            .filter(|o| o.location.as_ref().ends_with("meta.json"));
        assert_eq!(metas.count(), 2, "{ill:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_to_stop_gives_up_a_request_that_is_not_answered() {
    let disk = disk().await;
    let store = Arc::new(Sick {
        inner: InMemory::new(),
        ill: Mutex::new(Some(Ill::StallsPuts)),
    });
    let told = Told::open(store).await;
    let (stop, stopping) = watch::channel(false);
    let running = Arc::clone(&told.bucket);
    let blocks = Arc::new(disk.blocks.clone());
    let task = tokio::spawn(async move {
        running.run(|| Arc::clone(&blocks), stopping).await;
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.send_replace(true);
    let ended = tokio::time::timeout(Duration::from_secs(1), task).await;
    ended.unwrap().unwrap();
}

/// Answers every request in the same way, and counts them.
fn serve(answer: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let counted = Arc::<AtomicUsize>::default();
    let requests = Arc::clone(&counted);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head = BufReader::new(stream.try_clone().unwrap()).lines();
            let ends = |line: &std::io::Result<String>| line.as_ref().is_ok_and(|l| !l.is_empty());
            let lines = head.take_while(ends).count();
            if lines > 0 {
                requests.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    (address, counted)
}

#[tokio::test]
async fn a_server_that_cannot_answer_is_asked_four_times() {
    for (answer, said) in [
        (
            "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "503",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\nConnection: close\r\n\r\n<ListBucket",
            "the object store cannot list the bucket: ",
        ),
    ] {
        let (address, requests) = serve(answer);
        let text = format!(
            r#"{{"type": "S3", "config": {{"bucket": "metrics", "endpoint": "{address}",
            "insecure": true, "access_key": "k", "secret_key": "hunter2"}}}}"#
        );
        let config: BucketConfig = serde_json::from_str(&text).unwrap();
        let told = Told::open(open_store(&config).unwrap()).await;
        let error = with_sources(&told.sync(&Disk::new()).await.unwrap_err());
        assert!(
            error.contains(said) && !error.contains("hunter2"),
            "{error}"
        );
        assert!(
            error.starts_with("the object store cannot list the bucket: "),
            "{error}"
        );
        let requests = requests.load(Ordering::SeqCst);
        assert!((1..=4).contains(&requests), "{requests}: {error}");
    }
}
