//! `narthex:plugin/state`.

use wasmtime::Result;

use crate::bindings::plugin::state;
use crate::bindings::plugin::types::Error;
use crate::budget::{Interface, Spend};
use crate::host::Host;
use crate::state::{StateError, StateStore};

impl Host {
    /// Does something with the blobs of this job, away from the tasks.
    async fn with_state<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&StateStore, &str, &str) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, Error> {
        if let Err(denied) = self.capabilities.state() {
            return Err(self.refuse(denied));
        }
        let (store, identity) = (self.outside.state.clone(), self.identity.clone());
        let done =
            tokio::task::spawn_blocking(move || work(&store, &identity.plugin, &identity.job));
        match done.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error @ StateError::Bound(_))) => Err(Error::Internal(error.to_string())),
            Ok(Err(error)) => Err(Error::Unavailable(error.to_string())),
            Err(_) => Err(Error::Unavailable("state: it was not reached".to_owned())),
        }
    }
}

impl state::Host for Host {
    async fn get(&mut self, key: String) -> Result<Result<Option<Vec<u8>>, Error>> {
        self.enter(Interface::State)?;
        let value = self
            .with_state(move |store, plugin, job| store.get(plugin, job, &key))
            .await;
        let read = value
            .as_ref()
            .ok()
            .and_then(Option::as_ref)
            .map_or(0, Vec::len);
        if let Err(error) = self.spend_bytes(read) {
            return Ok(Err(error));
        }
        Ok(value)
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Result<Result<(), Error>> {
        self.enter(Interface::State)?;
        if let Err(error) = self.spend(Spend::StateWrite) {
            return Ok(Err(error));
        }
        Ok(self
            .with_state(move |store, plugin, job| store.set(plugin, job, &key, &value))
            .await)
    }
}
