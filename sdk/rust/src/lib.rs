//! What the author of a plugin in Rust uses: implement [`Exporter`], name the type in
//! [`export!`], build for `wasm32-wasip2`. What finds targets implements [`Discovery`] and is
//! named in [`export_discovery!`]; what delivers alerts, [`Receiver`] and [`export_receiver!`].
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
//! A component imports what the plugin calls, and nothing else.
//!
//! It is not: a metrics library for programs that measure themselves.

mod address;
mod batch;
#[doc(hidden)]
pub mod bindings;
pub mod clock;
mod discovery;
pub mod dns;
mod error;
mod exporter;
#[cfg(not(target_arch = "wasm32"))]
pub mod fake;
pub mod files;
mod gate;
pub mod http;
pub mod icmp;
pub mod kubernetes;
pub mod log;
pub mod names;
mod receiver;
pub mod secrets;
mod slot;
pub mod state;
pub mod tcp;
pub mod text;
pub mod texts;
pub mod udp;

pub use address::{host_and_port, host_with_port};
pub use batch::{Batch, Family, Histogram};
pub use bindings::collector::Target;
pub use bindings::narthex::plugin::types::{Error, MetricKind, Payload};
pub use discovery::{Discovery, Group, label_name, looked_up, more_to_come, only_changes};
pub use exporter::Exporter;
pub use receiver::{Alert, Notification, Outcome, Receiver};
pub use slot::NoConfig;

#[doc(hidden)]
pub mod private {
    //! What the macros expand to; nothing for authors.

    pub use crate::discovery::DiscoveryWorld;
    pub use crate::exporter::ExporterWorld;
    pub use crate::receiver::ReceiverWorld;
    pub use crate::slot::Slot;
}
