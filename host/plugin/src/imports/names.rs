//! `narthex:plugin/names`.

use tokio::time::timeout_at;
use wasmtime::Result;

use crate::bindings::plugin::names;
use crate::bindings::plugin::types::Error;
use crate::budget::Interface;
use crate::capability::Network;
use crate::host::Host;

impl names::Host for Host {
    async fn resolve(&mut self, host: String) -> Result<Result<Vec<String>, Error>> {
        self.enter(Interface::Names)?;
        if let Err(error) = self.check_host(Network::Names, &host) {
            return Ok(Err(error));
        }
        let (patience, what) = (self.patience(), format!("resolve {host}"));
        let found = timeout_at(patience, self.lookup(&host, &what)).await;
        let found = found.unwrap_or(Err(Error::Timeout));
        Ok(found.map(|found| found.iter().map(ToString::to_string).collect()))
    }
}
