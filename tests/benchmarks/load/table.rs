//! What the servers used, and Narthex's part of it.

use narthex_tests::Usage;

use crate::queries::Cost;
use narthex_tests::system::System;

/// All that is known of one server.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) system: System,
    pub(crate) series: usize,
    pub(crate) samples: u64,
    pub(crate) took_s: f64,
    pub(crate) loaded: Usage,
    pub(crate) disk_bytes: u64,
    pub(crate) deviations_ms: [f64; 3],
    pub(crate) queries: Vec<Cost>,
    /// After a kill and a start.
    pub(crate) replayed: Usage,
}

impl Figures {
    fn rows(&self) -> Vec<(String, f64)> {
        let (series, samples) = (self.series as f64, self.samples as f64);
        let mut rows: Vec<(String, f64)> = [
            (
                "CPU s per million samples",
                self.loaded.cpu_s * 1e6 / samples,
            ),
            ("RSS, KB a series", self.loaded.rss_mb * 1024.0 / series),
            (
                "peak RSS, KB a series",
                self.loaded.peak_mb * 1024.0 / series,
            ),
            ("data on disk, B a sample", self.disk_bytes as f64 / samples),
            (
                "written, B a sample",
                self.loaded.written_mb * 1e6 / samples,
            ),
            (
                "start after a kill, CPU s per million series",
                self.replayed.cpu_s * 1e6 / series,
            ),
            (
                "RSS after that, KB a series",
                self.replayed.rss_mb * 1024.0 / series,
            ),
            (
                "peak RSS of that, KB a series",
                self.replayed.peak_mb * 1024.0 / series,
            ),
            ("scrape deviation p50, ms", self.deviations_ms[0]),
            ("scrape deviation p99, ms", self.deviations_ms[1]),
            ("scrape deviation max, ms", self.deviations_ms[2]),
            ("wall time, s", self.took_s),
        ]
        .map(|(name, figure)| (name.to_owned(), figure))
        .into();
        let queries = self.queries.iter();
        rows.extend(queries.map(|cost| (format!("query CPU ms: {}", cost.name), cost.cpu_ms)));
        rows
    }
}

/// Prints a row for each figure and a column for each server; and for each peer the part that
/// Narthex needs.
pub(crate) fn print(figures: &[Figures]) {
    let columns: Vec<Vec<(String, f64)>> = figures.iter().map(Figures::rows).collect();
    let names = figures.iter().map(|figures| figures.system.name());
    let ours = figures.iter().position(|it| it.system == System::Narthex);
    let peers = figures.iter().filter(|it| it.system != System::Narthex);
    let ratios = peers.filter(|_| ours.is_some());
    let ratios = ratios.map(|it| format!("ratio to {}", it.system.name()));
    let header: Vec<String> = names.map(str::to_owned).chain(ratios).collect();
    println!("| | {} |", header.join(" | "));
    println!("|---|{}", "---|".repeat(header.len()));
    for (at, (name, _)) in columns.first().into_iter().flatten().enumerate() {
        let mut cells: Vec<String> = columns
            .iter()
            .map(|rows| format!("{:.3}", rows[at].1))
            .collect();
        if let Some(ours) = ours {
            let peers = (0..columns.len()).filter(|peer| *peer != ours);
            let ratio = |peer: usize| columns[ours][at].1 / columns[peer][at].1;
            cells.extend(peers.map(|peer| format!("{:.2}", ratio(peer))));
        }
        println!("| {name} | {} |", cells.join(" | "));
    }
}
