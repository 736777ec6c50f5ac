//! Components that were made when 0.1 was frozen, of each world and with every import, fit the
//! host of today.

use wasmtime::component::Component;

use super::{discovery, exporter, receiver};
use crate::engine;

#[test]
fn components_made_when_the_contract_was_frozen_still_fit() {
    let engine = engine::start().unwrap();
    let linker = engine::linker(&engine).unwrap();
    let golden = |bytes: &[u8]| {
        let component = Component::new(&engine, bytes).unwrap();
        linker.instantiate_pre(&component).unwrap()
    };
    let exporter = golden(include_bytes!("../../tests/golden/v0.1/exporter.wasm"));
    exporter::ExporterPre::new(exporter).unwrap();
    let discovery = golden(include_bytes!("../../tests/golden/v0.1/discovery.wasm"));
    discovery::DiscoveryPre::new(discovery).unwrap();
    let receiver = golden(include_bytes!("../../tests/golden/v0.1/receiver.wasm"));
    receiver::ReceiverPre::new(receiver).unwrap();
}
