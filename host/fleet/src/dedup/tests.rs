mod processes;

use std::sync::Arc;

use narthex_model::{CounterResetHint, FloatHistogram, Labels};

use super::*;

const S: f64 = sample::STALE_NAN;

fn series(samples: &[(i64, f64)]) -> Series {
    let labels = Labels::from_pairs([("__name__", "m")]);
    let (times, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
    Series::of_numbers(labels, times, values)
}

/// As texts, so that a staleness marker is equal to itself.
fn texts(series: &Series) -> Vec<String> {
    let samples = series.timestamps.iter().zip(series.values.iter());
    let text = |(time_ms, value): (&i64, &f64)| match sample::is_stale_nan(*value) {
        true => format!("{time_ms}:S"),
        false => format!("{time_ms}:{value}"),
    };
    samples.map(text).collect()
}

struct Case {
    name: &'static str,
    dedup: Dedup,
    wanted: Wanted,
    replicas: &'static [&'static [(i64, f64)]],
    merged: &'static str,
}

const CASES: &[Case] = &[
    Case {
        name: "who comes first is followed, and the other one fills nothing",
        dedup: Dedup::Interval,
        wanted: Wanted::Samples,
        replicas: &[
            &[(0, 1.0), (10_000, 2.0), (20_000, 3.0), (30_000, 4.0)],
            &[(4_000, 1.5), (14_000, 2.5), (24_000, 3.5)],
        ],
        merged: "0:1 10000:2 20000:3 30000:4",
    },
    Case {
        name: "a gap is filled after one and a half intervals, and whoever fills it is followed on",
        dedup: Dedup::Interval,
        wanted: Wanted::Samples,
        replicas: &[
            &[
                (0, 1.0),
                (10_000, 2.0),
                (20_000, 3.0),
                (60_000, 7.0),
                (70_000, 8.0),
            ],
            &[
                (4_000, 1.5),
                (14_000, 2.5),
                (24_000, 3.5),
                (34_000, 4.5),
                (44_000, 5.5),
                (54_000, 6.5),
                (64_000, 7.5),
            ],
        ],
        // The sample at 24000 is the scrape of 20000, seen twice. At its end there is the first again.
        merged: "0:1 10000:2 20000:3 34000:4.5 44000:5.5 54000:6.5 64000:7.5 70000:8",
    },
    Case {
        name: "what comes late by less than half an interval is no gap",
        dedup: Dedup::Interval,
        wanted: Wanted::Samples,
        replicas: &[
            &[(0, 1.0), (10_000, 2.0), (24_900, 3.0), (30_000, 4.0)],
            &[(6_000, 1.5), (16_000, 2.5), (26_000, 3.5)],
        ],
        merged: "0:1 10000:2 24900:3 30000:4",
    },
    Case {
        name: "an end that only one replica has seen is none",
        dedup: Dedup::Interval,
        wanted: Wanted::Samples,
        replicas: &[
            &[
                (0, 1.0),
                (10_000, 2.0),
                (20_000, S),
                (30_000, 4.0),
                (40_000, 5.0),
            ],
            &[(6_000, 1.5), (16_000, 2.5), (26_000, 3.5), (36_000, 4.5)],
        ],
        merged: "0:1 10000:2 16000:2.5 26000:3.5 36000:4.5",
    },
    Case {
        name: "an end that all have seen is told once",
        dedup: Dedup::Interval,
        wanted: Wanted::Samples,
        replicas: &[
            &[(0, 1.0), (10_000, 2.0), (20_000, S), (90_000, 1.0)],
            &[(6_000, 1.5), (16_000, S), (96_000, 1.5)],
        ],
        merged: "0:1 10000:2 20000:S 90000:1 96000:1.5",
    },
    Case {
        name: "who lags behind does not make a counter fall",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 100.0), (10_000, 110.0)],
            &[
                (4_000, 96.0),
                (14_000, 106.0),
                (24_000, 116.0),
                (34_000, 126.0),
            ],
        ],
        // It has grown by 4 since the last sample of the other one.
        merged: "0:100 10000:110 14000:114 24000:124 34000:134",
    },
    Case {
        name: "counters of two processes are told by their growth",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 1e6), (10_000, 1_000_010.0), (50_000, 1_000_050.0)],
            &[(5_000, 5.0), (15_000, 15.0), (25_000, 25.0), (35_000, 35.0)],
        ],
        merged: "0:1000000 10000:1000010 15000:1000015 25000:1000025 35000:1000035 50000:1000050",
    },
    Case {
        name: "a reset that the second replica sees is one",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 100.0), (10_000, 110.0)],
            &[(5_000, 105.0), (15_000, 3.0), (25_000, 13.0)],
        ],
        merged: "0:100 10000:110 15000:3 25000:13",
    },
    Case {
        name: "a lifted counter that is reset counts from there",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 1e6), (10_000, 1_000_010.0)],
            &[
                (5_000, 5.0),
                (15_000, 15.0),
                (25_000, 25.0),
                (35_000, 3.0),
                (45_000, 13.0),
            ],
        ],
        merged: "0:1000000 10000:1000010 15000:1000015 25000:1000025 35000:3 45000:13",
    },
    Case {
        name: "what a target counted before a restart is what the other replica saw of it",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 100.0), (10_000, 110.0), (20_000, 4.0), (30_000, 14.0)],
            &[
                (5_000, 105.0),
                (15_000, 115.0),
                (25_000, 9.0),
                (35_000, 19.0),
            ],
        ],
        // From 110 to 115, and then 4.
        merged: "0:100 10000:110 20000:9 30000:19 35000:24",
    },
    Case {
        name: "a restart that both have seen is one, though the follower comes behind it",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 100.0), (10_000, 110.0), (20_000, 4.0)],
            &[
                (5_000, 105.0),
                (15_000, 115.0),
                (25_000, 9.0),
                (35_000, 19.0),
            ],
        ],
        merged: "0:100 10000:110 20000:9 25000:14 35000:24",
    },
    Case {
        name: "who steps in close behind the last sample is told as far from it as scrapes are",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 0.0), (10_000, 10.0)],
            &[
                (2_000, 2.0),
                (12_000, 12.0),
                (22_000, 22.0),
                (32_000, 32.0),
                (42_000, 42.0),
                (52_000, 52.0),
            ],
        ],
        merged: "0:0 10000:10 20600:20.6 31200:31.2 41800:41.8 52000:52",
    },
    Case {
        name: "what is counted in a burst before a restart is counted once",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 100.0), (10_000, 200.0), (20_000, 4.0), (30_000, 14.0)],
            &[
                (5_000, 100.0),
                (15_000, 200.0),
                (25_000, 9.0),
                (35_000, 19.0),
            ],
        ],
        // Of the second one's 100 nothing is left behind the first one's 200.
        merged: "0:100 10000:200 20000:4 30000:14 35000:19",
    },
    Case {
        name: "a sample told earlier is not below what was read before it",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 0.0), (10_000, 100.0)],
            &[
                (9_000, 0.0),
                (21_500, 100.0),
                (31_500, 100.0),
                (41_500, 100.0),
                (51_500, 100.0),
            ],
        ],
        merged: "0:0 10000:100 20600:100 31200:100 41500:100 51500:100",
    },
    Case {
        name: "who was away while a third one saw a restart has not seen another one",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[
                (0, 1_000.0),
                (10_000, 1_010.0),
                (80_000, 65.0),
                (90_000, 75.0),
            ],
            // Not there before the restart.
            &[
                (35_000, 20.0),
                (45_000, 30.0),
                (55_000, 40.0),
                (65_000, 50.0),
            ],
        ],
        merged: "0:1000 10000:1010 35000:20 45000:30 55000:40 65000:50 80000:65 90000:75",
    },
    Case {
        name: "another process that was not there before has not counted all that in a scrape",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 5.0)],
            &[(5_000, 1e6), (15_000, 1_000_010.0), (25_000, 1_000_020.0)],
        ],
        merged: "0:5 5000:10 15000:20 25000:30",
    },
    Case {
        name: "who steps in with an end is lifted when it is there again",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 1e6), (10_000, 1_000_010.0)],
            &[(5_000, 5.0), (15_000, S), (45_000, 45.0), (55_000, 55.0)],
        ],
        merged: "0:1000000 10000:1000010 15000:S 45000:1000040 55000:1000050",
    },
    Case {
        name: "a reset is seen though the sample that shows it is left out",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 100.0), (10_000, 110.0)],
            &[
                (1_000, 101.0),
                (11_000, 0.0),
                (21_000, 200.0),
                (31_000, 210.0),
            ],
        ],
        merged: "0:100 10000:110 20600:302 31000:320",
    },
    Case {
        name: "rounding makes no reset of a counter that stands still",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 98.0), (10_000, 98.2)],
            &[(5_000, 21.6), (15_000, 21.6), (25_000, 21.6)],
        ],
        // 98.2 - 21.6 + 21.6 is 98.19999999999999.
        merged: "0:98 10000:98.2 15000:98.20000000000002 25000:98.20000000000002",
    },
    Case {
        name: "who was away has not counted all of that behind the last sample of another process",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[
                (0, 1_000.0),
                (10_000, 1_100.0),
                (20_000, 1_200.0),
                (80_000, 1_800.0),
                (90_000, 1_900.0),
            ],
            &[
                (5_000, 5.0),
                (15_000, 15.0),
                (25_000, 25.0),
                (35_000, 35.0),
                (45_000, 45.0),
                (55_000, 55.0),
            ],
        ],
        // What the second one is lifted to lies between 1200 and 1800 by chance.
        merged: "0:1000 10000:1100 20000:1200 25000:1205 35000:1215 45000:1225 55000:1235 \
                 80000:1485 90000:1585",
    },
    Case {
        name: "a restart long before the last sample of another process is none behind it",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[
                (0, 1_000.0),
                (10_000, 1_100.0),
                (20_000, 1_200.0),
                (80_000, 500.0),
                (90_000, 600.0),
            ],
            &[
                (5_000, 5.0),
                (15_000, 15.0),
                (25_000, 25.0),
                (35_000, 35.0),
                (45_000, 45.0),
                (55_000, 55.0),
            ],
        ],
        // By ten a second the 500 are of the last 50 seconds.
        merged: "0:1000 10000:1100 20000:1200 25000:1205 35000:1215 45000:1225 55000:1235 \
                 80000:1485 90000:1585",
    },
    Case {
        name: "a burst is counted by who was away from the same process",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[
                (0, 0.0),
                (10_000, 0.0),
                (20_000, 0.0),
                (90_000, 1_000.0),
                (100_000, 1_000.0),
            ],
            &[
                (5_000, 0.0),
                (15_000, 0.0),
                (25_000, 0.0),
                (35_000, 0.0),
                (45_000, 0.0),
                (55_000, 0.0),
                (65_000, 0.0),
                (75_000, 0.0),
            ],
        ],
        merged: "0:0 10000:0 20000:0 25000:0 35000:0 45000:0 55000:0 65000:0 75000:0 \
                 90000:1000 100000:1000",
    },
    Case {
        name: "what was told earlier was read nevertheless",
        dedup: Dedup::Interval,
        wanted: Wanted::Growth,
        replicas: &[
            &[(0, 100.0), (10_000, 100.0)],
            &[(2_000, 100.0), (12_000, 100.0), (22_000, 200.0)],
            &[
                (1_000, 100.0),
                (21_500, 200.0),
                (31_500, 200.0),
                (41_500, 200.0),
            ],
        ],
        // 186 is what lies on the line to the second one's 200, which is what the third one reads.
        merged: "0:100 10000:100 20600:186 31200:200 41500:200",
    },
    Case {
        name: "samples keep their times where it is not growth that is wanted",
        dedup: Dedup::Interval,
        wanted: Wanted::Samples,
        replicas: &[
            &[(0, 0.0), (10_000, 10.0)],
            &[(2_000, 2.0), (12_000, 12.0), (22_000, 22.0)],
        ],
        merged: "0:0 10000:10 22000:22",
    },
    Case {
        name: "penalty takes the earlier one and lets the other wait",
        dedup: Dedup::Penalty,
        wanted: Wanted::Samples,
        replicas: &[
            &[(10_000, 1.0), (20_000, 2.0), (30_000, 3.0), (70_000, 7.0)],
            &[
                (10_001, 1.0),
                (25_000, 2.5),
                (35_000, 3.5),
                (45_000, 4.5),
                (55_000, 5.5),
                (65_000, 6.5),
            ],
        ],
        // After 30000 the second one waits until 50000, and after 55000 the first until 105000.
        merged: "10000:1 20000:2 30000:3 55000:5.5 65000:6.5",
    },
    Case {
        name: "penalty lifts whoever would make a counter fall (Thanos issue 2401)",
        dedup: Dedup::Penalty,
        wanted: Wanted::Growth,
        replicas: &[
            &[
                (10_000, 8.0),
                (20_000, 9.0),
                (50_001, 10.0),
                (60_000, 11.0),
                (70_000, 12.0),
                (80_000, 13.0),
                (90_000, 14.0),
                (100_000, 15.0),
            ],
            &[(10_001, 8.0), (45_001, 8.5), (55_001, 9.5), (65_001, 10.5)],
        ],
        // After 45001 the first one waits until 95004. In Thanos' own test it is back at 90000, for the
        // iterators that are made there can go back, which those of chunks cannot.
        merged: "10000:8 20000:9 45001:9 55001:10 65001:11 100000:15",
    },
    Case {
        name: "penalty goes through replicas that follow each other",
        dedup: Dedup::Penalty,
        wanted: Wanted::Samples,
        replicas: &[
            &[(10_000, 1.0), (20_000, 2.0)],
            &[(60_000, 3.0), (70_000, 4.0)],
            &[(200_000, 5.0), (210_000, 6.0)],
            &[(10_000, 1.0), (20_000, 2.0)],
        ],
        merged: "10000:1 20000:2 60000:3 70000:4 200000:5 210000:6",
    },
    Case {
        name: "behind old windows a gap is that of the samples there",
        dedup: Dedup::Interval,
        wanted: Wanted::Windows {
            aggregate: narthex_storage::Aggregate::Newest,
            max_resolution_ms: 3_600_000,
        },
        replicas: &[
            // A store: hours, then samples, up to the last block of the bucket.
            &[
                (3_600_000, 1.0),
                (7_200_000, 2.0),
                (10_800_000, 3.0),
                (14_400_000, 4.0),
                (18_000_000, 5.0),
                (18_010_000, 6.0),
                (18_020_000, 7.0),
            ],
            // The host: what is newer, too.
            &[
                (18_010_000, 6.0),
                (18_020_000, 7.0),
                (18_030_000, 8.0),
                (18_040_000, 9.0),
            ],
        ],
        merged: "3600000:1 7200000:2 10800000:3 14400000:4 18000000:5 18010000:6 18020000:7 \
                 18030000:8 18040000:9",
    },
    Case {
        name: "chain has all samples",
        dedup: Dedup::Chain,
        wanted: Wanted::Growth,
        replicas: &[
            &[(10_000, 1.0), (20_000, 2.0)],
            &[(10_000, 9.0), (12_000, 0.5), (20_001, 2.0)],
        ],
        merged: "10000:1 12000:0.5 20000:2 20001:2",
    },
];

