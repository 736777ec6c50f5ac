//! How a fleet is asked.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::{Clock, Matcher};
use narthex_storeapi::{Credentials, EndpointTls};

use crate::{Address, Dedup};

/// What holds for a fleet.
#[derive(Debug, Clone)]
pub struct FleetOptions {
    /// `--endpoint`: who is asked as long as it answers.
    pub endpoints: Vec<Address>,
    /// `--endpoint-strict`: who is asked always, so that whatever is missing of it is said.
    pub strict: Vec<Address>,
    /// How members are spoken to at first; `None` for plain HTTP/2.
    pub tls: Option<EndpointTls>,
    /// What members are shown of who asks; `None` for nothing.
    pub credentials: Option<Credentials>,
    /// `--query.replica-label`: the labels that tell replicas apart.
    pub replica_labels: Vec<String>,
    /// `--deduplication.func`
    pub dedup: Dedup,
    /// `--query.partial-response`: what is missing is a warning, and not an error.
    pub partial_response: bool,
    /// `--store.response-timeout`: for so long a member may keep one query waiting in all.
    pub response_timeout: Duration,
    /// `--store.unhealthy-timeout`: a member that does not answer is forgotten after so long, and
    /// until then readers are warned.
    pub unhealthy_timeout: Duration,
    /// `--store.sd-dns-interval`: how often names are resolved.
    pub dns_interval: Duration,
    /// `--query.pushdown`: aggregations are evaluated by members that can, where no other one has
    /// the same series.
    pub push_down: bool,
    /// `--query.timeout`: so long series may be listed; queries have that bound themselves.
    pub listing_timeout: Duration,
    /// When members were last asked is told by it.
    pub clock: Arc<dyn Clock>,
}

/// What one reader wishes. `None` takes what holds for the fleet.
#[derive(Debug, Clone, Default)]
pub struct ViewOptions {
    /// Whether replicas are made one.
    pub dedup: Option<bool>,
    /// The labels that tell replicas apart.
    pub replica_labels: Option<Vec<String>>,
    /// What is missing is a warning, and not an error.
    pub partial_response: Option<bool>,
    /// Only members are asked whose external labels match one of the selectors; `__address__` is
    /// where a member is. None asks all.
    pub members: Vec<Vec<Matcher>>,
}
