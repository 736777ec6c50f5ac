//! `narthex:plugin/clock`.

use tokio::time::Instant;
use wasmtime::Result;

use crate::bindings::plugin::clock;
use crate::bindings::plugin::types::Error;
use crate::budget::Interface;
use crate::host::Host;
use crate::imports::reach::unavailable;
use crate::imports::timex;

impl clock::Host for Host {
    async fn now(&mut self) -> Result<u64> {
        self.enter(Interface::Clock)?;
        Ok(u64::try_from(self.outside.clock.now_ms()).unwrap_or(0))
    }

    async fn monotonic(&mut self) -> Result<u64> {
        self.enter(Interface::Clock)?;
        let elapsed = Instant::now().saturating_duration_since(self.started);
        Ok(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }

    async fn remaining(&mut self) -> Result<u32> {
        self.enter(Interface::Clock)?;
        let remaining = self.call.deadline.saturating_duration_since(Instant::now());
        Ok(u32::try_from(remaining.as_millis()).unwrap_or(u32::MAX))
    }

    async fn discipline(&mut self) -> Result<Result<clock::Timex, Error>> {
        self.enter(Interface::Clock)?;
        Ok(timex::read().map_err(|error| unavailable("adjtimex", &error)))
    }
}
