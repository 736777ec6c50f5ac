//! What waits for and in the network: sockets, the queues of packets, the neighbours' addresses.

use std::collections::BTreeMap;

use narthex_sdk::{Batch, Error};

use crate::Machine;
use crate::numbers::number;

/// Reads and writes the counts of open sockets: `TCP: inuse 5 orphan 0` is two gauges. A machine
/// without IPv6 has no second file.
pub(crate) fn collect_counts(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let page_bytes = page_bytes(&machine.proc("meminfo")?, &machine.proc("vmstat")?);
    write_counts(&machine.proc("net/sockstat")?, page_bytes, batch)?;
    match machine.proc("net/sockstat6") {
        Ok(text) => write_counts(&text, page_bytes, batch),
        Err(_) => Ok(()),
    }
}

fn write_counts(text: &str, page_bytes: Option<f64>, batch: &mut Batch) -> Result<(), Error> {
    for line in text.lines() {
        let Some((protocol, rest)) = line.split_once(':') else {
            continue;
        };
        let mut fields = rest.split_ascii_whitespace();
        while let Some(key) = fields.next() {
            let value = number(fields.next(), key)?;
            let help = format!("Sockets: {key} of {protocol}.");
            let name = format!("node_sockstat_{protocol}_{key}");
            batch.gauge(&name, &help).sample(&[], value);
            if let ("mem", Some(page_bytes)) = (key, page_bytes) {
                let help = format!("Memory of the sockets of {protocol}.");
                batch
                    .gauge(&format!("{name}_bytes"), &help)
                    .sample(&[], value * page_bytes);
            }
        }
    }
    Ok(())
}

/// The kernel says nowhere how large a page is, but it counts the free memory both in pages and
/// in kilobytes. The two are read one after the other, and a page is a power of two.
fn page_bytes(meminfo: &str, vmstat: &str) -> Option<f64> {
    let field = |text: &str, key: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
        rest.split_ascii_whitespace().next()?.parse::<f64>().ok()
    };
    let bytes = field(meminfo, "MemFree:")? * 1024.0 / field(vmstat, "nr_free_pages ")?;
    (bytes.is_finite() && bytes >= 1.0).then(|| bytes.log2().round().exp2())
}

/// Reads and writes what each processor took from the devices' queues.
pub(crate) fn collect_softnet(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let text = machine.proc("net/softnet_stat")?;
    let mut processors = Vec::new();
    for line in text.lines() {
        let fields: Result<Vec<u32>, _> = line
            .split_ascii_whitespace()
            .map(|field| u32::from_str_radix(field, 16))
            .collect();
        let fields = fields.map_err(|_| Error::Protocol(format!("softnet_stat: {line:?}")))?;
        processors.push(fields);
    }
    for (column, name, help) in [
        (0, "node_softnet_processed_total", "Packets processed."),
        (
            1,
            "node_softnet_dropped_total",
            "Packets dropped, as the queue was full.",
        ),
        (
            2,
            "node_softnet_times_squeezed_total",
            "Times that there was more to do than time.",
        ),
    ] {
        let mut family = batch.counter(name, help);
        for (processor, fields) in processors.iter().enumerate() {
            if let Some(value) = fields.get(column) {
                family.sample(&[("cpu", &processor.to_string())], f64::from(*value));
            }
        }
    }
    Ok(())
}

/// Reads and writes how many neighbours each device knows.
pub(crate) fn collect_arp(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let text = machine.proc("net/arp")?;
    let mut entries: BTreeMap<&str, f64> = BTreeMap::new();
    for line in text.lines().skip(1) {
        if let Some(device) = line.split_ascii_whitespace().last() {
            *entries.entry(device).or_default() += 1.0;
        }
    }
    let mut family = batch.gauge("node_arp_entries", "Neighbours of the device.");
    for (device, count) in entries {
        family.sample(&[("device", device)], count);
    }
    Ok(())
}

/// Reads and writes the bytes that wait in all UDP sockets.
pub(crate) fn collect_udp_queues(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let mut family = batch.gauge("node_udp_queues", "Bytes that wait in UDP sockets.");
    for (file, ip) in [("net/udp", "v4"), ("net/udp6", "v6")] {
        let Ok(text) = machine.proc(file) else {
            continue;
        };
        let (mut sent, mut received) = (0.0, 0.0);
        for line in text.lines().skip(1) {
            // Field 4 is `tx_queue:rx_queue` in hexadecimal digits.
            let queues = line.split_ascii_whitespace().nth(4);
            let queues = queues.and_then(|field| field.split_once(':'));
            let (tx, rx) = queues.ok_or_else(|| Error::Protocol(format!("{file}: {line:?}")))?;
            let bytes = |digits| u32::from_str_radix(digits, 16).map_or(0.0, f64::from);
            sent += bytes(tx);
            received += bytes(rx);
        }
        family.sample(&[("ip", ip), ("queue", "rx")], received);
        family.sample(&[("ip", ip), ("queue", "tx")], sent);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::page_bytes;

    #[test]
    fn a_page_is_as_large_as_free_memory_says() {
        let pages = |free_kb: u64, pages: u64| {
            let meminfo = format!("MemTotal: 9 kB\nMemFree:  {free_kb} kB\n");
            page_bytes(&meminfo, &format!("nr_free_pages {pages}\nnr_free_cma 0\n"))
        };
        assert_eq!(pages(4000, 1000), Some(4096.0));
        assert_eq!(pages(4100, 1003), Some(4096.0));
        assert_eq!(pages(64_000, 990), Some(65536.0));
        assert_eq!(pages(5, 0), None);
        assert_eq!(page_bytes("", ""), None);
    }
}
