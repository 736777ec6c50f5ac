//! What the contract lets a component import, one interface a file, and the way to other
//! machines that they share.

pub(crate) mod clock;
pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod icmp;
pub(crate) mod kubernetes;
pub(crate) mod log;
pub(crate) mod names;
pub(crate) mod reach;
mod refreshing;
pub(crate) mod secrets;
pub(crate) mod state;
pub(crate) mod tcp;
mod texts;
mod timex;
pub(crate) mod udp;
