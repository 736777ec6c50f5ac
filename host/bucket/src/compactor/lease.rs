//! Leases: which worker works on which group, kept in the bucket itself.
//!
//! ```text
//! leases/<group>/<token>.lease             who has the group, and until when
//! leases/<group>/<token>.<ULID>.block      which block is being made of it
//! ```
//!
//! Tokens grow by one, and a token is only ever made where there is none ([`Access::put_new`]), so
//! that of two workers who want it one gets it. The highest token counts. Its holder writes the
//! file anew from time to time; whoever finds it released, or its time over, may make the next one.
//!
//! Time decides only who may try: what keeps two workers apart are the fences (see
//! [`crate::fence`]). A worker first says which block it will make, then looks whether its token
//! is still the highest, and makes the block's `meta.json` only where there is none. Who takes a
//! group over makes its token first, then looks for what was said under lower ones, and puts a
//! fence into each of those blocks before it looks at what there is. So a worker that was frozen
//! for hours finds its block fenced, or had published it before anybody planned without it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use narthex_block::{BlockMeta, Fault, META_FILE, Ulid};
use narthex_model::Clock;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::CompactError;
use super::group::Group;
use super::metrics::Metrics;
use crate::BucketError;
use crate::access::Access;
use crate::fence::{fence, is_fence};
use crate::folder::file_of;

/// The folder of all leases.
const LEASES: &str = "leases";

/// How long a lease is valid unless it is renewed.
pub(crate) const LEASE_MS: i64 = 5 * 60_000;

/// Who writes a lease that is valid for longer than this has a clock that is wrong; whether it is
/// renewed is seen by when it was written.
const FAR_MS: i64 = 60 * 60_000;

/// How often it is renewed: twice may fail.
const RENEWAL: Duration = Duration::from_secs(100);

/// A lease is not longer than this.
const LEASE_BYTES_MAX: u64 = 1 << 20;

/// A `meta.json` whose fate is looked at is not longer than this, as in the inventory.
const META_BYTES_MAX: u64 = 64 << 20;

/// What `<token>.lease` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Document {
    version: u32,
    /// The worker.
    owner: String,
    /// What the lease is of, for people.
    group: String,
    token: u64,
    /// Until when, in milliseconds since the epoch.
    expires_ms: i64,
    is_released: bool,
}

/// Takes leases in the name of one worker.
#[derive(Debug, Clone)]
pub(crate) struct Leases {
    access: Access,
    clock: Arc<dyn Clock>,
    owner: String,
    metrics: Arc<Metrics>,
}

/// A lease that is held, or was.
#[derive(Debug)]
pub(crate) struct Lease {
    leases: Leases,
    folder: Path,
    group: String,
    token: u64,
}

/// What a folder of leases holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Listed {
    tokens: BTreeSet<u64>,
    /// The blocks that were announced, by token.
    blocks: BTreeSet<(u64, Ulid)>,
    /// When each token was written, in milliseconds since the epoch, by the store's clock.
    written_ms: BTreeMap<u64, i64>,
}

/// What became of a block that a worker before was making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is in the bucket.
    Published,
    /// It will never be.
    Fenced,
}

