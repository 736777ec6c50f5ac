//! What an entry of the configuration lends to the one job that is made of it: a client with the
//! entry's credentials, the places that the entry names, its secrets, its way to speak TLS, watches
//! on its cluster.
//!
//! It is not: a grant. What is lent needs none, belongs to no other job of the plugin, and ends
//! with the entry. Credentials stay in the client: a guest sees the answers alone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use narthex_http::{Client, TlsConfig};
use narthex_registry::GrantList;

use crate::config::SecretConfig;
use crate::watches::Watches;

/// Says what may be reached. It is asked before each look for targets and each notification, since
/// what an entry names may be a file that changes.
pub type Reach = dyn Fn() -> GrantList + Send + Sync;

/// A request that the lent client has sent, and what came of it.
#[derive(Debug, Clone, Copy)]
pub struct SentRequest<'a> {
    /// As the plugin wrote it.
    pub url: &'a str,
    /// Until the answer was there, or why it never came.
    pub duration: Duration,
    /// There was no answer, or one with a status from 400 on.
    pub is_failure: bool,
}

/// Is told of each request that the lent client has sent.
pub type Observer = dyn Fn(SentRequest<'_>) + Send + Sync;

/// Is told how much a discovery looked up, and how much of that in vain.
pub type Lookups = dyn Fn(u32, u32) + Send + Sync;

/// What is lent to a job; nothing by default.
#[derive(Clone, Default)]
pub struct Lent(Option<Arc<Things>>);

#[derive(Clone, Default)]
struct Things {
    client: Option<Client>,
    reach: Option<Arc<Reach>>,
    watches: Option<Arc<dyn Watches>>,
    observer: Option<Arc<Observer>>,
    lookups: Option<Arc<Lookups>>,
    secrets: Option<BTreeMap<String, SecretConfig>>,
    tls: Option<TlsConfig>,
}

impl Lent {
    /// Lends a client: it sends the job's requests to the `http` endpoints of what may be reached,
    /// wherever no TLS profile is asked for.
    #[must_use]
    pub fn with_client(self, client: Client) -> Self {
        self.with(|things| things.client = Some(client))
    }

    /// Lends what may be reached, beside what the plugin was granted.
    #[must_use]
    pub fn with_reach(self, reach: impl Fn() -> GrantList + Send + Sync + 'static) -> Self {
        self.with(|things| things.reach = Some(Arc::new(reach)))
    }

    /// Lends watches on a cluster, in place of those of the host. Which kinds may be watched is
    /// what may be reached.
    #[must_use]
    pub fn with_watches(self, watches: Arc<dyn Watches>) -> Self {
        self.with(|things| things.watches = Some(watches))
    }

    /// Is told of the requests of the lent client.
    #[must_use]
    pub fn with_observer(self, observer: impl Fn(SentRequest<'_>) + Send + Sync + 'static) -> Self {
        self.with(|things| things.observer = Some(Arc::new(observer)))
    }

    /// Is told what the plugin says that it looked up.
    #[must_use]
    pub fn with_lookups(self, lookups: impl Fn(u32, u32) + Send + Sync + 'static) -> Self {
        self.with(|things| things.lookups = Some(Arc::new(lookups)))
    }

    /// Lends secrets, by the names that the plugin asks for; they come before those that it was
    /// granted. Of a job that has some, errors tell no URL: it may be one of them.
    #[must_use]
    pub fn with_secrets(self, secrets: BTreeMap<String, SecretConfig>) -> Self {
        self.with(|things| things.secrets = Some(secrets))
    }

    /// Lends a way to speak TLS over `tcp`: there, the profile without a name is this one.
    #[must_use]
    pub fn with_tls(self, config: TlsConfig) -> Self {
        self.with(|things| things.tls = Some(config))
    }

    fn with(self, change: impl FnOnce(&mut Things)) -> Self {
        let mut things = self.0.as_deref().cloned().unwrap_or_default();
        change(&mut things);
        Self(Some(Arc::new(things)))
    }

    pub(crate) fn client(&self) -> Option<&Client> {
        self.0.as_ref()?.client.as_ref()
    }

    pub(crate) fn observer(&self) -> Option<Arc<Observer>> {
        self.0.as_ref()?.observer.clone()
    }

    pub(crate) fn lookups(&self) -> Option<Arc<Lookups>> {
        self.0.as_ref()?.lookups.clone()
    }

    pub(crate) fn watches(&self) -> Option<Arc<dyn Watches>> {
        self.0.as_ref()?.watches.clone()
    }

    /// Whether secrets are lent, be it none.
    pub(crate) fn has_secrets(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|things| things.secrets.is_some())
    }

    pub(crate) fn secret(&self, name: &str) -> Option<&SecretConfig> {
        self.0.as_ref()?.secrets.as_ref()?.get(name)
    }

    pub(crate) fn tls(&self) -> Option<&TlsConfig> {
        self.0.as_ref()?.tls.as_ref()
    }

    pub(crate) fn reach(&self) -> GrantList {
        let reach = self.0.as_ref().and_then(|things| things.reach.as_ref());
        reach.map(|reach| reach()).unwrap_or_default()
    }

    /// Whether the two were lent together.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent")
            .field("reach", &self.reach())
            .finish_non_exhaustive()
    }
}
