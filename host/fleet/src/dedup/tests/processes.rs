//! Counters of several processes under one label set, of which each replica scrapes its own: nobody
//! knows where one was when another one was followed, and still no growth may be made up.
//!
//! It is not: replicas of one target, which `tests/seeds.rs` has.

use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

const LIVES: u64 = 2_000;
const END_MS: i64 = 600_000;

/// In so many lives more growth is seen than all processes have counted. They are those where one was
/// away for long that no sample shows beside the other one: it could be the same process.
const WRONG_MAX: usize = 8;

/// What a process reads from a time on, and what it has counted by then, in all its lives.
#[derive(Debug, Clone, Copy)]
struct Change {
    from_ms: i64,
    reads: f64,
    counted: f64,
}

/// A process that counts and is restarted, and who scrapes it.
struct Process {
    /// From the first on.
    changes: Vec<Change>,
    /// When there are no samples: the process is down, or is not scraped.
    absences: Vec<Range<i64>>,
}

impl Process {
    fn new(random: &mut StdRng, interval_ms: i64) -> Self {
        let absence = |random: &mut StdRng| {
            let from_ms = random.random_range(0..END_MS);
            from_ms..from_ms + interval_ms * [1, 3, 20][random.random_range(0..3)]
        };
        let restarts = [0, 0, 1, 2][random.random_range(0..4)];
        let mut absences: Vec<Range<i64>> = (0..restarts).map(|_| absence(random)).collect();
        absences.sort_by_key(|absence| absence.end);
        let mut reads = [0.0, 10.0, 1_000.0, 1e6][random.random_range(0..4)];
        let pause_ms = [50, 500, 3_000, 20_000][random.random_range(0..4)];
        let (mut now_ms, mut counted, mut restarted) = (0, 0.0, 0);
        let mut changes = Vec::new();
        while now_ms < END_MS {
            changes.push(Change {
                from_ms: now_ms,
                reads,
                counted,
            });
            now_ms += random.random_range(1..=pause_ms);
            while absences
                .get(restarted)
                .is_some_and(|down| down.end <= now_ms)
            {
                restarted += 1;
                reads = 0.0;
            }
            if !absences.iter().any(|down| down.contains(&now_ms)) {
                let more = [1.0, 1.0, 5.0, 100.0][random.random_range(0..4)];
                reads += more;
                counted += more;
            }
        }
        for _ in 0..random.random_range(0..4) {
            absences.push(absence(random));
        }
        Self { changes, absences }
    }

    fn at(&self, time_ms: i64) -> Change {
        let behind = self.changes.partition_point(|one| one.from_ms <= time_ms);
        self.changes[behind.saturating_sub(1)]
    }

    fn scraped(&self, random: &mut StdRng, interval_ms: i64) -> Series {
        let jitter_ms = interval_ms / 20;
        let mut samples = Vec::new();
        let mut due_ms = random.random_range(jitter_ms..interval_ms);
        while due_ms < END_MS {
            let time_ms = due_ms + random.random_range(-jitter_ms..=jitter_ms);
            if !self
                .absences
                .iter()
                .any(|absence| absence.contains(&time_ms))
            {
                samples.push((time_ms, self.at(time_ms).reads));
            }
            due_ms += interval_ms;
        }
        series(&samples)
    }
}

#[test]
fn of_processes_of_their_own_replicas_make_up_no_growth() {
    let mut wrong = Vec::new();
    for seed in 0..LIVES {
        let random = &mut StdRng::seed_from_u64(seed);
        let interval_ms = [5_000, 10_000, 15_000][random.random_range(0..3)];
        let count = random.random_range(2..4);
        let processes: Vec<Process> = (0..count)
            .map(|_| Process::new(random, interval_ms))
            .collect();
        let replicas = processes.iter();
        let replicas = replicas.map(|process| process.scraped(random, interval_ms));
        let merged = Dedup::Interval.apply(replicas.collect(), Wanted::Growth);
        let Some(merged) = merged else {
            continue;
        };
        let total = |time_ms: i64| -> f64 {
            let counted = processes.iter().map(|process| process.at(time_ms).counted);
            counted.sum()
        };
        // Between any two samples it has grown by no more than all of them did in that time, and a
        // scrape or two at either end.
        let (mut grown, mut before): (f64, Option<f64>) = (0.0, None);
        let (mut least, mut over) = (f64::INFINITY, 0.0);
        for (time_ms, value) in merged.timestamps.iter().zip(merged.values.iter()) {
            grown += match before {
                None => 0.0,
                Some(before) if *value >= before => *value - before,
                Some(_) => *value,
            };
            before = Some(*value);
            least = f64::min(least, grown - total(time_ms - 3 * interval_ms));
            over = f64::max(over, grown - total(time_ms + 2 * interval_ms) - least);
        }
        if over > 1.0 {
            wrong.push((seed, over));
        }
    }
    assert!(wrong.len() <= WRONG_MAX, "{wrong:?}");
}
