//! What the tests share: the guest, a runtime with it, targets, and reading what came back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use narthex_model::{Labels, SimulatedClock};
use narthex_plugin::{Artifact, PluginOptions, PluginRuntime, PluginsConfig};
use narthex_scrape::{Collector, Scraped, Target};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::time::Instant;

/// More than any well-behaved call of a test takes on a busy machine.
pub(crate) const GENEROUS: Duration = Duration::from_secs(60);

/// The manifest of the guest; it asks for everything that tests try.
pub(crate) const MANIFEST: &str = r#"
    name = "guest"
    version = "1.2.3"
    world = "exporter"
    wit = "0.1"
    [request]
    tcp = ["${target.host}:${target.port}"]
    [limits]
    memory = "8MiB"
"#;

/// Builds packages of this workspace as components.
pub(crate) fn components(packages: &[&str]) -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inside_target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let workspace = here.ancestors().nth(2).unwrap();
    let files = narthex_plugin_builder::build(workspace, inside_target, packages).unwrap();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// The guest.
pub(crate) fn guest() -> &'static [u8] {
    static GUEST: OnceLock<Vec<u8>> = OnceLock::new();
    GUEST.get_or_init(|| components(&["narthex-plugin-guest"]).remove(0))
}

/// The guest as another version of itself: its number is a text in its data.
pub(crate) fn guest_version(number: u32) -> Vec<u8> {
    let mut component = guest().to_vec();
    let text = b"narthex-guest-version: ";
    let at = component
        .windows(text.len())
        .position(|w| w == text)
        .unwrap()
        + text.len();
    component[at..at + 4].copy_from_slice(format!("{number:04}").as_bytes());
    component
}

/// A runtime under test.
pub(crate) struct Bench {
    pub(crate) runtime: Arc<PluginRuntime>,
    /// The time that the runtime sees.
    pub(crate) clock: SimulatedClock,
    registry: Registry,
}

impl Bench {
    /// A runtime that carries the guest.
    pub(crate) async fn new() -> Self {
        let embedded = vec![Artifact::embedded("guest", guest(), MANIFEST)];
        Self::with(embedded, "{}").await
    }

    /// A runtime that carries the guest, which is compiled: a test may pause its time from here on.
    pub(crate) async fn compiled() -> Self {
        let bench = Self::new().await;
        let job = bench.job("compiling", r#"{"do": "work"}"#);
        collect(&job).await.unwrap();
        bench
    }

    /// A runtime with these plugins and a configuration in JSON.
    pub(crate) async fn with(embedded: Vec<Artifact>, config: &str) -> Self {
        Self::start(PluginOptions {
            config: serde_json::from_str(config).unwrap(),
            embedded,
            ..Self::options()
        })
        .await
    }

    /// What a runtime under test is started with. It looks at its folder when a test says so: a
    /// look between two files that a test writes would find a version that nobody meant.
    pub(crate) fn options() -> PluginOptions {
        PluginOptions {
            cache: Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled")),
            folder_poll: None,
            ..PluginOptions::default()
        }
    }

    /// A runtime with options of one's own.
    pub(crate) async fn start(options: PluginOptions) -> Self {
        let mut registry = Registry::default();
        let clock = SimulatedClock::at(1_700_000_000_000);
        let options = PluginOptions {
            clock: Arc::new(clock.clone()),
            ..options
        };
        let runtime = PluginRuntime::start(options, &mut registry).await.unwrap();
        // What lies in a folder is loaded in the background.
        runtime.rescan().await;
        Self {
            runtime,
            clock,
            registry,
        }
    }

    /// A runtime with a folder of plugins and nothing else.
    pub(crate) async fn with_folder(folder: &Path, more: &str) -> Self {
        Self::with(Vec::new(), &folder_config(folder, more)).await
    }

    /// A job of the guest.
    pub(crate) fn job(&self, name: &str, config: &str) -> Arc<dyn Collector> {
        let config: Value = serde_json::from_str(config).unwrap();
        self.runtime.collector("guest", name, &config).unwrap()
    }

    /// The runtime's own metrics.
    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }

    /// A metric with its labels; zero where there is none.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let metrics = self.metrics();
        let mut values = metrics.lines().filter_map(|line| line.strip_prefix(name));
        values
            .next()
            .map_or(0.0, |value| value.trim().parse().unwrap())
    }

    /// Checks that lines are among the runtime's own metrics.
    pub(crate) fn assert_metrics(&self, lines: &[&str]) {
        let metrics = self.metrics();
        for line in lines {
            assert!(
                metrics.lines().any(|l| l == *line),
                "{line} is not in\n{metrics}"
            );
        }
    }
}

/// The configuration of a folder.
pub(crate) fn folder_config(folder: &Path, more: &str) -> String {
    format!("{{\"directory\": {folder:?}{more}}}")
}

/// Another configuration for a running bench.
pub(crate) fn config(text: &str) -> PluginsConfig {
    serde_json::from_str(text).unwrap()
}

/// A target with a timeout of one minute, as far as people are told.
pub(crate) fn target(address: &str) -> Target {
    target_within(address, "1m")
}

/// A target with a timeout.
pub(crate) fn target_within(address: &str, timeout: &str) -> Target {
    let labels = Labels::from_pairs([
        ("__address__", address),
        ("__scrape_timeout__", timeout),
        ("instance", address),
        ("job", "test"),
    ]);
    Target::new(labels.clone(), labels, &BTreeMap::new())
}

/// Reads a target and prints what came, as text.
pub(crate) async fn collect_from(
    job: &Arc<dyn Collector>,
    target: &Target,
) -> Result<String, String> {
    let deadline = Instant::now() + GENEROUS;
    let scraped = job.collect(target, deadline).await;
    scraped
        .map(|scraped| text(&scraped))
        .map_err(|error| error.to_string())
}

/// Reads a target that nobody connects to.
pub(crate) async fn collect(job: &Arc<dyn Collector>) -> Result<String, String> {
    collect_from(job, &target("localhost:1")).await
}

/// One `name{label="value"} number` a line.
pub(crate) fn text(scraped: &Scraped) -> String {
    match scraped {
        Scraped::Text { content_type, body } => {
            format!("{content_type}\n{}", String::from_utf8_lossy(body))
        }
        Scraped::Families(families) => {
            let mut lines = Vec::new();
            for (_, samples) in families.iter() {
                for sample in samples {
                    let labels: Vec<String> = sample
                        .label_pairs()
                        .map(|(name, value)| format!("{name}={value:?}"))
                        .collect();
                    let labels = match labels.is_empty() {
                        true => String::new(),
                        false => format!("{{{}}}", labels.join(",")),
                    };
                    lines.push(format!("{}{labels} {}", sample.name(), sample.value));
                }
            }
            lines.join("\n")
        }
    }
}
