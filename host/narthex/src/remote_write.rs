//! What the senders of remote write are connected to: the store's log, the targets' metadata, a
//! folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use narthex_disk::SystemDisk;
use narthex_model::{Clock, PromDuration};
use narthex_remote::{MetadataSource, MetricKind, MetricMetadata, WriteManager, WriteOptions};
use narthex_scrape::ScrapeManager;
use prometheus_client::registry::Registry;

use crate::store::Store;

/// The folder below the store's where senders write down how far they are.
const FOLDER: &str = "remote";

/// What the targets say of their metrics.
struct TargetMetadata(Arc<ScrapeManager>);

impl MetadataSource for TargetMetadata {
    fn metadata(&self) -> Vec<MetricMetadata> {
        let mut found = BTreeMap::new();
        let pools = self.0.pools();
        for target in pools.iter().flat_map(|pool| &pool.active) {
            for said in target.metadata().iter() {
                if !found.contains_key(&said.metric) {
                    let metadata = MetricMetadata {
                        metric: said.metric.clone(),
                        kind: MetricKind::of_name(said.kind.as_str()),
                        help: said.help.clone(),
                        unit: said.unit.clone(),
                    };
                    found.insert(said.metric.clone(), metadata);
                }
            }
        }
        found.into_values().collect()
    }
}

/// A manager of senders that has none yet.
///
/// # Errors
/// Its folder cannot be made.
pub(crate) fn manager(
    store: &Store,
    scrape: &Arc<ScrapeManager>,
    clock: Arc<dyn Clock>,
    storage_path: &Path,
    flush_deadline: PromDuration,
    registry: &mut Registry,
) -> anyhow::Result<Arc<WriteManager>> {
    let folder = storage_path.join(FOLDER);
    let options = WriteOptions {
        log: Arc::new(store.clone()),
        disk: Arc::new(SystemDisk::new(&folder)),
        clock,
        metadata: Arc::new(TargetMetadata(scrape.clone())),
        flush_deadline: flush_deadline.as_std(),
    };
    let manager = WriteManager::new(options, registry);
    let manager = manager.with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(Arc::new(manager))
}
