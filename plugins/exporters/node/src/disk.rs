//! `/proc/diskstats`.

use narthex_sdk::{Batch, Error, MetricKind};

use crate::numbers::number;

/// The kernel counts sectors of this size, whatever the disk's own is.
const SECTOR_BYTES: f64 = 512.0;
const MILLISECONDS: f64 = 0.001;

/// The columns after the device's name: type, name, factor, help. Kernels before 4.18 and 5.5
/// have fewer of them.
const COLUMNS: [(MetricKind, &str, f64, &str); 17] = {
    use MetricKind::{Counter, Gauge};
    [
        (
            Counter,
            "node_disk_reads_completed_total",
            1.0,
            "Reads completed.",
        ),
        (
            Counter,
            "node_disk_reads_merged_total",
            1.0,
            "Reads merged with another.",
        ),
        (
            Counter,
            "node_disk_read_bytes_total",
            SECTOR_BYTES,
            "Bytes read.",
        ),
        (
            Counter,
            "node_disk_read_time_seconds_total",
            MILLISECONDS,
            "Time of all reads.",
        ),
        (
            Counter,
            "node_disk_writes_completed_total",
            1.0,
            "Writes completed.",
        ),
        (
            Counter,
            "node_disk_writes_merged_total",
            1.0,
            "Writes merged with another.",
        ),
        (
            Counter,
            "node_disk_written_bytes_total",
            SECTOR_BYTES,
            "Bytes written.",
        ),
        (
            Counter,
            "node_disk_write_time_seconds_total",
            MILLISECONDS,
            "Time of all writes.",
        ),
        (Gauge, "node_disk_io_now", 1.0, "Operations under way."),
        (
            Counter,
            "node_disk_io_time_seconds_total",
            MILLISECONDS,
            "Time with work under way.",
        ),
        (
            Counter,
            "node_disk_io_time_weighted_seconds_total",
            MILLISECONDS,
            "Time with work under way, times the operations under way.",
        ),
        (
            Counter,
            "node_disk_discards_completed_total",
            1.0,
            "Discards completed.",
        ),
        (
            Counter,
            "node_disk_discards_merged_total",
            1.0,
            "Discards merged with another.",
        ),
        (
            Counter,
            "node_disk_discarded_sectors_total",
            1.0,
            "Sectors discarded.",
        ),
        (
            Counter,
            "node_disk_discard_time_seconds_total",
            MILLISECONDS,
            "Time of all discards.",
        ),
        (
            Counter,
            "node_disk_flush_requests_total",
            1.0,
            "Flushes completed.",
        ),
        (
            Counter,
            "node_disk_flush_requests_time_seconds_total",
            MILLISECONDS,
            "Time of all flushes.",
        ),
    ]
};

/// Writes the counters of every disk; partitions, loop and memory devices are left out, as
/// node_exporter does by default.
pub(crate) fn write(text: &str, batch: &mut Batch) -> Result<(), Error> {
    let mut disks = Vec::new();
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let Some(device) = fields.next().filter(|device| is_disk(device)) else {
            continue;
        };
        let values: Result<Vec<f64>, Error> =
            fields.map(|field| number(Some(field), device)).collect();
        disks.push((device, values?));
    }
    for (column, (kind, name, factor, help)) in COLUMNS.iter().enumerate() {
        let present: Vec<_> = disks
            .iter()
            .filter_map(|(device, values)| Some((device, values.get(column)?)))
            .collect();
        if present.is_empty() {
            continue;
        }
        let mut family = batch.family(*kind, name, help);
        for (device, value) in present {
            family.sample(&[("device", device)], value * factor);
        }
    }
    Ok(())
}

/// Whether the device is a disk of its own: not `ram1`, `loop0`, `sda1`, `nvme0n1p2`.
fn is_disk(device: &str) -> bool {
    let stem = device.trim_end_matches(|c: char| c.is_ascii_digit());
    if stem.len() == device.len() {
        return true;
    }
    let pseudo = ["ram", "zram", "loop", "fd"].contains(&stem);
    let partition = ["hd", "sd", "vd", "xvd"].iter().any(|prefix| {
        let letter = stem.strip_prefix(prefix).unwrap_or_default();
        letter.len() == 1 && letter.as_bytes()[0].is_ascii_lowercase()
    });
    !pseudo && !partition && !is_nvme_partition(stem)
}

/// `nvme`, digits, `n`, digits, `p`.
fn is_nvme_partition(stem: &str) -> bool {
    let inner = stem
        .strip_prefix("nvme")
        .and_then(|rest| rest.strip_suffix('p'));
    let numbers = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    inner
        .and_then(|inner| inner.split_once('n'))
        .is_some_and(|(controller, namespace)| numbers(controller) && numbers(namespace))
}

#[cfg(test)]
mod tests {
    use super::is_disk;

    #[test]
    fn partitions_and_memory_devices_are_no_disks() {
        for disk in [
            "sda", "vdb", "xvda", "nvme0n1", "dm-0", "md127", "sr0", "mmcblk0", "sdaa1",
        ] {
            assert!(is_disk(disk), "{disk}");
        }
        for other in [
            "sda1",
            "vdb12",
            "xvda1",
            "nvme0n1p2",
            "loop0",
            "ram15",
            "zram0",
            "fd0",
        ] {
            assert!(!is_disk(other), "{other}");
        }
    }
}
