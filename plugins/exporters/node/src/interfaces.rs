//! `/sys/class/net`: what the network devices are and how they are.

use narthex_sdk::{Batch, Error, MetricKind};

use crate::Machine;

/// Speed is in megabits a second, and minus one where there is none to be known.
const BYTES_PER_MEGABIT: f64 = 125_000.0;

/// A file that holds a number, and what it becomes.
const NUMBERS: [(&str, MetricKind, &str, f64, &str); 17] = {
    use MetricKind::{Counter, Gauge};
    [
        (
            "addr_assign_type",
            Gauge,
            "address_assign_type",
            1.0,
            "How the address was assigned.",
        ),
        (
            "carrier",
            Gauge,
            "carrier",
            1.0,
            "Whether there is a carrier.",
        ),
        (
            "carrier_changes",
            Counter,
            "carrier_changes_total",
            1.0,
            "Times that the carrier came or went.",
        ),
        (
            "carrier_up_count",
            Counter,
            "carrier_up_changes_total",
            1.0,
            "Times that the carrier came.",
        ),
        (
            "carrier_down_count",
            Counter,
            "carrier_down_changes_total",
            1.0,
            "Times that the carrier went.",
        ),
        (
            "dev_id",
            Gauge,
            "device_id",
            1.0,
            "Tells devices of one address apart.",
        ),
        (
            "dormant",
            Gauge,
            "dormant",
            1.0,
            "Whether the device waits for a supplicant.",
        ),
        ("flags", Gauge, "flags", 1.0, "The flags of the device."),
        (
            "ifindex",
            Gauge,
            "iface_id",
            1.0,
            "The number of the device.",
        ),
        (
            "iflink",
            Gauge,
            "iface_link",
            1.0,
            "The number of the device below.",
        ),
        (
            "link_mode",
            Gauge,
            "iface_link_mode",
            1.0,
            "The mode of the link.",
        ),
        ("mtu", Gauge, "mtu_bytes", 1.0, "The largest packet."),
        (
            "name_assign_type",
            Gauge,
            "name_assign_type",
            1.0,
            "How the name was assigned.",
        ),
        (
            "netdev_group",
            Gauge,
            "net_dev_group",
            1.0,
            "The group of the device.",
        ),
        (
            "type",
            Gauge,
            "protocol_type",
            1.0,
            "The type of the link, as in ARP.",
        ),
        (
            "speed",
            Gauge,
            "speed_bytes",
            BYTES_PER_MEGABIT,
            "Bytes a second that the link is made for.",
        ),
        (
            "tx_queue_len",
            Gauge,
            "transmit_queue_length",
            1.0,
            "Packets that the send queue holds.",
        ),
    ]
};

/// Reads and writes every device.
pub(crate) fn collect(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let mut devices = machine.sys_entries("class/net")?;
    // A file among the folders, where bonding is loaded.
    devices.retain(|device| device != "bonding_masters");
    let read = |device: &str, file: &str| {
        let text = machine.sys(&format!("class/net/{device}/{file}"));
        text.map(|text| text.trim().to_owned())
    };

    let mut info = batch.gauge(
        "node_network_info",
        "The device in words; the value is always 1.",
    );
    for device in &devices {
        let word = |file| read(device, file).unwrap_or_default();
        info.sample(
            &[
                ("address", &word("address")),
                ("broadcast", &word("broadcast")),
                ("device", device),
                ("duplex", &word("duplex")),
                ("ifalias", &word("ifalias")),
                ("operstate", &word("operstate")),
            ],
            1.0,
        );
    }
    let mut up = batch.gauge("node_network_up", "Whether the device is up.");
    for device in &devices {
        let is_up = read(device, "operstate").is_ok_and(|state| state == "up");
        up.sample(&[("device", device)], f64::from(u8::from(is_up)));
    }
    for (file, kind, name, factor, help) in NUMBERS {
        // The kernel refuses to read some of them while a device is down.
        let values: Vec<(&String, f64)> = devices
            .iter()
            .filter_map(|device| Some((device, integer(&read(device, file).ok()?)?)))
            .collect();
        if values.is_empty() {
            continue;
        }
        let mut family = batch.family(kind, &format!("node_network_{name}"), help);
        for (device, value) in values {
            family.sample(&[("device", device)], value * factor);
        }
    }
    Ok(())
}

/// Decimal, or hexadecimal with `0x`.
fn integer(text: &str) -> Option<f64> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok().map(f64::from),
        None => text.parse().ok(),
    }
}

/// Reads and writes the bonds of devices; most machines have none.
pub(crate) fn collect_bonds(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let masters = machine.sys("class/net/bonding_masters")?;
    let mut bonds = Vec::new();
    for master in masters.split_ascii_whitespace() {
        let folder = format!("class/net/{master}");
        let slaves = machine.sys(&format!("{folder}/bonding/slaves"))?;
        let slaves: Vec<&str> = slaves.split_ascii_whitespace().collect();
        let is_active = |slave: &&&str| {
            let status = format!("{folder}/lower_{slave}/bonding_slave/mii_status");
            machine
                .sys(&status)
                .is_ok_and(|status| status.trim() == "up")
        };
        let active = slaves.iter().filter(is_active).count();
        bonds.push((master, slaves.len(), active));
    }
    let mut family = batch.gauge("node_bonding_slaves", "Devices of the bond.");
    for (master, slaves, _) in &bonds {
        family.sample(&[("master", master)], *slaves as f64);
    }
    let mut family = batch.gauge("node_bonding_active", "Devices of the bond that are up.");
    for (master, _, active) in &bonds {
        family.sample(&[("master", master)], *active as f64);
    }
    Ok(())
}
