//! The dashboards that this server shows: those of the plugins in the binary and of the folder that
//! a flag names. Those of installed plugins the API asks the plugins for.
//!
//! It is not: what reads them, which is `narthex-dashboard`.

use std::path::PathBuf;
use std::sync::Arc;

use narthex_dashboard::{Catalogue, PluginFile};

/// All dashboards. Those of the folder are read once now, so that the log says at the start what
/// cannot be read; it may block.
pub(crate) fn catalogue(folder: Option<PathBuf>) -> Arc<Catalogue> {
    let of_plugins: Vec<PluginFile<'_>> = narthex_plugins::embedded()
        .iter()
        .flat_map(|plugin| {
            let files = plugin.dashboards.iter();
            files.map(|file| PluginFile {
                plugin: plugin.name,
                title: file.title,
                text: file.text,
            })
        })
        .collect();
    let catalogue = Catalogue::new(&of_plugins, folder);
    catalogue.list(&());
    Arc::new(catalogue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dashboard_of_a_plugin_can_be_shown() {
        let list = catalogue(None).list(&());
        for entry in &list {
            assert_eq!(entry.error, None, "{}", entry.origin);
        }
        for name in ["narthex", "node", "redis"] {
            let named = |entry: &&narthex_dashboard::Entry| entry.name.as_deref() == Some(name);
            assert_eq!(list.iter().filter(named).count(), 1, "{name}");
        }
    }
}
