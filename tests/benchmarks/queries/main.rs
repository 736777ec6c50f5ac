//! Queries side by side over HTTP: the same series in Debian's Prometheus 2.42 (blocks that
//! promtool makes) and in Narthex (scraped, cut to blocks, started anew), the same queries, cold
//! and warm, and a table of latency, CPU time and memory with their ratios.
//!
//! `cargo bench -p narthex-tests --bench queries`, after a release build of the workspace.
//! `NARTHEX_BENCH_ROUNDS` says how often each query is asked, `NARTHEX_BENCH_SCALE` makes more
//! series (1 is 1.9 million samples).

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

mod cost;
mod load;
mod table;

use std::collections::BTreeMap;

use cost::{Cost, Server};
use load::Series;
use narthex_tests::{QUESTIONS, Question};
use table::Row;

/// How often each query is asked of each server, where nobody says.
const ROUNDS: usize = 7;

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}: {text:?} is no number"))
    })
}

fn main() {
    let rounds = from_environment("NARTHEX_BENCH_ROUNDS", ROUNDS).max(1);
    let series = Series::new(from_environment("NARTHEX_BENCH_SCALE", 1).max(1));
    println!("{} samples of {} series", series.samples(), series.count());
    let folder = tempfile::tempdir().unwrap();
    let (narthex, prometheus) = load::both(folder.path(), &series);
    let (narthex, prometheus) = (
        Server::new(narthex.url(), narthex.pid(), narthex),
        Server::new(prometheus.url(), prometheus.pid(), prometheus),
    );
    // Each query for the first time, which reads from disk.
    let mut cold = BTreeMap::new();
    for question in &QUESTIONS {
        cold.insert(
            question.name,
            ask_both(&narthex, &prometheus, question, &series),
        );
    }
    let mut rows = Vec::new();
    for question in &QUESTIONS {
        let mut costs: [Vec<Cost>; 2] = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            // One, the other, one, the other: what else the machine does hits both.
            let (ours, theirs) = ask_both(&narthex, &prometheus, question, &series);
            costs[0].push(ours);
            costs[1].push(theirs);
        }
        let [ours, theirs] = costs.map(|costs| Cost::median(&costs));
        rows.push(Row {
            name: question.name,
            query: question.query,
            warm: (ours, theirs),
            cold: cold[question.name],
        });
    }
    table::print(&rows);
}

/// Asks both; they must find as much as each other.
fn ask_both<A, B>(
    narthex: &Server<A>,
    prometheus: &Server<B>,
    question: &Question,
    series: &Series,
) -> (Cost, Cost) {
    let path = question.path(series.end_s());
    let (ours, theirs) = (narthex.ask(&path), prometheus.ask(&path));
    assert_eq!(
        ours.points, theirs.points,
        "{}: {}: the answers differ",
        question.name, question.query
    );
    assert!(ours.points > 0, "{}: nothing found", question.name);
    (ours, theirs)
}
