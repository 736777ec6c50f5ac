//! What plugins cost in the real binary, beside a scrape of the same samples by HTTP: prints a
//! table. `cargo bench -p narthex-tests --bench plugins`, after `tests/run` has installed the
//! compilers of the five languages.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use narthex_tests::peers::{self, Peer};
use narthex_tests::{Narthex, Samples, binary, http, run, until};

/// Samples of a scrape.
const SAMPLES: usize = 1_000;

/// Scrapes of each job that are measured.
const SCRAPES: usize = 150;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    for language in Samples::languages() {
        let samples = Samples::build(folder.path(), language);
        samples.install(&plugins, language);
        calls(&samples, language);
    }
    let gateway = page(folder.path());
    scrapes(&gateway.address(), &plugins);
    let idle = memory(&plugins, 0, |_| String::new());
    for (language, jobs) in [("rust", 1_000), ("python", 100)] {
        let used = memory(&plugins, jobs, |name| job(name, language, SAMPLES)) - idle;
        let by_http = memory(&plugins, jobs, |name| http_job(name, &gateway.address())) - idle;
        println!(
            "{jobs} jobs in {language}: {used:.0} MB more than without ({idle:.0} MB); \
             {jobs} jobs by HTTP: {by_http:.0} MB"
        );
    }
}

/// What `narthex plugin bench` finds.
fn calls(samples: &Samples, language: &str) {
    let fixture = samples.project().join("fixtures/thousand.toml");
    let text = format!(
        "[plugin_config]\ncount = {SAMPLES}\n[expect]\nmatch = \"contains\"\n\
         samples = 'samples_requests_total{{code=\"200\",method=\"get\",path=\"/api/v1/path/1\"}} 1.5'\n"
    );
    std::fs::create_dir_all(fixture.parent().unwrap()).unwrap();
    std::fs::write(fixture, text).unwrap();
    let mut bench = Command::new(binary());
    bench.args(["plugin", "bench", "--fixture", "thousand", "-o", "json"]);
    let found = run(bench.arg(samples.project()));
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let number = |pointer: &str| found.pointer(pointer).and_then(|it| it.as_f64()).unwrap();
    println!(
        "{language:<12} {:>8.3} ms a call of {SAMPLES} samples; {:.1} ms to load from the cache and \
         {:.1} ms for the first call; instance {:.1} MB, component {:.2} MB",
        number("/wall/median") * 1e3,
        number("/load_seconds") * 1e3,
        number("/first_call/median") * 1e3,
        number("/memory_bytes") / 1e6,
        number("/wasm_bytes") / 1e6,
    );
}

fn job(name: &str, language: &str, count: usize) -> String {
    format!(
        "- job_name: {name}\n  plugin: {language}\n  plugin_config: {{count: {count}}}\n  \
         static_configs: [{{targets: [somewhere]}}]\n"
    )
}

fn http_job(name: &str, address: &str) -> String {
    format!("- job_name: {name}\n  static_configs: [{{targets: ['{address}']}}]\n")
}

/// A real exporter that says the same samples (and some of its own).
fn page(folder: &Path) -> Peer {
    let gateway = peers::pushgateway(folder);
    let mut page = "# TYPE samples_requests_total counter\n".to_owned();
    for number in 0..SAMPLES {
        let path = format!("/api/v1/path/{number}");
        writeln!(
            page,
            "samples_requests_total{{code=\"200\",method=\"get\",path=\"{path}\"}} {number}.5"
        )
        .unwrap();
    }
    let url = format!("{}/metrics/job/samples", gateway.url());
    assert_eq!(http::put(&url, &page).unwrap().0, 200);
    gateway
}

/// How long scrapes take, seen from the server.
fn scrapes(http: &str, plugins: &Path) {
    let mut config = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         plugins: {{directory: {}}}\nscrape_configs:\n{}",
        plugins.display(),
        http_job("http", http)
    );
    for language in Samples::languages() {
        config += &job(language, language, SAMPLES);
        config += &job(&format!("{language}-empty"), language, 0);
    }
    let narthex = Narthex::builder().config(config).start();
    let number = |query: &str| -> Result<f64, String> {
        let found = narthex.query(query)?;
        let value = found
            .values()
            .next()
            .ok_or_else(|| format!("{query}: none"))?;
        value.parse().map_err(|_| value.clone())
    };
    until(600, "enough scrapes", || {
        match number("min(sum_over_time(up[1h]))")? {
            count if count >= SCRAPES as f64 => Ok(()),
            count => Err(count.to_string()),
        }
    });
    let median = |job: &str| {
        let query =
            format!(r#"1e3 * quantile_over_time(0.5, scrape_duration_seconds{{job="{job}"}}[1h])"#);
        number(&query).unwrap()
    };
    let by_http = median("http");
    println!(
        "http         {by_http:>8.3} ms a scrape of {SAMPLES} samples (and of the gateway's own)"
    );
    for language in Samples::languages() {
        let (full, empty) = (median(language), median(&format!("{language}-empty")));
        println!(
            "{language:<12} {full:>8.3} ms a scrape of {SAMPLES} samples, {:.2} times HTTP; \
             {empty:.3} ms a scrape of one",
            full / by_http
        );
    }
}

/// The resident memory of a server with so many jobs, in megabytes, once each was scraped.
fn memory(plugins: &Path, jobs: usize, job: impl Fn(&str) -> String) -> f64 {
    let mut config = format!(
        "global: {{scrape_interval: 5s, scrape_timeout: 5s}}\nplugins: {{directory: {}}}\n\
         scrape_configs:\n- job_name: nobody\n",
        plugins.display()
    );
    for number in 0..jobs {
        config += &job(&format!("job-{number}"));
        // What is stored of the samples would be memory of the store.
        config += "  metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: samples_.*}]\n";
    }
    let mut narthex = Narthex::builder().config(config).start();
    until(300, "a scrape of each job", || {
        let found = narthex.query("count(up == 1) or vector(0)")?;
        match found.values().next().and_then(|count| count.parse().ok()) {
            Some(count) if jobs <= count => Ok(()),
            other => Err(format!("{other:?} of {jobs}")),
        }
    });
    let pid = narthex.process().pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: f64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kilobytes / 1024.0
}
