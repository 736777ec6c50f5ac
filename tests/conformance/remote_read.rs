//! Remote read with Prometheus 2.42, both ways, and from Narthex to Narthex.

use narthex_tests::{Narthex, Ticking, free_port, http, peers, sorted, until};
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

/// What both ways ask.
const QUERIES: [&str; 6] = [
    "ticks_total[1h]",
    "other{series=~\"1.*\"}[1h]",
    "{__name__=~\"odd|large|small\"}[1h]",
    "sum(other)",
    "count(other)",
    "ticks_total{region=\"eu\"}",
];

/// A target whose every page is another one.
fn ticking() -> Ticking {
    Ticking::with(|tick| {
        let mut page = String::new();
        for series in 0..300 {
            // Exact in binary: Prometheus 2.42 adds without compensation, and so in its own order.
            let value = tick as f64 * 0.125 + f64::from(series);
            page.push_str(&format!("other{{series=\"{series}\"}} {value}\n"));
        }
        page + "odd NaN\nlarge +Inf\nsmall -1e-300\n"
    })
}

fn config(ticking: &Ticking) -> String {
    format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms, external_labels: {{region: eu}}}}\n\
         scrape_configs: [{{job_name: t, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        ticking.address()
    )
}

/// Waits until more than one chunk of each series is there, and gives a time up to which all scrapes
/// are stored, and at which there is each series: none is where a scrape came too late.
fn wait(ticking: &Ticking, url: &str) -> f64 {
    ticking.wait_for(150);
    until(60, "a time with all series", || {
        let ask = |query: &str| http::api(&format!("{url}/api/v1/query?query={query}"));
        let newest = ask("timestamp(ticks_total)")?;
        let newest = newest["result"][0]["value"][1].as_str();
        let newest: f64 = newest
            .and_then(|time| time.parse().ok())
            .ok_or("no ticks")?;
        let time = newest - 1.0;
        let count = http::encode("count({__name__=~\"ticks_total|other|odd|large|small\"})");
        let found = ask(&format!("{count}&time={time}"))?;
        match found["result"][0]["value"][1] == "304" {
            true => Ok(time),
            false => Err(found.to_string()),
        }
    })
}

#[test]
fn prometheus_reads_from_narthex_what_narthex_answers() {
    let ticking = ticking();
    let narthex = Narthex::builder().config(config(&ticking)).start();
    let time = wait(&ticking, &narthex.url());
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "remote_read: [{{url: \"{}/api/v1/read\", read_recent: true}}]\n",
        narthex.url()
    );
    let prometheus = peers::prometheus(folder.path(), &config);
    for query in QUERIES {
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

/// Narthex without a target that asks a server, and what is in the place of that in its config.
fn asking(url: &str, fields: &str) -> String {
    format!(
        "global: {{external_labels: {{region: eu}}}}\n\
         remote_read: [{{url: \"{url}/api/v1/read\", name: far, {fields}}}]\n"
    )
}

/// Everything that the server has is found from Narthex, label sets among them.
fn finds_all(far: &str, time: f64) {
    let narthex = Narthex::builder()
        .config(asking(far, "read_recent: true"))
        .start();
    for query in QUERIES {
        let found = result(&narthex.url(), query, time).unwrap();
        assert!(!found.is_empty(), "{query}");
        let own = query.replace("region=\"eu\"", "");
        assert_eq!(found, result(far, &own, time).unwrap(), "{query}");
    }
    let label_sets = |url: &str| {
        let data = http::api(&format!("{url}/api/v1/series?match%5B%5D=other")).unwrap();
        let mut sets: Vec<String> = data.as_array().unwrap().iter().map(sorted).collect();
        sets.sort();
        sets
    };
    assert_eq!(label_sets(&narthex.url()), label_sets(far));
    assert_eq!(label_sets(far).len(), 300);
    let (_, metrics) = http::get(&format!("{}/metrics", narthex.url())).unwrap();
    for form in ["chunked", "sampled"] {
        let line = format!("response_type=\"{form}\",code=\"200\"}}");
        assert!(
            metrics.lines().any(|found| found
                .starts_with("prometheus_remote_storage_read_queries_total{")
                && found.contains(&line)),
            "{form}"
        );
    }
}

#[test]
fn narthex_reads_from_prometheus_what_prometheus_answers() {
    let ticking = ticking();
    let folder = tempfile::tempdir().unwrap();
    let prometheus = peers::prometheus(folder.path(), &config(&ticking));
    finds_all(&prometheus.url(), wait(&ticking, &prometheus.url()));
}

#[test]
fn narthex_reads_from_narthex_what_that_answers() {
    let ticking = ticking();
    let narthex = Narthex::builder().config(config(&ticking)).start();
    finds_all(&narthex.url(), wait(&ticking, &narthex.url()));
}

#[test]
fn a_reload_changes_who_is_asked_and_who_fails_is_a_warning() {
    let ticking = ticking();
    let far = Narthex::builder().config(config(&ticking)).start();
    let time = wait(&ticking, &far.url());
    let query = |url: &str, query: &str| {
        let query = http::encode(query);
        let (status, body) =
            http::get(&format!("{url}/api/v1/query?query={query}&time={time}")).unwrap();
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let count = answer["data"]["result"].as_array().unwrap().len();
        (count, answer["warnings"].to_string())
    };
    let closed = format!("http://127.0.0.1:{}", free_port());
    let narthex = Narthex::builder()
        .config(asking(&closed, "read_recent: true"))
        .start();
    let url = narthex.url();
    let reload = |fields: &str| {
        narthex.write_config(&asking(&far.url(), fields));
        let (status, body) = http::post(&format!("{url}/-/reload")).unwrap();
        assert_eq!(status, 200, "{body}");
    };
    let (count, warnings) = query(&url, "ticks_total");
    assert_eq!(count, 0);
    assert!(
        warnings.contains("remote_read: error sending request: Post")
            && warnings.contains("connection refused"),
        "{warnings}"
    );
    // The store here is empty, and so has not all of the last four hours.
    reload("read_recent: false");
    assert_eq!(query(&url, "ticks_total"), (1, "null".to_owned()));
    reload("required_matchers: {job: t}");
    assert_eq!(query(&url, "ticks_total"), (0, "null".to_owned()));
    assert_eq!(
        query(&url, "ticks_total{job=\"t\"}"),
        (1, "null".to_owned())
    );
    // A client for each entry, and none twice.
    narthex.write_config(&format!(
        "remote_read: [{{url: \"{closed}\"}}, {{url: \"{closed}\"}}]\n"
    ));
    let (status, body) = http::post(&format!("{url}/-/reload")).unwrap();
    assert_eq!(status, 500);
    assert!(
        body.contains("duplicate remote read configs are not allowed"),
        "{body}"
    );
    assert_eq!(
        query(&url, "ticks_total{job=\"t\"}"),
        (1, "null".to_owned())
    );
}
