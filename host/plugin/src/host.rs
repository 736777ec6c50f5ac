//! What the host keeps for one instance: its limits, its log, and what the call under way may
//! reach and has opened.

use std::sync::Arc;

use arc_swap::ArcSwap;
use narthex_http::Lookup;
use narthex_model::Clock;
use narthex_registry::MemorySize;
use tokio::net::UdpSocket;
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Result};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::plugin::types;
use crate::budget::{Budget, HostCalls, Interface, Spend};
use crate::capability::{Capabilities, Denied};
use crate::expand::Expand;
use crate::imports::http::StoredResponse;
use crate::imports::tcp::Stream;
use crate::lent::Lent;
use crate::limits::{
    CORE_INSTANCES_MAX, DENIALS_LOGGED_PER_CALL_MAX, HANDLES_MAX, MEMORIES_MAX, RANDOM_BYTES_MAX,
    TABLE_ELEMENTS_MAX, TABLES_MAX,
};
use crate::log::{Level, PluginLog, StandardStream};
use crate::log_ring::LogRing;
use crate::metrics::{DeniedLabels, Metrics};
use crate::state::StateStore;
use crate::vault::Vault;
use crate::watches::{Watch, Watches};
use narthex_registry::Endpoint;

/// What all instances share.
#[derive(Debug, Clone)]
pub(crate) struct Outside {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) metrics: Metrics,
    pub(crate) state: Arc<StateStore>,
    /// That of the configuration at work.
    pub(crate) vault: Arc<ArcSwap<Vault>>,
    pub(crate) watches: Option<Arc<dyn Watches>>,
}

/// Whose instance it is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) plugin: String,
    pub(crate) job: String,
    /// The plugin's last lines.
    pub(crate) log: LogRing,
}

/// The call under way. Nothing in it outlives the call.
#[derive(Debug)]
pub(crate) struct Call {
    /// Tells handles of this call from those of earlier ones.
    pub(crate) number: u64,
    pub(crate) deadline: Instant,
    pub(crate) target: Option<Endpoint>,
    pub(crate) streams: Vec<Option<Stream>>,
    pub(crate) sockets: Vec<Option<UdpSocket>>,
    pub(crate) responses: Vec<StoredResponse>,
    pub(crate) budget: Budget,
    /// Expands texts with the notification that is to be delivered; none in other calls.
    pub(crate) texts: Option<Arc<dyn Expand>>,
    /// The status of the last answer to a request over HTTP; none where there was no answer.
    pub(crate) last_status: Option<u16>,
    /// Whether the guest said that it returns changes only.
    pub(crate) has_only_changes: bool,
    /// Whether the guest said that there is more than it returns.
    pub(crate) has_more: bool,
    denials: u32,
}

impl Call {
    fn new(number: u64, target: Option<Endpoint>, deadline: Instant) -> Self {
        Self {
            number,
            deadline,
            target,
            streams: Vec::new(),
            sockets: Vec::new(),
            responses: Vec::new(),
            budget: Budget::default(),
            texts: None,
            last_status: None,
            has_only_changes: false,
            has_more: false,
            denials: 0,
        }
    }
}

/// The state of one instance.
pub(crate) struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(crate) memory: MemoryLimiter,
    pub(crate) log: Arc<PluginLog>,
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) outside: Outside,
    /// What is lent to the job.
    pub(crate) lent: Lent,
    pub(crate) identity: Identity,
    pub(crate) started: Instant,
    pub(crate) call: Call,
    /// The watches that the instance opened, by handle; they outlive calls.
    pub(crate) watches: Vec<Option<Box<dyn Watch>>>,
    /// Whether the guest waits for the outside, as far as is known: an import sets it, and a tick
    /// of the engine, which only passes in the guest's own code, takes it back.
    pub(crate) is_outside: bool,
    host_calls: HostCalls,
}

impl Host {
    pub(crate) fn new(
        identity: Identity,
        outside: Outside,
        capabilities: Arc<Capabilities>,
        memory: MemorySize,
    ) -> Self {
        let log = PluginLog::new(&identity, &outside);
        let stream = |level| StandardStream {
            log: log.clone(),
            level,
        };
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let started = Instant::now();
        let host_calls = HostCalls::of(&identity.plugin, &outside.metrics);
        Self {
            wasi: WasiCtx::builder()
                .stdout(stream(Level::Info))
                .stderr(stream(Level::Warn))
                .max_random_size(RANDOM_BYTES_MAX)
                .build(),
            table,
            memory: MemoryLimiter::new(memory),
            log,
            capabilities,
            outside,
            lent: Lent::default(),
            identity,
            started,
            call: Call::new(0, None, started),
            watches: Vec::new(),
            is_outside: false,
            host_calls,
        }
    }

    /// A call begins.
    pub(crate) fn begin_call(&mut self, target: Option<Endpoint>, deadline: Instant) {
        self.log.begin_call();
        self.is_outside = false;
        self.call = Call::new(self.call.number + 1, target, deadline);
    }

    /// A call ended: its connections are closed, its responses handed over.
    pub(crate) fn end_call(&mut self) -> Vec<StoredResponse> {
        self.log.end_call();
        self.call.streams.clear();
        self.call.sockets.clear();
        self.call.texts = None;
        std::mem::take(&mut self.call.responses)
    }

    /// Each import begins with this: it counts, and traps in the end where a guest does nothing
    /// but ask.
    pub(crate) fn enter(&mut self, interface: Interface) -> Result<()> {
        self.host_calls.count(interface);
        self.is_outside = true;
        match self.call.budget.spend(Spend::HostCall) {
            Ok(()) => Ok(()),
            Err(message) => {
                let capability = Spend::HostCall.capability();
                let denied = Denied {
                    capability,
                    message: message.clone(),
                };
                self.refuse(denied);
                Err(wasmtime::Error::msg(message))
            }
        }
    }

    /// Uses one more of what a call has a bounded number of.
    pub(crate) fn spend(&mut self, what: Spend) -> Result<(), types::Error> {
        self.call.budget.spend(what).map_err(|message| {
            self.refuse(Denied {
                capability: what.capability(),
                message,
            })
        })
    }

    /// Counts bytes that came from outside.
    pub(crate) fn spend_bytes(&mut self, bytes: usize) -> Result<(), types::Error> {
        self.call.budget.read(bytes).map_err(|message| {
            self.refuse(Denied {
                capability: "read_bytes",
                message,
            })
        })
    }

    /// When a wait for the outside ends, so that the guest has time left to say what it waited
    /// for: nine tenths of what the call still has.
    pub(crate) fn patience(&self) -> Instant {
        let now = Instant::now();
        now + self.call.deadline.saturating_duration_since(now) * 9 / 10
    }

    /// Writes a refusal down, in log and metric, and makes it the guest's error.
    pub(crate) fn refuse(&mut self, denied: Denied) -> types::Error {
        let labels = DeniedLabels {
            plugin: self.identity.plugin.clone(),
            capability: denied.capability,
        };
        self.outside.metrics.denied.get_or_create(&labels).inc();
        self.call.denials = self.call.denials.saturating_add(1);
        if self.call.denials <= DENIALS_LOGGED_PER_CALL_MAX {
            self.log.denied(denied.capability, &denied.message);
        }
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
