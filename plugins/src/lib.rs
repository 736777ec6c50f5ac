//! The plugins that the binary carries: built from this workspace by this crate's build script,
//! as the components that a user would also find in a folder.
//!
//! It is not: their code (`exporters/`), and it knows nothing of the runtime that loads them.

/// A plugin that is part of the binary.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedPlugin {
    /// The name that a job uses.
    pub name: &'static str,
    /// The component.
    pub component: &'static [u8],
    /// Its `plugin.toml`.
    pub manifest: &'static str,
}

/// All of them, by name.
pub fn embedded() -> &'static [EmbeddedPlugin] {
    EMBEDDED
}

static EMBEDDED: &[EmbeddedPlugin] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plugin_is_a_component_with_a_manifest_of_its_name() {
        let names: Vec<&str> = embedded().iter().map(|plugin| plugin.name).collect();
        assert_eq!(names, ["node", "redis"]);
        for plugin in embedded() {
            // Magic number, version 13, layer 1: a component and no core module.
            assert_eq!(
                plugin.component[..8],
                *b"\0asm\x0d\0\x01\0",
                "{}",
                plugin.name
            );
            let name = format!("name = {:?}", plugin.name);
            assert!(plugin.manifest.contains(&name), "{}", plugin.name);
        }
    }
}
