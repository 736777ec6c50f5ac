//! What changes while an Alertmanager runs.

use std::sync::Arc;

use super::delivery::Deliverer;
use crate::pipeline::Pipeline;

/// The pipeline, and what belongs to the config that it follows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) pipeline: Pipeline,
    /// Grows with each config that is taken.
    pub(crate) generation: u64,
    /// Those of each receiver, in the order of the config.
    pub(crate) deliverers: Vec<Vec<Arc<Deliverer>>>,
    /// The config as its users may see it.
    pub(crate) yaml: String,
}
