//! What a cluster says of tokens and access, remembered for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use async_recursion::async_recursion as boxed;
use narthex_kubernetes::{Attributes, Cluster, User};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits::{
    ALLOWED_AGE, DENIED_AGE, REFUSED_TOKEN_AGE, REMEMBERED_BYTES_MAX, REVIEWS_MAX, SEEN_TOKEN_AGE,
    STRANGERS_MAX, TOKEN_AGE, TOKEN_BYTES_MAX, TURN_TIMEOUT,
};
use crate::metrics::AccessMetrics;
use crate::remembered::Remembered;

/// Tokens are remembered by this, which says nothing of them to who reads the memory.
type Fingerprint = [u8; 32];

/// The cluster has said neither yes nor no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewError(pub String);

/// Asks a cluster.
#[derive(Debug)]
pub struct Reviews {
    cluster: Arc<Cluster>,
    audiences: Vec<String>,
    known: Remembered<Fingerprint, User>,
    /// Tokens that were somebody's at their last review.
    seen: Remembered<Fingerprint, ()>,
    refused: Remembered<Fingerprint, ()>,
    allowed: Remembered<(User, Attributes), ()>,
    denied: Remembered<(User, Attributes), ()>,
    turns: Semaphore,
    strangers: Semaphore,
    is_silent: AtomicBool,
    metrics: AccessMetrics,
}

impl Reviews {
    /// Tokens have to be meant for one of `audiences`, or for the cluster itself where none is named.
    pub fn new(cluster: Arc<Cluster>, audiences: Vec<String>, metrics: AccessMetrics) -> Self {
        Self {
            cluster,
            audiences,
            known: Remembered::new(TOKEN_AGE),
            seen: Remembered::new(SEEN_TOKEN_AGE),
            refused: Remembered::new(REFUSED_TOKEN_AGE),
            allowed: Remembered::new(ALLOWED_AGE),
            denied: Remembered::new(DENIED_AGE),
            turns: Semaphore::new(REVIEWS_MAX),
            strangers: Semaphore::new(STRANGERS_MAX),
            is_silent: AtomicBool::new(false),
            metrics,
        }
    }

    /// Whose a token is; `None` where it is nobody's.
    ///
    /// # Errors
    /// The cluster does not say.
    #[boxed]
    pub async fn user(&self, token: &str) -> Result<Option<User>, ReviewError> {
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
            return Ok(None);
        }
        let key: Fingerprint = Sha256::digest(token.as_bytes()).into();
        let now = Instant::now();
        if let Some(user) = self.known.get(&key, now) {
            return Ok(Some(user));
        }
        if self.refused.get(&key, now).is_some() {
            return Ok(None);
        }
        let _turn = match self.seen.get(&key, now) {
            Some(()) => turn(&self.turns).await?,
            None => turn(&self.strangers).await?,
        };
        let reviewed = self.cluster.review_token(token, &self.audiences).await;
        let user = self.outcome("token", reviewed, Option::is_some)?;
        let now = Instant::now();
        match &user {
            Some(user) => {
                self.known.put(key, user.clone(), now);
                self.seen.put(key, (), now);
            }
            None => self.refused.put(key, (), now),
        }
        Ok(user)
    }

    /// Whether somebody may do something.
    ///
    /// # Errors
    /// The cluster does not say.
    #[boxed]
    pub async fn may(&self, user: &User, attributes: &Attributes) -> Result<bool, ReviewError> {
        let (key, now) = ((user.clone(), attributes.clone()), Instant::now());
        if self.allowed.get(&key, now).is_some() {
            return Ok(true);
        }
        if self.denied.get(&key, now).is_some() {
            return Ok(false);
        }
        let _turn = turn(&self.turns).await?;
        let reviewed = self.cluster.review_access(user, attributes).await;
        let may = self.outcome("access", reviewed, |may| *may)?;
        let now = Instant::now();
        if bytes(user, attributes) <= REMEMBERED_BYTES_MAX {
            match may {
                true => self.allowed.put(key, (), now),
                false => self.denied.put(key, (), now),
            }
        }
        Ok(may)
    }

    /// Counts an answer, and says once when the cluster falls silent.
    fn outcome<T>(
        &self,
        kind: &'static str,
        reviewed: Result<T, String>,
        is_yes: impl Fn(&T) -> bool,
    ) -> Result<T, ReviewError> {
        let was_silent = self.is_silent.swap(reviewed.is_err(), Ordering::Relaxed);
        let outcome = match &reviewed {
            Ok(answer) if is_yes(answer) => "yes",
            Ok(_) => "no",
            Err(error) => {
                if !was_silent {
                    tracing::error!(kind, %error, "the cluster does not say who may ask; all are refused that it is needed for");
                }
                "error"
            }
        };
        if was_silent && outcome != "error" {
            tracing::info!("the cluster says again who may ask");
        }
        self.metrics.count_review(kind, outcome);
        reviewed.map_err(ReviewError)
    }
}

