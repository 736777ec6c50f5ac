//! One warm instance of a plugin: made, asked, thrown away.

use std::sync::Arc;
use std::time::Duration;

use narthex_exposition::{Families, Family, MetricType};
use narthex_model::PromDuration;
use narthex_scrape::Scraped;
use tokio::time::Instant;
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;

use crate::bindings::exporter::Exporter;
use crate::bindings::exporter::exports::narthex::plugin::collector::Target;
use crate::bindings::plugin::types::{Batch, MetricKind, Payload};
use crate::error::CallError;
use crate::host::{Host, Identity, Outside};
use crate::imports::http::StoredResponse;
use crate::limits::{BOUNDARY_BYTES_MAX, CALLS_PER_INSTANCE_MAX, SETUP_TIMEOUT, SHUTDOWN_TIMEOUT};
use crate::version::Version;
use narthex_registry::Endpoint;

/// An instance is replaced once this part of its memory is in use: it never shrinks.
const RECYCLE_MEMORY_PERCENT: u64 = 75;

/// An instance that was initialised with its job's configuration.
pub(crate) struct Instance {
    store: Store<Host>,
    exporter: Exporter,
    version: Arc<Version>,
    calls: u64,
}

/// The time that a call has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    /// When it ends.
    pub(crate) deadline: Instant,
    /// How long that is, as it is told to people.
    pub(crate) length: PromDuration,
}

impl Allowance {
    /// From now on.
    pub(crate) fn of(length: Duration) -> Self {
        let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        Self {
            deadline: Instant::now() + length,
            length: PromDuration::from_millis(millis),
        }
    }
}

