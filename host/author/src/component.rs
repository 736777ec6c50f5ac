//! Components: made of core modules, and looked at before they leave the build.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding};

use crate::AuthorError;
use crate::contract::Contract;

/// Writes down in a core module what world it is for, where its compiler did not.
pub(crate) fn name_world(module: &mut Vec<u8>, contract: &Contract) -> Result<(), AuthorError> {
    wit_component::embed_component_metadata(
        module,
        &contract.resolve,
        contract.world,
        StringEncoding::UTF8,
        false,
    )
    .map_err(|error| AuthorError::Component(format!("{error:#}")))
}

/// Makes a component of a core module; what it imports of WASI's first version is led to the
/// second.
pub(crate) fn encode(module: &[u8]) -> Result<Vec<u8>, AuthorError> {
    let encode = || {
        ComponentEncoder::default()
            .validate(true)
            .module(module)?
            .adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )?
            .encode()
    };
    encode().map_err(|error| AuthorError::Component(format!("not a plugin: {error:#}")))
}

/// Sees that a component has all that its world exports, and asks for nothing that the host does
/// not link.
pub(crate) fn check(component: &[u8], contract: &Contract) -> Result<(), AuthorError> {
    let decoded = wit_component::decode(component)
        .map_err(|error| AuthorError::Component(format!("not a component: {error:#}")))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(AuthorError::Component(
            "not a component but a WIT package".to_owned(),
        ));
    };
    let world = &resolve.worlds[world];
    let name = |key| resolve.name_world_key(key);
    let foreign: Vec<String> = world
        .imports
        .keys()
        .map(name)
        .filter(|import| !contract.links(import))
        .collect();
    if !foreign.is_empty() {
        return Err(AuthorError::Component(format!(
            "the plugin imports what no plugin is given: {}",
            foreign.join(", ")
        )));
    }
    let exports: Vec<String> = world.exports.keys().map(name).collect();
    let mut missing = contract.exports();
    missing.retain(|export| !exports.contains(export));
    if !missing.is_empty() {
        return Err(AuthorError::Component(format!(
            "the plugin does not export {}: is the `world` in plugin.toml the one that its \
             program is written for?",
            missing.join(", ")
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_refused() {
        let contract = Contract::read("exporter").unwrap();
        // The eight bytes of an empty core module, and of an empty component.
        let module = b"\0asm\x01\0\0\0";
        let empty = b"\0asm\x0d\0\x01\0";
        for (bytes, part) in [
            (&b"#!/bin/sh"[..], "not a component"),
            (module, "does not export narthex:plugin/collector@0.1.0"),
            (empty, "does not export narthex:plugin/collector@0.1.0"),
        ] {
            let error = check(bytes, &contract).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_module_without_the_exports_of_its_world_is_refused() {
        let contract = Contract::read("exporter").unwrap();
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        name_world(&mut module, &contract).unwrap();
        let error = encode(&module).unwrap_err().to_string();
        assert!(error.contains("not a plugin"), "{error}");
    }
}
