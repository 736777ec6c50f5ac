//! The last good collection of a job: what a new version is tried on before it is put to work.

use std::sync::{Mutex, MutexGuard, PoisonError};

use narthex_model::PromDuration;
use narthex_registry::Endpoint;

use crate::bindings::exporter::exports::narthex::plugin::collector::Target as GuestTarget;

/// The target that was read last with success; none, where there was none yet.
#[derive(Debug, Default)]
pub(crate) struct Sighting(Mutex<Option<Seen>>);

/// A target and what was found there.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) target: GuestTarget,
    /// Where the target leads without the version's default port.
    pub(crate) address: String,
    pub(crate) timeout: PromDuration,
    pub(crate) had_samples: bool,
}

impl Seen {
    /// The endpoint, for a version with this default port.
    pub(crate) fn endpoint(&self, port: Option<u16>) -> Option<Endpoint> {
        Endpoint::parse_url(&self.address, port)
    }
}

impl Sighting {
    /// A collection went well. Only a target that is another one is copied.
    pub(crate) fn note(
        &self,
        address: &str,
        target: &GuestTarget,
        timeout: PromDuration,
        had_samples: bool,
    ) {
        let mut seen = self.lock();
        match &mut *seen {
            // One that has samples says more than one that has none.
            Some(seen) if seen.had_samples && !had_samples => {}
            Some(seen) if seen.address == address => seen.had_samples = had_samples,
            _ => {
                *seen = Some(Seen {
                    target: target.clone(),
                    address: address.to_owned(),
                    timeout,
                    had_samples,
                });
            }
        }
    }

    /// A collection failed: that target is of no use for a comparison now.
    pub(crate) fn forget(&self, address: &str) {
        let mut seen = self.lock();
        if seen.as_ref().is_some_and(|seen| seen.address == address) {
            *seen = None;
        }
    }

    pub(crate) fn last(&self) -> Option<Seen> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