impl Instance {
    /// Instantiates, initialises, and asks whether it is well.
    pub(crate) async fn start(
        version: &Arc<Version>,
        identity: Identity,
        outside: Outside,
        config: &str,
        allowance: Allowance,
    ) -> Result<Self, CallError> {
        let engine = version.component.engine();
        let settings = serde_json::from_str(config).unwrap_or_default();
        let capabilities = version.capabilities.for_job(&settings);
        let host = Host::new(identity, outside, capabilities, version.memory);
        let mut store = Store::new(engine, host);
        store.limiter(|host| &mut host.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store.set_hostcall_fuel(BOUNDARY_BYTES_MAX);

        store.data_mut().begin_call(None, allowance.deadline);
        let made = version.component.instantiate_async(&mut store);
        let exporter = within(allowance, made).await;
        let exporter = exporter.map_err(|stop| stop.explain(&store))?;
        let mut instance = Self {
            store,
            exporter,
            version: version.clone(),
            calls: 0,
        };
        let lifecycle = instance.exporter.narthex_plugin_lifecycle();
        let answer = within(allowance, lifecycle.call_init(&mut instance.store, config)).await;
        answer.map_err(|stop| stop.explain(&instance.store))??;
        let lifecycle = instance.exporter.narthex_plugin_lifecycle();
        let answer = within(allowance, lifecycle.call_health(&mut instance.store)).await;
        let health = answer.map_err(|stop| stop.explain(&instance.store))?;
        instance.store.data_mut().end_call();
        match health.ready {
            true => Ok(instance),
            false => Err(CallError::NotReady(health.message)),
        }
    }

    /// Reads a target.
    pub(crate) async fn collect(
        &mut self,
        target: Target,
        endpoint: Option<Endpoint>,
        allowance: Allowance,
    ) -> Result<Scraped, CallError> {
        self.calls += 1;
        self.store
            .data_mut()
            .begin_call(endpoint, allowance.deadline);
        let collector = self.exporter.narthex_plugin_collector();
        let answer = within(allowance, collector.call_collect(&mut self.store, &target)).await;
        let responses = self.store.data_mut().end_call();
        let payload = answer.map_err(|stop| stop.explain(&self.store))??;
        scraped(payload, &responses)
    }

    /// The bytes of memory it has.
    pub(crate) fn memory(&self) -> u64 {
        self.store.data().memory.used()
    }

    /// Whether it can go on with this version.
    pub(crate) fn is_of(&self, version: &Arc<Version>) -> bool {
        Arc::ptr_eq(&self.version, version)
    }

    /// Whether its time is over, though nothing happened.
    pub(crate) fn is_worn(&self) -> bool {
        self.calls >= CALLS_PER_INSTANCE_MAX
            || self.store.data().memory.used_percent() >= RECYCLE_MEMORY_PERCENT
    }

    /// Says farewell and drops it.
    pub(crate) async fn shut_down(mut self) {
        let allowance = Allowance::of(SHUTDOWN_TIMEOUT);
        self.store.data_mut().begin_call(None, allowance.deadline);
        let lifecycle = self.exporter.narthex_plugin_lifecycle();
        let answer = within(allowance, lifecycle.call_shutdown(&mut self.store)).await;
        self.store.data_mut().end_call();
        if let Err(stop) = answer {
            let error = stop.explain(&self.store);
            let plugin = &self.store.data().identity.plugin;
            tracing::debug!(plugin, %error, "plugin did not shut down in peace");
        }
    }
}

/// The time that an instance has to get ready outside of a scrape.
pub(crate) fn setup_allowance() -> Allowance {
    Allowance::of(SETUP_TIMEOUT)
}

/// How a call ended before its own end.
enum Stop {
    Error(wasmtime::Error),
    Deadline(PromDuration),
}

/// Waits for a call, but not longer than it may take. The call is dropped then, and its instance
/// answers no further one.
async fn within<T>(
    allowance: Allowance,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> Result<T, Stop> {
    match tokio::time::timeout_at(allowance.deadline, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Stop::Error(error)),
        Err(_) => Err(Stop::Deadline(allowance.length)),
    }
}

impl Stop {
    fn explain(self, store: &Store<Host>) -> CallError {
        let error = match self {
            Self::Deadline(length) => return CallError::Deadline(length),
            Self::Error(error) => error,
        };
        // A guest that gets no memory ends itself; that is no news, what it ran into is.
        if let Some(limit) = store.data().memory.reached() {
            return CallError::Memory(limit);
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            let text = trap.to_string();
            return CallError::Trap(text.trim_start_matches("wasm trap: ").to_owned());
        }
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return CallError::Trap(format!("the guest exited with code {}", exit.0));
        }
        CallError::Trap(error.root_cause().to_string())
    }
}

/// The status codes whose bodies are pages of metrics.
const STATUS_OK: u16 = 200;

fn scraped(payload: Payload, responses: &[StoredResponse]) -> Result<Scraped, CallError> {
    match payload {
        Payload::Batch(batch) => Ok(Scraped::Families(families(batch)?)),
        Payload::Exposition((content_type, body)) => Ok(Scraped::Text {
            content_type,
            body: body.into(),
        }),
        Payload::Response(handle) => {
            let index = usize::try_from(handle).ok().and_then(|h| h.checked_sub(1));
            let response = index.and_then(|index| responses.get(index));
            let response = response.ok_or(CallError::Response(handle))?;
            match response.status {
                STATUS_OK => Ok(Scraped::Text {
                    content_type: response.content_type.clone(),
                    body: response.body.clone(),
                }),
                status => Err(CallError::Status(status)),
            }
        }
    }
}

fn families(batch: Batch) -> Result<Families, CallError> {
    let families = batch.families.iter().map(|family| Family {
        name: family.name,
        help: family.help,
        unit: family.unit,
        kind: match family.kind {
            MetricKind::Unknown => MetricType::Unknown,
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
            MetricKind::Histogram => MetricType::Histogram,
            MetricKind::Summary => MetricType::Summary,
            MetricKind::Info => MetricType::Info,
            MetricKind::Stateset => MetricType::Stateset,
        },
        samples: family.samples,
    });
    Ok(Families::new(
        batch.symbols,
        families.collect(),
        batch.label_counts,
        batch.labels,
        batch.values,
        batch.timestamps,
    )?)
}
