//! Real exporters, scraped by Narthex and by Debian's Prometheus 2.42 with the same prometheus.yml,
//! while they die, come back, answer garbage and change their series: at the moment of each scrape
//! both hold the same.

mod stage;

use std::collections::BTreeMap;
use std::path::Path;

use narthex_tests::{Narthex, SeriesSet, Target, http, peers, sorted, until};
use serde_json::Value;
use stage::{Exporter, Stage};

const TEXT: &str = "text/plain;version=0.0.4";
const OPEN_METRICS: &str = "application/openmetrics-text";
const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                        encoding=delimited";

/// How many scrapes of each exporter are compared; one comes every second. `SCRAPES=600` is ten
/// minutes.
fn scrapes() -> usize {
    let asked = std::env::var("SCRAPES").ok();
    asked.map_or(30, |number| number.parse().unwrap())
}

/// What runs behind the stage.
struct Peers {
    node: peers::Peer,
    redis: peers::Peer,
    redis_exporter: peers::Peer,
    blackbox: peers::Peer,
    haproxy: peers::Peer,
    haproxy_exporter: peers::Peer,
    pushgateway: peers::Peer,
    prometheus: peers::Peer,
    envoy: peers::Envoy,
    exemplars: Target,
    _backend: Target,
}

impl Peers {
    fn start(folder: &Path) -> Self {
        let backend = Target::serve_text(|| "hello\n".to_owned());
        let redis = peers::redis(folder);
        let haproxy = peers::haproxy(folder);
        let peers = Self {
            node: peers::node_exporter(folder),
            redis_exporter: peers::redis_exporter(folder, &redis),
            blackbox: peers::blackbox_exporter(folder, "modules: {http: {prober: http}}\n"),
            haproxy_exporter: peers::haproxy_exporter(folder, &haproxy),
            pushgateway: peers::pushgateway(folder),
            prometheus: peers::prometheus(folder, "global: {}\n"),
            envoy: peers::envoy(folder, &backend.address()),
            exemplars: exemplars(),
            redis,
            haproxy,
            _backend: backend,
        };
        let pushed = "# TYPE backup_seconds histogram\nbackup_seconds_bucket{le=\"+Inf\"} 4\n\
                      backup_seconds_sum 7.25\nbackup_seconds_count 4\n\
                      # TYPE odd gauge\nodd{kind=\"nan\"} NaN\nodd{kind=\"small\"} 4.9e-324\n";
        let url = format!(
            "{}/metrics/job/backup/instance/db1",
            peers.pushgateway.url()
        );
        assert_eq!(http::put(&url, pushed).map(|answer| answer.0), Ok(200));
        peers
    }

    fn exporters(&self) -> Vec<Exporter> {
        let metrics = |peer: &peers::Peer| format!("{}/metrics", peer.url());
        let envoy = format!("{}/stats/prometheus", self.envoy.admin.url());
        let probe = format!(
            "{}/probe?module=http&target={}/-/ready",
            self.blackbox.url(),
            self.pushgateway.url()
        );
        let exporter = |name, url, accept| Exporter { name, url, accept };
        vec![
            exporter("node", metrics(&self.node), TEXT),
            exporter("redis", metrics(&self.redis_exporter), TEXT),
            exporter("blackbox", probe, TEXT),
            exporter("haproxy", metrics(&self.haproxy_exporter), TEXT),
            exporter("pushgateway", metrics(&self.pushgateway), TEXT),
            exporter("prometheus", metrics(&self.prometheus), OPEN_METRICS),
            exporter("envoy", envoy.clone(), TEXT),
            exporter(
                "envoy-protobuf",
                format!("{envoy}?format=protobuf"),
                PROTOBUF,
            ),
            exporter(
                "exemplars",
                format!("http://{}/", self.exemplars.address()),
                OPEN_METRICS,
            ),
        ]
    }

    /// Gives them something to count.
    fn work(&self) {
        let listener = format!("http://127.0.0.1:{}/", self.envoy.listener);
        let _ = http::get(&listener);
        let _ = http::get(&format!("{}/stats", self.haproxy.url()));
        peers::redis_cli(&self.redis, &["INCR", "worked"]);
    }
}

