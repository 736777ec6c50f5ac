//! The runtime with real components: a guest of our own that misbehaves on demand, built for
//! WebAssembly by the same code that builds the plugins we ship.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what a test cannot go on without fails it"
)]

mod denial;
mod floods;
mod golden;
mod handmade;
mod harness;
mod hoarding;
mod hostile;
mod lent;
mod life;
mod misbehaviour;
mod network;
mod network_tls;
mod peers;
mod receivers;
mod reload;
mod shipped;
mod state;
mod work;
mod worlds;
