//! A head that opens from a snapshot holds what the log would have brought back, and goes on like
//! it; a snapshot that cannot be used is left out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_disk::{CrashDisk, Disk, DiskExt, Fault, SystemDisk};
use narthex_model::histogram::Buckets;
use narthex_model::{
    Exemplar, ExemplarSample, FloatHistogram, HistogramSample, Labels, Matcher, Sample, SeriesRef,
    WriteBatch, sample,
};
use narthex_storage::{
    Appendable, ExemplarsRequest, Queryable, SelectRequest, Series, StorageStats, TimeRange,
};
use tempfile::TempDir;

use super::journal::{Journal, check_counts, contents, expected, options, options_on};
use crate::chunk_snapshot::{FILE, WRITING};
use crate::{Head, HeadOptions, ReplayReport};

/// Late samples are taken as far back as this.
const WINDOW_MS: i64 = 600_000;

const SCRAPE_MS: i64 = 15_000;

fn snapshotting(options: HeadOptions) -> HeadOptions {
    HeadOptions {
        snapshot_on_close: true,
        exemplars_max: 50,
        segment_bytes: 20_000,
        ..options
    }
}

fn open(options: HeadOptions, bound_ms: i64) -> (Head, ReplayReport) {
    let (head, report) = Head::open(HeadOptions {
        min_valid_time_ms: bound_ms,
        ..options
    })
    .unwrap();
    assert!(report.damage.is_empty(), "{report:?}");
    head.set_out_of_order_window(WINDOW_MS);
    (head, report)
}

fn labels(name: &str, number: i64) -> Labels {
    Labels::from_pairs([("__name__", name), ("number", &number.to_string())])
}

fn histogram(round: i64) -> FloatHistogram {
    FloatHistogram {
        schema: 2,
        count: (round * 3) as f64,
        sum: round as f64 * 0.7,
        positive: Buckets::consecutive(-2, vec![round as f64; 3]).unwrap(),
        ..FloatHistogram::default()
    }
}

/// A scrape of series that stand still, climb, jump, come late, vanish, and are histograms.
fn scrape(round: i64) -> WriteBatch {
    let at_ms = round * SCRAPE_MS + round % 3;
    let sample = |name: &str, number: i64, timestamp_ms: i64, value: f64| Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels(name, number),
        timestamp_ms,
        value,
    };
    let mut batch = WriteBatch::default();
    for number in 0..20 {
        let value = match number % 4 {
            0 => number as f64,
            1 => (round * number) as f64,
            2 => f64::from_bits((round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2),
            _ => (round / 40) as f64 / 3.0,
        };
        batch.samples.push(sample("m", number, at_ms, value));
    }
    if round % 7 != 0 {
        batch.samples.push(sample("gaps", 0, at_ms, -0.0));
    }
    if round % 50 == 49 {
        let late_ms = at_ms - 20 * SCRAPE_MS - 7;
        batch.samples.push(sample("m", 3, late_ms, 42.0));
        batch.samples.push(sample("only_late", round, late_ms, 1.0));
    }
    if round % 60 == 30 {
        batch.samples.push(sample("gone", round, at_ms, 5.0));
    }
    if round % 60 == 31 {
        let stale = f64::from_bits(sample::STALE_NAN_BITS);
        batch.samples.push(sample("gone", round - 1, at_ms, stale));
    }
    for number in 0..2 {
        batch.histograms.push(HistogramSample {
            series: SeriesRef::UNKNOWN,
            labels: labels("native", number),
            timestamp_ms: at_ms,
            histogram: Arc::new(histogram(round % 90 + number)),
        });
    }
    if round % 11 == 5 {
        batch.exemplars.push(ExemplarSample {
            series: labels("native", 1),
            exemplar: Exemplar {
                labels: Labels::from_pairs([("trace_id", &round.to_string())]),
                value: round as f64,
                timestamp_ms: at_ms,
            },
        });
    }
    batch.starts.samples = (0..3).map(|index| (index, (round / 100) * 1_000)).collect();
    batch
}

fn run(head: &Head, rounds: std::ops::Range<i64>) {
    for round in rounds {
        let report = head.append(&scrape(round)).unwrap();
        assert_eq!(
            (report.rejected.len(), report.rejected_histograms.len()),
            (0, 0)
        );
        if round % 130 == 129 {
            let range = TimeRange {
                start_ms: (round - 60) * SCRAPE_MS,
                end_ms: (round - 50) * SCRAPE_MS,
            };
            let of = |number: &str| Matcher::equal("number", number);
            head.delete(&[vec![of("1")], vec![of("3")]], range).unwrap();
        }
    }
}

