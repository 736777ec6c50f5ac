//! The contract of `wit/v0.1` as generated code; nothing here is written by hand.

#![allow(
    clippy::allow_attributes_without_reason,
    clippy::cast_possible_truncation,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    reason = "generated: the canonical ABI is pointers and lengths"
)]

wit_bindgen::generate!({
    path: "../../wit/v0.1",
    world: "exporter",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "narthex_sdk::bindings",
    generate_all,
});
