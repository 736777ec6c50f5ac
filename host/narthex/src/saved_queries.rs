//! Where the queries lie that people keep on the server.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use narthex_api::{ApiState, SavedQueries};
use narthex_disk::SystemDisk;
use narthex_model::Clock;
use prometheus_client::registry::Registry;

/// The folder below the store's.
const FOLDER: &str = "saved-queries";

/// Opens them, and lets the API answer from there.
pub(crate) fn open(state: &ApiState, data: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    let folder = data.join(FOLDER);
    let disk = Arc::new(SystemDisk::new(&folder));
    let mut registry = Registry::default();
    let saved = SavedQueries::open(disk, clock, &mut registry)
        .with_context(|| format!("{} cannot be read", folder.display()))?;
    state.add_registry(registry);
    state.keep_queries(saved);
    Ok(())
}
