//! From an artifact to what instances can be made of: compiled or taken from the cache, and
//! checked against its world.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::artifact::Artifact;
use crate::cache::Cache;
use crate::compile::Compiler;
use crate::engine;
use crate::error::PluginError;
use crate::host::Host;
use crate::world::{Program, World};

/// Loads components, off the threads that serve.
pub(crate) struct Loader {
    engine: Engine,
    linker: Linker<Host>,
    cache: Cache,
    compiler: Compiler,
}

/// A component, ready to be instantiated.
pub(crate) struct Loaded {
    pub(crate) program: Program,
    /// How long it took to compile; none, where the cache had it.
    pub(crate) compiled_in: Option<Duration>,
}

impl Loader {
    pub(crate) fn new(cache: Cache, compiler: Compiler) -> Result<Self, PluginError> {
        let engine = engine::start()?;
        Ok(Self {
            linker: engine::linker(&engine)?,
            engine,
            cache,
            compiler,
        })
    }

    pub(crate) async fn load(
        self: &Arc<Self>,
        artifact: &Artifact,
        world: World,
    ) -> Result<Loaded, PluginError> {
        let digest = artifact.digest.clone();
        let kept = self.blocking(move |this| Ok(this.cache.load(&this.engine, &digest)));
        let (component, compiled_in) = match kept.await? {
            Some(component) => (component, None),
            None => {
                let start = Instant::now();
                let component = self.compile(artifact).await?;
                (component, Some(start.elapsed()))
            }
        };
        let program = self.blocking(move |this| engine::program(&this.linker, &component, world));
        Ok(Loaded {
            program: program.await?,
            compiled_in,
        })
    }

    async fn compile(self: &Arc<Self>, artifact: &Artifact) -> Result<Component, PluginError> {
        let wasm = artifact.component.clone();
        let compiled = self.compiler.compile(&self.engine, wasm).await?;
        let digest = artifact.digest.clone();
        self.blocking(move |this| this.cache.keep(&this.engine, &digest, &compiled))
            .await
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, PluginError> + Send + 'static,
    ) -> Result<T, PluginError> {
        let this = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&this)).await;
        done.unwrap_or_else(|error| {
            Err(PluginError::Compile(format!("loading it failed: {error}")))
        })
    }
}