/// Waits until there is a turn, but not for ever.
async fn turn(turns: &Semaphore) -> Result<SemaphorePermit<'_>, ReviewError> {
    let turn = tokio::time::timeout(TURN_TIMEOUT, turns.acquire()).await;
    match turn {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(ReviewError("too many reviews are under way".to_owned())),
    }
}

/// How much of the memory a question would take, about.
fn bytes(user: &User, attributes: &Attributes) -> usize {
    let extra = user.extra.iter();
    let extra = extra.flat_map(|(key, values)| std::iter::once(key).chain(values));
    let said = extra.chain(&user.groups).chain([&user.name, &user.uid]);
    let said: usize = said.map(String::len).sum();
    said + match attributes {
        Attributes::Path { path, .. } => path.len(),
        Attributes::Resource(it) => {
            let texts = [&it.namespace, &it.resource, &it.subresource, &it.name];
            texts.iter().map(|text| text.len()).sum::<usize>() + it.group.len() + it.version.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_http::HttpConfig;
    use narthex_kubernetes::{ClusterOptions, Connection, KubernetesMetrics, Pace};

    use super::*;

    /// Reviews by a cluster that nobody listens for.
    fn reviews() -> Reviews {
        let cluster = Cluster::new(ClusterOptions {
            connection: Connection {
                // Port 9 discards, where anything listens there at all.
                server: "http://127.0.0.1:9".to_owned(),
                http: HttpConfig::default(),
                exec: None,
            },
            pace: Pace::default(),
            metrics: KubernetesMetrics::default(),
        });
        Reviews::new(cluster.unwrap(), Vec::new(), AccessMetrics::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_tokens_of_nobody_keeps_nobody_waiting_who_is_known() {
        let reviews = reviews();
        let too_many = "too many reviews are under way";
        let most = |max: usize| u32::try_from(max).unwrap();
        let flood = reviews
            .strangers
            .acquire_many(most(STRANGERS_MAX))
            .await
            .unwrap();
        let error = reviews.user("token").await.unwrap_err();
        assert_eq!(error.0, too_many);
        // Their review goes out, and fails for want of a cluster.
        let key: Fingerprint = Sha256::digest(b"token").into();
        reviews.seen.put(key, (), Instant::now());
        let error = reviews.user("token").await.unwrap_err();
        assert_ne!(error.0, too_many);
        drop(flood);

        let under_way = reviews.turns.acquire_many(most(REVIEWS_MAX)).await.unwrap();
        let error = reviews.user("token").await.unwrap_err();
        assert_eq!(error.0, too_many);
        drop(under_way);
        assert!(turn(&reviews.turns).await.is_ok());
    }

    #[tokio::test]
    async fn a_token_that_is_too_long_is_refused_unread() {
        let reviews = reviews();
        let long = "x".repeat(TOKEN_BYTES_MAX + 1);
        assert_eq!(reviews.user(&long).await, Ok(None));
        assert_eq!(reviews.user("").await, Ok(None));
    }

    #[test]
    fn what_is_long_is_not_remembered() {
        let long = |path: usize, group: usize| {
            let user = User {
                name: "ada".to_owned(),
                groups: vec!["g".repeat(group)],
                ..User::default()
            };
            let attributes = Attributes::Path {
                path: "/".repeat(path),
                verb: "get".to_owned(),
            };
            bytes(&user, &attributes)
        };
        assert_eq!(long(10, 5), 18);
        assert!(long(REMEMBERED_BYTES_MAX, 0) > REMEMBERED_BYTES_MAX);
        assert!(long(0, REMEMBERED_BYTES_MAX) > REMEMBERED_BYTES_MAX);
    }

    #[tokio::test]
    async fn what_is_remembered_needs_no_cluster() {
        let reviews = reviews();
        let user = User {
            name: "ada".to_owned(),
            ..User::default()
        };
        let attributes = Attributes::Path {
            path: "/metrics".to_owned(),
            verb: "get".to_owned(),
        };
        let key = (user.clone(), attributes.clone());
        reviews.allowed.put(key, (), Instant::now());
        assert_eq!(reviews.may(&user, &attributes).await, Ok(true));
        let other = Attributes::Path {
            path: "/".to_owned(),
            verb: "get".to_owned(),
        };
        assert!(reviews.may(&user, &other).await.is_err());
    }
}
