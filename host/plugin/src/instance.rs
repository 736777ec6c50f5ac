//! One warm instance of a plugin: made, asked, thrown away.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::PromDuration;
use narthex_registry::Endpoint;
use narthex_scrape::Scraped;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::batch::scraped;
use crate::bindings::discovery::exports::narthex::plugin::discoverer::Group;
use crate::bindings::exporter::exports::narthex::plugin::collector::Target as GuestTarget;
use crate::bindings::receiver::exports::narthex::plugin::notifier::{
    Notification as GuestNotification, Outcome as GuestOutcome,
};
use crate::error::CallError;
use crate::host::{Host, Identity, Outside};
use crate::limits::{
    BACKTRACE_BYTES_MAX, BOUNDARY_BYTES_MAX, CALLS_PER_INSTANCE_MAX, COMPONENT_HANDLES_MAX,
    SETUP_TIMEOUT, SHUTDOWN_TIMEOUT,
};
use crate::version::Version;
use crate::world::Guest;

/// An instance is replaced once this part of its memory is in use: it never shrinks.
const RECYCLE_MEMORY_PERCENT: u64 = 75;

/// An instance that was initialised with its job's configuration.
pub(crate) struct Instance {
    store: Store<Host>,
    guest: Guest,
    version: Arc<Version>,
    /// The configuration that it has.
    config: Arc<str>,
    calls: u64,
}

/// What all instances of a job are made with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) identity: Identity,
    pub(crate) outside: Outside,
    pub(crate) config: Value,
    /// The same as it is handed to the guest.
    pub(crate) config_text: Arc<str>,
}

impl Setup {
    pub(crate) fn new(identity: Identity, outside: Outside, config: &Value) -> Self {
        let config_text = match config {
            Value::Null => "{}".to_owned(),
            config => config.to_string(),
        };
        Self {
            identity,
            outside,
            config: config.clone(),
            config_text: config_text.into(),
        }
    }
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

    /// Not longer than this, from now on.
    pub(crate) fn within(self, length: Option<Duration>) -> Self {
        match length.map(Self::of) {
            Some(shorter) if shorter.deadline < self.deadline => shorter,
            _ => self,
        }
    }
}

/// What is asked of a guest.
pub(crate) enum Request<'a> {
    Collect {
        target: &'a GuestTarget,
        endpoint: Option<Endpoint>,
    },
    Refresh,
    Notify(&'a GuestNotification),
}

/// What it answers.
pub(crate) enum Answer {
    Scraped(Scraped),
    Groups(Vec<Group>),
    Outcome(GuestOutcome),
}

impl Instance {
    /// Instantiates, initialises, and asks whether it is well.
    pub(crate) async fn start(
        version: &Arc<Version>,
        setup: &Setup,
        allowance: Allowance,
    ) -> Result<Self, CallError> {
        let capabilities = version.capabilities.for_job(&setup.config);
        let host = Host::new(
            setup.identity.clone(),
            setup.outside.clone(),
            capabilities,
            version.bounds.memory,
        );
        let mut store = Store::new(version.program.engine(), host);
        store.limiter(|host| &mut host.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| {
            // A tick passes in the guest's own code, not in what it waits for.
            context.data_mut().is_outside = false;
            Ok(UpdateDeadline::Yield(1))
        });
        store.set_hostcall_fuel(BOUNDARY_BYTES_MAX);
        store.set_max_component_handles(COMPONENT_HANDLES_MAX);

        store.data_mut().begin_call(None, allowance.deadline);
        let made = version.program.instantiate(&mut store);
        let guest = within(allowance, made).await;
        let guest = guest.map_err(|stop| stop.explain(&store))?;
        let answer = within(allowance, guest.init(&mut store, &setup.config_text)).await;
        answer.map_err(|stop| stop.explain(&store))??;
        let answer = within(allowance, guest.health(&mut store)).await;
        let trouble = answer.map_err(|stop| stop.explain(&store))?;
        store.data_mut().end_call();
        match trouble {
            None => Ok(Self {
                store,
                guest,
                version: version.clone(),
                config: setup.config_text.clone(),
                calls: 0,
            }),
            Some(message) => Err(CallError::NotReady(message)),
        }
    }

