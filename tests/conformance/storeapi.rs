//! Thanos' StoreAPI as others ask it: a client in Python, and Thanos itself where it is there.

use std::fs;
use std::path::Path;
use std::process::Command;

use narthex_tests::{Narthex, Process, Ticking, free_port, http, repository, until};

/// A host with external labels, one of them its replica's, and the port of its StoreAPI.
fn host(ticking: &Ticking, folder: &Path, replica: &str) -> (Narthex, String) {
    let rules = folder.join("rules.yml");
    let rule =
        "groups: [{name: g, rules: [{record: total, expr: sum(other), labels: {team: a}}]}]\n";
    fs::write(&rules, rule).unwrap();
    let config = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms, \
         external_labels: {{cluster: eu, replica: {replica}}}}}\n\
         rule_files: [\"{}\"]\n\
         scrape_configs: [{{job_name: t, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        rules.display(),
        ticking.address()
    );
    let address = format!("127.0.0.1:{}", free_port());
    let narthex = Narthex::builder()
        .config(config)
        .flag(format!("--grpc.listen-address={address}"))
        .flag("--web.enable-otlp-receiver")
        .start();
    (narthex, address)
}

fn ticking() -> Ticking {
    Ticking::with(|tick| {
        let mut page = String::new();
        for series in 0..20 {
            let value = tick as f64 * 0.1 + f64::from(series);
            page.push_str(&format!("other{{series=\"{series}\"}} {value}\n"));
        }
        page + "odd NaN\nlarge +Inf\nsmall -1e-300\n"
    })
}

#[test]
fn another_client_reads_every_series_of_a_host() {
    let ticking = ticking();
    let folder = tempfile::tempdir().unwrap();
    let (narthex, address) = host(&ticking, folder.path(), "a");
    // What is pushed has more than one chunk; of what is scraped a few samples are enough.
    ticking.wait_for(40);
    let python = std::env::var("NARTHEX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python)
        .arg(repository().join("tests/conformance/storeapi.py"))
        .arg(&address)
        .arg(narthex.url())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    asked_by_thanos(&ticking, (&narthex, &address));
}

/// What a server answers, without the external labels, in an order of its own.
fn result(url: &str, query: &str, parameters: &str) -> Result<Vec<String>, String> {
    let query = http::encode(query);
    let data = http::api(&format!("{url}/api/v1/query?query={query}&{parameters}"))?;
    let series = data["result"].as_array().ok_or("no list")?;
    let mut series: Vec<String> = series
        .iter()
        .map(|series| {
            let labels = series["metric"].as_object().into_iter().flatten();
            let labels =
                labels.filter(|(name, _)| !["cluster", "replica"].contains(&name.as_str()));
            let labels: Vec<String> = labels.map(|(n, v)| format!("{n}={v}")).collect();
            format!("{} {}", labels.join(","), series["value"])
        })
        .collect();
    series.sort();
    Ok(series)
}

/// Asks a real querier over two hosts, where one is installed; the output says whether it was.
fn asked_by_thanos(ticking: &Ticking, (narthex, address): (&Narthex, &str)) {
    if Command::new("thanos").arg("--version").output().is_err() {
        println!("thanos is not on the PATH: no real querier was asked");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (other, other_address) = host(ticking, folder.path(), "b");
    let port = free_port();
    let args = [
        "query".to_owned(),
        format!("--http-address=127.0.0.1:{port}"),
        format!("--grpc-address=127.0.0.1:{}", free_port()),
        format!("--endpoint={address}"),
        format!("--endpoint={other_address}"),
        "--query.replica-label=replica".to_owned(),
    ];
    let querier = Process::start("thanos", &args, &folder.path().join("thanos.log"));
    let url = format!("http://127.0.0.1:{port}");
    until(60, "both hosts behind the querier", || {
        let found = result(&url, "other", "dedup=false")?;
        match found.len() {
            40 => Ok(()),
            count => Err(format!("{count} series; {}", querier.log())),
        }
    });
    ticking.wait_for(ticking.now() + 30);
    let newest = http::api(&format!("{}/api/v1/query?query=ticks_total", other.url())).unwrap();
    let time = newest["result"][0]["value"][0].as_f64().unwrap() - 1.0;
    for (replica, host) in [("a", narthex), ("b", &other)] {
        for query in ["other", "rate(other[1m])", "odd", "large - small"] {
            let selector = format!("{{replica=\"{replica}\"}}");
            let asked = match query {
                "other" | "odd" => format!("{query}{selector}"),
                "rate(other[1m])" => format!("rate(other{selector}[1m])"),
                _ => format!("large{selector} - small{selector}"),
            };
            assert_eq!(
                result(&url, &asked, &format!("dedup=false&time={time}")).unwrap(),
                result(&host.url(), query, &format!("time={time}")).unwrap(),
                "{asked}"
            );
        }
    }
    println!("thanos query answered over two hosts");
}
