//! `narthex store`: two hosts bring their blocks to a bucket and are gone; what they had is answered
//! from there as they answered it, over HTTP and to a querier, by one store or by two that share it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use narthex_tests::{Cable, Narthex, S3Server, binary, free_port, http, run, until};
use serde_json::Value;

/// When the data begin, in seconds since the epoch, and when they end: in the second block.
const TIMES: (i64, i64) = (1_767_225_600, 1_767_225_600 + 3 * 3_600);

/// A sample comes each so many seconds.
const STEP: usize = 15;

/// Series of each host.
const SERIES: usize = 400;

/// A query of one hour of one series reads less than this.
const READ_BYTES_MAX: f64 = 2.0 * 1024.0 * 1024.0;

/// What a host has scraped: values of which no two are alike.
fn exposition(seed: u64) -> String {
    let mut text = String::from("# TYPE number gauge\n");
    let mut state = seed;
    for series in 0..SERIES {
        for time in (TIMES.0..TIMES.1).step_by(STEP) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let value = state as f64 / u64::MAX as f64;
            let _ = writeln!(text, "number{{i=\"{series}\"}} {value} {time}");
        }
    }
    text + "# EOF\n"
}

/// Starts a host that has scraped, under its external labels, and waits until its blocks are in the
/// bucket.
fn host(folder: &Path, s3: &S3Server, region: &str, replica: &str, seed: u64) -> Narthex {
    let data = folder.join(format!("{region}-{replica}"));
    let file = data.with_extension("om");
    std::fs::write(&file, exposition(seed)).unwrap();
    let mut create = Command::new(binary());
    create.args(["tsdb", "create-blocks-from", "openmetrics"]);
    run(create.arg(&file).arg(&data));
    let bucket = data.with_extension("yml");
    let prefix = format!("{region}/{replica}");
    std::fs::write(&bucket, S3Server::config(s3.address(), &prefix)).unwrap();
    let host = Narthex::builder()
        .config(format!(
            "global: {{external_labels: {{region: {region}, replica: {replica}}}}}\n"
        ))
        .data(data)
        .flag("--storage.tsdb.retention.time=100y")
        .flag("--storage.tsdb.max-block-duration=2h")
        .flag(format!(
            "--storage.object-store.config={}",
            bucket.display()
        ))
        .start();
    until(60, "the blocks of a host in the bucket", || {
        match host.gauge("narthex_bucket_uploads_total")? {
            uploads if uploads >= 2.0 => Ok(()),
            uploads => Err(format!("{uploads} uploads")),
        }
    });
    host
}

/// A store of the whole bucket, with further flags.
fn store(folder: &Path, address: &str, flags: &[String]) -> Narthex {
    let bucket = folder.join("store.yml");
    std::fs::write(&bucket, S3Server::config(address, "")).unwrap();
    let builder = Narthex::builder()
        .store()
        .flag(format!("--objstore.config-file={}", bucket.display()))
        .flag("--sync-block-duration=1s");
    flags.iter().fold(builder, |b, flag| b.flag(flag)).start()
}

/// The values of a query over an hour, by labels.
type Answer = BTreeMap<String, String>;

fn ask(narthex: &Narthex, query: &str, step: &str) -> Result<Answer, String> {
    let (start, end) = (TIMES.0 + 1_800, TIMES.0 + 5_400);
    let query = http::encode(query);
    let path = format!("query_range?query={query}&start={start}&end={end}&step={step}");
    let data = narthex.api(&path)?;
    let series = data["result"].as_array().into_iter().flatten();
    let series = series.map(|one| {
        let labels = narthex_tests::sorted(&one["metric"]);
        (labels, one["values"].to_string())
    });
    Ok(series.collect())
}

/// The same answer, under labels that its series lack.
fn under(answer: &Answer, region: &str, replica: &str) -> Answer {
    let with = |labels: &String| {
        let mut labels: Value = serde_json::from_str(labels).unwrap();
        labels["region"] = region.into();
        labels["replica"] = replica.into();
        narthex_tests::sorted(&labels)
    };
    answer
        .iter()
        .map(|(labels, values)| (with(labels), values.clone()))
        .collect()
}

fn blocks(store: &Narthex) -> BTreeSet<String> {
    let data = store.api("status/tsdb/blocks").unwrap();
    let blocks = data["blocks"].as_array().unwrap().iter();
    let names = blocks.map(|block| block["ulid"].as_str().unwrap().to_owned());
    names.collect()
}