impl Leases {
    pub(crate) fn new(
        access: Access,
        clock: Arc<dyn Clock>,
        owner: Ulid,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            access,
            clock,
            owner: owner.to_string(),
            metrics,
        }
    }

    /// Whether the store keeps what it is told not to overwrite.
    ///
    /// # Errors
    /// It fails.
    pub(crate) async fn is_conditional(&self) -> Result<bool, BucketError> {
        let path = Path::from(LEASES).join(format!("probe-{}", self.owner));
        let tried = async {
            let first = self.access.put_new(&path, Bytes::from_static(b"1")).await?;
            let second = self.access.put_new(&path, Bytes::from_static(b"2")).await?;
            Ok::<_, BucketError>(first && !second)
        };
        let tried = tried.await;
        self.access.delete(&path).await?;
        match tried {
            Err(error) if error.is_unsupported() => Ok(false),
            tried => tried,
        }
    }

    /// Takes the lease of a group; `None` where another worker has it. What workers before
    /// announced is in the bucket after this, or never will be.
    ///
    /// # Errors
    /// The store failed. If the lease was made, nobody renews it.
    pub(crate) async fn take(&self, group: &Group) -> Result<Option<Lease>, CompactError> {
        let folder = Path::from(LEASES).join(group.key());
        let listed = self.list(&folder).await?;
        let newest = listed.tokens.last().copied();
        if let Some(token) = newest
            && self.is_held(&folder, token, &listed).await?
        {
            return Ok(None);
        }
        let Some(token) = newest.unwrap_or_default().checked_add(1) else {
            return Ok(None);
        };
        let lease = Lease {
            leases: self.clone(),
            folder,
            group: group.to_string(),
            token,
        };
        let text = lease.text(false);
        let path = lease.path(token);
        if !self.access.put_new(&path, text).await? {
            return Ok(None);
        }
        // The token may have been made and forgotten before, while this worker was frozen.
        match lease.bury().await? {
            true => Ok(Some(lease)),
            false => Ok(None),
        }
    }

    /// Whether a lease is valid.
    async fn is_held(
        &self,
        folder: &Path,
        token: u64,
        listed: &Listed,
    ) -> Result<bool, CompactError> {
        let now_ms = self.clock.now_ms();
        let path = folder.clone().join(format!("{token:020}.lease"));
        let text = match self.access.get(&path, LEASE_BYTES_MAX).await {
            // Somebody else is just taking it over.
            Err(error) if error.is_absent() => return Ok(true),
            text => text?,
        };
        let written_ms = listed.written_ms.get(&token).copied().unwrap_or_default();
        match serde_json::from_slice::<Document>(&text) {
            Ok(lease) => {
                let is_near = lease.expires_ms <= now_ms.saturating_add(FAR_MS);
                let is_timely = is_near || written_ms.saturating_add(FAR_MS) > now_ms;
                let is_valid = !lease.is_released && lease.expires_ms > now_ms && is_timely;
                if !is_valid && !lease.is_released {
                    let owner = &lease.owner;
                    self.metrics.leases_expired.inc();
                    tracing::warn!(
                        group = lease.group,
                        owner,
                        "a lease was not renewed and is taken over"
                    );
                }
                Ok(is_valid)
            }
            // It says nothing of its time; when it was written does.
            Err(error) => {
                tracing::warn!(%path, %error, "a lease cannot be read");
                Ok(written_ms.saturating_add(LEASE_MS) > now_ms)
            }
        }
    }

    async fn list(&self, folder: &Path) -> Result<Listed, CompactError> {
        let mut listed = Listed::default();
        for object in self.access.list_in(folder).await? {
            let Some(name) = object.path.filename() else {
                continue;
            };
            let mut parts = name.split('.');
            let token = parts.next().and_then(|token| token.parse::<u64>().ok());
            let Some(token) = token else { continue };
            match (parts.next(), parts.next(), parts.next()) {
                (Some("lease"), None, None) => {
                    listed.tokens.insert(token);
                    listed.written_ms.insert(token, object.modified_ms);
                }
                (Some(block), Some("block"), None) => {
                    if let Ok(block) = Ulid::from_string(block) {
                        listed.blocks.insert((token, block));
                    }
                }
                _ => {}
            }
        }
        Ok(listed)
    }

    /// Whether the name of a block is closed.
    ///
    /// # Errors
    /// The store failed; nobody knows.
    pub(crate) async fn is_closed(&self, block: Ulid) -> Result<bool, CompactError> {
        let path = file_of(block, META_FILE);
        match self.access.get(&path, META_BYTES_MAX).await {
            Ok(text) => Ok(is_fence(&text)),
            Err(error) if error.is_absent() => Ok(false),
            // A fence is small.
            Err(BucketError::TooLarge { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Closes the name of a block, unless the block is in the bucket. It is one or the other
    /// after this, for good.
    ///
    /// # Errors
    /// The store failed; nobody knows.
    pub(crate) async fn close(&self, block: Ulid) -> Result<Fate, CompactError> {
        let path = file_of(block, META_FILE);
        let text = fence(block, &self.owner);
        let is_new = self.access.put_new(&path, text.clone()).await?;
        self.metrics.fenced.inc_by(u64::from(is_new));
        let found = self.access.get(&path, META_BYTES_MAX).await?;
        if is_fence(&found) {
            return Ok(Fate::Fenced);
        }
        // A document of a later version is one, too.
        let is_torn = match BlockMeta::parse(&found, &block.to_string()) {
            Ok(_) => false,
            Err(error) => matches!(error.fault, Fault::Checksum { .. }),
        };
        if !is_torn {
            return Ok(Fate::Published);
        }
        // It must not be the way to it that is at fault.
        let different = || BucketError::Different {
            path: path.to_string(),
        };
        if self.access.get(&path, META_BYTES_MAX).await? != found {
            return Err(different().into());
        }
        // What its worker wrote is no document, and it writes it once only.
        tracing::warn!(%block, "a block was published with a meta.json that is damaged");
        self.access.put(&path, text).await?;
        let found = self.access.get(&path, META_BYTES_MAX).await?;
        match is_fence(&found) {
            true => Ok(Fate::Fenced),
            false => Err(different().into()),
        }
    }
}

impl Lease {
    fn path(&self, token: u64) -> Path {
        self.folder.clone().join(format!("{token:020}.lease"))
    }

    fn path_of(&self, token: u64, block: Ulid) -> Path {
        let name = format!("{token:020}.{block}.block");
        self.folder.clone().join(name)
    }

    fn text(&self, is_released: bool) -> Bytes {
        let document = Document {
            version: 1,
            owner: self.leases.owner.clone(),
            group: self.group.clone(),
            token: self.token,
            expires_ms: self.leases.clock.now_ms().saturating_add(LEASE_MS),
            is_released,
        };
        serde_json::to_vec(&document).unwrap_or_default().into()
    }

    /// Closes what was announced under lower tokens, and then forgets those; `false` where there
    /// is a higher one.
    async fn bury(&self) -> Result<bool, CompactError> {
        let listed = self.leases.list(&self.folder).await?;
        if listed.tokens.last().is_some_and(|last| *last > self.token) {
            return Ok(false);
        }
        let access = &self.leases.access;
        for (token, block) in listed.blocks {
            if token < self.token {
                let fate = self.leases.close(block).await?;
                tracing::info!(%block, ?fate, group = self.group, "a block of a worker before");
                access.delete(&self.path_of(token, block)).await?;
            }
        }
        for token in listed.tokens.range(..self.token) {
            access.delete(&self.path(*token)).await?;
        }
        Ok(true)
    }

    /// Says that a block is being made. After this, it is published by [`Access::put_new`] or
    /// never.
    ///
    /// # Errors
    /// The lease is lost, or the store failed: the block must not be made.
    pub(crate) async fn announce(&self, block: Ulid) -> Result<(), CompactError> {
        let path = self.path_of(self.token, block);
        let text = Bytes::from_static(b"{}");
        self.leases.access.put(&path, text).await?;
        self.check().await
    }

    /// Takes back what was announced of a block that is published, or never was begun to be.
    ///
    /// # Errors
    /// The store failed; who takes the group over looks after it.
    pub(crate) async fn retract(&self, block: Ulid) -> Result<(), CompactError> {
        let path = self.path_of(self.token, block);
        Ok(self.leases.access.delete(&path).await?)
    }

    /// Whether nobody has taken the group over.
    ///
    /// # Errors
    /// Somebody has, or the store failed.
    pub(crate) async fn check(&self) -> Result<(), CompactError> {
        let listed = self.leases.list(&self.folder).await?;
        match listed.tokens.last() {
            Some(token) if *token > self.token => Err(self.lost()),
            _ => Ok(()),
        }
    }

    /// Says that the lease is lost.
    pub(crate) fn lost(&self) -> CompactError {
        CompactError::Lost {
            group: self.group.clone(),
        }
    }

    /// Renews the lease again and again, until it is lost.
    pub(crate) async fn keep(&self) -> CompactError {
        loop {
            tokio::time::sleep(RENEWAL).await;
            match self.renew().await {
                Ok(()) => {}
                Err(lost @ CompactError::Lost { .. }) => return lost,
                Err(error) => {
                    let group = &self.group;
                    tracing::warn!(group, %error, "a lease was not renewed and is tried again");
                }
            }
        }
    }

    async fn renew(&self) -> Result<(), CompactError> {
        self.check().await?;
        let (path, text) = (self.path(self.token), self.text(false));
        Ok(self.leases.access.put(&path, text).await?)
    }

    /// Gives the lease back, so that nobody waits for its end.
    ///
    /// # Errors
    /// The store failed; then it ends by itself.
    pub(crate) async fn release(&self) -> Result<(), CompactError> {
        let (path, text) = (self.path(self.token), self.text(true));
        Ok(self.leases.access.put(&path, text).await?)
    }
}
