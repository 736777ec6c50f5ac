//! Range queries in parts: the frontend that the flags describe, and where queriers share what they
//! keep.
//!
//! It is not: how queries are split, which `narthex-frontend` knows.

use std::sync::Arc;

use anyhow::Context as _;
use futures::future::{BoxFuture, FutureExt as _};
use narthex_api::ApiState;
use narthex_bucket::ObjectFolder;
use narthex_frontend::{Frontend, OBJECT_BYTES_MAX, SharedAnswers};
use narthex_model::{Clock, with_sources};
use prometheus_client::registry::Registry;

use crate::bucket_source;
use crate::flags::Flags;

/// The folder of the object store. What is in it may be deleted at any time.
const FOLDER: &str = "query-range-cache";

/// Lets the API answer range queries in parts.
///
/// # Errors
/// The config of the shared cache cannot be used.
pub(crate) fn start(flags: &Flags, clock: Arc<dyn Clock>, state: &ApiState) -> anyhow::Result<()> {
    let options = flags.query_range.options(clock);
    let shared = match &flags.query_range.shared_cache_config {
        Some(path) => {
            // What others kept goes through the memory of who asks.
            anyhow::ensure!(
                options.cache_bytes > 0,
                "--query-range.response-cache-config-file needs a --query-range.cache-size above 0"
            );
            let config = bucket_source::load(path)?;
            let folder = ObjectFolder::open(&config, FOLDER);
            let folder = folder.context("the object store of the cache cannot be used")?;
            Some(Arc::new(Objects(Arc::new(folder))) as Arc<dyn SharedAnswers>)
        }
        None => None,
    };
    let mut registry = Registry::default();
    state.split_ranges(Frontend::new(options, shared, &mut registry));
    state.add_registry(registry);
    Ok(())
}

/// Answers as objects.
#[derive(Debug)]
struct Objects(Arc<ObjectFolder>);

impl SharedAnswers for Objects {
    fn get(&self, name: String) -> BoxFuture<'static, Result<Option<Vec<u8>>, String>> {
        let folder = Arc::clone(&self.0);
        async move {
            let found = folder.get(&name, OBJECT_BYTES_MAX as u64).await;
            found.map_err(|error| with_sources(&error))
        }
        .boxed()
    }

    fn put(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'static, Result<(), String>> {
        let folder = Arc::clone(&self.0);
        async move {
            let put = folder.put(&name, bytes).await;
            put.map_err(|error| with_sources(&error))
        }
        .boxed()
    }
}
