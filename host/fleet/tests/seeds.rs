//! Replicas that come and go, and a target that is restarted: whatever happens, the growth that a
//! query sees is what the target has counted, but for one scrape. What a target counts between the
//! last scrape and its restart is nowhere, so that one host that never misses a scrape is wrong by
//! up to that as well. It is looked at what each of the replicas would have said, had it missed
//! nothing: the answer is within one scrape of that too.

#![allow(
    clippy::cast_precision_loss,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where something is not as expected, and its times are small"
)]

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use narthex_fleet::Dedup;
use narthex_model::{Labels, PromDuration, sample};
use narthex_promql::{Engine, EngineOptions, QueryOptions, Value};
use narthex_storage::{Queryable, SelectRequest, Series, SeriesStream, StorageError, Wanted};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SEEDS: u64 = 10_000;
/// A burst comes after so much time at the latest: long after the longest interval.
const BURST_MS_MAX: i64 = 120_000;
/// The window of the rates.
const WINDOW_MS: i64 = 300_000;
const END_MS: i64 = 3_600_000;

/// A counter and when it began anew.
struct Target {
    a_second: f64,
    /// What it counts in so many milliseconds it counts at their end.
    burst_ms: i64,
    restarts_ms: Vec<i64>,
}

impl Target {
    /// There are no two restarts in a window: each costs any scraper what it has not seen.
    fn new(random: &mut StdRng) -> Self {
        let mut restarts_ms = vec![-random.random_range(0..END_MS)];
        let mut at_ms = 0;
        loop {
            at_ms += random.random_range(2 * WINDOW_MS..END_MS);
            if at_ms > END_MS {
                break;
            }
            restarts_ms.push(at_ms);
        }
        Self {
            a_second: random.random_range(0.1..1_000.0),
            burst_ms: 1,
            restarts_ms,
        }
    }

    /// One that grows in bursts.
    fn in_bursts(random: &mut StdRng) -> Self {
        Self {
            burst_ms: random.random_range(1..BURST_MS_MAX),
            ..Self::new(random)
        }
    }

    fn value(&self, time_ms: i64) -> f64 {
        let life = self
            .restarts_ms
            .iter()
            .rfind(|start_ms| **start_ms <= time_ms);
        self.counted_in(time_ms - life.unwrap())
    }

    /// What it counts in the first so many milliseconds of a life.
    fn counted_in(&self, life_ms: i64) -> f64 {
        (life_ms - life_ms % self.burst_ms) as f64 / 1_000.0 * self.a_second
    }

    /// What it has counted by then, in all lives.
    fn total(&self, time_ms: i64) -> f64 {
        let ends = self.restarts_ms[1..].iter().map(|end_ms| end_ms - 1);
        let ends = ends.chain([i64::MAX]);
        let lives = self.restarts_ms.iter().zip(ends);
        let lives = lives.filter(|(start_ms, _)| **start_ms <= time_ms);
        lives
            .map(|(start_ms, end_ms)| self.counted_in(time_ms.min(end_ms) - start_ms))
            .sum()
    }

    /// What nobody may have seen of all that by then: what it counted in the scrape before each
    /// restart.
    fn unseen(&self, time_ms: i64, scrape_ms: i64) -> f64 {
        let restarts = self.restarts_ms[1..].iter();
        let restarts = restarts.filter(|restart_ms| **restart_ms <= time_ms);
        restarts
            .map(|restart_ms| self.total(restart_ms - 1) - self.total(restart_ms - 1 - scrape_ms))
            .sum()
    }

    /// Whether it is restarted in the window that ends there.
    fn is_restarted_before(&self, time_ms: i64) -> bool {
        let window = time_ms - WINDOW_MS..=time_ms;
        self.restarts_ms
            .iter()
            .any(|restart_ms| window.contains(restart_ms))
    }

    /// What it counted in a window.
    fn counted(&self) -> f64 {
        WINDOW_MS as f64 / 1_000.0 * self.a_second
    }
}

/// From when to when a replica has no sample, and whether it says so.
struct Outage {
    from_ms: i64,
    to_ms: i64,
    is_told: bool,
}

struct Replicas {
    interval_ms: i64,
    /// A scrape is early or late by so much at the most.
    jitter_ms: i64,
    outages: Vec<Vec<Outage>>,
}

impl Replicas {
    /// Two or three, of which one is there at any time, and was so for long enough to have seen
    /// the target.
    fn new(random: &mut StdRng) -> Self {
        let interval_ms = [5_000, 10_000, 15_000, 30_000][random.random_range(0..4)];
        let count = random.random_range(2..4);
        let mut outages: Vec<Vec<Outage>> = (0..count).map(|_| Vec::new()).collect();
        let mut free_ms = random.random_range(0..20 * interval_ms);
        while free_ms < END_MS {
            let to_ms = free_ms + random.random_range(interval_ms..40 * interval_ms);
            outages[random.random_range(0..count)].push(Outage {
                from_ms: free_ms,
                to_ms,
                is_told: random.random_bool(0.5),
            });
            free_ms = to_ms + random.random_range(3 * interval_ms..60 * interval_ms);
        }
        Self {
            interval_ms,
            jitter_ms: interval_ms / 100,
            outages,
        }
    }