/// A page whose counter and histogram have another exemplar each time.
fn exemplars() -> Target {
    let count = std::sync::atomic::AtomicU64::new(1);
    Target::serve(move |_| {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let page = format!(
            "# TYPE orders counter\n\
             orders_total{{shop=\"a\"}} {n} # {{trace_id=\"a{n}\"}} 1.5\n\
             # TYPE seconds histogram\n\
             seconds_bucket{{le=\"0.5\"}} {n} # {{trace_id=\"b{n}\",span=\"ü\"}} 0.25\n\
             seconds_bucket{{le=\"+Inf\"}} {n}\nseconds_count {n}\nseconds_sum {n}.5\n# EOF\n"
        );
        (
            format!("{OPEN_METRICS}; version=1.0.0; charset=utf-8"),
            page,
        )
    })
}

/// The config of one of the two; they differ in the path of their targets, and in what only one of
/// them can be told.
fn config(server: &str, stage: &Stage, exporters: &[Exporter], more: &str) -> String {
    let mut config = String::from(
        "global: {scrape_interval: 1s, scrape_timeout: 900ms, external_labels: {site: a}}\n\
         scrape_configs:\n",
    );
    for exporter in exporters {
        let (name, address) = (exporter.name, stage.address());
        config.push_str(&format!(
            "- job_name: {name}\n  metrics_path: /{server}/{name}\n  honor_labels: {}\n{more}  \
             static_configs: [{{targets: ['{address}'], labels: {{exporter: {name}}}}}]\n",
            name == "pushgateway"
        ));
    }
    config
}

/// When a server scraped an exporter, in milliseconds: each scrape leaves a sample of `up`.
fn moments(base: &str, exporter: &str) -> Result<Vec<i64>, String> {
    let query = http::encode(&format!("up{{exporter=\"{exporter}\"}}[1h]"));
    let data = http::api(&format!("{base}/api/v1/query?query={query}"))?;
    let samples = data["result"][0]["values"].as_array();
    let samples = samples.ok_or_else(|| format!("{exporter}: no scrape yet"))?;
    let time_ms = |sample: &Value| (sample[0].as_f64().unwrap_or(0.0) * 1000.0).round() as i64;
    Ok(samples.iter().map(time_ms).collect())
}

/// All series of an exporter at one of its scrapes, with their values. How long the scrape took is
/// each server's own.
fn held(base: &str, exporter: &str, at_ms: i64) -> SeriesSet {
    let query = format!("{{exporter=\"{exporter}\",__name__!=\"scrape_duration_seconds\"}}");
    let time = format!("{}.{:03}", at_ms / 1000, at_ms % 1000);
    let url = format!(
        "{base}/api/v1/query?query={}&time={time}",
        http::encode(&query)
    );
    let data = http::api(&url).unwrap();
    let series = data["result"].as_array().unwrap().iter();
    let value = |series: &Value| series["value"][1].as_str().unwrap_or("").to_owned();
    series
        .map(|series| (sorted(&series["metric"]), value(series)))
        .collect()
}

/// A scrape that took so long came too late, or nearly so, in seconds: the machine stood still.
const LATE_S: f64 = 0.8;

/// Whether a scrape came too late; what the one of the two then holds is none of the other's.
fn is_late(base: &str, exporter: &str, at_ms: i64) -> bool {
    let query = format!("scrape_duration_seconds{{exporter=\"{exporter}\"}}");
    let time = format!("{}.{:03}", at_ms / 1000, at_ms % 1000);
    let query = http::encode(&query);
    let data = http::api(&format!("{base}/api/v1/query?query={query}&time={time}")).unwrap();
    let took = data["result"][0]["value"][1].as_str().unwrap();
    took.parse::<f64>().unwrap() >= LATE_S
}

/// What the API says of the targets, but for times, and for where the two differ by the test.
fn targets(base: &str, server: &str) -> Result<BTreeMap<String, Value>, String> {
    let mut data = http::api(&format!("{base}/api/v1/targets"))?;
    let active = data["activeTargets"].as_array_mut().ok_or("no targets")?;
    let mut targets = BTreeMap::new();
    for target in active {
        let target = target.as_object_mut().ok_or("no object")?;
        target.remove("lastScrape");
        target.remove("lastScrapeDuration");
        // 3.0 names what it could not read in other words than 2.42.
        let error = target["lastError"].as_str().unwrap_or("");
        if error.contains("INVALID") {
            target["lastError"] = Value::from("INVALID");
        }
        let text = Value::Object(target.clone()).to_string();
        let text = text.replace(&format!("/{server}/"), "/SERVER/");
        let pool = target["scrapePool"].as_str().unwrap_or("").to_owned();
        targets.insert(pool, serde_json::from_str(&text).unwrap());
    }
    Ok(targets)
}

