//! Blocks in a bucket: a server dies, and another one with an empty disk answers for its past.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use narthex_tests::{Narthex, S3Server, Target, until};

const SERIES: usize = 20;

/// Blocks of this many milliseconds.
const BLOCK_MS: f64 = 4_000.0;

/// By series: the samples, time in seconds and value.
type Samples = BTreeMap<String, Vec<(f64, String)>>;

fn stored(narthex: &Narthex) -> Result<Samples, String> {
    let data = narthex.api("query?query=load%5B1h%5D")?;
    let mut samples = Samples::new();
    for series in data["result"].as_array().ok_or("no result")? {
        let name = series["metric"]["series"].as_str().unwrap_or("").to_owned();
        let points = series["values"].as_array().ok_or("no values")?.iter();
        let points = points.map(|p| {
            let time = p[0].as_f64().unwrap_or_default();
            (time, p[1].as_str().unwrap_or("").to_owned())
        });
        samples.insert(name, points.collect());
    }
    Ok(samples)
}

#[test]
fn the_past_of_a_server_that_died_is_in_the_bucket() {
    let s3 = S3Server::start();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bucket.yml");
    let text = format!(
        "type: S3\nconfig:\n  bucket: metrics\n  endpoint: {}\n  region: us-east-1\n  insecure: true\n  \
         access_key: k\n  secret_key: s\nprefix: prod\nsync_interval: 1s\ncache_size: 16MB\n",
        s3.address()
    );
    std::fs::write(&config, text).unwrap();
    let scrapes = AtomicU64::new(0);
    let target = Target::serve_text(move || {
        let number = scrapes.fetch_add(1, Ordering::SeqCst);
        (0..SERIES)
            .map(|series| format!("load{{series=\"{series}\"}} {number}\n"))
            .collect()
    });
    let flags = [
        "--storage.tsdb.min-block-duration=4s".to_owned(),
        "--storage.tsdb.max-block-duration=4s".to_owned(),
        format!("--storage.object-store.config={}", config.display()),
    ];
    let start = |config: String| {
        let builder = flags
            .iter()
            .fold(Narthex::builder(), |b, flag| b.flag(flag));
        builder.config(config).start()
    };
    let mut first = start(format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         scrape_configs:\n- job_name: load\n  static_configs: [{{targets: [{:?}]}}]\n",
        target.address()
    ));
    until(120, "three blocks in the bucket", || {
        match first.gauge("narthex_bucket_blocks")? {
            blocks if blocks >= 3.0 => Ok(()),
            blocks => Err(format!("{blocks} blocks")),
        }
    });
    let before = stored(&first).unwrap();
    assert_eq!(before.len(), SERIES);
    first.process().kill();
    drop(first);

    // The disk is another one, and nothing is scraped.
    let second = start("global: {scrape_interval: 1h}\n".to_owned());
    let after = until(120, "the blocks to be known", || {
        match second.gauge("narthex_bucket_blocks")? {
            blocks if blocks >= 3.0 => stored(&second),
            blocks => Err(format!("{blocks} blocks")),
        }
    });
    for (series, samples) in &before {
        let first_s = samples[0].0;
        // Three blocks hold at least two whole ones' time, wherever in one it began.
        let old = samples
            .iter()
            .filter(|(t, _)| *t < first_s + 2.0 * BLOCK_MS / 1_000.0);
        let old: Vec<_> = old.collect();
        assert!(old.len() > 10, "{series}: {} samples", old.len());
        let found: Vec<_> = after[series].iter().take(old.len()).collect();
        assert_eq!(found, old, "{series}");
    }
}
