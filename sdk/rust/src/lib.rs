//! What the author of an exporter in Rust uses: implement [`Exporter`], name the type in
//! [`export!`], build for `wasm32-wasip2`.
//!
//! ```
//! use narthex_sdk::{Batch, Error, Exporter, Target, files};
//!
//! struct Uptime;
//!
//! impl Exporter for Uptime {
//!     type Config = narthex_sdk::NoConfig;
//!
//!     fn init(_: Self::Config) -> Result<Self, Error> {
//!         Ok(Self)
//!     }
//!
//!     fn collect(&mut self, _: &Target, batch: &mut Batch) -> Result<(), Error> {
//!         let text = files::read_text("/proc/uptime")?;
//!         let seconds = text.split_whitespace().next().and_then(|field| field.parse().ok());
//!         let seconds = seconds.ok_or_else(|| Error::Protocol("no number in /proc/uptime".into()))?;
//!         batch.gauge("uptime_seconds", "Time since boot.").sample(&[], seconds);
//!         Ok(())
//!     }
//! }
//!
//! narthex_sdk::export!(Uptime);
//! ```
//!
//! A crate that does so also builds for the machine it is written on, where the host's
//! interfaces lead to a [`fake::Host`], so that a plugin is tested with `cargo test` alone.
//!
//! It is not: a metrics library for programs that measure themselves.

mod batch;
#[doc(hidden)]
pub mod bindings;
pub mod clock;
mod exporter;
#[cfg(not(target_arch = "wasm32"))]
pub mod fake;
pub mod files;
mod gate;
pub mod http;
pub mod log;
pub mod tcp;

pub use batch::{Batch, Family};
pub use bindings::exports::narthex::plugin::collector::Target;
pub use bindings::narthex::plugin::types::{Error, MetricKind, Payload};
pub use exporter::{Exporter, NoConfig, host_and_port};

#[doc(hidden)]
pub mod private {
    //! What [`export!`](crate::export) expands to; nothing for authors.

    pub use crate::exporter::Slot;
}
