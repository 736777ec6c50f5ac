//! Many fake exporters behind one port. Each counts its scrapes: scrape `n` gets the samples of
//! step `n` with a timestamp of its own, so that an hour passes as fast as a server scrapes, and
//! every server is told the same.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::Target;

mod axes;
mod requests;
mod sender;
mod shapes;
mod values;

pub use requests::Requests;
use shapes::Shape;

/// Between two samples of a series.
pub const INTERVAL_MS: i64 = 15_000;
/// After so many steps a pod has another name: each step, one in so many does.
const POD_STEPS: u64 = 1_000;
/// Of so many targets one is of each kind that is not node exporter.
const KINDS: usize = 8;

/// The exporters, and what they have been asked.
pub struct Fleet {
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
    pub fn new(series: usize, steps: u64, start_ms: i64) -> Arc<Self> {
        Self::with_lines(series, usize::MAX, steps, start_ms)
    }

    /// As [`Self::new`], of pages with at most so many lines: each as many from all over its page.
    pub fn with_lines(series: usize, lines: usize, steps: u64, start_ms: i64) -> Arc<Self> {
        let mut shapes = shapes::all();
        for shape in &mut shapes {
            let (all, mut number) = (shape.lines.len(), 0);
            shape.lines.retain(|_| {
                number += 1;
                all <= lines || number * lines / all > (number - 1) * lines / all
            });
        }
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
    pub fn serve(self: &Arc<Self>) -> Target {
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
        let lines = &self.shapes[self.targets[target].shape].lines;
        for (place, line) in lines.iter().enumerate() {
            page.push_str(&line.header);
            self.write_line(target, place, step, None, page);
            page.push_str(&time);
        }
    }

    /// Appends a line up to its time: name, labels (with some more), value.
    fn write_line(
        &self,
        target: usize,
        place: usize,
        step: u64,
        more: Option<&str>,
        page: &mut String,
    ) {
        let line = &self.shapes[self.targets[target].shape].lines[place];
        let mut seed = (target as u64) << 20 | place as u64;
        let comma = |labels: &str| if labels.is_empty() { "" } else { "," };
        page.push_str(&line.name);
        if line.pod.is_none() && line.labels.is_empty() && more.is_none() {
            page.push(' ');
            return line.motion.write(seed, step, page);
        }
        page.push('{');
        if let Some(pod) = line.pod {
            // Pods are renamed at different steps, and begin to count anew.
            let generation = (step + pod * 47 + target as u64 * 13) / POD_STEPS;
            seed ^= generation << 40;
            let pod = generation << 32 | pod << 16 | target as u64;
            page.push_str(&format!("pod=\"web-{pod:x}\"{}", comma(&line.labels)));
        }
        page.push_str(&line.labels);
        if let Some(more) = more {
            let is_first = line.pod.is_none() && line.labels.is_empty();
            page.push_str(if is_first { "" } else { "," });
            page.push_str(more);
        }
        page.push_str("} ");
        line.motion.write(seed, step, page);
    }

    /// Writes every sample of all of them as OpenMetrics, with the labels of a scrape. Each target
    /// has a place of its own on a grid of 15 s, and is now and then a millisecond late.
    ///
    /// # Errors
    /// As the writer.
    pub fn write_open_metrics(&self, out: &mut impl Write) -> io::Result<()> {
        let mut line = String::new();
        for (number, target) in self.targets.iter().enumerate() {
            let shape = &self.shapes[target.shape];
            let instance = self.instance(number);
            let of_target = format!("instance=\"{instance}\",job=\"load\"");
            let offset_ms = i64::try_from(number).unwrap_or(0) * 1_237 % INTERVAL_MS;
            for step in 0..self.steps {
                let late_ms = i64::from(values::dice(number as u64, step).is_multiple_of(7));
                let at_ms = self.start_ms + offset_ms + late_ms + step.cast_signed() * INTERVAL_MS;
                let time = format!(" {}.{:03}\n", at_ms / 1000, at_ms % 1000);
                for place in 0..shape.lines.len() {
                    line.clear();
                    self.write_line(number, place, step, Some(&of_target), &mut line);
                    line.push_str(&time);
                    out.write_all(line.as_bytes())?;
                }
            }
        }
        out.write_all(b"# EOF\n")
    }

    fn instance(&self, target: usize) -> String {
        let name = self.shapes[self.targets[target].shape].name;
        format!("{name}-{target}.cluster-a.example:9100")
    }

    /// The scrape config, one target each, for any server that reads Prometheus' format.
    pub fn config(&self, address: &str, interval: &str) -> String {
        let mut config = format!(
            "global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}\n\
             scrape_configs:\n- job_name: load\n  honor_timestamps: true\n  static_configs:\n"
        );
        for number in 0..self.targets.len() {
            let instance = self.instance(number);
            config.push_str(&format!(
                "  - {{targets: ['{address}'], labels: {{__metrics_path__: /t/{number}, \
                 instance: '{instance}'}}}}\n"
            ));
        }
        config
    }

    /// How many exporters.
    pub fn targets(&self) -> usize {
        self.targets.len()
    }

    /// Series at one time.
    pub fn series(&self) -> usize {
        let lines = |target: &Exporter| self.shapes[target.shape].lines.len();
        self.targets.iter().map(lines).sum()
    }

    /// Samples that were handed out so far.
    pub fn samples(&self) -> u64 {
        let of = |target: &Exporter| target.samples.load(Ordering::Relaxed);
        self.targets.iter().map(of).sum()
    }

    /// How many exporters have been scraped to their last step.
    pub fn finished(&self) -> usize {
        let has = |target: &&Exporter| target.scrapes.load(Ordering::Relaxed) > self.steps;
        self.targets.iter().filter(has).count()
    }

    /// How far scrapes were from an even interval: the median, the 99th percentile and the
    /// largest, in milliseconds.
    pub fn deviations_ms(&self, interval_s: f64) -> [f64; 3] {
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
