//! `/proc/net/dev`: what passed through each network device.

use narthex_sdk::{Batch, Error};

use crate::numbers::number;

/// The columns of `/proc/net/dev`: the family's middle, and what it counts.
const COLUMNS: [(&str, &str); 16] = [
    ("receive_bytes", "Bytes received."),
    ("receive_packets", "Packets received."),
    ("receive_errs", "Packets received with errors."),
    ("receive_drop", "Packets received and dropped."),
    ("receive_fifo", "Packets lost to a full receive queue."),
    ("receive_frame", "Packets received with a broken frame."),
    ("receive_compressed", "Compressed packets received."),
    ("receive_multicast", "Multicast packets received."),
    ("transmit_bytes", "Bytes sent."),
    ("transmit_packets", "Packets sent."),
    ("transmit_errs", "Packets not sent for errors."),
    ("transmit_drop", "Packets dropped before they were sent."),
    ("transmit_fifo", "Packets lost to a full send queue."),
    ("transmit_colls", "Collisions while sending."),
    ("transmit_carrier", "Packets lost for want of a carrier."),
    ("transmit_compressed", "Compressed packets sent."),
];

/// Writes the counters of every network device.
pub(crate) fn write_devices(text: &str, batch: &mut Batch) -> Result<(), Error> {
    let mut devices = Vec::new();
    // The two lines above the devices have no colon.
    for line in text.lines() {
        let Some((device, rest)) = line.rsplit_once(':') else {
            continue;
        };
        let device = device.trim();
        let values: Result<Vec<f64>, Error> = rest
            .split_ascii_whitespace()
            .map(|field| number(Some(field), device))
            .collect();
        devices.push((device, values?));
    }
    for (column, (middle, help)) in COLUMNS.iter().enumerate() {
        let mut family = batch.counter(&format!("node_network_{middle}_total"), help);
        for (device, values) in &devices {
            let value = values.get(column).ok_or_else(|| {
                Error::Protocol(format!("{device} has {} columns in net/dev", values.len()))
            })?;
            family.sample(&[("device", device)], *value);
        }
    }
    Ok(())
}