/// All that a head tells of itself.
fn state(head: &Head) -> Vec<String> {
    let request = SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    };
    let found: Vec<Series> =
        block_on(async { head.select(&request).await.unwrap().try_collect().await }).unwrap();
    let found = found.iter().map(|series| {
        let bits = series.values.iter().map(|value| value.to_bits());
        let bits: Vec<u64> = bits.collect();
        let (times, starts) = (&series.timestamps, &series.starts);
        let histograms = &series.histograms;
        let told = format!("{times:?} {bits:?} {starts:?} {histograms:?}");
        (series.labels.to_string(), told)
    });
    let found: BTreeMap<String, String> = found.collect();
    // How samples lie in chunks is not told: the log's reader joins what came before a truncation.
    let stats = StorageStats {
        chunks: 0,
        ..head.stats(5)
    };
    let mut told: Vec<String> = found.into_iter().map(|(k, v)| format!("{k} {v}")).collect();
    told.push(format!("{stats:?}"));
    let times = (head.min_time(), head.max_time(), head.oldest_time());
    told.push(format!("{times:?}"));
    let counts = (
        head.late_count(),
        head.stale_series_count(),
        head.bound_ms(),
    );
    told.push(format!("{counts:?}"));
    told
}

/// The exemplars from a time on: a snapshot has more of those before it than a log whose old segments
/// are gone.
fn exemplars(head: &Head, from_ms: i64) -> String {
    let found = head.exemplars(&ExemplarsRequest {
        selectors: vec![vec![]],
        range: TimeRange {
            start_ms: from_ms,
            end_ms: i64::MAX,
        },
    });
    format!("{found:?}")
}

/// That two heads tell the same.
fn check_same(a: &Head, b: &Head, story: &str) {
    let (a, b) = (state(a), state(b));
    for (a, b) in a.iter().zip(&b) {
        let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
        let near = |text: &str| {
            text.chars()
                .skip(same.saturating_sub(60))
                .take(200)
                .collect()
        };
        let (near_a, near_b): (String, String) = (near(a), near(b));
        assert!(a == b, "{story}: {near_a:?} and {near_b:?} at {same}");
    }
    assert_eq!(a.len(), b.len(), "{story}");
}

/// A copy of the folder without its snapshot: what a kill would have left.
fn killed(dir: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name();
        if name != FILE {
            std::fs::copy(dir.join(&name), copy.path().join(&name)).unwrap();
        }
    }
    copy
}

#[test]
fn a_head_that_opens_from_a_snapshot_goes_on_as_one_that_opens_from_the_log() {
    let (dir, mut bound_ms) = (TempDir::new().unwrap(), i64::MIN);
    let (head, _) = open(snapshotting(options(dir.path())), bound_ms);
    run(&head, 0..300);
    head.close().unwrap();
    for turn in 1..4 {
        let story = format!("turn {turn}");
        let other = killed(dir.path());
        let (head, report) = open(snapshotting(options(dir.path())), bound_ms);
        assert_eq!(report.snapshot_error, None);
        assert_eq!(report.records, 0, "{story}: the log is not read");
        assert!(report.samples_of_snapshot > 5_000, "{report:?}");
        let (from_log, replayed) = open(snapshotting(options(other.path())), bound_ms);
        assert_eq!(report.series, replayed.series, "{story}");
        assert_eq!(report.samples_late, replayed.samples_late, "{story}");
        check_same(&head, &from_log, &format!("{story}: opened"));
        assert_eq!(exemplars(&head, bound_ms), exemplars(&from_log, bound_ms));
        for head in [&head, &from_log] {
            run(head, turn * 300..(turn + 1) * 300);
        }
        check_same(&head, &from_log, &format!("{story}: went on"));
        assert_eq!(exemplars(&head, bound_ms), exemplars(&from_log, bound_ms));
        bound_ms = (turn * 300 + 100) * SCRAPE_MS;
        for head in [&head, &from_log] {
            head.refuse_before(bound_ms);
            head.truncate(bound_ms).unwrap();
        }
        assert!(
            !dir.path().join(FILE).exists(),
            "{story}: it is of other samples"
        );
        check_same(&head, &from_log, &format!("{story}: truncated"));
        head.close().unwrap();
        from_log.close().unwrap();
    }
}

