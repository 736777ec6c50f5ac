//! `narthex:plugin/secrets`.

use narthex_http::Secret;
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::plugin::secrets;
use crate::bindings::plugin::types::Error;
use crate::budget::Interface;
use crate::host::Host;
use crate::metrics::PluginLabel;
use crate::vault;

/// What a guest's handle stands for: a name, and never the secret.
#[derive(Debug, Clone)]
#[expect(
    unreachable_pub,
    reason = "the generated code names it as a public type"
)]
pub struct SecretHandle {
    name: String,
}

impl Host {
    /// The secret behind a handle, as it is now.
    pub(crate) async fn secret(
        &mut self,
        handle: &Resource<SecretHandle>,
    ) -> Result<Result<Secret, Error>> {
        let name = self.table().get(handle)?.name.clone();
        if let Some(lent) = self.lent.secret(&name) {
            let lent = lent.clone();
            return Ok(vault::read(&name, &lent).await);
        }
        // Grants and secrets may have changed since the handle was made.
        if let Err(denied) = self.capabilities.secret(&name) {
            return Ok(Err(self.refuse(denied)));
        }
        let vault = self.outside.vault.load_full();
        Ok(vault.secret(&name).await)
    }
}

impl secrets::Host for Host {
    async fn get(&mut self, name: String) -> Result<Result<Resource<SecretHandle>, Error>> {
        self.enter(Interface::Secrets)?;
        if self.lent.secret(&name).is_some() {
            return Ok(Ok(self.table().push(SecretHandle { name })?));
        }
        if let Err(denied) = self.capabilities.secret(&name) {
            // A field that could be there is asked for to know whether it is.
            if self.lent.has_secrets() {
                let text = format!("secret {name:?}: the configuration's entry has none");
                return Ok(Err(Error::Config(text)));
            }
            return Ok(Err(self.refuse(denied)));
        }
        if !self.outside.vault.load().has_secret(&name) {
            let text = format!("secret {name:?}: it is not in plugins.secrets");
            return Ok(Err(Error::Config(text)));
        }
        Ok(Ok(self.table().push(SecretHandle { name })?))
    }
}

impl secrets::HostSecret for Host {
    async fn reveal(&mut self, handle: Resource<SecretHandle>) -> Result<Result<String, Error>> {
        self.enter(Interface::Secrets)?;
        let secret = match self.secret(&handle).await? {
            Ok(secret) => secret,
            Err(error) => return Ok(Err(error)),
        };
        let label = PluginLabel {
            plugin: self.identity.plugin.clone(),
        };
        let reveals = &self.outside.metrics.secret_reveals;
        reveals.get_or_create(&label).inc();
        Ok(Ok(secret.expose().to_owned()))
    }

    async fn drop(&mut self, handle: Resource<SecretHandle>) -> Result<()> {
        self.table().delete(handle)?;
        Ok(())
    }
}