    /// Takes the job's configuration where it has another; false: a new instance has to be made
    /// for it, and this one is of no more use.
    pub(crate) async fn adjust(
        &mut self,
        setup: &Setup,
        allowance: Allowance,
    ) -> Result<bool, CallError> {
        if self.config == setup.config_text {
            return Ok(true);
        }
        let host = self.store.data_mut();
        host.begin_call(None, allowance.deadline);
        host.capabilities = self.version.capabilities.for_job(&setup.config);
        let call = self.guest.reconfigure(&mut self.store, &setup.config_text);
        let answer = within(allowance, call).await;
        self.store.data_mut().end_call();
        let is_taken = answer.map_err(|stop| stop.explain(&self.store))??;
        self.config = setup.config_text.clone();
        Ok(is_taken)
    }

    /// Asks it something that its world has an answer to.
    pub(crate) async fn call(
        &mut self,
        request: Request<'_>,
        allowance: Allowance,
    ) -> Result<Answer, CallError> {
        self.calls += 1;
        let store = &mut self.store;
        let target = match &request {
            Request::Collect { endpoint, .. } => endpoint.clone(),
            _ => None,
        };
        store.data_mut().begin_call(target, allowance.deadline);
        let answer = match (&self.guest, request) {
            (Guest::Exporter(guest), Request::Collect { target, .. }) => {
                let collector = guest.narthex_plugin_collector();
                let answer = within(allowance, collector.call_collect(&mut *store, target)).await;
                let responses = store.data_mut().end_call();
                let payload = answer.map_err(|stop| stop.explain(store))??;
                return scraped(payload, &responses).map(Answer::Scraped);
            }
            (Guest::Discovery(guest), Request::Refresh) => {
                let discoverer = guest.narthex_plugin_discoverer();
                let answer = within(allowance, discoverer.call_refresh(&mut *store)).await;
                answer.map(|answer| answer.map(Answer::Groups))
            }
            (Guest::Receiver(guest), Request::Notify(notification)) => {
                let notifier = guest.narthex_plugin_notifier();
                let call = notifier.call_notify(&mut *store, notification);
                let answer = within(allowance, call).await;
                answer.map(|answer| answer.map(Answer::Outcome))
            }
            _ => {
                let text = "it is of another world than its job".to_owned();
                return Err(CallError::NotReady(text));
            }
        };
        store.data_mut().end_call();
        Ok(answer.map_err(|stop| stop.explain(store))??)
    }

    /// The bytes of memory it has.
    pub(crate) fn memory(&self) -> u64 {
        self.store.data().memory.used()
    }

    /// What is notified when one of its watches has events.
    pub(crate) fn watch_changes(&self) -> Vec<Arc<Notify>> {
        let watches = self.store.data().watches.iter().flatten();
        watches.map(|watch| watch.changed()).collect()
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
        let answer = within(allowance, self.guest.shutdown(&mut self.store)).await;
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
            Self::Deadline(length) => {
                let is_busy = !store.data().is_outside;
                return CallError::Deadline { length, is_busy };
            }
            Self::Error(error) => error,
        };
        // A guest that gets no memory ends itself; that is no news, what it ran into is.
        if let Some(limit) = store.data().memory.reached() {
            return CallError::Memory(limit);
        }
        CallError::Trap {
            message: message(&error),
            backtrace: backtrace(&error),
        }
    }
}

fn message(error: &wasmtime::Error) -> String {
    if let Some(trap) = error.downcast_ref::<Trap>() {
        let text = trap.to_string();
        return text.trim_start_matches("wasm trap: ").to_owned();
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("the guest exited with code {}", exit.0);
    }
    error.root_cause().to_string()
}

fn backtrace(error: &wasmtime::Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let mut text = backtrace.map(ToString::to_string).unwrap_or_default();
    let cut = text.floor_char_boundary(BACKTRACE_BYTES_MAX);
    text.truncate(cut);
    text
}
