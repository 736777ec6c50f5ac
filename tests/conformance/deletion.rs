//! What is left after `delete_series` and `clean_tombstones` is what Prometheus has left.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use narthex_tests::{Answer, Narthex, binary, disagreement, http, peers, run};

/// The newest sample: 2024-12-31 23:59:30 UTC. No block of Prometheus ends with it.
const END_S: i64 = 1_735_689_570;

/// Between two samples.
const STEP_S: i64 = 30;

/// Half a day of them.
const COUNT: i64 = 12 * 3_600 / STEP_S;

const INSTANCES: usize = 6;

/// What is deleted, one after the other: the selectors, and from when to when.
const DELETIONS: [(&[&str], &str); 7] = [
    // A stretch within one block, and one across several.
    (
        &["jobs{instance=\"0\"}"],
        "&start=1735680000&end=1735680900",
    ),
    (
        &["jobs{instance=~\"1|2\"}"],
        "&start=1735660000&end=1735680000.5",
    ),
    // All of a series, and all from some time on.
    (&["temperature{instance=\"3\"}"], ""),
    (&["temperature{instance!~\"3|4\"}"], "&start=1735685000"),
    // Two selectors at once, of which the one takes nothing.
    (
        &["nothing", "requests_total{instance=\"5\"}"],
        "&end=2024-12-31T14:00:00Z",
    ),
    // Again, wider than before; and a time when there is nothing.
    (
        &["jobs{instance=\"0\"}"],
        "&start=1735679000&end=1735680100",
    ),
    (&["requests_total"], "&start=1735700000&end=1735800000"),
];

/// What is asked. No range begins at a sample: 2.42 takes such a sample, as nobody does since 3.0.
const EXPRESSIONS: [&str; 9] = [
    "count_over_time(jobs[13h])",
    "count_over_time(temperature[13h])",
    "count_over_time(requests_total[13h])",
    "sum_over_time(jobs[89m59s999ms])",
    "rate(requests_total[6m59s999ms])",
    "sum by (instance) (temperature)",
    "absent(temperature{instance=\"3\"})",
    "changes(jobs[59m59s999ms])",
    "timestamp(jobs) - time()",
];

fn open_metrics() -> String {
    let mut text = String::new();
    for name in ["jobs", "temperature", "requests_total"] {
        for instance in 0..INSTANCES {
            for i in 0..COUNT {
                let time_s = END_S - (COUNT - 1 - i) * STEP_S;
                let value = match name {
                    "requests_total" => i * 7 + 1_000_000,
                    _ => (i * 7_919 + instance as i64 * 104_729) % 1_009,
                };
                let labels = format!("{name}{{instance=\"{instance}\"}}");
                writeln!(text, "{labels} {value} {time_s}").unwrap();
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

/// All questions about a server, with their answers.
fn answers(base: &str) -> Vec<(String, Answer)> {
    let mut paths = Vec::new();
    for expression in EXPRESSIONS {
        let query = http::encode(expression);
        paths.push(format!("query?query={query}&time={END_S}"));
        let start_s = END_S - 12 * 3_600;
        let range = format!("start={start_s}&end={END_S}&step=347");
        paths.push(format!("query_range?query={query}&{range}"));
    }
    let everything = http::encode("{__name__=~\".+\"}");
    paths.push(format!("series?match[]={everything}"));
    let answered = paths.into_iter().map(|path| {
        let (_, body) = http::get(&format!("{base}/api/v1/{path}")).unwrap();
        let json = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: {body}"));
        (path, Answer::read(&json))
    });
    answered.collect()
}

/// Asks both the same, and says where they differ.
fn compare(narthex: &str, prometheus: &str, when: &str) {
    let differences = answers(narthex).into_iter().zip(answers(prometheus));
    let differences = differences.filter_map(|((path, ours), (_, theirs))| {
        let reason = disagreement(&ours, &theirs)?;
        Some(format!("{path}\n    {reason}"))
    });
    let differences: Vec<String> = differences.collect();
    assert!(
        differences.is_empty(),
        "{when}:\n{}",
        differences.join("\n")
    );
}

/// Sends the same to both; both say that it is done.
fn both(narthex: &str, prometheus: &str, path: &str) {
    for base in [narthex, prometheus] {
        let url = format!("{base}/api/v1/admin/tsdb/{path}");
        let (status, body) = http::post(&url).unwrap();
        assert_eq!((status, body.as_str()), (204, ""), "{url}");
    }
}

fn import(from: &Path, into: &Path) {
    let into = format!("--storage.tsdb.path={}", into.display());
    run(Command::new(binary())
        .args(["tsdb", "import", &into])
        .arg(from));
}

#[test]
fn what_is_left_after_deleting_and_cleaning_is_what_prometheus_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let [text, theirs, ours] =
        ["series.txt", "prometheus", "narthex"].map(|name| folder.path().join(name));
    std::fs::write(&text, open_metrics()).unwrap();
    peers::promtool_blocks(&text, &theirs, "2h");
    import(&theirs, &ours);
    let prometheus = peers::prometheus_on(folder.path(), &theirs);
    let mut narthex = Narthex::builder()
        .config("global: {}\n")
        .data(&ours)
        .flag("--storage.tsdb.retention.time=100y")
        .flag("--web.enable-admin-api")
        .start();
    compare(&narthex.url(), &prometheus.url(), "before");
    for (selectors, span) in DELETIONS {
        let selectors = selectors
            .iter()
            .map(|selector| format!("match[]={}", http::encode(selector)));
        let selectors: Vec<String> = selectors.collect();
        let path = format!("delete_series?{}{span}", selectors.join("&"));
        both(&narthex.url(), &prometheus.url(), &path);
        compare(&narthex.url(), &prometheus.url(), &path);
    }
    narthex.restart();
    compare(&narthex.url(), &prometheus.url(), "after a restart");
    both(&narthex.url(), &prometheus.url(), "clean_tombstones");
    compare(&narthex.url(), &prometheus.url(), "cleaned");
    narthex.restart();
    compare(
        &narthex.url(),
        &prometheus.url(),
        "cleaned, after a restart",
    );
}
