//! `/proc/meminfo` and `/proc/vmstat`.

use narthex_sdk::{Batch, Error, MetricKind};

use crate::numbers::number;

/// Fields of `/proc/vmstat` that node_exporter reports, by their beginning and, for faults, end.
fn is_reported(key: &str) -> bool {
    let plain = ["oom_kill", "pgpg", "pswp"];
    plain.iter().any(|prefix| key.starts_with(prefix))
        || (key.starts_with("pg") && key.contains("fault"))
}

/// Writes one gauge for each line of `/proc/meminfo`.
pub(crate) fn write_meminfo(text: &str, batch: &mut Batch) -> Result<(), Error> {
    for line in text.lines() {
        let Some((key, rest)) = line.split_once(':') else {
            continue;
        };
        let mut fields = rest.split_ascii_whitespace();
        let value = number(fields.next(), key)?;
        // `Active(anon)` becomes `Active_anon`.
        let key = key.replace('(', "_").replace(')', "");
        let (name, value) = match fields.next() {
            Some("kB") => (format!("node_memory_{key}_bytes"), value * 1024.0),
            _ => (format!("node_memory_{key}"), value),
        };
        let help = format!("Field {key} of /proc/meminfo.");
        batch.gauge(&name, &help).sample(&[], value);
    }
    Ok(())
}

/// Writes the paging counters of `/proc/vmstat`; as in node_exporter, their type is not known.
pub(crate) fn write_vmstat(text: &str, batch: &mut Batch) -> Result<(), Error> {
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        let Some(key) = fields.next().filter(|key| is_reported(key)) else {
            continue;
        };
        let help = format!("Field {key} of /proc/vmstat.");
        batch
            .family(MetricKind::Unknown, &format!("node_vmstat_{key}"), &help)
            .sample(&[], number(fields.next(), key)?);
    }
    Ok(())
}
