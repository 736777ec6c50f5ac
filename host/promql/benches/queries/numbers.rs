//! Series of numbers: those of Prometheus' `BenchmarkRangeQuery` and `BenchmarkJoinQuery`, and those
//! of the side-by-side run over HTTP.

use arrow_buffer::ScalarBuffer;
use narthex_model::Labels;
use narthex_storage::Series;

use crate::columns::Columns;

/// Between two samples.
pub(crate) const INTERVAL_MS: i64 = 10_000;
/// The points of a series.
pub(crate) const POINTS: i64 = 18_640;
/// The points of a joined series.
pub(crate) const JOIN_POINTS: i64 = 1100;
const BUCKETS: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "+Inf"];

/// Between two samples of a dashboard's series.
pub(crate) const DASHBOARD_INTERVAL_MS: i64 = 30_000;
/// The points of a dashboard's series: six hours.
pub(crate) const DASHBOARD_POINTS: i64 = 720;

/// Between two samples of a series that `info()` looks at.
pub(crate) const INFO_INTERVAL_MS: i64 = 2000;
/// The points of such a series: two hours.
pub(crate) const INFO_POINTS: i64 = 3600;

/// `a`, `b` and classic histograms `h`, one of each and a hundred.
pub(crate) fn range_queries() -> Columns {
    let timestamps: ScalarBuffer<i64> = (0..POINTS).map(|i| i * INTERVAL_MS).collect();
    let labels = labels();
    let total = labels.len() as f64;
    let numbered = labels.into_iter().zip(0..).map(|(labels, at)| {
        let offset = f64::from(at) / total;
        let values: ScalarBuffer<f64> = (0..POINTS).map(|i| i as f64 + offset).collect();
        Series::of_numbers(Labels::from_pairs(labels), timestamps.clone(), values)
    });
    let named = |name| Labels::from_pairs([("__name__", name)]);
    // Two samples at the begin of every ten minutes.
    let places: Vec<i64> = (0..POINTS).filter(|i| i % 60 < 2).collect();
    let times: Vec<i64> = places.iter().map(|i| i * INTERVAL_MS).collect();
    let values: Vec<f64> = places.iter().map(|i| *i as f64).collect();
    let sparse = Series::of_numbers(named("sparse"), times, values);
    // A counter that is reset twice a minute.
    let values: Vec<f64> = (0..POINTS).map(|i| (i % 3) as f64).collect();
    let resetting = Series::of_numbers(named("resetting"), timestamps.clone(), values);
    Columns(numbered.chain([sparse, resetting]).collect())
}

/// Two metrics of 1000 instances.
pub(crate) fn joined() -> Columns {
    let timestamps: ScalarBuffer<i64> = (0..JOIN_POINTS).map(|i| i * INTERVAL_MS).collect();
    let series = (0..2000_i32).map(|at| {
        let (metric, instance) = (at % 2, at / 2);
        let name = ["rpc_request_success_total", "rpc_request_error_total"];
        let labels = [
            ("__name__", name[metric as usize].to_owned()),
            ("instance", format!("{}:{instance}", instance % 10)),
            ("job", format!("job-{}", instance % 7)),
            ("cluster", format!("cluster-{}", instance % 3)),
            ("namespace", format!("namespace-{}", instance % 11)),
            ("pod", format!("pod-{instance}")),
            ("method", "GET".to_owned()),
            ("zone", format!("zone-{}", instance % 5)),
        ];
        let values = (0..JOIN_POINTS).map(|i| (i + i64::from(at)) as f64);
        let values: ScalarBuffer<f64> = values.collect();
        Series::of_numbers(Labels::from_pairs(labels), timestamps.clone(), values)
    });
    Columns(series.collect())
}

/// 1,000 counters and 50 gauges, twice, as the side-by-side run over HTTP asks them.
pub(crate) fn dashboard() -> Columns {
    let points = 0..DASHBOARD_POINTS;
    let timestamps: ScalarBuffer<i64> = points.map(|i| i * DASHBOARD_INTERVAL_MS).collect();
    let mut labels = Vec::new();
    for instance in 0..50 {
        let of = |name: &str, more: &[(&str, String)]| {
            let own = [
                ("__name__", name.to_owned()),
                ("job", format!("job-{}", instance % 5)),
                ("instance", format!("instance-{instance}")),
            ];
            Labels::from_pairs(own.into_iter().chain(more.iter().cloned()))
        };
        for i in 0..20 {
            let path = ("path", format!("/api/{}", i / 2));
            let code = ("code", ["200", "500"][i % 2].to_owned());
            labels.push(of("http_requests_total", &[path, code]));
        }
        labels.push(of("memory_bytes", &[]));
        labels.push(of("memory_limit_bytes", &[]));
    }
    let series = labels.into_iter().zip(0..).map(|(labels, at)| {
        let noise = |i: i64| ((i * 7919 + at * 104_729) % 1009) as f64;
        let is_counter = labels.metric_name().ends_with("_total");
        let value = |i: i64| match is_counter {
            true => (i as f64 * (5.0 + (at % 34) as f64) + noise(i) / 250.0).floor(),
            false => (1000.0 + noise(i)) / 10.0,
        };
        let values: ScalarBuffer<f64> = (0..DASHBOARD_POINTS).map(value).collect();
        Series::of_numbers(labels, timestamps.clone(), values)
    });
    Columns(series.collect())
}

/// 100 info series of which one belongs to three counters.
pub(crate) fn with_info() -> Columns {
    let timestamps: ScalarBuffer<i64> = (0..INFO_POINTS).map(|i| i * INFO_INTERVAL_MS).collect();
    let info = (0..100).map(|i| {
        let cluster = if i < 50 { "us-east" } else { "eu-south" };
        let labels = Labels::from_pairs([
            ("__name__", "target_info"),
            ("instance", &format!("instance{i}")),
            ("job", &format!("job{i}")),
            ("k8s_cluster_name", cluster),
        ]);
        let values: ScalarBuffer<f64> = (0..INFO_POINTS).map(|_| 1.0).collect();
        Series::of_numbers(labels, timestamps.clone(), values)
    });
    let counters = ["200", "400", "500"].into_iter().map(|code| {
        let labels = Labels::from_pairs([
            ("__name__", "http_server_request_duration_seconds_count"),
            ("instance", "instance0"),
            ("job", "job0"),
            ("http_status_code", code),
        ]);
        let values: ScalarBuffer<f64> = (0..INFO_POINTS).map(|i| i as f64).collect();
        Series::of_numbers(labels, timestamps.clone(), values)
    });
    Columns(info.chain(counters).collect())
}

/// The label sets of the metrics `a`, `b` and `h`.
fn labels() -> Vec<Vec<(&'static str, String)>> {
    let mut labels = Vec::new();
    for (suffix, count) in [("one", 1), ("hundred", 100)] {
        for l in (0..count).map(|l| l.to_string()) {
            for metric in ["a", "b"] {
                let name = format!("{metric}_{suffix}");
                labels.push(vec![("__name__", name), ("l", l.clone())]);
            }
            for le in BUCKETS {
                let name = format!("h_{suffix}");
                let le = ("le", le.to_owned());
                labels.push(vec![("__name__", name), ("l", l.clone()), le]);
            }
        }
    }
    labels
}