    /// What a replica has, and what it would have had without outages.
    fn scrape(&self, number: usize, target: &Target, random: &mut StdRng) -> [Series; 2] {
        let mut samples: Vec<(i64, f64)> = Vec::new();
        let mut whole: Vec<(i64, f64)> = Vec::new();
        let mut due_ms = random.random_range(0..self.interval_ms);
        let mut was_there = true;
        while due_ms <= END_MS {
            let time_ms = due_ms + random.random_range(-self.jitter_ms..=self.jitter_ms);
            let is_out = |out: &&Outage| (out.from_ms..out.to_ms).contains(&time_ms);
            let out = self.outages[number].iter().find(is_out);
            whole.push((time_ms, target.value(time_ms)));
            match out {
                None => samples.push((time_ms, target.value(time_ms))),
                Some(out) if out.is_told && was_there => samples.push((time_ms, sample::STALE_NAN)),
                Some(_) => {}
            }
            was_there = out.is_none();
            due_ms += self.interval_ms;
        }
        [samples, whole].map(|samples| {
            let (times, values): (Vec<i64>, Vec<f64>) = samples.into_iter().unzip();
            Series::of_numbers(Labels::from_pairs([("__name__", "m")]), times, values)
        })
    }
}

/// The series as it is.
struct One(Series);

impl Queryable for One {
    fn select<'a>(
        &'a self,
        _request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async { Ok(stream::iter([Ok(self.0.clone())]).boxed()) }.boxed()
    }
}

/// Every minute.
const STEP_MS: i64 = 60_000;
const FIRST_MS: i64 = 2 * WINDOW_MS;
const LAST_MS: i64 = END_MS - WINDOW_MS;

fn range(storage: &Arc<One>, query: &str, [start_ms, end_ms]: [i64; 2]) -> Vec<(i64, f64)> {
    let engine = Engine::new(EngineOptions::default());
    let step = PromDuration::from_secs(60);
    let storage: Arc<dyn Queryable> = Arc::clone(storage) as _;
    let options = QueryOptions::default();
    let result = engine.range(storage, query, start_ms, end_ms, step, &options);
    let Value::Matrix(found) = result.now_or_never().unwrap().unwrap().value else {
        panic!("a range query gives a matrix");
    };
    let (times, values) = (found[0].timestamps.iter(), found[0].values.iter());
    times.copied().zip(values.copied()).collect()
}

/// How far answers were from what was counted, in scrapes: the largest, and the means of those
/// with a restart.
#[derive(Default)]
struct Wrong {
    without_restart: f64,
    with_restart: f64,
    /// Of a replica without outages.
    alone: f64,
    /// How far the answer is from the nearest one of such a replica.
    from_alone: f64,
    mean: Mean,
    mean_alone: Mean,
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1.0;
    }

    fn get(&self) -> f64 {
        self.sum / self.count
    }
}

