//! Made-up hosts with the series of a node exporter: names and labels of its shape, of a thousand
//! series two thirds constant, a quarter integers, the rest decimals and sums of decimals.

use narthex_model::Labels;
use narthex_storage::Series;

use crate::grid::{self, SCRAPES};

/// Families with a label of their own: the name, the label, how many values it has, and a second
/// label with its values.
const FAMILIES: [(&str, usize, &str, usize, &[&str]); 6] = [
    (
        "cpu_seconds_total",
        1,
        "cpu",
        16,
        &[
            "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user",
        ],
    ),
    ("network_traffic", 30, "device", 5, &[]),
    ("disk_io", 15, "device", 4, &[]),
    ("filesystem_state", 7, "mountpoint", 8, &[]),
    ("scrape_collector", 2, "collector", 40, &[]),
    ("interrupts_total", 1, "type", 60, &[]),
];

/// Series without a label of their own.
const SINGLE: usize = 430;

/// All series of some hosts over some slices.
pub(crate) fn series(hosts: u64, slices: usize) -> Vec<Series> {
    (0..hosts).flat_map(|host| of_host(host, slices)).collect()
}

fn of_host(host: u64, slices: usize) -> Vec<Series> {
    let instance = format!("node-{host:02}.example.org:9100");
    let times = grid::times(host, slices);
    let mut chance = Chance(host * 1_000_003 + 17);
    let own = own_labels().into_iter().enumerate();
    let series = own.map(|(number, mut pairs)| {
        pairs.push(("instance", instance.clone()));
        pairs.push(("job", "node".to_owned()));
        let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
        let values = values(number, times.len(), &mut chance);
        Series::of_numbers(Labels::from_pairs(pairs), times.clone(), values)
    });
    series.collect()
}

/// What tells the series of a host apart.
fn own_labels() -> Vec<Vec<(&'static str, String)>> {
    let mut all = Vec::new();
    for (family, names, label, values, modes) in FAMILIES {
        for name in 0..names {
            let metric = match names {
                1 => format!("node_{family}"),
                _ => format!("node_{family}_{}_total", WORDS[name % WORDS.len()]),
            };
            let metric = match name / WORDS.len() {
                0 => metric,
                round => format!("{metric}_{round}"),
            };
            for value in 0..values {
                let base = vec![
                    ("__name__", metric.clone()),
                    (label, format!("{label}{value}")),
                ];
                if modes.is_empty() {
                    all.push(base.clone());
                }
                all.extend(modes.iter().map(|mode| {
                    let mut pairs = base.clone();
                    pairs.push(("mode", (*mode).to_owned()));
                    pairs
                }));
            }
        }
    }
    all.extend((0..SINGLE).map(|number| {
        let (first, second) = (number % WORDS.len(), number / WORDS.len());
        vec![(
            "__name__",
            format!(
                "node_{}_{}_{}",
                WORDS[first],
                WORDS[second],
                second * 7 % 31
            ),
        )]
    }));
    all
}

const WORDS: [&str; 24] = [
    "receive",
    "transmit",
    "bytes",
    "packets",
    "errors",
    "dropped",
    "fifo",
    "frame",
    "read",
    "written",
    "merged",
    "time",
    "memory",
    "active",
    "anon",
    "cached",
    "dirty",
    "mapped",
    "netstat",
    "vmstat",
    "sockstat",
    "pressure",
    "schedstat",
    "timex",
];

/// The values of a series, over all slices; kinds change from series to series.
fn values(number: usize, count: usize, chance: &mut Chance) -> Vec<f64> {
    let mut drawn = |mut next: Box<dyn FnMut(&mut Chance) -> f64>| -> Vec<f64> {
        (0..count).map(|_| next(chance)).collect()
    };
    match number * 37 % 50 {
        // A counter that is rarely busy: of errors, say.
        0..3 => drawn(running(1.0, |chance| match chance.below(20) {
            0 => 1 + chance.below(3),
            _ => 0,
        })),
        // Counters of requests, of bytes, and of hundredths of a second.
        3..6 => drawn(running(1.0, |chance| 40 + chance.below(120))),
        6..8 => drawn(running(1.0, |chance| 20_000 + chance.below(6_000))),
        8..10 => drawn(running(100.0, |chance| chance.below(150))),
        // Memory in pages, a small number of things, and a share in hundredths.
        10..12 => drawn(walk(1 << 15, 4_096.0)),
        12..14 => drawn(walk(8, 1.0)),
        14 => drawn(Box::new(|chance| chance.below(400) as f64 / 100.0)),
        // A duration in nanoseconds.
        15 => drawn(Box::new(|chance| {
            (20_000 + chance.below(200_000)) as f64 / 1e9
        })),
        // A sum of such, each addition rounded.
        16 => {
            let mut sum = 0.0;
            drawn(Box::new(move |chance| {
                sum += chance.below(30_000_000) as f64 / 1e9;
                sum
            }))
        }
        _ => {
            let value = chance.below(1_000_000) as f64;
            // Some change once in a while.
            let changes = number.is_multiple_of(9);
            let step = |n: usize| {
                if changes {
                    (n / (3 * SCRAPES + 7)) as f64
                } else {
                    0.0
                }
            };
            (0..count).map(|n| value + step(n)).collect()
        }
    }
}

/// Bytes that a sample takes at least: what is drawn, each number as likely as the others, cannot be
/// told in fewer. Where changes add up, the first value is not counted.
pub(crate) fn noise_bytes() -> f64 {
    let count = own_labels().len();
    let bits: f64 = (0..count).map(noise_bits).sum();
    bits / 8.0 / count as f64
}

fn noise_bits(number: usize) -> f64 {
    let drawn_of: f64 = match number * 37 % 50 {
        // One time in twenty, and then of three.
        0..3 => return -(0.95 * 0.95_f64.log2() + 0.05 * (0.05_f64 / 3.0).log2()),
        3..6 => 120.0,
        6..8 => 6_000.0,
        8..10 => 150.0,
        10..12 => 1_025.0,
        12..14 => 5.0,
        14 => 400.0,
        15 => 200_000.0,
        16 => 30_000_000.0,
        _ => 1.0,
    };
    drawn_of.log2()
}

type Next = Box<dyn FnMut(&mut Chance) -> f64>;

fn running(parts: f64, mut more: impl FnMut(&mut Chance) -> u64 + 'static) -> Next {
    let mut sum = 1_000_000;
    Box::new(move |chance| {
        sum += more(chance);
        sum as f64 / parts
    })
}

fn walk(range: u64, step: f64) -> Next {
    let reach = (range / 64).max(2);
    let mut place = range / 2;
    Box::new(move |chance| {
        place = (place + chance.below(2 * reach + 1)).saturating_sub(reach);
        place as f64 * step
    })
}

/// Numbers that look like chance and are the same for the same seed.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// The next number, below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % end
    }
}
