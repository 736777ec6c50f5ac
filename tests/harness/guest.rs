//! A plugin that does what its configuration says, in as many versions as a test wants.

use std::path::Path;

use crate::component;

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
        let component = component::build("narthex-plugin-guest");
        let mark = component
            .windows(MARK.len())
            .position(|window| window == MARK);
        Self {
            version_at: mark.unwrap() + MARK.len(),
            component,
        }
    }

    /// Puts a version of the plugin into a host's folder under a name.
    pub fn install(&self, folder: &Path, name: &str, version: u16) {
        let mut component = self.component.clone();
        let digits = format!("{version:04}");
        component[self.version_at..self.version_at + 4].copy_from_slice(digits.as_bytes());
        let manifest = format!(
            "name = \"{name}\"\nversion = \"0.0.{version}\"\nworld = \"exporter\"\nwit = \"0.1\"\n"
        );
        component::install(folder, name, &component, &manifest);
    }
}
