//! A real S3 server on loopback: moto, from PyPI.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use narthex_block::SLICE_MS;
use narthex_bucket::{BucketConfig, open_store};
use narthex_model::{Clock as _, SystemClock};
use narthex_tsdb::RemoteBlocks;
use object_store::ObjectStore;

use crate::field::worker_on;
use crate::fixture::{Beside, Disk, HOUR_MS, NOW_MS, samples};
use crate::toxic::Dice;

/// Serves until its input ends, so that it never outlives the test.
const SERVER: &str = "
import sys
import boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
keys = {'aws_access_key_id': 'k', 'aws_secret_access_key': 's', 'region_name': 'us-east-1'}
boto3.client('s3', endpoint_url=f'http://{host}:{port}', **keys).create_bucket(Bucket='metrics')
print(f'{host}:{port}', flush=True)
sys.stdin.read()
";

pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// `None` where there is no moto and nobody said that there is one.
    pub(crate) fn start() -> Option<Self> {
        let named = std::env::var("NARTHEX_TEST_PYTHON").ok();
        let python = named.clone().unwrap_or_else(|| "python3".to_owned());
        let child = Command::new(python)
            .args(["-c", SERVER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else {
            assert!(named.is_none(), "NARTHEX_TEST_PYTHON is no program");
            return None;
        };
        let mut address = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        if address.is_empty() {
            child.wait().unwrap();
            assert!(named.is_none(), "NARTHEX_TEST_PYTHON has no moto[server]");
            return None;
        }
        Some(Self { child, address })
    }

    pub(crate) fn store(&self, prefix: &str) -> Arc<dyn ObjectStore> {
        let text = format!(
            r#"{{"type": "S3", "prefix": "{prefix}", "config": {{"bucket": "metrics",
                "endpoint": "{}", "insecure": true, "region": "us-east-1",
                "access_key": "k", "secret_key": "s"}}}}"#,
            self.address
        );
        let config: BucketConfig = serde_json::from_str(&text).unwrap();
        config.check().unwrap();
        open_store(&config).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn blocks_live_in_s3() {
    let Some(server) = Server::start() else {
        eprintln!("there is no moto: pip install 'moto[server]'");
        return;
    };
    let newest = NOW_MS / SLICE_MS;
    let mut disk = Disk::new();
    disk.cut(newest - 3, 40, 60).await;
    // More than one part of an upload.
    let dice = Dice::new(1);
    let noise = |_| f64::from_bits(dice.throw(u64::from(u32::MAX)) << 20 | dice.throw(1 << 20));
    let large = disk.cut_with(newest - 2, 3_000, 480, noise).await;
    assert!(large.meta().size() > 9 << 20, "{}", large.meta().size());
    disk.cut(newest - 1, 40, 60).await;
    let expected = samples(&disk.blocks).await.unwrap();

    let beside = Beside::open(server.store("prod/one")).await;
    beside.sync(&disk).await.unwrap();
    assert!(disk.blocks.iter().all(|block| beside.bucket.has(block)));
    let beside = beside.restart(true).await;
    beside.sync(&Disk::new()).await.unwrap();
    assert_eq!(beside.samples().await.unwrap(), expected);

    disk.compact(3).await;
    beside.sync(&disk).await.unwrap();
    assert_eq!(beside.bucket.block_names().len(), 1);
    beside.clock.set(NOW_MS + 49 * HOUR_MS);
    beside.sync(&disk).await.unwrap();
    assert_eq!(beside.samples().await.unwrap(), expected);
    // Another prefix is another bucket.
    let other = Beside::open(server.store("prod/two")).await;
    other.sync(&Disk::new()).await.unwrap();
    assert!(other.samples().await.unwrap().is_empty());
    compacted(&server).await;
    // The block is larger than the cache, which makes room for it in tasks of its own. One of them
    // that begins while the runtime ends waits for itself, and the process for it.
    beside.bucket.close().await;
    other.bucket.close().await;
}

/// Two workers find their leases in S3, and readers what they made.
async fn compacted(server: &Server) {
    let first = NOW_MS / SLICE_MS / 4 * 4 - 8;
    let mut disk = Disk::new();
    for slice in first..first + 5 {
        disk.cut(slice, 3, 4).await;
    }
    let expected = samples(&disk.blocks).await.unwrap();
    let beside = Beside::open(server.store("prod/three")).await;
    beside.sync(&disk).await.unwrap();
    // The server takes the real time for what is written.
    let now_ms = SystemClock.now_ms();
    let worker = |number| worker_on(server.store("prod/three"), number, now_ms, |_| {});
    let (one, two) = (worker(1).await, worker(2).await);
    let (one, two) = tokio::join!(one.pass(), two.pass());
    assert_eq!(one.unwrap().made + two.unwrap().made, 1);
    let reader = beside.restart(true).await;
    reader.sync(&Disk::new()).await.unwrap();
    assert_eq!(reader.samples().await.unwrap(), expected);
    // One of eight hours, and the newest.
    assert_eq!(reader.bucket.block_names().len(), 2);
    reader.bucket.close().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let text = r#"{"type": "S3", "config": {"bucket": "metrics", "endpoint": "127.0.0.1:1",
        "insecure": true, "access_key": "k", "secret_key": "hunter2"}}"#;
    let config: BucketConfig = serde_json::from_str(text).unwrap();
    let beside = Beside::open(open_store(&config).unwrap()).await;
    let error = beside.sync(&Disk::new()).await.unwrap_err();
    let mut chain = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    assert!(
        chain.starts_with("the object store cannot list the bucket: "),
        "{chain}"
    );
    assert!(
        chain.contains("127.0.0.1:1") && !chain.contains("hunter2"),
        "{chain}"
    );
    assert!(beside.bucket.blocks().is_none());
}
