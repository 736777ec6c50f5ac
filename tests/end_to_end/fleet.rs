//! One view over three hosts: two replicas and another region. Whoever is cut off, killed or
//! stopped, what is answered is right, each series once, and what is missing is said.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use narthex_tests::{Narthex, Network, binary, free_port, http, run, until};
use serde_json::Value;

/// The external labels of each host.
const HOSTS: [(&str, &str); 3] = [("eu", "a"), ("eu", "b"), ("us", "a")];

/// Series of each region.
const SERIES: usize = 30;

/// The queries that run while members come and go, at the least.
const QUERIES: usize = 1_000;

/// When the data begin, in seconds since the epoch, and when they end.
const TIMES: (i64, i64) = (1_767_225_600, 1_767_229_200);

/// When queries look at them.
const LOOK: i64 = TIMES.1 - 600;

/// How many samples a series has in five minutes at the most: one every 15 s, and one more where
/// another replica steps in.
const SAMPLES_MAX: f64 = 21.0;

/// A group that evaluates with whoever answers, and one that says nothing of that: an alert that is
/// active where less is seen than there is.
fn rules() -> String {
    let all = 2 * SERIES;
    let rules = format!("rules: [{{alert: Few, expr: 'count(number @ {LOOK}) < {all}'}}]");
    format!(
        "groups:\n\
         - {{name: partial, interval: 1s, partial_response_strategy: warn, {rules}}}\n\
         - {{name: whole, interval: 1s, {rules}}}\n"
    )
}

/// Waits until each group is so: its name, its strategy, and its rule's health and state.
fn wait_for_rules(querier: &Narthex, expected: [&str; 2]) {
    until(120, "rules", || {
        let rules = querier.api("rules")?;
        let groups = rules["groups"].as_array().into_iter().flatten();
        let found = groups.map(|group| {
            let rule = &group["rules"][0];
            let words = [
                &group["name"],
                &group["partialResponseStrategy"],
                &rule["health"],
                &rule["state"],
            ];
            words.map(|word| word.as_str().unwrap_or("?")).join(" ")
        });
        match found.collect::<Vec<_>>() {
            found if found == expected => Ok(()),
            _ => Err(rules.to_string()),
        }
    });
}

/// What one replica has scraped: a value that tells the series, and a counter of one a second.
fn exposition(offset_s: i64) -> String {
    let mut text = String::from("# TYPE number gauge\n");
    for series in 0..SERIES {
        for time in (TIMES.0 + offset_s..TIMES.1).step_by(15) {
            let _ = writeln!(text, "number{{i=\"{series}\"}} {series} {time}");
        }
    }
    text.push_str("# TYPE events counter\n");
    for series in 0..SERIES {
        for time in (TIMES.0 + offset_s..TIMES.1).step_by(15) {
            let count = time - TIMES.0;
            let _ = writeln!(text, "events_total{{i=\"{series}\"}} {count} {time}");
        }
    }
    text + "# EOF\n"
}

fn fill(folder: &Path, offset_s: i64) {
    let file = folder.with_extension("om");
    std::fs::write(&file, exposition(offset_s)).unwrap();
    let mut create = Command::new(binary());
    create.args(["tsdb", "create-blocks-from", "openmetrics"]);
    run(create.arg(&file).arg(folder));
}

struct Fleet {
    hosts: Vec<Narthex>,
    querier: Narthex,
    network: Option<Network>,
    _folder: tempfile::TempDir,
}

