//! `narthex compact` on a bucket that is a folder: what a store answers stays the same while blocks
//! become longer, coarser and fewer.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use narthex_tests::{Narthex, binary, free_port, run, until};

/// When the data begin, in seconds since the epoch: blocks of all lengths begin there.
const START_S: i64 = 1_767_225_600;

/// How long they are.
const HOURS: i64 = 60;

/// Over two days but for the last hours of them.
const QUERIES: [&str; 4] = [
    "count_over_time(x_total[40h] @ 1767391200)",
    "min_over_time(x_total[40h] @ 1767391200)",
    "max_over_time(x_total[40h] @ 1767391200)",
    "increase(x_total[40h] @ 1767391200)",
];

fn exposition() -> String {
    let mut text = String::from("# TYPE x counter\n");
    for job in 0..5_i64 {
        for at in (0..HOURS * 3_600).step_by(60) {
            // Each loses its count after a day and a bit.
            let count = at % (90_000 + job * 600);
            let time = START_S + at;
            let _ = writeln!(text, "x_total{{job=\"{job}\"}} {count} {time}");
        }
    }
    text + "# EOF\n"
}

/// One pass over the bucket; the log.
fn compact(bucket: &Path, folder: &Path, flags: &[&str]) -> String {
    let mut command = Command::new(binary());
    let bucket = bucket.display();
    let config = format!("{{type: FILESYSTEM, config: {{directory: '{bucket}'}}}}");
    command
        .args(["compact", "--consistency-delay=0s"])
        .arg(format!("--objstore.config={config}"))
        .arg(format!("--data-dir={}", folder.join("work").display()))
        .arg(format!("--http-address=127.0.0.1:{}", free_port()))
        .args(flags);
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    log
}

fn blocks(store: &Narthex) -> Result<BTreeSet<String>, String> {
    let data = store.api("status/tsdb/blocks")?;
    let blocks = data["blocks"].as_array().into_iter().flatten();
    let names = blocks.filter_map(|block| block["ulid"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Waits for a look at the bucket that began after now.
fn look_again(store: &Narthex) {
    let looks = || store.gauge("thanos_blocks_meta_syncs_total");
    let before = looks().unwrap();
    until(60, "another look at the bucket", || {
        // The next one may have begun before now.
        let made = looks()? - before;
        (made >= 2.0).then_some(()).ok_or(format!("{made} looks"))
    });
}

fn answers(store: &Narthex) -> Result<Vec<f64>, String> {
    let mut all = Vec::new();
    for query in QUERIES {
        let series = store.query(query)?;
        if series.len() != 5 {
            return Err(format!("{query}: {series:?}"));
        }
        all.extend(
            series
                .values()
                .filter_map(|value| value.parse::<f64>().ok()),
        );
    }
    Ok(all)
}

/// What was counted, the least and the most are what they were; growth is to a thousandth, because
/// what lies between the border of a range and its first sample is estimated.
fn check(found: &[f64], expected: &[f64]) {
    let (exact, growth) = expected.split_at(15);
    assert_eq!(&found[..15], exact);
    for (found, expected) in found[15..].iter().zip(growth) {
        assert!(
            (found - expected).abs() <= 1e-3 * expected,
            "{found} {expected}"
        );
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn a_bucket_answers_the_same_while_it_is_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (file, bucket) = (folder.join("x.om"), folder.join("bucket"));
    std::fs::write(&file, exposition()).unwrap();
    let mut create = Command::new(binary());
    create.args(["tsdb", "create-blocks-from", "openmetrics"]);
    run(create.arg(&file).arg(&bucket));
    let config = folder.join("bucket.yml");
    let text = format!(
        "type: FILESYSTEM\nconfig: {{directory: '{}'}}\n",
        bucket.display()
    );
    std::fs::write(&config, text).unwrap();
    let store = Narthex::builder()
        .store()
        .flag(format!("--objstore.config-file={}", config.display()))
        .flag("--sync-block-duration=1s")
        .flag(format!("--grpc-address=127.0.0.1:{}", free_port()))
        .start();
    let short = until(60, "thirty blocks of two hours", || {
        let found = blocks(&store)?;
        let is_all = found.len() == 30;
        is_all.then_some(found).ok_or("not all".to_owned())
    });
    let expected = answers(&store).unwrap();
    assert_eq!(expected[..5], [2_400.0; 5]);

    let log = compact(&bucket, folder, &[]);
    assert!(log.contains("block is downsampled"), "{log}");
    look_again(&store);
    let long = blocks(&store).unwrap();
    assert!(long.len() < 10 && !long.is_superset(&short), "{long:?}");
    let found = answers(&store).unwrap();
    check(&found, &expected);

    // Samples go, and so do in the end the blocks that had them; windows stay.
    let retain = ["--retention.resolution-raw=1d", "--delete-delay=0s"];
    for _ in 0..2 {
        compact(&bucket, folder, &retain);
    }
    until(60, "one block of windows", || {
        let found = blocks(&store)?;
        match found.len() == 1 && found.is_subset(&long) {
            true => Ok(()),
            false => Err(format!("{found:?}")),
        }
    });
    let found = answers(&store).unwrap();
    check(&found, &expected);
}
