//! The table: what each query costs Narthex, and by how much of that of Prometheus.

use crate::cost::Cost;

/// A query and what it cost: Narthex first, then Prometheus.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) query: &'static str,
    pub(crate) warm: (Cost, Cost),
    pub(crate) cold: (Cost, Cost),
}

/// What is compared.
type Measure = fn(&Cost) -> f64;

impl Row {
    fn ratio(&self, measure: Measure) -> f64 {
        measure(&self.warm.0) / measure(&self.warm.1)
    }
}

/// Prints the table and what sums it up.
pub(crate) fn print(rows: &[Row]) {
    println!("| query | p50 ms | ratio | CPU ms | ratio | peak MB | ratio | first ms | ratio |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let (ours, theirs) = &row.warm;
        let pair =
            |ours: f64, theirs: f64| format!("{ours:.1} / {theirs:.1} | {:.2}", ours / theirs);
        println!(
            "| {} | {} | {} | {} | {} |",
            row.name,
            pair(ours.latency_ms, theirs.latency_ms),
            pair(ours.cpu_ms, theirs.cpu_ms),
            pair(ours.peak_mb, theirs.peak_mb),
            pair(row.cold.0.latency_ms, row.cold.1.latency_ms),
        );
    }
    println!();
    let measures: [(&str, Measure); 3] = [
        ("p50 latency", |cost| cost.latency_ms),
        ("CPU time", |cost| cost.cpu_ms),
        ("peak memory", |cost| cost.peak_mb),
    ];
    for (name, measure) in measures {
        let mut ratios: Vec<f64> = rows.iter().map(|row| row.ratio(measure)).collect();
        let logarithms = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>();
        let geometric = (logarithms / ratios.len() as f64).exp();
        ratios.sort_by(f64::total_cmp);
        let median = ratios[ratios.len() / 2];
        println!("{name}, Narthex / Prometheus: median {median:.2}, geometric mean {geometric:.2}");
    }
    for row in rows {
        if row.ratio(|cost| cost.latency_ms) > 1.0 || row.ratio(|cost| cost.cpu_ms) > 1.0 {
            println!("not ahead: {} `{}`", row.name, row.query);
        }
    }
}
