//! `/proc/stat`: time by processor and mode, and the totals of the kernel.

use narthex_sdk::{Batch, Error};

use crate::numbers::number;

/// Linux counts processor time for programs in hundredths of a second, whatever its own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// The modes in the order of the file.
const MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];

/// Modes that the first two contain as well; they follow the others in the file.
const GUEST_MODES: [&str; 2] = ["user", "nice"];

/// Writes the time of each processor.
pub(crate) fn write_times(text: &str, batch: &mut Batch) -> Result<(), Error> {
    let mut processors = Vec::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("cpu") else {
            continue;
        };
        let mut fields = rest.split_ascii_whitespace();
        // The line without a number is the sum of the others.
        if rest.starts_with(' ') {
            continue;
        }
        let Some(processor) = fields.next() else {
            continue;
        };
        let times: Result<Vec<f64>, Error> = fields
            .map(|field| Ok(number(Some(field), line)? / TICKS_PER_SECOND))
            .collect();
        processors.push((processor, times?));
    }
    if processors.is_empty() {
        return Err(Error::Protocol("no processor in /proc/stat".to_owned()));
    }

    let mut guests = batch.counter(
        "node_cpu_guest_seconds_total",
        "Time that processors spent running virtual machines, by mode.",
    );
    for (processor, times) in &processors {
        for (mode, seconds) in GUEST_MODES.iter().zip(times.iter().skip(MODES.len())) {
            guests.sample(&[("cpu", processor), ("mode", mode)], *seconds);
        }
    }
    let mut all = batch.counter(
        "node_cpu_seconds_total",
        "Time that processors spent in each mode.",
    );
    for (processor, times) in &processors {
        for (mode, seconds) in MODES.iter().zip(times) {
            all.sample(&[("cpu", processor), ("mode", mode)], *seconds);
        }
    }
    Ok(())
}

/// Writes what the kernel counts beside the processors' time.
pub(crate) fn write_totals(text: &str, batch: &mut Batch) -> Result<(), Error> {
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        let key = fields.next().unwrap_or_default();
        let mut family = match key {
            "btime" => batch.gauge(
                "node_boot_time_seconds",
                "When the machine was started, since the Unix epoch.",
            ),
            "ctxt" => batch.counter(
                "node_context_switches_total",
                "Switches from one task to another.",
            ),
            "processes" => batch.counter("node_forks_total", "Tasks created."),
            "intr" => batch.counter("node_intr_total", "Interrupts served."),
            "procs_running" => batch.gauge("node_procs_running", "Tasks that could run."),
            "procs_blocked" => batch.gauge(
                "node_procs_blocked",
                "Tasks that wait for a disk or the like.",
            ),
            _ => continue,
        };
        family.sample(&[], number(fields.next(), key)?);
    }
    Ok(())
}
