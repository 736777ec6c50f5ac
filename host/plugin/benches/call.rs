//! What a collection through a plugin costs, beside two limits measured in the same run: the same
//! samples put together and checked without a plugin, and the same samples read from a page of
//! text, as a scrape over HTTP does. `cargo bench -p narthex-plugin` prints the medians and what
//! the plugin takes as a multiple of each limit; then what a start from the cache takes, a swap
//! under load, and the memory of a thousand jobs.
//!
//! It is not: a benchmark of what a plugin waits for, network or files.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use narthex_exposition::write::TextWriter;
use narthex_exposition::{Entry, Families, Family, Format, MetricType, Parser};
use narthex_model::Labels;
use narthex_plugin::{Artifact, PluginOptions, PluginRuntime, PluginsConfig};
use narthex_scrape::{Collector, Scraped, Target};
use prometheus_client::registry::Registry;

const MANIFEST: &str = "name = \"guest\"\nversion = \"1\"\nworld = \"exporter\"\nwit = \"0.1\"";

/// How many samples a collection brings.
const SIZES: [u32; 4] = [0, 10, 1000, 10_000];

/// How often each thing is measured; the first calls warm up and do not count.
const ROUNDS: usize = 500;
const WARM_UP: usize = 20;

/// Of every round.
const DEADLINE: Duration = Duration::from_secs(60);

const NAME: &str = "guest_samples_total";

/// How many jobs the memory is measured with.
const JOBS: usize = 1000;

/// How many swaps are measured.
const SWAPS: u32 = 50;

#[tokio::main]
async fn main() {
    let component = component();
    let cache = tempfile::tempdir().expect("a folder");
    let first = start(&component, cache.path()).await;
    println!("compiled and loaded in {first:.0?}");
    let mut starts = Vec::new();
    for _ in 0..WARM_UP + 20 {
        starts.push(start(&component, cache.path()).await);
    }
    println!("first answer from the cache in {:.1?}", middle(starts));

    let runtime = runtime(component.clone(), cache.path()).await;
    println!("samples      plugin  by hand (x)          page of text (x)");
    for size in SIZES {
        let config = serde_json::json!({"do": "samples", "count": size});
        let job = runtime.collector("guest", "bench", &config);
        let plugin = plugin(&job.expect("the guest is there"), size).await;
        let hand = median(|| drop(black_box(by_hand(black_box(size)))));
        let page = page(size);
        let text = median(|| drop(black_box(read(black_box(&page)))));
        println!(
            "{size:>7} {plugin:>11.1?} {hand:>11.1?} {:>6.1} {text:>15.1?} {:>6.1}",
            plugin.as_secs_f64() / hand.as_secs_f64(),
            plugin.as_secs_f64() / text.as_secs_f64(),
        );
    }
    swaps(&component, cache.path()).await;
    memory(&runtime).await;
}

/// A runtime that carries the guest.
async fn runtime(component: Vec<u8>, cache: &Path) -> Arc<PluginRuntime> {
    let options = PluginOptions {
        embedded: vec![Artifact::embedded("guest", Vec::leak(component), MANIFEST)],
        cache: Some(cache.to_owned()),
        ..PluginOptions::default()
    };
    let runtime = PluginRuntime::start(options, &mut Registry::default()).await;
    runtime.expect("the runtime starts")
}

/// From a runtime without instances to the first answer; the engine's own start is not in it.
async fn start(component: &[u8], cache: &Path) -> Duration {
    let runtime = runtime(component.to_vec(), cache).await;
    let start = Instant::now();
    let config = serde_json::json!({"do": "samples", "count": 1});
    let job = runtime.collector("guest", "bench", &config);
    ask(&job.expect("the guest is there"), 1).await;
    start.elapsed()
}

/// Swaps from a folder, each from the look at the folder until the new version serves.
async fn swaps(component: &[u8], cache: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |number: u32| {
        let manifest = MANIFEST.replace("\"1\"", &format!("\"{number}\""));
        fs::write(folder.path().join("guest.toml"), manifest).expect("written");
        fs::write(folder.path().join("guest.wasm"), component).expect("written");
    };
    place(0);
    let config = PluginsConfig {
        directory: Some(folder.path().to_owned()),
        ..PluginsConfig::default()
    };
    let options = PluginOptions {
        config,
        cache: Some(cache.to_owned()),
        ..PluginOptions::default()
    };
    let runtime = PluginRuntime::start(options, &mut Registry::default()).await;
    let runtime = runtime.expect("the runtime starts");
    runtime.rescan().await;
    let config = serde_json::json!({"do": "samples", "count": 1000});
    let job = runtime.collector("guest", "bench", &config);
    let job = job.expect("the guest is there");
    ask(&job, 1000).await;
    let mut times = Vec::new();
    for number in 1..=SWAPS {
        place(number);
        let start = Instant::now();
        runtime.rescan().await;
        times.push(start.elapsed());
        ask(&job, 1000).await;
    }
    println!("swap {:.1?}", middle(times));
}

