//! A process that is killed while it writes: what it acknowledged is there, once.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use narthex_model::{Labels, Sample, SeriesRef, WriteBatch};
use narthex_storage::Appendable;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::journal::contents;
use crate::{Head, HeadOptions};

/// Tells the child which folder to write to, from which round on, and what blocks hold.
const DIR: &str = "NARTHEX_HEAD_TEST_DIR";
const FIRST: &str = "NARTHEX_HEAD_TEST_FIRST";
const BOUND: &str = "NARTHEX_HEAD_TEST_BOUND";

const SERIES: usize = 40;
const KILLS: usize = 8;

fn options(dir: &Path, bound_ms: i64) -> HeadOptions {
    HeadOptions {
        min_valid_time_ms: bound_ms,
        segment_bytes: 8_000,
        ..HeadOptions::new(dir)
    }
}

fn batch(round: i64) -> WriteBatch {
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let value = round as f64;
    let sample = |number: usize| Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", "m"), ("number", &number.to_string())]),
        timestamp_ms: round,
        value,
    };
    WriteBatch::from((0..SERIES).map(sample).collect::<Vec<_>>())
}

/// Not a test of its own: the process that is killed. It ends at once where it is not asked for.
#[test]
fn the_process_that_is_killed() {
    let Ok(dir) = std::env::var(DIR) else {
        return;
    };
    let number = |name| std::env::var(name).unwrap().parse::<i64>().unwrap();
    let (head, _) = Head::open(options(Path::new(&dir), number(BOUND))).unwrap();
    let mut out = std::io::stdout();
    for round in number(FIRST).. {
        let report = head.append(&batch(round)).unwrap();
        assert!(report.rejected.is_empty());
        writeln!(out, "\nack {round}").unwrap();
        if round % 50 == 0 {
            // The block is published before the head lets go.
            writeln!(out, "\nbound {}", round - 20).unwrap();
            head.truncate(round - 20).unwrap();
        }
    }
}

fn spawn(dir: &Path, first: i64, bound_ms: i64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("tests::kill::the_process_that_is_killed")
        .env(DIR, dir)
        .env(FIRST, first.to_string())
        .env(BOUND, bound_ms.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn what_a_killed_process_acknowledged_is_there_once() {
    let dir = TempDir::new().unwrap();
    let mut random = StdRng::seed_from_u64(9);
    let (mut first, mut bound_ms, mut acknowledged) = (1, 0, 0);
    for kill in 0..KILLS {
        let mut child = spawn(dir.path(), first, bound_ms);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acks_left = random.random_range(1..200);
        for line in lines.map_while(Result::ok) {
            let number = |prefix| line.strip_prefix(prefix)?.parse::<i64>().ok();
            bound_ms = number("bound ").unwrap_or(bound_ms);
            if let Some(round) = number("ack ") {
                acknowledged = round;
                acks_left -= 1;
                if acks_left == 0 {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        let (head, report) = Head::open(options(dir.path(), bound_ms)).unwrap();
        assert!(report.damage.is_empty(), "kill {kill}: {report:?}");
        let found = contents(&head);
        assert_eq!(found.len(), SERIES, "kill {kill}");
        let last = head.max_time().unwrap();
        assert!(
            last == acknowledged || last == acknowledged + 1,
            "kill {kill}: {last} and {acknowledged}"
        );
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let wanted: Vec<_> = (bound_ms.max(1)..=last)
            .map(|round| (round, (round as f64).to_bits()))
            .collect();
        for (series, samples) in found {
            assert_eq!(samples, wanted, "kill {kill}, {series}");
        }
        first = last + 1;
    }
    assert!(acknowledged > 100);
}
