//! The contract of `wit/v0.1`, the host's side, as generated code: one module a world. What all
//! worlds import is in [`exporter`], and the others share it; each has exports of its own.

#![allow(
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "generated"
)]

pub mod exporter {
    wasmtime::component::bindgen!({
        path: "../../wit/v0.1",
        world: "exporter",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "narthex:plugin/kubernetes.watch": crate::imports::kubernetes::WatchHandle,
            "narthex:plugin/secrets.secret": crate::imports::secrets::SecretHandle,
            "narthex:plugin/tcp.connection": crate::imports::tcp::Connection,
            "narthex:plugin/udp.socket": crate::imports::udp::Socket,
        },
    });
}

pub mod discovery {
    wasmtime::component::bindgen!({
        path: "../../wit/v0.1",
        world: "discovery",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "narthex:plugin/types": super::exporter::narthex::plugin::types,
            "narthex:plugin/log": super::exporter::narthex::plugin::log,
            "narthex:plugin/clock": super::exporter::narthex::plugin::clock,
            "narthex:plugin/secrets": super::exporter::narthex::plugin::secrets,
            "narthex:plugin/http": super::exporter::narthex::plugin::http,
            "narthex:plugin/tcp": super::exporter::narthex::plugin::tcp,
            "narthex:plugin/udp": super::exporter::narthex::plugin::udp,
            "narthex:plugin/icmp": super::exporter::narthex::plugin::icmp,
            "narthex:plugin/names": super::exporter::narthex::plugin::names,
            "narthex:plugin/files": super::exporter::narthex::plugin::files,
            "narthex:plugin/state": super::exporter::narthex::plugin::state,
            "narthex:plugin/kubernetes": super::exporter::narthex::plugin::kubernetes,
        },
    });
}

pub mod receiver {
    wasmtime::component::bindgen!({
        path: "../../wit/v0.1",
        world: "receiver",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "narthex:plugin/types": super::exporter::narthex::plugin::types,
            "narthex:plugin/log": super::exporter::narthex::plugin::log,
            "narthex:plugin/clock": super::exporter::narthex::plugin::clock,
            "narthex:plugin/secrets": super::exporter::narthex::plugin::secrets,
            "narthex:plugin/http": super::exporter::narthex::plugin::http,
            "narthex:plugin/tcp": super::exporter::narthex::plugin::tcp,
            "narthex:plugin/udp": super::exporter::narthex::plugin::udp,
            "narthex:plugin/icmp": super::exporter::narthex::plugin::icmp,
            "narthex:plugin/names": super::exporter::narthex::plugin::names,
            "narthex:plugin/files": super::exporter::narthex::plugin::files,
            "narthex:plugin/state": super::exporter::narthex::plugin::state,
            "narthex:plugin/kubernetes": super::exporter::narthex::plugin::kubernetes,
        },
    });
}

pub use exporter::narthex::plugin;

#[cfg(test)]
mod tests;
