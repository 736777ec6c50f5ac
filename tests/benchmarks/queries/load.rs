//! The series, and how they come into both servers.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use narthex_tests::{Narthex, Target, http, peers, until};

/// A page that Narthex scrapes has about so many samples.
const PAGE_SAMPLES: usize = 40_000;
/// Between two samples of the last hours.
const SHORT_MS: i64 = 30_000;
/// Six hours.
const SHORT_COUNT: i64 = 720;
/// Between two samples of the last month.
const LONG_MS: i64 = 300_000;
/// Thirty days.
const LONG_COUNT: i64 = 8640;
/// What a scrape says of itself stays in memory: fewer series than this.
const SERIES_OF_THE_SCRAPE: f64 = 20.0;
const BOUNDS: [&str; 12] = [
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf",
];

/// All series; values and times are computed when they are written.
pub(crate) struct Series {
    /// Labels of those with samples of the last hours.
    short: Vec<String>,
    /// Labels of those with samples of the last month.
    long: Vec<String>,
    end_ms: i64,
}

impl Series {
    /// So many times the usual number of series.
    pub(crate) fn new(scale: usize) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now_ms = i64::try_from(now.as_millis()).unwrap();
        let mut series = Self {
            short: Vec::new(),
            long: Vec::new(),
            // Behind it is room for both to write to blocks, and no sample is on the edge of one.
            end_ms: now_ms / 7_200_000 * 7_200_000 - 7_200_000 - SHORT_MS,
        };
        for instance in 0..50 * scale {
            let of = format!(
                "job=\"job-{}\",instance=\"instance-{instance}\"",
                instance % 5
            );
            for (path, code) in (0..20).map(|i| (i / 2, ["200", "500"][i % 2])) {
                series.short.push(format!(
                    "http_requests_total{{{of},path=\"/api/{path}\",code=\"{code}\"}}"
                ));
            }
            for le in BOUNDS {
                let name = "http_duration_seconds_bucket";
                series.short.push(format!("{name}{{{of},le=\"{le}\"}}"));
            }
            series.short.push(format!("memory_bytes{{{of}}}"));
            series.short.push(format!("memory_limit_bytes{{{of}}}"));
        }
        for instance in 0..40 * scale {
            let of = format!(
                "job=\"job-{}\",instance=\"instance-{instance}\"",
                instance % 5
            );
            series.long.push(format!("old_requests_total{{{of}}}"));
            series.long.push(format!("old_temperature{{{of}}}"));
        }
        series
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// How many samples they have.
    pub(crate) fn samples(&self) -> usize {
        let of = |series: &[String], count: i64| series.len() * usize::try_from(count).unwrap();
        of(&self.short, SHORT_COUNT) + of(&self.long, LONG_COUNT)
    }

    /// The time of the last samples.
    pub(crate) fn end_s(&self) -> i64 {
        self.end_ms / 1000
    }

    /// Shows every sample, series by series: labels, milliseconds, value.
    fn each(&self, mut show: impl FnMut(&str, i64, f64)) {
        for (series, interval_ms, count) in [
            (&self.long, LONG_MS, LONG_COUNT),
            (&self.short, SHORT_MS, SHORT_COUNT),
        ] {
            for (at, labels) in series.iter().enumerate() {
                for i in 0..count {
                    let time_ms = self.end_ms - (count - 1 - i) * interval_ms;
                    show(labels, time_ms, value(labels, at, i));
                }
            }
        }
    }

    /// Pages to scrape one after the other, each with whole series.
    fn pages(&self) -> Vec<String> {
        let (mut pages, mut page, mut samples) = (Vec::new(), String::new(), 0);
        let mut last = String::new();
        self.each(|labels, time_ms, value| {
            if labels != last && samples >= PAGE_SAMPLES {
                pages.push(std::mem::take(&mut page));
                samples = 0;
            }
            if labels != last {
                last = labels.to_owned();
            }
            samples += 1;
            let _ = writeln!(page, "{labels} {value} {time_ms}");
        });
        pages.push(page);
        pages
    }

    fn open_metrics(&self) -> String {
        let mut text = String::new();
        self.each(|labels, time_ms, value| {
            let _ = writeln!(text, "{labels} {value} {}", time_ms / 1000);
        });
        text.push_str("# EOF\n");
        text
    }
}

/// Counters climb by less than ten a time, gauges go up and down.
fn value(labels: &str, series: usize, i: i64) -> f64 {
    let noise = |i: i64| ((i * 7919 + series as i64 * 104_729) % 1009) as f64;
    if labels.contains("_total") || labels.contains("_bucket") {
        let bucket = (series % 34) as f64;
        (i as f64 * (5.0 + bucket) + noise(i) / 250.0).floor()
    } else {
        (1000.0 + noise(i)) / 10.0
    }
}

/// Starts both with all series in blocks, and nothing of them read yet.
pub(crate) fn both(folder: &Path, series: &Series) -> (Narthex, peers::Peer) {
    let prometheus = peers::prometheus_with(folder, &series.open_metrics());
    let pages = series.pages();
    let (count, next) = (pages.len(), AtomicUsize::new(0));
    let target = Target::serve_text(move || {
        let page = pages.get(next.fetch_add(1, Ordering::SeqCst));
        page.cloned().unwrap_or_default()
    });
    println!("{count} pages to scrape");
    let mut narthex = Narthex::builder()
        .config(format!(
            "scrape_configs:\n- job_name: series\n  scrape_interval: 2s\n  scrape_timeout: 2s\n  \
             honor_labels: true\n  static_configs: [{{targets: ['{}']}}]\n",
            target.address()
        ))
        // Nothing is cut while old samples still come in.
        .flag("--storage.tsdb.min-block-duration=1000d")
        .flag("--storage.tsdb.retention.time=100y")
        // What was asked before would be answered without being evaluated.
        .flag("--query-range.cache-size=0")
        .start();
    let appended = || -> Result<usize, String> {
        let (_, metrics) = http::get(&format!("{}/metrics", narthex.url()))?;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("prometheus_tsdb_head_samples_appended_total"));
        let number = line.and_then(|line| line.rsplit(' ').next());
        let number = number.and_then(|number| number.parse::<f64>().ok());
        number.map(|n| n as usize).ok_or(metrics)
    };
    until(60 + 8 * count as u64, "all pages", || match appended()? {
        found if found >= series.samples() => Ok(()),
        found => Err(format!("{found} of {} samples", series.samples())),
    });
    drop(target);
    // From now on nothing is scraped, and what is due is cut to blocks and compacted. The store
    // looks for work a second time once it has done all that it found the first time.
    narthex.write_config("global: {}\n");
    narthex.restart_without("--storage.tsdb.min-block-duration=1000d");
    until(600, "blocks", || {
        let (_, metrics) = http::get(&format!("{}/metrics", narthex.url()))?;
        let of = |name: &str| {
            let line = metrics.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            number.ok_or_else(|| format!("{name} is missing"))
        };
        let looks = of("prometheus_tsdb_compactions_triggered_total ")?;
        match of("prometheus_tsdb_head_series ")? {
            series if series >= SERIES_OF_THE_SCRAPE => {
                Err(format!("{series} series are still in memory"))
            }
            _ if looks < 2.0 => Err("blocks are still compacted".to_owned()),
            _ => Ok(()),
        }
    });
    narthex.restart();
    (narthex, prometheus)
}
