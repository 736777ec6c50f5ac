//! The kernel's table of connections.

use narthex_sdk::{Batch, Error};

use crate::Machine;
use crate::numbers::number;

/// The columns of `/proc/net/stat/nf_conntrack` that node_exporter reports; in hexadecimal, a
/// line a processor.
const COLUMNS: [(&str, &str); 8] = [
    ("drop", "Packets dropped, as no entry could be made."),
    ("early_drop", "Entries dropped to make room."),
    ("found", "Searches that found an entry."),
    ("ignore", "Packets that belong to an entry already."),
    ("insert", "Entries put into the table."),
    (
        "insert_failed",
        "Entries that could not be put into the table.",
    ),
    ("invalid", "Packets that could not be tracked."),
    (
        "search_restart",
        "Searches begun anew, as the table was resized.",
    ),
];

/// Reads and writes the table's size and counters.
pub(crate) fn collect(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    for (file, name, help) in [
        (
            "count",
            "node_nf_conntrack_entries",
            "Connections in the table.",
        ),
        (
            "max",
            "node_nf_conntrack_entries_limit",
            "Connections that the table holds.",
        ),
    ] {
        let text = machine.proc(&format!("sys/net/netfilter/nf_conntrack_{file}"))?;
        let value = number(Some(text.trim()), file)?;
        batch.gauge(name, help).sample(&[], value);
    }
    let text = machine.proc("net/stat/nf_conntrack")?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    let mut totals = vec![0_u64; names.len()];
    for line in lines {
        for (total, field) in totals.iter_mut().zip(line.split_ascii_whitespace()) {
            let value = u64::from_str_radix(field, 16);
            let value =
                value.map_err(|_| Error::Protocol(format!("{field:?} is not hexadecimal")))?;
            *total = total.saturating_add(value);
        }
    }
    for (name, help) in COLUMNS {
        let Some(column) = names.iter().position(|other| *other == name) else {
            continue;
        };
        batch
            .gauge(&format!("node_nf_conntrack_stat_{name}"), help)
            .sample(&[], totals[column] as f64);
    }
    Ok(())
}
