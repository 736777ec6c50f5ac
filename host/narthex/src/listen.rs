//! Takes the addresses of `--web.listen-address`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use tokio::net::TcpListener;

/// Binds all addresses, or none. `:9090` is every address of the machine.
///
/// # Errors
/// One of them is not an address, or is in use.
pub(crate) async fn bind(addresses: &[String]) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let bound = match address.strip_prefix(':') {
            Some(port) => bind_everywhere(port).await,
            None => TcpListener::bind(address).await,
        };
        listeners.push(bound.with_context(|| format!("unable to listen on {address}"))?);
    }
    Ok(listeners)
}

/// Both families of addresses where the machine has both.
async fn bind_everywhere(port: &str) -> std::io::Result<TcpListener> {
    match TcpListener::bind(format!("[::]:{port}")).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(format!("0.0.0.0:{port}")).await,
    }
}

/// The address of the first listener: the one that this server scrapes itself at.
pub(crate) fn first_address(listeners: &[TcpListener]) -> anyhow::Result<SocketAddr> {
    let first = listeners
        .first()
        .context("there is no address to listen on")?;
    first
        .local_addr()
        .context("the address that is listened on")
}

/// The host and port that others are told where `--web.external-url` says nothing.
pub(crate) fn own_host(address: SocketAddr) -> String {
    let ip = address.ip();
    if ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        match name.trim() {
            "" => format!("localhost:{}", address.port()),
            name => format!("{name}:{}", address.port()),
        }
    } else {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_form_of_an_address_is_bound() {
        for address in ["127.0.0.1:0", "localhost:0", ":0"] {
            let listeners = bind(&[address.to_owned()]).await.unwrap();
            assert_ne!(first_address(&listeners).unwrap().port(), 0);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_bound_is_named() {
        let held = bind(&["127.0.0.1:0".to_owned()]).await.unwrap();
        let taken = first_address(&held).unwrap().to_string();
        for address in [taken.as_str(), "nonsense", "127.0.0.1:99999"] {
            let error = bind(&[address.to_owned()]).await.unwrap_err();
            assert!(error.to_string().contains(address), "{error:#}");
        }
        drop(held);
    }
}
