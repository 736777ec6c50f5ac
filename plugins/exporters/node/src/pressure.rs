//! `/proc/pressure`: how long tasks waited for processors, memory and disks.

use narthex_sdk::{Batch, Error};

use crate::Machine;
use crate::numbers::number;

const MICROSECONDS: f64 = 1e-6;

/// File, which line of it, and what that becomes. For processors the kernel's `full` line says
/// nothing.
const LINES: [(&str, &str, &str, &str); 5] = [
    (
        "cpu",
        "some",
        "node_pressure_cpu_waiting_seconds_total",
        "Time in which tasks waited for a processor.",
    ),
    (
        "io",
        "some",
        "node_pressure_io_waiting_seconds_total",
        "Time in which tasks waited for a disk.",
    ),
    (
        "io",
        "full",
        "node_pressure_io_stalled_seconds_total",
        "Time in which all tasks waited for a disk.",
    ),
    (
        "memory",
        "some",
        "node_pressure_memory_waiting_seconds_total",
        "Time in which tasks waited for memory.",
    ),
    (
        "memory",
        "full",
        "node_pressure_memory_stalled_seconds_total",
        "Time in which all tasks waited for memory.",
    ),
];

/// Reads and writes the totals.
pub(crate) fn collect(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    for (file, line, name, help) in LINES {
        let text = machine.proc(&format!("pressure/{file}"))?;
        let total = text
            .lines()
            .filter_map(|text| text.strip_prefix(line))
            .find_map(|rest| {
                rest.split_ascii_whitespace()
                    .find_map(|f| f.strip_prefix("total="))
            });
        let micros = number(total, file)?;
        batch.counter(name, help).sample(&[], micros * MICROSECONDS);
    }
    Ok(())
}
