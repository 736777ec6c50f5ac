//! Random series, as a page to scrape and as OpenMetrics for promtool.
//!
//! No sample lies on a whole second, and all that is asked does: whether the ends of a window
//! count, which changed in Prometheus 3, is never the question.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::dice::Dice;

/// From one sample to the next.
const INTERVAL_MS: i64 = 15_000;
/// How many there are of a series without gaps: 48 minutes.
const SAMPLES: i64 = 192;
/// How long ago the last one is.
const AGE_MS: i64 = 60_000;
/// The upper bounds of all histograms, written as Prometheus 3 writes them.
const BOUNDS: [&str; 6] = ["0.1", "0.5", "1.0", "2.5", "10.0", "+Inf"];

/// The metrics, by what their values are like.
pub(crate) const GAUGES: [&str; 3] = ["temperature", "load", "queue_length"];
/// Counters, some of which are reset.
pub(crate) const COUNTERS: [&str; 2] = ["requests_total", "errors_total"];
/// Has NaN and infinities.
pub(crate) const ODD: &str = "odd";
/// A classic histogram.
pub(crate) const HISTOGRAM: &str = "latency_bucket";

/// All metrics.
pub(crate) fn metrics() -> impl Iterator<Item = &'static str> {
    let single = [ODD, HISTOGRAM].into_iter();
    GAUGES.into_iter().chain(COUNTERS).chain(single)
}

struct Series {
    labels: String,
    /// Milliseconds and values.
    samples: Vec<(i64, f64)>,
}

/// Series and when they are.
pub(crate) struct Data {
    series: Vec<Series>,
    /// The time of the first samples, in whole seconds.
    pub(crate) start_s: i64,
    /// The time of the last ones.
    pub(crate) end_s: i64,
}

impl Data {
    /// Random series that end a minute ago.
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now_ms = i64::try_from(now.as_millis()).unwrap();
        // Whole minutes, so that a seed finds the same samples at the same places of its steps.
        let end_ms = (now_ms - AGE_MS) / 60_000 * 60_000;
        let start_ms = end_ms - SAMPLES * INTERVAL_MS;
        let mut data = Self {
            series: Vec::new(),
            start_s: start_ms / 1000,
            end_s: end_ms / 1000,
        };
        for (name, label) in [
            ("temperature", "room"),
            ("load", "room"),
            ("queue_length", "queue"),
        ] {
            for (job, instance) in instances() {
                for value in 0..2 {
                    let labels = format!("{label}=\"{label}-{value}\"");
                    let has_gaps = dice.percent(40);
                    let samples = gauge(dice, start_ms, has_gaps);
                    data.push(name, &job, &instance, &labels, samples);
                }
            }
        }
        for name in COUNTERS {
            for (job, instance) in instances() {
                for code in ["200", "404", "500"] {
                    let samples = counter(dice, start_ms);
                    let labels = format!("code=\"{code}\"");
                    data.push(name, &job, &instance, &labels, samples);
                }
            }
        }
        for (job, instance) in instances() {
            let samples = odd(dice, start_ms);
            data.push(ODD, &job, &instance, "kind=\"odd\"", samples);
        }
        for (job, instance) in instances().into_iter().take(3) {
            histogram(dice, start_ms, |le, samples| {
                data.push(HISTOGRAM, &job, &instance, &format!("le=\"{le}\""), samples);
            });
        }
        data
    }

    fn push(&mut self, name: &str, job: &str, instance: &str, rest: &str, of: Vec<(i64, f64)>) {
        self.series.push(Series {
            labels: format!("{name}{{job=\"{job}\",instance=\"{instance}\",{rest}}}"),
            samples: of,
        });
    }

    /// How many samples there are.
    pub(crate) fn samples(&self) -> usize {
        self.series.iter().map(|series| series.samples.len()).sum()
    }

    /// A page in the classic text format.
    pub(crate) fn page(&self) -> String {
        self.written(|page, labels, timestamp_ms, value| {
            let _ = writeln!(page, "{labels} {} {timestamp_ms}", number(value));
        })
    }

    /// All of it as OpenMetrics.
    pub(crate) fn open_metrics(&self) -> String {
        let mut text = self.written(|text, labels, timestamp_ms, value| {
            let (seconds, rest) = (timestamp_ms / 1000, timestamp_ms % 1000);
            let _ = writeln!(text, "{labels} {} {seconds}.{rest:03}", number(value));
        });
        text.push_str("# EOF\n");
        text
    }

    fn written(&self, write: impl Fn(&mut String, &str, i64, f64)) -> String {
        let mut text = String::new();
        for series in &self.series {
            for (timestamp_ms, value) in &series.samples {
                write(&mut text, &series.labels, *timestamp_ms, *value);
            }
        }
        text
    }
}

fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => format!("{value:?}"),
    }
}

fn instances() -> Vec<(String, String)> {
    let all = (0..4).map(|i| (format!("job-{}", i % 2), format!("instance-{i}")));
    all.collect()
}

/// The times of a series: an offset that is no whole second, and a little more or less each time.
fn times(dice: &mut Dice, start_ms: i64) -> Vec<i64> {
    let offset = 100 + i64::try_from(dice.below(700)).unwrap();
    let jitters = (0..SAMPLES).map(|_| i64::try_from(dice.below(100)).unwrap());
    let jitters: Vec<i64> = jitters.collect();
    let times = (0..SAMPLES).zip(jitters);
    times
        .map(|(i, jitter)| start_ms + i * INTERVAL_MS + offset + jitter)
        .collect()
}

fn gauge(dice: &mut Dice, start_ms: i64, has_gaps: bool) -> Vec<(i64, f64)> {
    let (level, swing) = (100.0 * dice.fraction(), 50.0 * dice.fraction());
    let mut samples = Vec::new();
    let mut missing = 0;
    for time_ms in times(dice, start_ms) {
        let value = level + swing * (dice.fraction() - 0.5);
        if has_gaps && missing == 0 && dice.percent(4) {
            // Up to six minutes, more than an instant selector looks back.
            missing = dice.below(24);
        }
        if missing > 0 {
            missing -= 1;
            continue;
        }
        samples.push((time_ms, value));
    }
    samples
}

fn counter(dice: &mut Dice, start_ms: i64) -> Vec<(i64, f64)> {
    let (speed, resets) = (20.0 * dice.fraction(), dice.percent(40));
    // Far from zero: how a window that begins before a young counter is extrapolated was changed.
    let mut value = 10_000.0 + (1000.0 * dice.fraction()).floor();
    let times = times(dice, start_ms).into_iter().enumerate();
    times
        .map(|(i, time_ms)| {
            value += (speed * dice.fraction()).floor();
            if resets && i > 20 && dice.percent(2) {
                value = 5000.0 + (100.0 * dice.fraction()).floor();
            }
            (time_ms, value)
        })
        .collect()
}

fn odd(dice: &mut Dice, start_ms: i64) -> Vec<(i64, f64)> {
    let times = times(dice, start_ms).into_iter();
    times
        .map(|time_ms| {
            let value = match dice.below(40) {
                0 => f64::NAN,
                1 => f64::INFINITY,
                2 => f64::NEG_INFINITY,
                3 => 0.0,
                4 => 1e-9,
                _ => 10.0 * dice.fraction() - 5.0,
            };
            (time_ms, value)
        })
        .collect()
}

fn histogram(dice: &mut Dice, start_ms: i64, mut push: impl FnMut(&str, Vec<(i64, f64)>)) {
    let times = times(dice, start_ms);
    let mut below: Vec<Vec<(i64, f64)>> = vec![Vec::new(); BOUNDS.len()];
    // Far from zero, as the counters.
    let mut counts = [10_000.0; BOUNDS.len()];
    for time_ms in times {
        let mut sum = 0.0;
        for (count, below) in counts.iter_mut().zip(&mut below) {
            *count += (1.0 + 9.0 * dice.fraction()).floor();
            sum += *count;
            below.push((time_ms, sum));
        }
    }
    for (le, samples) in BOUNDS.into_iter().zip(below) {
        push(le, samples);
    }
}
