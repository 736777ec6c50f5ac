//! The contract of `wit/v0.1`, the host's side, as generated code.

#![allow(
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    reason = "generated"
)]

wasmtime::component::bindgen!({
    path: "../../wit/v0.1",
    world: "exporter",
    imports: { default: async | trappable },
    exports: { default: async },
    with: {
        "narthex:plugin/tcp.connection": crate::imports::tcp::Connection,
    },
});
