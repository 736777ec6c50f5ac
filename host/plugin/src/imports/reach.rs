//! From a host that a guest names to addresses that may be connected to: the grant, one look-up,
//! and a check of each address. Whoever connects uses the addresses that come out of here.

use std::io;
use std::net::IpAddr;

use narthex_registry::{Endpoint, is_host_name, parse_ip};

use crate::bindings::plugin::types::Error;
use crate::budget::Spend;
use crate::capability::{Denied, Network};
use crate::host::Host;
use crate::limits::CONNECTIONS_MAX;

/// What a guest is told of a system's error.
pub(crate) fn unavailable(what: &str, error: &io::Error) -> Error {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    Error::Unavailable(format!("{what}: {}", text.to_lowercase()))
}

impl Host {
    /// Addresses of a granted endpoint, at least one, each allowed. It counts as a connection.
    pub(crate) async fn reach(
        &mut self,
        network: Network,
        endpoint: &Endpoint,
    ) -> Result<Vec<IpAddr>, Error> {
        self.check_name(network, &endpoint.host)?;
        let capabilities = self.capabilities.clone();
        capabilities
            .endpoint(network, endpoint, self.call.target.as_ref())
            .map_err(|denied| self.refuse(denied))?;
        self.spend(Spend::Connect)?;
        let streams = self.call.streams.iter().flatten().count();
        if streams + self.call.sockets.iter().flatten().count() >= CONNECTIONS_MAX {
            return Err(self.refuse(Denied {
                capability: Spend::Connect.capability(),
                message: format!("more than {CONNECTIONS_MAX} open connections in one call"),
            }));
        }
        let what = format!("connect {endpoint}");
        self.allowed_addresses(network, &endpoint.host, &what).await
    }

    /// The same for a host without a port; it counts as a look-up only.
    pub(crate) async fn reach_host(
        &mut self,
        network: Network,
        host: &str,
        what: &str,
    ) -> Result<Vec<IpAddr>, Error> {
        self.check_host(network, host)?;
        self.allowed_addresses(network, host, what).await
    }

    /// Whether a host is granted, where there are no ports.
    pub(crate) fn check_host(&mut self, network: Network, host: &str) -> Result<(), Error> {
        self.check_name(network, host)?;
        let capabilities = self.capabilities.clone();
        let granted = capabilities.host(network, host, self.call.target.as_ref());
        granted.map_err(|denied| self.refuse(denied))
    }

    /// Paths of sockets, URLs and the like are not even looked at.
    pub(crate) fn check_name(&mut self, network: Network, host: &str) -> Result<(), Error> {
        if is_host_name(host) {
            return Ok(());
        }
        let mut denied = self.capabilities.denied(network.name(), "", false);
        denied.message = format!("{host:?} is neither a host's name nor an address");
        Err(self.refuse(denied))
    }

    /// Looks a name up, once.
    pub(crate) async fn lookup(&mut self, host: &str, what: &str) -> Result<Vec<IpAddr>, Error> {
        if let Some(address) = parse_ip(host) {
            return Ok(vec![address]);
        }
        self.spend(Spend::Lookup)?;
        let found = self.outside.lookup.lookup(host).await;
        let found = found.map_err(|error| unavailable(what, &error))?;
        match found.is_empty() {
            true => Err(Error::Unavailable(format!(
                "{what}: the name has no address"
            ))),
            false => Ok(found),
        }
    }

    async fn allowed_addresses(
        &mut self,
        network: Network,
        host: &str,
        what: &str,
    ) -> Result<Vec<IpAddr>, Error> {
        let mut allowed = Vec::new();
        let mut refused = None;
        for address in self.lookup(host, what).await? {
            match self.capabilities.address(network, address) {
                Ok(()) => allowed.push(address),
                Err(denied) => refused = Some(self.refuse(denied)),
            }
        }
        match (allowed.is_empty(), refused) {
            (true, Some(error)) => Err(error),
            _ => Ok(allowed),
        }
    }
}