#[test]
fn samples_that_came_behind_a_snapshot_are_there_after_a_kill() {
    let dir = TempDir::new().unwrap();
    let (head, _) = open(snapshotting(options(dir.path())), i64::MIN);
    run(&head, 0..140);
    head.close().unwrap();
    for turn in 1..4 {
        let (head, report) = open(snapshotting(options(dir.path())), i64::MIN);
        assert_eq!(report.snapshot_error, None);
        assert!(report.samples_of_snapshot > 0 && report.records >= (turn - 1) as u64 * 100);
        run(&head, 40 + turn * 100..140 + turn * 100);
        let wanted = state(&head);
        drop(head);
        let (again, _) = open(snapshotting(options(dir.path())), i64::MIN);
        assert!(state(&again) == wanted);
        let (from_log, _) = open(snapshotting(options(killed(dir.path()).path())), i64::MIN);
        assert!(state(&from_log) == wanted);
    }
}

#[test]
fn random_batches_and_restarts_of_both_kinds_lose_nothing() {
    for seed in 0..10 {
        let dir = TempDir::new().unwrap();
        let options = snapshotting(options(dir.path()));
        let (mut journal, mut bound_ms) = (Journal::new(seed), i64::MIN);
        for round in 0..6 {
            let story = format!("seed {seed}, round {round}");
            let (head, report) = Head::open(HeadOptions {
                min_valid_time_ms: bound_ms,
                ..options.clone()
            })
            .unwrap();
            assert_eq!(report.snapshot_error, None, "{story}");
            assert_eq!(
                contents(&head),
                expected(&journal.entries, bound_ms),
                "{story}"
            );
            check_counts(&head, &story);
            journal.run(&head, 60, 30);
            if round % 3 == 1 {
                bound_ms = journal.now_ms - 200_000;
                head.truncate(bound_ms).unwrap();
            }
            assert_eq!(
                contents(&head),
                expected(&journal.entries, bound_ms),
                "{story}"
            );
            if (round + i64::try_from(seed).unwrap()) % 2 == 0 {
                head.close().unwrap();
            }
        }
    }
}

#[test]
fn a_block_that_was_written_as_the_process_ended_hides_what_it_holds() {
    let dir = TempDir::new().unwrap();
    let (head, _) = open(snapshotting(options(dir.path())), i64::MIN);
    run(&head, 0..200);
    head.close().unwrap();
    for bound_ms in [100 * SCRAPE_MS, 199 * SCRAPE_MS + 1, 1_000 * SCRAPE_MS] {
        let other = killed(dir.path());
        let (from_log, _) = open(snapshotting(options(other.path())), bound_ms);
        let (head, report) = open(snapshotting(options(dir.path())), bound_ms);
        assert_eq!(report.snapshot_error, None);
        assert_eq!(contents(&head), contents(&from_log), "{bound_ms}");
        check_counts(&head, "with a bound");
        assert_eq!(head.min_time(), from_log.min_time());
        assert_eq!(head.series_count(), from_log.series_count());
    }
}

#[test]
fn a_snapshot_of_late_samples_alone_goes_before_the_log_forgets_that_blocks_have_them() {
    let (dir, bound_ms) = (TempDir::new().unwrap(), 100 * SCRAPE_MS);
    let (head, _) = open(snapshotting(options(dir.path())), i64::MIN);
    run(&head, 0..60);
    head.refuse_before(bound_ms);
    let mut batch = WriteBatch::default();
    batch.samples.push(Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels("m", 0),
        timestamp_ms: 50 * SCRAPE_MS + 9,
        value: 7.0,
    });
    assert!(head.append(&batch).unwrap().rejected.is_empty());
    head.truncate(bound_ms).unwrap();
    assert_eq!((head.late_count(), head.max_time()), (1, None));
    head.close().unwrap();
    let (head, report) = open(snapshotting(options(dir.path())), bound_ms);
    assert_eq!(report.snapshot_error, None);
    assert_eq!((report.samples_of_snapshot, report.samples_late), (0, 1));
    head.truncate(bound_ms).unwrap();
    assert_eq!(head.late_count(), 0);
    assert!(!dir.path().join(FILE).exists());
}

#[test]
fn more_exemplars_than_a_record_takes_come_back_in_their_order() {
    let dir = TempDir::new().unwrap();
    let options = HeadOptions {
        exemplars_max: 1_500,
        ..snapshotting(options(dir.path()))
    };
    let (head, _) = open(options.clone(), i64::MIN);
    for round in 0..1_600 {
        let mut batch = scrape(round);
        batch.exemplars = vec![ExemplarSample {
            series: labels("native", round % 2),
            exemplar: Exemplar {
                labels: Labels::from_pairs([("trace_id", &round.to_string())]),
                value: round as f64,
                timestamp_ms: round * SCRAPE_MS,
            },
        }];
        let report = head.append(&batch).unwrap();
        assert!(report.rejected_exemplars.is_empty());
    }
    head.close().unwrap();
    let wanted = exemplars(&head, i64::MIN);
    assert_eq!(head.exemplar_stats().exemplars, 1_500);
    drop(head);
    let (head, report) = open(options, i64::MIN);
    assert_eq!((report.snapshot_error, report.records), (None, 0));
    assert!(exemplars(&head, i64::MIN) == wanted);
}

