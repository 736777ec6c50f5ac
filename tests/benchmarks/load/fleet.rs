//! Many fake exporters behind one port. Each counts its scrapes: scrape `n` gets the samples of
//! step `n` with a timestamp of its own, so that an hour passes as fast as a server scrapes, and
//! every server is told the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use narthex_tests::Target;

use crate::shapes::{self, Shape};

/// Between two samples of a series.
pub(crate) const INTERVAL_MS: i64 = 15_000;
/// After so many steps a pod has another name: each step, one in so many does.
const POD_STEPS: u64 = 1_000;
/// Of so many targets one is of each kind that is not node exporter.
const KINDS: usize = 8;

/// The exporters, and what they have been asked.
pub(crate) struct Fleet {
    shapes: [Shape; 4],
    targets: Vec<Exporter>,
    steps: u64,
    start_ms: i64,
}

struct Exporter {
    shape: usize,
    scrapes: AtomicU64,
    /// Samples that were handed out.
    samples: AtomicU64,
    /// When the last scrape came, and the times between scrapes.
    arrivals: Mutex<(Option<Instant>, Vec<f64>)>,
}

impl Fleet {
    /// Exporters with about so many series between them, that have samples for so many scrapes,
    /// the first of which is of `start_ms`.
    pub(crate) fn new(series: usize, steps: u64, start_ms: i64) -> Arc<Self> {
        let shapes = shapes::all();
        let (mut targets, mut found) = (Vec::new(), 0);
        while found < series {
            let kind = targets.len() % KINDS;
            let shape = if kind < shapes.len() { kind } else { 0 };
            found += shapes[shape].lines.len();
            targets.push(Exporter {
                shape,
                scrapes: AtomicU64::new(0),
                samples: AtomicU64::new(0),
                arrivals: Mutex::default(),
            });
        }
        Arc::new(Self {
            shapes,
            targets,
            steps,
            start_ms,
        })
    }

    /// Serves all of them.
    pub(crate) fn serve(self: &Arc<Self>) -> Target {
        let fleet = Arc::clone(self);
        Target::serve(move |path| {
            let number = path.strip_prefix("/t/").and_then(|rest| rest.parse().ok());
            let page = number.map_or_else(String::new, |target: usize| fleet.page(target));
            let content_type = "text/plain; version=0.0.4; charset=utf-8";
            (content_type.to_owned(), page)
        })
    }

    /// The page of the next step; an empty one after the last.
    fn page(&self, target: usize) -> String {
        let Some(exporter) = self.targets.get(target) else {
            return String::new();
        };
        exporter.note_arrival();
        let step = exporter.scrapes.fetch_add(1, Ordering::Relaxed);
        if step >= self.steps {
            return String::new();
        }
        let mut page = String::with_capacity(80_000);
        self.write(target, step, &mut page);
        let lines = self.shapes[exporter.shape].lines.len() as u64;
        exporter.samples.fetch_add(lines, Ordering::Relaxed);
        page
    }

    /// Appends the page of an exporter at a step.
    fn write(&self, target: usize, step: u64, page: &mut String) {
        let time = format!(" {}\n", self.start_ms + step.cast_signed() * INTERVAL_MS);
        for (number, line) in (0..).zip(&self.shapes[self.targets[target].shape].lines) {
            let mut seed = (target as u64) << 20 | number;
            page.push_str(&line.text);
            if let Some(pod) = line.pod {
                // Pods are renamed at different steps, and begin to count anew.
                let generation = (step + pod * 47 + target as u64 * 13) / POD_STEPS;
                seed ^= generation << 40;
                page.push_str(&format!(
                    "{:x}",
                    generation << 32 | pod << 16 | target as u64
                ));
            }
            page.push_str(&line.rest);
            page.push(' ');
            line.motion.write(seed, step, page);
            page.push_str(&time);
        }
    }

    /// The scrape config, one target each, for any server that reads Prometheus' format.
    pub(crate) fn config(&self, address: &str, interval: &str) -> String {
        let mut config = format!(
            "global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}\n\
             scrape_configs:\n- job_name: load\n  honor_timestamps: true\n  static_configs:\n"
        );
        for (number, target) in self.targets.iter().enumerate() {
            let name = self.shapes[target.shape].name;
            config.push_str(&format!(
                "  - {{targets: ['{address}'], labels: {{__metrics_path__: /t/{number}, \
                 instance: '{name}-{number}.cluster-a.example:9100', kind: {name}}}}}\n"
            ));
        }
        config
    }

    pub(crate) fn targets(&self) -> usize {
        self.targets.len()
    }

    /// Series at one time.
    pub(crate) fn series(&self) -> usize {
        let lines = |target: &Exporter| self.shapes[target.shape].lines.len();
        self.targets.iter().map(lines).sum()
    }

    /// Samples that were handed out so far.
    pub(crate) fn samples(&self) -> u64 {
        let of = |target: &Exporter| target.samples.load(Ordering::Relaxed);
        self.targets.iter().map(of).sum()
    }

    /// How many exporters have been scraped to their last step.
    pub(crate) fn finished(&self) -> usize {
        let has = |target: &&Exporter| target.scrapes.load(Ordering::Relaxed) > self.steps;
        self.targets.iter().filter(has).count()
    }

    /// How far scrapes were from an even interval: the median, the 99th percentile and the
    /// largest, in milliseconds.
    pub(crate) fn deviations_ms(&self, interval_s: f64) -> [f64; 3] {
        let mut deviations = Vec::new();
        for target in &self.targets {
            let arrivals = target.arrivals.lock();
            let gaps = &arrivals.unwrap_or_else(PoisonError::into_inner).1;
            deviations.extend(gaps.iter().map(|gap| (gap - interval_s).abs() * 1000.0));
        }
        deviations.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = (deviations.len().saturating_sub(1)) as f64 * part;
            deviations.get(place as usize).copied().unwrap_or(f64::NAN)
        };
        [at(0.5), at(0.99), at(1.0)]
    }
}

impl Exporter {
    fn note_arrival(&self) {
        let now = Instant::now();
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = arrivals.0.replace(now) {
            let gap = now.duration_since(before).as_secs_f64();
            arrivals.1.push(gap);
        }
    }
}