#[test]
fn replicas_become_one_series() {
    for case in CASES {
        let replicas = case
            .replicas
            .iter()
            .map(|samples| series(samples))
            .collect();
        let merged = case.dedup.apply(replicas, case.wanted).unwrap();
        assert_eq!(texts(&merged).join(" "), case.merged, "{}", case.name);
    }
}

#[test]
fn one_replica_is_left_as_it_is_and_none_is_none() {
    for dedup in [Dedup::Interval, Dedup::Penalty, Dedup::Chain] {
        assert!(dedup.apply(vec![], Wanted::Growth).is_none());
        assert!(dedup.apply(vec![series(&[])], Wanted::Growth).is_none());
        let alone = series(&[(1, 5.0), (2, 1.0), (3, S)]);
        let merged = dedup
            .apply(vec![series(&[]), alone.clone()], Wanted::Growth)
            .unwrap();
        assert_eq!(texts(&merged), texts(&alone));
    }
}

#[test]
fn what_a_histogram_says_of_a_reset_is_not_believed_after_a_change_of_replicas() {
    let of = |times: &[i64]| Series {
        values: vec![sample::HISTOGRAM; times.len()].into(),
        histograms: Some(
            times
                .iter()
                .map(|_| {
                    Some(Arc::new(FloatHistogram {
                        counter_reset_hint: CounterResetHint::NotReset,
                        ..FloatHistogram::default()
                    }))
                })
                .collect(),
        ),
        ..series(&times.iter().map(|time| (*time, 0.0)).collect::<Vec<_>>())
    };
    let replicas = || {
        vec![
            of(&[0, 10_000, 20_000]),
            of(&[5_000, 15_000, 25_000, 35_000, 45_000]),
        ]
    };
    for dedup in [Dedup::Interval, Dedup::Penalty] {
        let merged = dedup.apply(replicas(), Wanted::Growth).unwrap();
        let hints = merged.histograms.unwrap();
        let unknown = |h: &Option<Arc<FloatHistogram>>| {
            h.as_ref().unwrap().counter_reset_hint == CounterResetHint::Unknown
        };
        assert_eq!(hints.iter().filter(|h| unknown(h)).count(), 1, "{dedup:?}");
    }
}