/// The memory of many jobs, each with a warm instance that has answered once.
async fn memory(runtime: &Arc<PluginRuntime>) {
    let config = serde_json::json!({"do": "samples", "count": 1000});
    let before = resident_kilobytes();
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        let job = runtime.collector("guest", &format!("job{number}"), &config);
        let job = job.expect("the guest is there");
        ask(&job, 1000).await;
        jobs.push(job);
    }
    let after = resident_kilobytes();
    let each = (after - before) / JOBS;
    println!(
        "{JOBS} jobs: {} MB, {each} kB each",
        (after - before) / 1000
    );
}

fn resident_kilobytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: Option<usize> = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.expect("a number of pages") * 4
}

/// The guest of the runtime's tests, which answers with as many samples as it is told.
fn component() -> Vec<u8> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inside_target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let workspace = here
        .ancestors()
        .nth(2)
        .expect("the crate lies in host/plugin");
    let built = narthex_plugin_builder::build(workspace, inside_target, &["narthex-plugin-guest"]);
    let file = built.expect("the guest builds").remove(0);
    fs::read(file).expect("the guest can be read")
}

/// The median of collections on one warm instance.
async fn plugin(job: &Arc<dyn Collector>, size: u32) -> Duration {
    let mut times = Vec::new();
    for _ in 0..ROUNDS + WARM_UP {
        let start = Instant::now();
        let scraped = ask(job, size).await;
        times.push(start.elapsed());
        drop(scraped);
    }
    middle(times)
}

/// One collection, which has to bring so many samples.
async fn ask(job: &Arc<dyn Collector>, size: u32) -> Families {
    let labels = Labels::from_pairs([
        ("__address__", "localhost:1"),
        ("__scrape_timeout__", "1m"),
        ("instance", "localhost:1"),
        ("job", "bench"),
    ]);
    let target = Target::new(labels.clone(), labels, &Default::default());
    let deadline = tokio::time::Instant::now() + DEADLINE;
    match job.collect(&target, deadline).await {
        Ok(Scraped::Families(families)) => {
            assert_eq!(
                families.sample_count(),
                size as usize,
                "every sample came over"
            );
            families
        }
        other => unreachable!("the guest answers with a batch: {other:?}"),
    }
}

fn median(mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    middle((0..ROUNDS + WARM_UP).map(time).collect())
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.drain(..WARM_UP);
    times.sort_unstable();
    times[times.len() / 2]
}

/// What the guest answers, put together here.
fn by_hand(size: u32) -> Families {
    let mut symbols: Vec<String> = ["", NAME, "Many.", "shard", "zone", "a", "tier", "b"]
        .map(str::to_owned)
        .into();
    let shared = u32::try_from(symbols.len()).expect("a handful");
    let family = Family {
        name: 1,
        help: 2,
        unit: 0,
        kind: MetricType::Counter,
        samples: size,
    };
    let (mut counts, mut labels, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..size {
        symbols.push(number.to_string());
        counts.push(3);
        labels.extend([3, shared + number, 4, 5, 6, 7]);
        values.push(f64::from(number));
    }
    Families::new(symbols, vec![family], counts, labels, values, Vec::new())
        .expect("the batch adds up")
}

/// The same as a page of text.
fn page(size: u32) -> Vec<u8> {
    let mut page = TextWriter::new(Format::PrometheusText);
    for number in 0..size {
        let shard = number.to_string();
        let labels = [("shard", shard.as_str()), ("zone", "a"), ("tier", "b")];
        page.sample(NAME, labels, f64::from(number), None);
    }
    page.finish().into_bytes()
}

/// Reads a page with every label set, as the first scrape of a target does.
fn read(page: &[u8]) -> Vec<Labels> {
    let series = |entry| match entry {
        Ok(Entry::Series(series)) => Some(series.labels().expect("no label comes twice")),
        _ => None,
    };
    Parser::new(page, Format::PrometheusText)
        .filter_map(series)
        .collect()
}