#[test]
fn the_growth_of_a_counter_is_the_true_one_but_for_a_scrape_in_ten_thousand_lives() {
    let mut worst = Wrong::default();
    for seed in 0..SEEDS {
        let random = &mut StdRng::seed_from_u64(seed);
        let target = Target::new(random);
        let replicas = Replicas::new(random);
        let count = replicas.outages.len();
        let (series, whole): (Vec<Series>, Vec<Series>) = (0..count)
            .map(|number| replicas.scrape(number, &target, random))
            .map(|[series, whole]| (series, whole))
            .unzip();
        let merged = Dedup::default().apply(series, Wanted::Growth).unwrap();
        assert!(
            merged.timestamps.windows(2).all(|pair| pair[0] < pair[1]),
            "seed {seed}"
        );
        let storage = Arc::new(One(merged));
        // What lies between two scrapes, at its longest; what of it is missing is extrapolated as
        // the rest of the window is.
        let scrape_ms = (replicas.interval_ms + 2 * replicas.jitter_ms) as f64;
        let seen_ms = WINDOW_MS as f64 - 2.0 * scrape_ms;
        let scrape = scrape_ms / 1_000.0 * target.a_second * WINDOW_MS as f64 / seen_ms;
        let scrapes = |a: f64, b: f64| (a - b).abs() / scrape;
        let increases = range(&storage, "increase(m[5m])", [FIRST_MS, LAST_MS]);
        assert_eq!(increases.len(), 46, "seed {seed}");
        for (time_ms, increase) in &increases {
            let wrong = scrapes(*increase, target.counted());
            let known = match target.is_restarted_before(*time_ms) {
                true => &mut worst.with_restart,
                false => &mut worst.without_restart,
            };
            *known = wrong.max(*known);
            assert!(
                wrong <= 1.0,
                "seed {seed} at {time_ms}: {increase} of {}, a scrape is {scrape}",
                target.counted()
            );
        }
        let rates = range(&storage, "rate(m[5m]) * 300", [FIRST_MS, LAST_MS]);
        for ((_, increase), (_, rate)) in increases.iter().zip(&rates) {
            assert!(
                (increase - rate).abs() <= increase.abs() * 1e-9,
                "seed {seed}"
            );
        }
        // Only a restart hides something from a replica that misses nothing.
        let whole: Vec<_> = whole.into_iter().map(|one| Arc::new(One(one))).collect();
        for restart_ms in &target.restarts_ms {
            let start_ms = FIRST_MS.max((restart_ms / STEP_MS + 1) * STEP_MS);
            let end_ms = LAST_MS.min(restart_ms + WINDOW_MS);
            if start_ms > end_ms {
                continue;
            }
            let times = [start_ms, end_ms];
            let alone = whole.iter();
            let alone = alone.map(|one| range(one, "increase(m[5m])", times));
            let alone: Vec<Vec<(i64, f64)>> = alone.collect();
            let first = increases.partition_point(|(time_ms, _)| *time_ms < start_ms);
            for (at, (time_ms, increase)) in increases[first..].iter().enumerate() {
                if *time_ms > end_ms {
                    break;
                }
                let mut nearest = f64::INFINITY;
                for one in &alone {
                    assert_eq!(one[at].0, *time_ms, "seed {seed}");
                    let wrong = scrapes(one[at].1, target.counted());
                    worst.alone = wrong.max(worst.alone);
                    worst.mean_alone.add(wrong);
                    nearest = scrapes(one[at].1, *increase).min(nearest);
                }
                worst.from_alone = nearest.max(worst.from_alone);
                worst.mean.add(scrapes(*increase, target.counted()));
                assert!(
                    nearest <= 1.0,
                    "seed {seed} at {time_ms}: {increase} is {nearest} scrapes from any replica's"
                );
            }
        }
    }
    println!(
        "at worst {:.3} of a scrape from what was counted, {:.3} with a restart ({:.3} in the mean), \
         as which a host that misses nothing has {:.3} ({:.3}); {:.3} from what such a host says",
        worst.without_restart,
        worst.with_restart,
        worst.mean.get(),
        worst.alone,
        worst.mean_alone.get(),
        worst.from_alone
    );
}

/// How much more and how much less a series has grown between any two of its samples than may be: as
/// much as was counted in a time that is longer or shorter by a scrape at either end, but for what
/// nobody may have seen. Nothing or less where it is as it should be.
fn out_of_bounds(series: &Series, target: &Target, scrape_ms: i64) -> [f64; 2] {
    let (mut grown, mut before): (f64, Option<f64>) = (0.0, None);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    let [mut over, mut under] = [f64::NEG_INFINITY; 2];
    for (time_ms, value) in series.timestamps.iter().zip(series.values.iter()) {
        if sample::is_stale_nan(*value) {
            continue;
        }
        // As `increase` takes it.
        grown += match before {
            None => 0.0,
            Some(before) if *value >= before => *value - before,
            Some(_) => *value,
        };
        before = Some(*value);
        let [early, late] = [-scrape_ms, scrape_ms].map(|by_ms| target.total(time_ms + by_ms));
        let unseen = target.unseen(*time_ms, scrape_ms);
        least = f64::min(least, grown - early);
        over = f64::max(over, grown - late - least);
        under = f64::max(under, most + early - unseen - grown);
        most = f64::max(most, grown - late + unseen);
    }
    [over, under]
}

#[test]
fn a_counter_that_grows_in_bursts_grows_by_what_was_counted_but_for_a_scrape() {
    for seed in 0..SEEDS {
        let random = &mut StdRng::seed_from_u64(seed);
        let target = Target::in_bursts(random);
        let replicas = Replicas::new(random);
        let count = replicas.outages.len();
        let all = (0..count).map(|number| replicas.scrape(number, &target, random));
        let (series, mut checked): (Vec<Series>, Vec<Series>) =
            all.map(|[series, whole]| (series, whole)).unzip();
        // What is made of all of them has the bounds of a replica that misses nothing.
        checked.push(Dedup::default().apply(series, Wanted::Growth).unwrap());
        let scrape_ms = replicas.interval_ms + 2 * replicas.jitter_ms;
        let rounding = target.total(END_MS) * 1e-9;
        for (number, series) in checked.iter().enumerate() {
            let [over, under] = out_of_bounds(series, &target, scrape_ms);
            assert!(
                over <= rounding && under <= rounding,
                "seed {seed}, {number} of {count}: {over} too much, {under} too little, of {} in \
                 bursts of {} ms",
                target.total(END_MS),
                target.burst_ms
            );
        }
    }
}
