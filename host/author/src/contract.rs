//! The contract with the host, as it is embedded: what bindings are made from, and what a
//! component is compared with.

use std::path::Path;

use wit_parser::{Resolve, SourceMap, WorldId};

use crate::{AuthorError, embedded};

/// What of WASI the host links; by interface, without version. A language's own runtime may ask
/// for these, and finds nothing behind them.
const WASI_PREFIXES: [&str; 5] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
];

/// The contract, read, with one world of it chosen.
#[derive(Debug, Clone)]
pub(crate) struct Contract {
    pub(crate) resolve: Resolve,
    pub(crate) world: WorldId,
}

impl Contract {
    /// Reads the embedded contract and chooses a world.
    ///
    /// # Errors
    /// The contract has no such world.
    pub(crate) fn read(world: &str) -> Result<Self, AuthorError> {
        let fault = |error: String| AuthorError::Project(format!("world {world:?}: {error}"));
        let mut sources = SourceMap::default();
        for file in embedded::WIT.iter().filter(|f| f.path.ends_with(".wit")) {
            sources.push_str(file.path, String::from_utf8_lossy(file.content));
        }
        let group = sources
            .parse()
            .map_err(|(sources, error)| fault(error.render(&sources)))?;
        let mut resolve = Resolve::default();
        let package = resolve
            .push_group(group)
            .map_err(|error| fault(error.to_string()))?;
        let world = resolve
            .select_world(&[package], Some(world))
            .map_err(|error| fault(error.to_string()))?;
        Ok(Self { resolve, world })
    }

    /// Writes the contract into a folder, for compilers that read it themselves.
    pub(crate) fn write(folder: &Path) -> Result<(), AuthorError> {
        embedded::write(embedded::WIT, folder)
    }

    /// The names of the interfaces that the world exports, as a component has them. Sorted.
    pub(crate) fn exports(&self) -> Vec<String> {
        let exports = self.resolve.worlds[self.world].exports.keys();
        let mut names: Vec<String> = exports
            .map(|key| self.resolve.name_world_key(key))
            .collect();
        names.sort();
        names
    }

    /// Whether the host links what a component imports under that name.
    pub(crate) fn links(&self, import: &str) -> bool {
        let world = &self.resolve.worlds[self.world];
        let is_own = world
            .imports
            .keys()
            .any(|key| self.resolve.name_world_key(key) == import);
        is_own || WASI_PREFIXES.iter().any(|own| import.starts_with(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_has_its_worlds() {
        let contract = Contract::read("exporter").unwrap();
        assert_eq!(
            contract.exports(),
            [
                "narthex:plugin/collector@0.1.0",
                "narthex:plugin/lifecycle@0.1.0"
            ]
        );
        for (import, linked) in [
            ("narthex:plugin/tcp@0.1.0", true),
            ("narthex:plugin/telnet@0.1.0", false),
            ("wasi:io/streams@0.2.6", true),
            ("wasi:sockets/tcp@0.2.6", false),
            ("wasi:http/outgoing-handler@0.2.6", false),
            ("env", false),
        ] {
            assert_eq!(contract.links(import), linked, "{import}");
        }
        let error = Contract::read("importer").unwrap_err().to_string();
        assert!(error.contains("importer"), "{error}");
    }
}
