//! A target's address.

use crate::Error;

/// The host and port of a target's address; brackets around an IPv6 address are taken off.
///
/// # Errors
/// The address has no port, or one that is no number.
pub fn host_and_port(address: &str) -> Result<(&str, u16), Error> {
    let fault = || Error::Config(format!("the target's address {address:?} is not host:port"));
    let (host, port) = address.rsplit_once(':').ok_or_else(fault)?;
    let port = port.parse().map_err(|_| fault())?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bare {
        Some(host) => Ok((host, port)),
        None if host.is_empty() || host.contains(':') => Err(fault()),
        None => Ok((host, port)),
    }
}

/// An address of a host and a port; an IPv6 address gets brackets.
pub fn host_with_port(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_split_into_host_and_port() {
        for (address, host, port) in [
            ("localhost:6379", "localhost", 6379),
            ("10.0.0.1:1", "10.0.0.1", 1),
            ("[::1]:6379", "::1", 6379),
        ] {
            assert_eq!(host_and_port(address).unwrap(), (host, port), "{address}");
        }
        for address in [
            "localhost",
            "::1",
            "::1:6379x",
            ":1",
            "a:99999",
            "fe80::1:6379",
        ] {
            assert!(host_and_port(address).is_err(), "{address}");
        }
    }
}
