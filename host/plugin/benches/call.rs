//! What a collection through a plugin costs, beside two limits measured in the same run: the same
//! samples put together and checked without a plugin, and the same samples read from a page of
//! text, as a scrape over HTTP does. `cargo bench -p narthex-plugin` prints the medians and what
//! the plugin takes as a multiple of each limit.
//!
//! It is not: a benchmark of what a plugin waits for, network or files.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use narthex_exposition::write::TextWriter;
use narthex_exposition::{Entry, Families, Family, Format, MetricType, Parser};
use narthex_model::{Labels, SystemClock};
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

#[tokio::main]
async fn main() {
    let component = component();
    let options = PluginOptions {
        config: PluginsConfig::default(),
        embedded: vec![Artifact::embedded("guest", Vec::leak(component), MANIFEST)],
        cache: None,
        clock: Arc::new(SystemClock),
        ..PluginOptions::default()
    };
    let start = Instant::now();
    let runtime = PluginRuntime::start(options, &mut Registry::default()).await;
    let runtime = runtime.expect("the runtime starts");
    println!("compiled and loaded in {:.0?}", start.elapsed());
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
    let labels = Labels::from_pairs([
        ("__address__", "localhost:1"),
        ("__scrape_timeout__", "1m"),
        ("instance", "localhost:1"),
        ("job", "bench"),
    ]);
    let target = Target::new(labels.clone(), labels, &Default::default());
    let mut times = Vec::new();
    for _ in 0..ROUNDS + WARM_UP {
        let start = Instant::now();
        let scraped = job
            .collect(&target, tokio::time::Instant::now() + DEADLINE)
            .await;
        times.push(start.elapsed());
        let Ok(Scraped::Families(families)) = scraped else {
            unreachable!("the guest answers with a batch");
        };
        let samples: usize = families.iter().map(|(_, samples)| samples.count()).sum();
        assert_eq!(samples, size as usize, "every sample came over");
    }
    middle(times)
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