#[test]
fn what_hosts_brought_to_a_bucket_is_answered_from_there() {
    let s3 = S3Server::start();
    let cable = Cable::to(s3.address());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let hosts = [("a", 1_u64), ("b", 2)].map(|(r, seed)| host(folder, &s3, "eu", r, seed));
    let mut expected = Answer::new();
    let mut bytes = 0.0;
    for (host, replica) in hosts.iter().zip(["a", "b"]) {
        let answer = ask(host, "number", "5m").unwrap();
        assert_eq!(answer.len(), SERIES);
        expected.extend(under(&answer, "eu", replica));
        bytes += host.gauge("narthex_bucket_uploaded_bytes_total").unwrap();
    }
    drop(hosts);

    let grpc = free_port();
    let grpc_flag = |port: u16| format!("--grpc-address=127.0.0.1:{port}");
    let first = store(folder, cable.address(), &[grpc_flag(grpc)]);
    assert_eq!(first.gauge("thanos_bucket_store_blocks_loaded"), Ok(4.0));
    // Another process does not get its data folder.
    let second = Command::new(binary())
        .arg("store")
        .arg(format!(
            "--objstore.config-file={}",
            folder.join("store.yml").display()
        ))
        .arg(format!("--data-dir={}", first.data().display()))
        .args(["--web.listen-address=127.0.0.1:0", &grpc_flag(0)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success(), "{said}");
    assert!(said.contains("is in use by another process"), "{said}");
    // An hour of one series of many reads as much as it needs, and again nothing.
    let read = || {
        first
            .gauge("narthex_objstore_bucket_fetched_bytes_total")
            .unwrap()
    };
    let before = read();
    let one = ask(&first, "number{i=\"7\", replica=\"a\"}", "15s").unwrap();
    assert_eq!(one.len(), 1);
    let fetched = read() - before;
    println!("an hour of one series: {fetched} bytes of {bytes} in the bucket");
    assert!(fetched > 0.0 && fetched < READ_BYTES_MAX, "{fetched} bytes");
    assert!(fetched < bytes / 3.0, "{fetched} of {bytes} bytes");
    let before = read();
    let again = ask(&first, "number{i=\"7\", replica=\"a\"}", "15s").unwrap();
    assert_eq!((again, read()), (one, before));

    // The way to the bucket is cut before the rest of it was read.
    cable.cut();
    let error = ask(&first, "number{replica=\"b\"}", "5m").unwrap_err();
    assert!(error.contains("the object store failed"), "{error}");
    until(60, "a look at the bucket that fails", || {
        match first.gauge("thanos_blocks_meta_sync_failures_total")? {
            failures if failures > 0.0 => Ok(()),
            failures => Err(format!("{failures} failures")),
        }
    });
    cable.mend();
    let answer = until(60, "the store to recover", || ask(&first, "number", "5m"));
    assert!(answer == expected, "{} series", answer.len());

    // Two that share the bucket, and queriers over them and over the first one.
    let rules = |shard: usize| {
        format!(
            "--selector.relabel-config=[{{source_labels: [__block_id], action: hashmod, \
             modulus: 2, target_label: shard}}, {{source_labels: [shard], action: keep, \
             regex: '{shard}'}}]"
        )
    };
    let ports = [free_port(), free_port()];
    let shards: Vec<Narthex> = ports
        .iter()
        .enumerate()
        .map(|(at, port)| store(folder, cable.address(), &[grpc_flag(*port), rules(at)]))
        .collect();
    let (all, halves) = (blocks(&first), [blocks(&shards[0]), blocks(&shards[1])]);
    assert!(halves[0].is_disjoint(&halves[1]), "{halves:?}");
    let both: BTreeSet<String> = halves.iter().flatten().cloned().collect();
    assert_eq!(both, all);
    let querier = |ports: &[u16], more: &str| {
        let endpoints = ports.iter().map(|p| format!("--endpoint=127.0.0.1:{p}"));
        let builder = Narthex::builder().querier().flag(more);
        let querier = endpoints.fold(builder, |b, flag| b.flag(flag)).start();
        until(60, "the stores to say what they are", || {
            let stores = querier.api("stores")?;
            let known = stores["store"].as_array().map_or(0, Vec::len);
            match known == ports.len() {
                true => Ok(()),
                false => Err(stores.to_string()),
            }
        });
        querier
    };
    let over_one = querier(&[grpc], "--query.timeout=2m");
    let over_two = querier(&ports, "--query.timeout=2m");
    for querier in [&over_one, &over_two] {
        let answer = ask(querier, "number", "5m").unwrap();
        assert!(answer == expected, "{} series", answer.len());
        let sums = ask(querier, "count by (replica) (number)", "5m").unwrap();
        assert_eq!(sums.len(), 2, "{sums:?}");
    }
    let sets = over_one.api("stores").unwrap()["store"][0]["labelSets"].to_string();
    assert!(sets.contains("\"a\"") && sets.contains("\"b\""), "{sets}");
    let replicas = querier(&[grpc], "--query.replica-label=replica");
    let answer = ask(
        &replicas,
        "count(count by (i) (number)) == count(number)",
        "5m",
    )
    .unwrap();
    assert_eq!(answer.len(), 1, "replicas are one series");

    // Another host brings its blocks, and is there after a look.
    let third = host(folder, &s3, "us", "a", 3);
    let brought = under(&ask(&third, "number", "5m").unwrap(), "us", "a");
    drop(third);
    let answer = until(60, "the new blocks", || {
        match ask(&first, "number{region=\"us\"}", "5m")? {
            answer if answer.is_empty() => Err("none".to_owned()),
            answer => Ok(answer),
        }
    });
    assert!(answer == brought, "{} series", answer.len());
}