/// The exemplars of all series, without the scrapes' times.
fn told_exemplars(base: &str) -> BTreeMap<String, Vec<String>> {
    let query = http::encode("{exporter=\"exemplars\"}");
    let url = format!("{base}/api/v1/query_exemplars?query={query}&start=0&end=4000000000");
    let data = http::api(&url).unwrap();
    let series = data.as_array().unwrap().iter().map(|series| {
        let exemplars = series["exemplars"].as_array().unwrap().iter();
        let exemplars = exemplars.map(|it| format!("{} {}", sorted(&it["labels"]), it["value"]));
        (sorted(&series["seriesLabels"]), exemplars.collect())
    });
    series.collect()
}

#[test]
fn at_each_scrape_both_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let peers = Peers::start(folder.path());
    let (exporters, count) = (peers.exporters(), scrapes());
    let stage = Stage::open(exporters.clone(), count);
    let prometheus = peers::prometheus_with_flags(
        folder.path(),
        &config("theirs", &stage, &exporters, ""),
        &["--enable-feature=exemplar-storage"],
    );
    // 2.42 reads what has a type that nobody speaks as text; since 3.0 that is asked for.
    let fallback = "  fallback_scrape_protocol: PrometheusText0.0.4\n";
    let narthex = Narthex::builder()
        .config(config("ours", &stage, &exporters, fallback))
        .flag("--enable-feature=exemplar-storage")
        .start();
    let (ours, theirs) = (narthex.url(), prometheus.url());
    // One more: the scrape that is under way has left nothing yet.
    until(60 + count as u64 * 3, "all scrapes", || {
        peers.work();
        match (stage.scrapes("ours"), stage.scrapes("theirs")) {
            (ours, theirs) if ours.min(theirs) > count + 1 => Ok(()),
            done => Err(format!("{done:?}")),
        }
    });

    let (mut differ, mut compared, mut late) = (Vec::new(), 0, BTreeMap::new());
    for exporter in &exporters {
        let name = exporter.name;
        let (our_times, their_times) = (
            moments(&ours, name).unwrap(),
            moments(&theirs, name).unwrap(),
        );
        for (nth, (ours_ms, theirs_ms)) in our_times.iter().zip(&their_times).enumerate() {
            if nth >= count {
                break;
            }
            if is_late(&ours, name, *ours_ms) || is_late(&theirs, name, *theirs_ms) {
                late.insert(name, nth);
                continue;
            }
            // Of a scrape behind one that came too late other series are new.
            if nth > 0 && late.get(name) == Some(&(nth - 1)) {
                continue;
            }
            let (our, their) = (held(&ours, name, *ours_ms), held(&theirs, name, *theirs_ms));
            compared += our.len();
            let names = our.keys().chain(their.keys());
            let here = names.filter(|labels| our.get(*labels) != their.get(*labels));
            differ.extend(here.take(6).map(|labels| {
                let values = (our.get(labels), their.get(labels));
                format!("{name}, scrape {nth}: {labels}: {values:?}")
            }));
        }
    }
    println!("{compared} values of {count} scrapes compared; the last late ones: {late:?}");
    assert!(
        differ.is_empty(),
        "{} differ: {:#?}",
        differ.len(),
        &differ[..differ.len().min(40)]
    );
    assert!(compared > count * 1_000, "{compared} values only");
    // Those of a scrape that came too late the one has and the other has not.
    if !late.contains_key("exemplars") {
        assert_eq!(told_exemplars(&ours), told_exemplars(&theirs));
    }
    // Behind its last page each stays in a scene of its own, so that this can be asked twice.
    until(60, "the same of the targets", || {
        let (ours, theirs) = (targets(&ours, "ours")?, targets(&theirs, "theirs")?);
        let differ: Vec<_> = theirs
            .iter()
            .filter(|(pool, target)| ours.get(*pool) != Some(*target))
            .map(|(pool, target)| format!("ours {:#?}\ntheirs {target:#?}", ours.get(pool)))
            .collect();
        match differ.is_empty() && ours.len() == theirs.len() {
            true => Ok(()),
            false => Err(differ.join("\n")),
        }
    });
}
