//! Access to an extension of Kubernetes' API, as the API server delegates it: who asks is said by the
//! cluster's proxy or by a token, and what they may by the cluster.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use narthex_access::{AccessMetrics, Attributes, Reviews, User};
use narthex_http::header::{AUTHORIZATION, HeaderMap};
use narthex_kubernetes::{Cluster, Selection};

use crate::front_proxy::FrontProxy;
use crate::peer::Peer;

/// Where a cluster says which proxy it has: namespace and name of a ConfigMap.
pub const EXTENSION_CONFIG: (&str, &str) = ("kube-system", "extension-apiserver-authentication");

/// How long what it says counts: the authority changes seldom.
const CONFIG_AGE: Duration = Duration::from_secs(60);

/// How long after a failure it is asked for again.
const CONFIG_PAUSE: Duration = Duration::from_secs(5);

/// Who is in it may everything, and no cluster is asked: so is every extension of Kubernetes.
const MASTERS: &str = "system:masters";

/// Finds out who asks, and has the cluster say what they may.
#[derive(Debug)]
pub struct Delegation {
    cluster: Arc<Cluster>,
    reviews: Reviews,
    known: Mutex<Known>,
    /// Held by who asks the cluster which proxy it has.
    reading: tokio::sync::Mutex<()>,
}

/// What the ConfigMap said last.
#[derive(Debug, Default)]
struct Known {
    proxy: Option<Arc<FrontProxy>>,
    /// When it is asked for again.
    until: Option<Instant>,
    is_troubled: bool,
}

/// Why a request does not go on; the texts are for who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Nobody knows who asks: 401.
    Unauthorized,
    /// They may not: 403.
    Forbidden(String),
    /// The cluster does not say: 503.
    Unavailable(String),
}

impl Known {
    /// What counts without asking the cluster.
    fn usable(&self) -> Option<Result<Arc<FrontProxy>, String>> {
        let until = self.until?;
        let text = "the cluster does not say which proxy it has";
        let known = || self.proxy.clone().ok_or_else(|| text.to_owned());
        (Instant::now() < until).then(known)
    }
}

impl Delegation {
    /// To a cluster that was not asked anything yet.
    pub fn new(cluster: Arc<Cluster>, metrics: AccessMetrics) -> Self {
        Self {
            reviews: Reviews::new(Arc::clone(&cluster), Vec::new(), metrics),
            cluster,
            known: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Whether a request may go on.
    ///
    /// # Errors
    /// Why not.
    pub async fn allow(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
        attributes: &Attributes,
    ) -> Result<(), Refused> {
        let user = self.user(peer, headers).await?;
        if user.groups.iter().any(|group| group == MASTERS) {
            return Ok(());
        }
        match self.reviews.may(&user, attributes).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refused::Forbidden(forbidden(&user, attributes))),
            Err(error) => Err(Refused::Unavailable(error.0)),
        }
    }

    async fn user(&self, peer: &Peer, headers: &HeaderMap) -> Result<User, Refused> {
        let mut silent = None;
        if !peer.certificates.is_empty() {
            match self.front_proxy().await {
                Ok(proxy) => {
                    if let Some(user) = proxy.user(peer, headers) {
                        return Ok(user);
                    }
                }
                Err(error) => silent = Some(error),
            }
        }
        let token = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match (token, silent) {
            (Some((_, token)), _) => match self.reviews.user(token.trim()).await {
                Ok(user) => user.ok_or(Refused::Unauthorized),
                Err(error) => Err(Refused::Unavailable(error.0)),
            },
            (None, Some(error)) => Err(Refused::Unavailable(error)),
            (None, None) => Err(Refused::Unauthorized),
        }
    }

    /// The proxies as the cluster names them; those of before where it is silent now, or somebody asks
    /// it already.
    async fn front_proxy(&self) -> Result<Arc<FrontProxy>, String> {
        if let Some(known) = self.lock().usable() {
            return known;
        }
        let _turn = match self.reading.try_lock() {
            Ok(turn) => turn,
            Err(_) => {
                let before = self.lock().proxy.clone();
                match before {
                    Some(before) => return Ok(before),
                    None => self.reading.lock().await,
                }
            }
        };
        // Somebody may have asked in the meantime.
        if let Some(known) = self.lock().usable() {
            return known;
        }
        let found = self.read().await;
        let (mut known, now) = (self.lock(), Instant::now());
        match found {
            Ok(proxy) => {
                let proxy = Arc::new(proxy);
                *known = Known {
                    proxy: Some(Arc::clone(&proxy)),
                    until: Some(now + CONFIG_AGE),
                    is_troubled: false,
                };
                Ok(proxy)
            }
            Err(error) => {
                if !known.is_troubled {
                    let (namespace, name) = EXTENSION_CONFIG;
                    tracing::error!(
                        namespace, name, %error,
                        "which proxy stands before the metrics APIs cannot be read"
                    );
                }
                known.is_troubled = true;
                known.until = Some(now + CONFIG_PAUSE);
                known.proxy.clone().ok_or(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self) -> Result<FrontProxy, String> {
        let (namespace, name) = EXTENSION_CONFIG;
        let selection = Selection {
            namespace: Some(namespace.to_owned()),
            ..Selection::of("v1", "ConfigMap")
        };
        let found = self.cluster.object(&selection, name).await?;
        let found = found.ok_or_else(|| format!("{namespace} has no ConfigMap {name}"))?;
        FrontProxy::of_config_map(&found["data"])
    }
}

/// In the words of an API server.
fn forbidden(user: &User, attributes: &Attributes) -> String {
    let name = &user.name;
    match attributes {
        Attributes::Path { path, verb } => {
            format!("forbidden: User {name:?} cannot {verb} path {path:?}")
        }
        Attributes::Resource(wanted) => {
            let scope = match wanted.namespace.as_str() {
                "" => "at the cluster scope".to_owned(),
                namespace => format!("in the namespace {namespace:?}"),
            };
            let (group, resource) = (&wanted.group, &wanted.resource);
            let object = match wanted.name.as_str() {
                "" => String::new(),
                object => format!(" {object:?}"),
            };
            let verb = &wanted.verb;
            format!(
                "{resource}.{group}{object} is forbidden: User {name:?} cannot {verb} resource \
                 {resource:?} in API group {group:?} {scope}"
            )
        }
    }
}
