//! A block in the eyes of another reader of Parquet.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use narthex_tests::{Narthex, Target, repository, sorted, until};
use serde_json::Value;

const BLOCK_MS: i64 = 7_200_000;
const STEP_MS: i64 = 60_000;
const SERIES: i64 = 7;

/// The page of a target that hands in the past at once, with times of its own: from the start of
/// a block at least five hours ago until now.
fn history(now_ms: i64) -> String {
    let start = (now_ms - 5 * 60 * STEP_MS).div_euclid(BLOCK_MS) * BLOCK_MS;
    let times = (0..)
        .map(|minutes| start + minutes * STEP_MS)
        .take_while(|time| *time < now_ms);
    let mut page = "# TYPE history counter\n".to_owned();
    for time in times {
        for series in 0..SERIES {
            let value = series * 1_000_000 + time % 1_000_003;
            page.push_str(&format!(
                "history{{series=\"{series}\",odd=\"ü \\\"{series}\\\"\"}} {value}.5 {time}\n"
            ));
        }
    }
    page
}

/// What the Python reader prints of a block, by labels.
fn read_by_pyarrow(block: &std::path::Path) -> BTreeMap<String, Vec<(i64, u64)>> {
    let python = std::env::var("NARTHEX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = repository().join("tests/conformance/read_block.py");
    let output = Command::new(python)
        .arg(script)
        .arg("--samples")
        .arg(block)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let series: Value = serde_json::from_str(line).unwrap();
            let samples = series["samples"].as_array().unwrap().iter();
            let samples =
                samples.map(|s| (s[0].as_i64().unwrap(), s[1].as_f64().unwrap().to_bits()));
            (sorted(&series["labels"]), samples.collect())
        })
        .collect()
}

#[test]
fn pyarrow_reads_of_a_two_hour_block_what_the_api_tells() {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let page = history(i64::try_from(now).unwrap());
    let target = Target::serve_text(move || page.clone());
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n\
         - job_name: history\n  static_configs: [{{targets: ['{}']}}]\n",
        target.address()
    );
    let mut narthex = Narthex::builder().config(config).start();
    until(60, "the history", || {
        let held = narthex.query("up{job=\"history\"} == 1")?;
        if held.len() == 1 {
            Ok(())
        } else {
            Err(format!("{held:?}"))
        }
    });
    // A start looks for what is due at once; a running server looks once a minute.
    assert!(narthex.process().terminate().success());
    narthex.restart();
    let block: PathBuf = until(120, "a block", || {
        let entries = std::fs::read_dir(narthex.data()).map_err(|error| error.to_string())?;
        let mut folders = entries.flatten().map(|entry| entry.path());
        // One that is being written has another name until it is whole.
        folders
            .find(|path| path.extension().is_none() && path.join("meta.json").exists())
            .ok_or_else(|| "no meta.json".to_owned())
    });
    let meta: Value =
        serde_json::from_slice(&std::fs::read(block.join("meta.json")).unwrap()).unwrap();
    let bound = |name: &str| meta["range"][name].as_i64().unwrap();
    let (start, end) = (bound("start_ms"), bound("end_ms"));
    assert!(end - start <= BLOCK_MS, "{meta}");

    let by_pyarrow = read_by_pyarrow(&block);
    let range = format!("start={}&end={}", seconds(start), seconds(end - 1));
    let listed = narthex
        .api(&format!("series?match[]=history&{range}"))
        .unwrap();
    let listed: Vec<String> = listed.as_array().unwrap().iter().map(sorted).collect();
    let mut listed_sorted = listed.clone();
    listed_sorted.sort();
    assert_eq!(
        by_pyarrow.keys().cloned().collect::<Vec<_>>(),
        listed_sorted
    );
    assert_eq!(by_pyarrow.len(), usize::try_from(SERIES).unwrap());

    let span = (end - start) / 1_000;
    let query = format!("query?query=history%5B{span}s%5D&time={}", seconds(end - 1));
    for series in narthex.api(&query).unwrap()["result"].as_array().unwrap() {
        let points = series["values"].as_array().unwrap().iter();
        let points: Vec<(i64, u64)> = points.map(point).collect();
        let in_block = &by_pyarrow[&sorted(&series["metric"])];
        assert!(points.len() >= 119, "{} points", points.len());
        assert_eq!(
            points,
            in_block[in_block.len() - points.len()..],
            "{}",
            series["metric"]
        );
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "rounded to whole milliseconds"
)]
fn point(point: &Value) -> (i64, u64) {
    let value: f64 = point[1].as_str().unwrap().parse().unwrap();
    (
        (point[0].as_f64().unwrap() * 1_000.0).round() as i64,
        value.to_bits(),
    )
}
