//! Blocks of a file of OpenMetrics hold what promtool's hold of the same file.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use narthex_model::{Labels, PromDuration};
use tempfile::TempDir;

use super::fixture::{Setup, Store};
use super::import::{HOUR_MS, START_MS, prometheus};

const START_S: i64 = START_MS / 1_000;

fn store() -> Store {
    Store::with(Setup {
        now_ms: START_MS + 1_000 * HOUR_MS,
        ..Setup::from(2 * HOUR_MS)
    })
}

/// Seven hours: series by series, of several types, longer than one part of the file. One is
/// written as if two scrapes of a target came in turn.
fn text() -> String {
    let mut text = String::from("# TYPE busy_seconds counter\n# HELP busy_seconds Some.\n");
    let times = || (START_S..START_S + 7 * 3_600).step_by(5);
    for cpu in 0..20 {
        for at in times() {
            let value = (at - START_S) as f64 * 0.37 + f64::from(cpu);
            let labels = format!("zone=\"ü \\\"{cpu}\\\"\",cpu=\"{cpu}\"");
            writeln!(text, "busy_seconds_total{{{labels}}} {value} {at}.25").unwrap();
        }
    }
    text.push_str("# TYPE wait histogram\n");
    for at in times().step_by(100) {
        for le in ["0.5", "10.0", "+Inf"] {
            writeln!(text, "wait_bucket{{le=\"{le}\"}} {at} {at}").unwrap();
        }
    }
    text.push_str("# TYPE odd gauge\n");
    for (at, value) in [(1, "NaN"), (2, "-Inf"), (9_000, "4.9e-324"), (9_001, "-0")] {
        writeln!(text, "odd {value} {}", START_S + at).unwrap();
    }
    text.push_str("# EOF\n");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_are_those_of_promtool() {
    let (folder, text) = (TempDir::new().unwrap(), text());
    let file = folder.path().join("text");
    assert!(text.len() > crate::line_parts::PART_BYTES);
    prometheus(folder.path(), &text, "2h");
    let theirs = store();
    let imported = theirs.import(folder.path(), |_| ControlFlow::Continue(()));
    imported.await.unwrap();
    let expected = theirs.samples().await;
    for (hours, blocks) in [(1, 4), (2, 4), (5, 2), (24, 1)] {
        let ours = store();
        let mut passes = Vec::new();
        let made = ours.create_blocks(&file, PromDuration::from_secs(hours * 3_600), |progress| {
            passes.push((progress.pass, progress.passes))
        });
        assert_eq!(made.await.unwrap().len(), blocks, "{hours} h");
        assert_eq!(passes.first(), Some(&(1, None)));
        assert_eq!(passes.last(), Some(&(2, Some(2))));
        assert_eq!(ours.samples().await, expected, "{hours} h");
        let ours = ours.reopen().await;
        assert_eq!(ours.samples().await, expected, "{hours} h, after a restart");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_are_added_count_before_those_of_the_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("text");
    std::fs::write(
        &file,
        "a 1 10\na{x=\"old\"} 2 20\nb{x=\"1\",y=\"2\"} 3 30\n# EOF\n",
    )
    .unwrap();
    let expected = folder.path().join("expected");
    std::fs::write(
        &expected,
        "a{x=\"new\"} 1 10\na{x=\"new\"} 2 20\nb{x=\"new\",y=\"2\"} 3 30\n# EOF\n",
    )
    .unwrap();
    let (ours, theirs) = (store(), store());
    let (two_hours, labels) = (
        PromDuration::from_secs(7_200),
        Labels::from_pairs([("x", "new")]),
    );
    let made = ours.create_labelled_blocks(&file, &labels, two_hours, |_| {});
    made.await.unwrap();
    let made = theirs.create_blocks(&expected, two_hours, |_| {});
    made.await.unwrap();
    assert_eq!(ours.samples().await, theirs.samples().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_in_any_order_make_the_same_block() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("text");
    std::fs::write(
        &file,
        "a 3 30\na 1 10\nb 1 10\na 2 20\na 2 20\nb 0 5\n# EOF\n",
    )
    .unwrap();
    let store = store();
    let made = store.create_blocks(&file, PromDuration::from_secs(7_200), |_| {});
    assert_eq!(made.await.unwrap()[0].stats.samples, 5);
    let samples = store.samples().await;
    let times: Vec<i64> = samples["{__name__=\"a\"}"].iter().map(|s| s.0).collect();
    assert_eq!(times, [10_000, 20_000, 30_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_block_is_named() {
    let long = format!("{}x y\n# EOF\n", "a 1 1\n".repeat(1_000_000));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("text");
    let store = store();
    for (text, expected) in [
        ("a 1 1\n", "line 2 is not OpenMetrics"),
        ("a 1 1\n# EOF\nb 1 1\n# EOF\n", "line 3 is not OpenMetrics"),
        (&long, "line 1000001 is not OpenMetrics"),
        (
            "a{b=\"c\"} 1\n# EOF\n",
            "expected timestamp for series a{b=\"c\"}, got none",
        ),
        (
            "a{b=\"c\",b=\"d\"} 1 1\n# EOF\n",
            "the labels of a{b=\"c\",b=\"d\"} cannot be used",
        ),
        (
            "a 1 1\na 2 1\n# EOF\n",
            "series {__name__=\"a\"} has two values at 1000",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let made = store.create_blocks(&file, PromDuration::from_secs(7_200), |_| {});
        assert_eq!(made.await.unwrap_err().to_string(), expected);
    }
    std::fs::remove_file(&file).unwrap();
    let made = store.create_blocks(&file, PromDuration::from_secs(7_200), |_| {});
    let absent = made.await.unwrap_err().to_string();
    assert!(absent.starts_with("cannot read"), "{absent}");
    assert!(store.spans().is_empty());
    store.check_blocks("after errors");
}
