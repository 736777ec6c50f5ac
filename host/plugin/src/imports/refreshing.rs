//! `narthex:plugin/refreshing`: what the groups that a discovery returns are, and what it looked up for
//! them.

use wasmtime::Result;

use crate::bindings::discovery::narthex::plugin::refreshing;
use crate::budget::Interface;
use crate::host::Host;

impl refreshing::Host for Host {
    async fn only_changes(&mut self) -> Result<()> {
        self.enter(Interface::Refreshing)?;
        self.call.has_only_changes = true;
        Ok(())
    }

    async fn more_to_come(&mut self) -> Result<()> {
        self.enter(Interface::Refreshing)?;
        self.call.has_more = true;
        Ok(())
    }

    async fn looked_up(&mut self, count: u32, failed: u32) -> Result<()> {
        self.enter(Interface::Refreshing)?;
        if let Some(lookups) = self.lent.lookups() {
            lookups(count, failed);
        }
        Ok(())
    }
}
