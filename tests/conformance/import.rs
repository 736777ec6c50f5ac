//! What a Prometheus has written answers after `narthex tsdb import` as it did before, and after
//! `narthex tsdb export` in a Prometheus again.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use narthex_tests::{Answer, Narthex, QUESTIONS, binary, disagreement, http, peers, run};

/// When the questions are asked: 2024-12-31 23:59:30 UTC. A second of the day on which no block
/// of Prometheus ends, and no window of a question ends or begins with a sample.
const END_S: i64 = 1_735_689_570;

/// Between two samples.
const STEP_S: i64 = 120;

/// A day of them.
const COUNT: i64 = 86_400 / STEP_S;

/// With 34 series each, and 1.6 more of two names for the questions about a month: 10,324 series.
const INSTANCES: usize = 290;

const BOUNDS: [&str; 12] = [
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf",
];

/// The labels of all series.
fn series() -> Vec<String> {
    let mut series = Vec::new();
    for instance in 0..INSTANCES {
        let of = format!(
            "job=\"job-{}\",instance=\"instance-{instance}\"",
            instance % 5
        );
        for (path, code) in (0..20).map(|i| (i / 2, ["200", "500"][i % 2])) {
            series.push(format!(
                "http_requests_total{{{of},path=\"/api/{path}\",code=\"{code}\"}}"
            ));
        }
        for le in BOUNDS {
            series.push(format!("http_duration_seconds_bucket{{{of},le=\"{le}\"}}"));
        }
        series.push(format!("memory_bytes{{{of}}}"));
        series.push(format!("memory_limit_bytes{{{of}}}"));
        if instance % 5 < 4 {
            series.push(format!("old_requests_total{{{of}}}"));
            series.push(format!("old_temperature{{{of}}}"));
        }
    }
    series
}

/// Counters are far from zero, and no two climb alike: so 2.42 extrapolates and ranks them as
/// later versions do. The buckets of a histogram climb in the order of their bounds.
fn value(labels: &str, series: usize, i: i64) -> f64 {
    let noise = |of: i64| ((i * 7919 + series as i64 * 104_729) % of) as f64;
    if labels.contains("_total") || labels.contains("_bucket") {
        let slope = 5.0 + (series % 34) as f64 + series as f64 / 7919.0;
        ((i + 50_000) as f64 * slope * 1000.0 + noise(499)).floor()
    } else {
        (1000.0 + noise(1009)) / 10.0
    }
}

fn write_open_metrics(path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for (at, labels) in series().iter().enumerate() {
        for i in 0..COUNT {
            // The last one is behind the end, so that it lies within the blocks.
            let time_s = END_S + 8 - (COUNT - 1 - i) * STEP_S;
            writeln!(file, "{labels} {} {time_s}", value(labels, at, i))?;
        }
    }
    writeln!(file, "# EOF")?;
    file.flush()
}

/// `narthex tsdb import`, and what it prints.
fn import(from: &Path, into: &Path) -> String {
    let into = format!("--storage.tsdb.path={}", into.display());
    run(Command::new(binary())
        .args(["tsdb", "import", &into])
        .arg(from))
}

fn ask(base: &str, path: &str) -> Answer {
    let (_, body) = http::get(&format!("{base}/api/v1/{path}")).unwrap();
    Answer::read(&serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: {body}")))
}

#[test]
fn a_day_of_ten_thousand_series_answers_as_in_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let [text, theirs, ours] =
        ["series.txt", "prometheus", "narthex"].map(|name| folder.path().join(name));
    write_open_metrics(&text).unwrap();
    peers::promtool_blocks(&text, &theirs, "18h");
    std::fs::remove_file(&text).unwrap();

    let samples = series().len() * usize::try_from(COUNT).unwrap();
    assert_eq!(
        import(&theirs, &ours),
        format!("2 blocks, 0 of them were here before; {samples} samples came\n")
    );
    assert_eq!(
        import(&theirs, &ours),
        "2 blocks, 2 of them were here before; 0 samples came\n"
    );

    // The way back: what was taken over, and then the same samples in blocks of Prometheus again.
    let exported = folder.path().join("exported");
    let mut export = Command::new(binary());
    export.args(["tsdb", "export", "--label=replica=a"]);
    assert_eq!(
        run(export.arg(&ours).arg(&exported)),
        format!("12 blocks, {samples} samples\n")
    );
    let again = folder.path().join("again");
    std::fs::create_dir(&again).unwrap();
    let given_back = peers::prometheus_on(&again, &exported);

    let prometheus = peers::prometheus_on(folder.path(), &theirs);
    let narthex = Narthex::builder()
        .config("global: {}\n")
        .data(&ours)
        .flag("--storage.tsdb.retention.time=100y")
        .start();
    let mut failures = Vec::new();
    for question in &QUESTIONS {
        let path = question.path(END_S);
        let (ours, theirs) = (ask(&narthex.url(), &path), ask(&prometheus.url(), &path));
        assert!(!theirs.is_empty(), "{}: nothing found", question.name);
        let given_back = ask(&given_back.url(), &path);
        for (whose, answer) in [("ours", ours), ("exported", given_back)] {
            if let Some(reason) = disagreement(&answer, &theirs) {
                let (name, query) = (question.name, question.query);
                failures.push(format!("{whose}: {name}: {query}\n    {reason}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
