//! What plugins import from the host, one interface a file. Everything that leads outside is
//! checked against the plugin's capabilities first.

pub(crate) mod clock;
pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod tcp;
