//! What the host keeps for one instance: its limits, its log, and what the call under way may
//! reach and has opened.

use std::sync::Arc;

use narthex_http::Outbound;
use narthex_model::Clock;
use narthex_registry::MemorySize;
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Result};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::narthex::plugin::types;
use crate::capability::{Capabilities, Denied};
use crate::imports::http::StoredResponse;
use crate::imports::tcp::Stream;
use crate::limits::{
    CORE_INSTANCES_MAX, HANDLES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX,
};
use crate::log::{Level, PluginLog, StandardStream};
use crate::metrics::{DeniedLabels, Metrics};
use narthex_registry::Endpoint;

/// What all instances share.
#[derive(Debug, Clone)]
pub(crate) struct Outside {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) http: Outbound,
    pub(crate) metrics: Metrics,
}

/// Whose instance it is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) plugin: String,
    pub(crate) job: String,
}

/// The call under way. Nothing in it outlives the call.
#[derive(Debug)]
pub(crate) struct Call {
    /// Tells handles of this call from those of earlier ones.
    pub(crate) number: u64,
    pub(crate) deadline: Instant,
    pub(crate) target: Option<Endpoint>,
    pub(crate) streams: Vec<Option<Stream>>,
    pub(crate) responses: Vec<StoredResponse>,
}

/// The state of one instance.
pub(crate) struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(crate) memory: MemoryLimiter,
    pub(crate) log: Arc<PluginLog>,
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) outside: Outside,
    pub(crate) identity: Identity,
    pub(crate) started: Instant,
    pub(crate) call: Call,
}

impl Host {
    pub(crate) fn new(
        identity: Identity,
        outside: Outside,
        capabilities: Arc<Capabilities>,
        memory: MemorySize,
    ) -> Self {
        let log = PluginLog::new(&identity.plugin, &identity.job, outside.metrics.clone());
        let stream = |level| StandardStream {
            log: log.clone(),
            level,
        };
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let started = Instant::now();
        Self {
            wasi: WasiCtx::builder()
                .stdout(stream(Level::Info))
                .stderr(stream(Level::Warn))
                .build(),
            table,
            memory: MemoryLimiter::new(memory),
            log,
            capabilities,
            outside,
            identity,
            started,
            call: Call {
                number: 0,
                deadline: started,
                target: None,
                streams: Vec::new(),
                responses: Vec::new(),
            },
        }
    }

    /// A call begins.
    pub(crate) fn begin_call(&mut self, target: Option<Endpoint>, deadline: Instant) {
        self.log.begin_call();
        self.call = Call {
            number: self.call.number + 1,
            deadline,
            target,
            streams: Vec::new(),
            responses: Vec::new(),
        };
    }

    /// A call ended: its connections are closed, its responses handed over.
    pub(crate) fn end_call(&mut self) -> Vec<StoredResponse> {
        self.log.end_call();
        self.call.streams.clear();
        std::mem::take(&mut self.call.responses)
    }

    /// Writes a refusal down, in log and metric, and makes it the guest's error.
    pub(crate) fn refuse(&self, denied: Denied) -> types::Error {
        let labels = DeniedLabels {
            plugin: self.identity.plugin.clone(),
            capability: denied.capability,
        };
        self.outside.metrics.denied.get_or_create(&labels).inc();
        tracing::warn!(
            plugin = self.identity.plugin,
            job = self.identity.job,
            capability = denied.capability,
            reason = denied.message,
            "plugin was denied a call"
        );
        types::Error::Denied(denied.message)
    }

    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl types::Host for Host {}

/// Counts the memory of one instance and refuses what is too much.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: MemorySize,
    /// Bytes of all memories together.
    used: u64,
    table_elements: usize,
    refused: bool,
}

impl MemoryLimiter {
    fn new(limit: MemorySize) -> Self {
        Self {
            limit,
            used: 0,
            table_elements: 0,
            refused: false,
        }
    }

    /// The bytes that the instance has.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// The limit, where the instance asked for more.
    pub(crate) fn reached(&self) -> Option<MemorySize> {
        self.refused.then_some(self.limit)
    }

    /// The part of the limit that is in use, in percent.
    pub(crate) fn used_percent(&self) -> u64 {
        self.used.saturating_mul(100) / self.limit.0.max(1)
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        let total = self.used.saturating_add(more);
        if total > self.limit.0 {
            self.refused = true;
            return Ok(false);
        }
        self.used = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let total = self.table_elements + desired.saturating_sub(current);
        let fits = total <= TABLE_ELEMENTS_MAX;
        if fits {
            self.table_elements = total;
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}
