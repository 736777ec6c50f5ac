//! Hosts and ports taken apart: `stripPort` and `stripDomain`.

use std::net::IpAddr;

/// The host and the port, as Go's `net.SplitHostPort`; `None` where it is not both.
fn split(address: &str) -> Option<(&str, &str)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(inner) => inner.split_once("]:")?,
        None => address.rsplit_once(':')?,
    };
    let has_brackets = address.starts_with('[');
    let is_fine = !host.contains(['[', ']'])
        && !port.contains(['[', ']', ':'])
        && (has_brackets || !host.contains(':'));
    is_fine.then_some((host, port))
}

/// The address without its port, if it has one.
pub(super) fn without_port(address: &str) -> &str {
    split(address).map_or(address, |(host, _)| host)
}

/// The first part of a host's name, with its port; an address of numbers stays as it is.
pub(super) fn without_domain(address: &str) -> String {
    let (host, port) = split(address).unwrap_or((address, ""));
    if host.parse::<IpAddr>().is_ok() {
        return address.to_owned();
    }
    let host = host.split('.').next().unwrap_or_default();
    if port.is_empty() {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    }
}