#[test]
fn a_damaged_snapshot_is_left_out_and_the_log_read() {
    let dir = TempDir::new().unwrap();
    let (head, _) = open(snapshotting(options(dir.path())), i64::MIN);
    run(&head, 0..70);
    head.close().unwrap();
    let wanted = state(&head);
    drop(head);
    let whole = std::fs::read(dir.path().join(FILE)).unwrap();
    let check = |bytes: &[u8], story: &str| {
        std::fs::write(dir.path().join(FILE), bytes).unwrap();
        let (head, report) = open(
            HeadOptions {
                snapshot_on_close: false,
                ..snapshotting(options(dir.path()))
            },
            i64::MIN,
        );
        assert!(report.snapshot_error.is_some(), "{story}: {report:?}");
        assert!(!dir.path().join(FILE).exists(), "{story}");
        assert!(state(&head) == wanted, "{story}");
    };
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        check(&damaged, &format!("byte {at}"));
        check(&whole[..at], &format!("cut at {at}"));
    }
    check(&[&whole[..], b"x"].concat(), "something behind it");
}

#[test]
fn a_snapshot_of_another_log_is_left_out() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 3] = [
        ("a segment is longer", |dir| {
            let name = SystemDisk::new(dir).list("").unwrap();
            let name = name.iter().find(|entry| entry.name.ends_with(".wal"));
            let path = dir.join(&name.unwrap().name);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.pop();
            std::fs::write(path, bytes).unwrap();
        }),
        ("a segment is new", |dir| {
            std::fs::write(dir.join("00000000.wal"), b"").unwrap();
        }),
        ("another version", |dir| {
            let mut bytes = std::fs::read(dir.join(FILE)).unwrap();
            bytes[7] += 1;
            std::fs::write(dir.join(FILE), bytes).unwrap();
        }),
    ];
    for (story, change) in changes {
        let dir = TempDir::new().unwrap();
        let (head, _) = open(snapshotting(options(dir.path())), i64::MIN);
        run(&head, 0..70);
        head.close().unwrap();
        change(dir.path());
        let (_, report) = Head::open(snapshotting(options(dir.path()))).unwrap();
        assert!(report.snapshot_error.is_some(), "{story}");
        assert_eq!(report.samples_of_snapshot, 0, "{story}");
    }
    // Blocks that a snapshot relied on are gone: the log may still have what they had.
    let dir = TempDir::new().unwrap();
    let (head, _) = open(snapshotting(options(dir.path())), i64::MIN);
    run(&head, 0..70);
    let wanted = contents(&head);
    head.truncate(30 * SCRAPE_MS).unwrap();
    head.close().unwrap();
    let (head, report) = open(snapshotting(options(dir.path())), i64::MIN);
    assert_eq!(
        (report.snapshot_error, report.samples_of_snapshot),
        (None, 0)
    );
    assert!(report.records > 0);
    let found = contents(&head)
        .into_values()
        .map(|s| s.len())
        .sum::<usize>();
    assert!(found <= wanted.into_values().map(|s| s.len()).sum());
}

#[test]
fn a_disk_that_fails_or_dies_while_a_snapshot_is_written_loses_nothing() {
    let mut written = 0;
    for at in 0.. {
        let disk = CrashDisk::new(at);
        let options = snapshotting(options_on(&disk));
        let (head, _) = Head::open(options.clone()).unwrap();
        let mut journal = Journal::new(at);
        journal.run(&head, 30, 10);
        head.sync().unwrap();
        let before = disk.operations();
        disk.fault_at(
            before + at,
            Fault::FromThen(std::io::ErrorKind::StorageFull),
        );
        let closed = head.close();
        let was_met = disk.operations() > before + at;
        disk.heal();
        let wanted = expected(&journal.entries, i64::MIN);
        for (name, next) in [("kill", disk.kill()), ("power cut", disk.cut_power())] {
            let story = format!("{name} at {at}, {closed:?}");
            let (head, report) = Head::open(snapshotting(options_on(&next))).unwrap();
            assert_eq!(report.snapshot_error, None, "{story}");
            assert_eq!(contents(&head), wanted, "{story}");
            assert!(next.read(WRITING).is_err(), "{story}: a part is left");
            written += u64::from(report.samples_of_snapshot > 0);
        }
        if !was_met {
            assert!(at > 5 && written > 0, "{at} {written}");
            return;
        }
    }
}
