//! Prometheus 2.42 reads from Narthex, in chunks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use narthex_tests::{Narthex, Target, http, peers, until};
use serde_json::Value;

/// What a server answers, the series in an order of their own.
fn result(url: &str, query: &str, time: f64) -> Result<Vec<String>, String> {
    let query = http::encode(query);
    let data = http::api(&format!("{url}/api/v1/query?query={query}&time={time}"))?;
    let series = data["result"].as_array().ok_or("no list")?;
    let mut series: Vec<String> = series
        .iter()
        .map(|series| {
            let labels = series["metric"].as_object().into_iter().flatten();
            // What the reader gets besides: the external labels.
            let labels = labels.filter(|(name, _)| *name != "region");
            let mut labels: Vec<String> = labels.map(|(n, v)| format!("{n}={v}")).collect();
            labels.sort();
            format!(
                "{} {} {}",
                labels.join(","),
                series["value"],
                series["values"]
            )
        })
        .collect();
    series.sort();
    Ok(series)
}

#[test]
fn prometheus_reads_from_narthex_what_narthex_answers() {
    let ticks = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&ticks);
    let target = Target::serve_text(move || {
        let tick = counter.fetch_add(1, Ordering::SeqCst) + 1;
        let mut page = format!("# TYPE ticks_total counter\nticks_total {tick}\n");
        for series in 0..300 {
            let value = tick as f64 * 0.1 + f64::from(series);
            page.push_str(&format!("other{{series=\"{series}\"}} {value}\n"));
        }
        page.push_str("odd NaN\nlarge +Inf\nsmall -1e-300\n");
        page
    });
    let narthex = Narthex::builder()
        .config(format!(
            "global: {{scrape_interval: 100ms, scrape_timeout: 100ms, external_labels: {{region: eu}}}}\n\
             scrape_configs: [{{job_name: t, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
            target.address()
        ))
        .start();
    until(60, "150 scrapes", || match ticks.load(Ordering::SeqCst) {
        150.. => Ok(()),
        now => Err(now.to_string()),
    });
    let newest = http::api(&format!("{}/api/v1/query?query=ticks_total", narthex.url())).unwrap();
    let Value::Number(time) = &newest["result"][0]["value"][0] else {
        panic!("{newest}")
    };
    let time = time.as_f64().unwrap() - 1.0;
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "remote_read: [{{url: \"{}/api/v1/read\", read_recent: true}}]\n",
        narthex.url()
    );
    let prometheus = peers::prometheus(folder.path(), &config);
    for query in [
        "ticks_total[1h]",
        "other{series=~\"1.*\"}[1h]",
        "{__name__=~\"odd|large|small\"}[1h]",
        "sum(other)",
        "count(other)",
        "ticks_total{region=\"eu\"}",
    ] {
        let theirs = result(&prometheus.url(), query, time).unwrap();
        assert!(!theirs.is_empty(), "{query}");
        let own = query.replace("region=\"eu\"", "");
        assert_eq!(
            theirs,
            result(&narthex.url(), &own, time).unwrap(),
            "{query}"
        );
    }
}