impl Fleet {
    fn start() -> Self {
        let network = match Network::new(HOSTS.len() + 1) {
            Ok(network) => Some(network),
            Err(reason) => {
                println!("no network namespaces here, so nobody is cut off: {reason}");
                None
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let address = |at: usize| match &network {
            Some(network) => format!("{}:{port}", network.peer_address(at)),
            None => format!("127.0.0.{}:{port}", at + 2),
        };
        let builder = |at: usize| match &network {
            Some(network) => Narthex::builder()
                .namespace(network.namespace(at))
                .host(network.address(at)),
            None => Narthex::builder().host(format!("127.0.0.{}", at + 2)),
        };
        let start = |(at, (region, replica)): (usize, &(&str, &str))| {
            let data = folder.path().join(format!("host-{at}"));
            // The second replica scrapes at other times than the first one.
            fill(&data, if *replica == "b" { 7 } else { 0 });
            builder(at)
                .config(format!(
                    "global: {{external_labels: {{region: {region}, replica: {replica}}}}}\n"
                ))
                .data(data)
                .flag("--storage.tsdb.retention.time=100y")
                .flag(format!("--grpc.listen-address={}", address(at)))
                .start()
        };
        let hosts = HOSTS.iter().enumerate().map(start).collect();
        let rules_file = folder.path().join("rules.yml");
        std::fs::write(&rules_file, rules()).unwrap();
        let mut querier = builder(HOSTS.len())
            .querier()
            .config(format!("rule_files: [{rules_file:?}]\n"))
            .flag("--query.replica-label=replica")
            .flag("--store.response-timeout=2s");
        for at in 0..HOSTS.len() {
            querier = querier.flag(format!("--endpoint={}", address(at)));
        }
        let querier = querier.start();
        Self {
            hosts,
            querier,
            network,
            _folder: folder,
        }
    }

    /// Waits until so many members answer.
    fn wait_for_members(&self, count: usize) {
        until(120, "members", || {
            let stores = self.querier.api("stores")?;
            let all = stores.as_object().into_iter().flatten();
            let all = all.flat_map(|(_, listed)| listed.as_array().into_iter().flatten());
            let well = all.filter(|store| store["lastError"].is_null());
            match well.filter(|store| !store["lastCheck"].is_null()).count() {
                found if found == count => Ok(()),
                _ => Err(stores.to_string()),
            }
        });
    }
}

/// Values by labels, and what is said to be missing.
#[derive(Debug, PartialEq)]
struct Seen {
    values: BTreeMap<String, f64>,
    warnings: Vec<String>,
}

fn ask(base: &str, query: &str, more: &str) -> Result<Seen, String> {
    let query = http::encode(query);
    let (status, body) = http::get(&format!(
        "{base}/api/v1/query?query={query}&time={LOOK}{more}"
    ))?;
    let body: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
    if status != 200 {
        return Err(format!("{status}: {body}"));
    }
    let series = body["data"]["result"].as_array().into_iter().flatten();
    let value = |one: &Value| one["value"][1].as_str().and_then(|text| text.parse().ok());
    let values = series.map(|one| (narthex_tests::sorted(&one["metric"]), value(one).unwrap()));
    let warnings = body["warnings"].as_array().into_iter().flatten();
    Ok(Seen {
        values: values.collect(),
        warnings: warnings.map(ToString::to_string).collect(),
    })
}

/// As [`ask`], with an answer of all members: one of a machine that stands still has no turn in the
/// time that the querier gives it.
fn ask_all(base: &str, query: &str, more: &str) -> Seen {
    until(60, query, || match ask(base, query, more)? {
        seen if seen.warnings.is_empty() => Ok(seen),
        seen => Err(format!("{:?}", seen.warnings)),
    })
}

/// A query, and whether a value is right for a series that is there.
type Question = (&'static str, fn(&str, f64) -> bool);

fn questions() -> Vec<Question> {
    vec![
        ("number", |labels, value| {
            labels.contains(&format!("\"i\":\"{value}\""))
        }),
        ("count_over_time(number[5m])", |_, value| {
            value <= SAMPLES_MAX
        }),
        ("increase(events_total[5m])", |_, value| {
            // A scrape is 15 s, and a second is an event.
            (value - 300.0).abs() <= 15.0
        }),
        ("sum by (region) (rate(events_total[5m]))", |_, value| {
            (value - SERIES as f64).abs() <= SERIES as f64 / 20.0
        }),
    ]
}

#[test]
fn what_members_have_is_seen_once_whoever_is_cut_off_killed_or_stopped() {
    let mut fleet = Fleet::start();
    fleet.wait_for_members(3);
    let url = fleet.querier.url();
    let whole: Vec<Seen> = questions()
        .iter()
        .map(|(query, _)| ask_all(&url, query, ""))
        .collect();
    for (seen, (query, is_right)) in whole.iter().zip(questions()) {
        let regions = if query.starts_with("sum") {
            2
        } else {
            2 * SERIES
        };
        assert_eq!(seen.values.len(), regions, "{query}: {seen:?}");
        for (labels, value) in &seen.values {
            assert!(is_right(labels, *value), "{query}: {labels} {value}");
            assert!(!labels.contains("replica"), "{labels}");
        }
    }
    // As they are, replicas are two, and one member alone can be asked.
    let apart = ask_all(&url, "number{region=\"eu\"}", "&dedup=false");
    assert_eq!(apart.values.len(), 2 * SERIES);
    let us = http::encode("{region=\"us\"}");
    let of_us = ask_all(&url, "number", &format!("&storeMatch[]={us}"));
    assert_eq!(of_us.values.len(), SERIES);
    let refused = ask(&url, "number", "&dedup=perhaps").unwrap_err();
    assert!(refused.contains("neither true nor false"), "{refused}");
    until(60, "the regions", || {
        match fleet.querier.api("label/region/values")? {
            names if names == serde_json::json!(["eu", "us"]) => Ok(()),
            names => Err(names.to_string()),
        }
    });
    assert_eq!(
        fleet.querier.api("label/replica/values").unwrap(),
        serde_json::json!([])
    );
    // What its members are asked for it cannot know, and says so.
    let unused = http::get(&format!("{url}/api/v1/status/unused_metrics"));
    let (status, said) = unused.unwrap();
    assert!(status == 422 && said.contains("ask each member"), "{said}");

    // Queries run without a pause, while members come and go.
    let (asked, partial, is_over) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicBool::new(false),
    );
    let look = || {
        while !is_over.load(Ordering::Relaxed) || asked.load(Ordering::Relaxed) < QUERIES {
            let at = asked.fetch_add(1, Ordering::Relaxed);
            let (query, is_right) = questions()[at % questions().len()];
            let seen = ask(&url, query, "").unwrap();
            for (labels, value) in &seen.values {
                assert!(
                    is_right(labels, *value),
                    "{query}: {labels} {value} {seen:?}"
                );
            }
            let full = &whole[at % questions().len()].values;
            match seen.warnings.is_empty() {
                true => assert!(seen.values.keys().eq(full.keys()), "{query}: {seen:?}"),
                false => {
                    partial.fetch_add(1, Ordering::Relaxed);
                    assert!(seen.values.keys().all(|labels| full.contains_key(labels)));
                }
            }
        }
    };
    let is_partial = |count: usize| {
        until(120, "a warning", || {
            let seen = ask(&url, "number", "")?;
            let is_as_expected = seen.values.len() == count && !seen.warnings.is_empty();
            if is_as_expected {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
    };
    let is_whole = || {
        until(120, "all of it", || {
            let seen = ask(&url, "number", "")?;
            let is_as_expected = seen.values.len() == 2 * SERIES && seen.warnings.is_empty();
            if is_as_expected {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
    };
    let all_is_there = ["partial WARN ok inactive", "whole ABORT ok inactive"];
    wait_for_rules(&fleet.querier, all_is_there);
    std::thread::scope(|scope| {
        let lookers = [scope.spawn(look), scope.spawn(look)];
        if let Some(network) = &fleet.network {
            network.cut(2);
            is_partial(SERIES);
            // Who asks for all or nothing is told why there is nothing.
            let refused = ask(&url, "number", "&partial_response=false").unwrap_err();
            assert!(
                refused.contains("a part of the answer is missing"),
                "{refused}"
            );
            network.heal(2);
            is_whole();
        }
        // The other replica has what the one that is killed had.
        fleet.hosts[0].process().kill();
        is_partial(2 * SERIES);
        fleet.hosts[0].restart();
        is_whole();
        fleet.hosts[2].process().signal("STOP");
        is_partial(SERIES);
        // What is missing is no reason for an alert, unless its group goes on without it.
        let one_is_away = ["partial WARN ok firing", "whole ABORT err inactive"];
        wait_for_rules(&fleet.querier, one_is_away);
        fleet.hosts[2].process().signal("CONT");
        is_whole();
        wait_for_rules(&fleet.querier, all_is_there);
        is_over.store(true, Ordering::Relaxed);
        for looker in lookers {
            looker.join().unwrap();
        }
    });
    println!(
        "{} queries, {} of them partial",
        asked.into_inner(),
        partial.into_inner()
    );
    let page = http::get(&format!("{url}/metrics")).unwrap().1;
    assert!(
        page.contains("thanos_store_nodes_grpc_connections{"),
        "{page}"
    );
    assert!(
        page.contains("narthex_fleet_endpoint_failures_total{"),
        "{page}"
    );
    // The sums of a region that only one host has were made there.
    for metric in [
        r#"narthex_fleet_evaluations_total{result="taken"} "#,
        "narthex_fleet_received_bytes_total ",
    ] {
        assert!(page.contains(metric), "{metric} is not in\n{page}");
    }
    // Hosts end before their network.
    let network = fleet.network.take();
    drop(fleet);
    drop(network);
}

#[test]
fn a_querier_says_what_it_cannot_be_started_with() {
    let cases = [
        (vec!["query", "serve"], "nobody to ask"),
        (vec!["query", "serve", "--endpoint=hosts"], "host:port"),
        (
            vec!["query", "serve", "--endpoint=a:1", "--storage.tsdb.path=x"],
            "can not be used by query serve",
        ),
        (vec!["--endpoint=a:1"], "can only be used by query serve"),
    ];
    for (arguments, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(binary());
        command.args(&arguments).current_dir(folder.path());
        if arguments == ["query", "serve"] {
            command.arg(format!("--web.listen-address=127.0.0.1:{}", free_port()));
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(expected),
            "{arguments:?}: {said}"
        );
    }
}
