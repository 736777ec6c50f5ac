//! `narthex:plugin/log`.

use wasmtime::Result;

use crate::bindings::plugin::log;
use crate::budget::Interface;
use crate::host::Host;
use crate::log::Level;

impl log::Host for Host {
    async fn log(
        &mut self,
        level: log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> Result<()> {
        self.enter(Interface::Log)?;
        let level = match level {
            log::Level::Trace => Level::Trace,
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log.line(level, &message, &fields);
        Ok(())
    }
}
