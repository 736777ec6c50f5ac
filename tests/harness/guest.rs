//! A plugin that does what its configuration says, in as many versions as a test wants.

use std::path::Path;

use narthex_plugin_builder as builder;

use crate::repository;

/// What stands before the version's four digits in the built component.
const MARK: &[u8] = b"narthex-guest-version: ";

/// The component of the runtime's test guest.
#[derive(Debug)]
pub struct Guest {
    component: Vec<u8>,
    version_at: usize,
}

impl Guest {
    /// Builds the guest; after the first time this only looks whether it is up to date.
    pub fn build() -> Self {
        let inside_target = std::env::current_exe().unwrap();
        let built =
            builder::build(&repository(), &inside_target, &["narthex-plugin-guest"]).unwrap();
        let component = std::fs::read(&built[0]).unwrap();
        let mark = component
            .windows(MARK.len())
            .position(|window| window == MARK);
        Self {
            version_at: mark.unwrap() + MARK.len(),
            component,
        }
    }

    /// Puts a version of the plugin into a folder under a name, in one step, as a package
    /// manager would.
    pub fn install(&self, folder: &Path, name: &str, version: u16) {
        let mut component = self.component.clone();
        let digits = format!("{version:04}");
        component[self.version_at..self.version_at + 4].copy_from_slice(digits.as_bytes());
        let manifest = format!(
            "name = \"{name}\"\nversion = \"0.0.{version}\"\nworld = \"exporter\"\nwit = \"0.1\"\n"
        );
        std::fs::write(folder.join(format!("{name}.toml")), manifest).unwrap();
        let new = folder.join(format!(".{name}.wasm.new"));
        std::fs::write(&new, component).unwrap();
        std::fs::rename(new, folder.join(format!("{name}.wasm"))).unwrap();
    }
}
