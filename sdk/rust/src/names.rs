//! The system's resolver, for granted hosts.

use std::net::IpAddr;

use crate::{Error, gate};

/// All addresses of a name.
///
/// # Errors
/// The grant does not cover it, or the name has none.
pub fn resolve(host: &str) -> Result<Vec<IpAddr>, Error> {
    let addresses = gate::names::resolve(host)?;
    let parse = |text: String| {
        text.parse()
            .map_err(|_| Error::Internal(format!("{host}: {text:?} is no address")))
    };
    addresses.into_iter().map(parse).collect()
}
