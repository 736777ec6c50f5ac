//! `/proc/net/snmp`, `/proc/net/netstat` and `/proc/net/snmp6`: the counters of the protocols.

use narthex_sdk::{Batch, Error, MetricKind};

use crate::Machine;
use crate::numbers::number;

/// The counters that node_exporter reports, of hundreds.
const REPORTED: [(&str, &[&str]); 11] = [
    ("Icmp", &["InMsgs", "OutMsgs", "InErrors"]),
    ("Icmp6", &["InMsgs", "OutMsgs", "InErrors"]),
    ("Ip", &["Forwarding"]),
    ("Ip6", &["InOctets", "OutOctets"]),
    ("IpExt", &["InOctets", "OutOctets"]),
    (
        "Tcp",
        &[
            "ActiveOpens",
            "CurrEstab",
            "InErrs",
            "InSegs",
            "OutRsts",
            "OutSegs",
            "PassiveOpens",
            "RetransSegs",
        ],
    ),
    (
        "TcpExt",
        &[
            "ListenDrops",
            "ListenOverflows",
            "SyncookiesFailed",
            "SyncookiesRecv",
            "SyncookiesSent",
            "TCPOFOQueue",
            "TCPRcvQDrop",
            "TCPSynRetrans",
            "TCPTimeouts",
        ],
    ),
    ("Udp", &UDP),
    ("Udp6", &UDP),
    ("UdpLite", &["InErrors"]),
    ("UdpLite6", &["InErrors"]),
];

const UDP: [&str; 6] = [
    "InDatagrams",
    "InErrors",
    "NoPorts",
    "OutDatagrams",
    "RcvbufErrors",
    "SndbufErrors",
];

/// Reads and writes what is reported of the three files. A machine without IPv6 has no third.
pub(crate) fn collect(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    for file in ["net/snmp", "net/netstat"] {
        let text = machine.proc(file)?;
        let lines: Vec<&str> = text.lines().collect();
        // A line of names, a line of values, each with the protocol at its beginning.
        for pair in lines.chunks_exact(2) {
            write_pair(pair[0], pair[1], batch)?;
        }
    }
    if let Ok(text) = machine.proc("net/snmp6") {
        write_snmp6(&text, batch)?;
    }
    Ok(())
}

fn write_pair(names: &str, values: &str, batch: &mut Batch) -> Result<(), Error> {
    let fault = || Error::Protocol(format!("{names:?} and {values:?} do not belong together"));
    let (protocol, names) = names.split_once(':').ok_or_else(fault)?;
    let (same, values) = values.split_once(':').ok_or_else(fault)?;
    if protocol != same {
        return Err(fault());
    }
    let names = names.split_ascii_whitespace();
    for (name, value) in names.zip(values.split_ascii_whitespace()) {
        write(protocol, name, value, batch)?;
    }
    Ok(())
}

/// `Ip6InOctets 5`: the protocol and the counter are one word.
fn write_snmp6(text: &str, batch: &mut Batch) -> Result<(), Error> {
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(word), Some(value)) = (fields.next(), fields.next()) else {
            continue;
        };
        if let Some((protocol, name)) = word.split_once('6') {
            write(&format!("{protocol}6"), name, value, batch)?;
        }
    }
    Ok(())
}

fn write(protocol: &str, name: &str, value: &str, batch: &mut Batch) -> Result<(), Error> {
    let reported = REPORTED.iter().find(|(other, _)| *other == protocol);
    if reported.is_some_and(|(_, names)| names.contains(&name)) {
        let help = format!("{name} of {protocol}.");
        let family = format!("node_netstat_{protocol}_{name}");
        batch
            .family(MetricKind::Unknown, &family, &help)
            .sample(&[], number(Some(value), name)?);
    }
    Ok(())
}
