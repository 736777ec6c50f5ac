//! Queries that are too much for a running server, clients that leave, and what a crash leaves
//! behind of those that ran.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use narthex_tests::{Narthex, NarthexBuilder, Target, http, until};

const SERIES: usize = 50;
const SAMPLES: i64 = 190;
/// Between two samples.
const INTERVAL_MS: i64 = 15_000;

/// How many terms the long query has: each is some seconds of work, and all of them are more than a
/// test waits for its end.
const TERMS: usize = 12;

/// Looks at a window of each series half a million times for each of its terms.
fn long() -> String {
    let term = |number: usize| {
        format!(
            "count(sum_over_time(double_exponential_smoothing(x[50m], 0.{}, \
             scalar(vector(time() % 7 / 10 + 0.1)))[50m:6ms]))",
            30 + number
        )
    };
    (0..TERMS).map(term).collect::<Vec<_>>().join(" + ")
}

/// Fifty series of the last 48 minutes, on one page.
fn page() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let end_ms = i64::try_from(now.as_millis()).unwrap();
    let mut page = String::new();
    for series in 0..SERIES {
        for i in 0..SAMPLES {
            let time_ms = end_ms - (SAMPLES - 1 - i) * INTERVAL_MS;
            page.push_str(&format!("x{{i=\"{series}\"}} {} {time_ms}\n", i % 17));
        }
    }
    page
}

/// A server with the series, and the target that it has them from.
fn loaded(change: impl FnOnce(NarthexBuilder) -> NarthexBuilder) -> (Narthex, Target) {
    let page = page();
    let target = Target::serve_text(move || page.clone());
    let config = format!(
        "scrape_configs:\n- job_name: x\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  \
         static_configs: [{{targets: ['{}']}}]\n",
        target.address()
    );
    let builder = Narthex::builder().config(config);
    let narthex = change(builder.flag("--enable-feature=promql-experimental-functions")).start();
    until(60, "the series", || {
        let found = narthex.query("count(x)")?;
        match found.get("{}").map(String::as_str) {
            Some("50") => Ok(()),
            found => Err(format!("{found:?}")),
        }
    });
    (narthex, target)
}

/// The log of active queries without the zeros.
fn active(narthex: &Narthex) -> String {
    let bytes = std::fs::read(narthex.data().join("queries.active")).unwrap();
    let text = bytes.into_iter().filter(|byte| *byte != 0).collect();
    String::from_utf8(text).unwrap()
}

/// Asks the long query and waits until it runs.
fn ask_long(narthex: &Narthex) -> TcpStream {
    let address = narthex.url().replace("http://", "");
    let mut client = TcpStream::connect(&address).unwrap();
    let query = http::encode(&long());
    let request = format!("GET /api/v1/query?query={query} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    until(60, "the query to run", || match active(narthex) {
        text if text.contains("double_exponential_smoothing") => Ok(()),
        text => Err(text),
    });
    client
}

#[test]
fn a_query_over_its_bytes_ends_and_the_next_is_answered() {
    let (narthex, _target) = loaded(|builder| builder.flag("--query.max-bytes=100KB"));
    let url = format!(
        "{}/api/v1/query?query={}",
        narthex.url(),
        http::encode("sum(count_over_time(x[1h]))")
    );
    let (status, body) = http::get(&url).unwrap();
    assert_eq!(status, 422, "{body}");
    assert_eq!(
        body,
        r#"{"status":"error","errorType":"execution","error":"query processing would load more than 102400 bytes into memory in query execution"}"#
    );
    assert!(narthex.query("count(x)").is_ok());
}

#[test]
fn a_query_out_of_time_says_so_and_stops() {
    let (narthex, _target) = loaded(|builder| builder.flag("--query.timeout=500ms"));
    let url = format!(
        "{}/api/v1/query?query={}",
        narthex.url(),
        http::encode(&long())
    );
    let (status, body) = http::get(&url).unwrap();
    assert_eq!(status, 503, "{body}");
    assert_eq!(
        body,
        r#"{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}"#
    );
    until(30, "its work to stop", || match active(&narthex) {
        text if text == "[" => Ok(()),
        text => Err(text),
    });
}

#[test]
fn a_client_that_leaves_takes_its_query_along() {
    let (narthex, _target) = loaded(|builder| builder);
    let client = ask_long(&narthex);
    drop(client);
    // The entry stays until the last thread of the query has stopped.
    until(30, "its work to stop", || match active(&narthex) {
        text if text == "[" => Ok(()),
        text => Err(text),
    });
    assert!(narthex.query("count(x)").is_ok());
}

#[test]
fn what_ran_when_the_process_died_is_told_at_the_next_start() {
    let (mut narthex, _target) = loaded(|builder| builder);
    let _client = ask_long(&narthex);
    narthex.restart();
    let log = narthex.process().log();
    let line = log
        .lines()
        .find(|line| line.contains("these queries did not finish in the last run"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("double_exponential_smoothing"), "{line}");
    assert_eq!(active(&narthex), "[");
}
