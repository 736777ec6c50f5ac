//! One warm instance of a plugin: made, asked, thrown away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use narthex_discovery::TargetGroup;
use narthex_model::PromDuration;
use narthex_registry::{Endpoint, GrantList};
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
use crate::capability::Capabilities;
use crate::error::CallError;
use crate::expand::Expand;
use crate::host::{Host, Identity, Outside};
use crate::lent::Lent;
use crate::limits::{
    BACKTRACE_BYTES_MAX, BOUNDARY_BYTES_MAX, CALLS_PER_INSTANCE_MAX, COMPONENT_HANDLES_MAX,
    GROUPS_MAX, SETUP_TIMEOUT, SHUTDOWN_TIMEOUT, TARGETS_MAX,
};
use crate::version::Version;
use crate::watches::Watch;
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
    /// What its job may reach, less what is lent to it.
    capabilities: Arc<Capabilities>,
    lent: Lent,
    /// What was lent of places when that was asked for last.
    reach: GrantList,
    calls: u64,
    /// Whether it has told all groups that there are.
    has_told_all: bool,
}

/// What all instances of a job are made with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) identity: Identity,
    pub(crate) outside: Outside,
    pub(crate) config: Value,
    /// The same as it is handed to the guest.
    pub(crate) config_text: Arc<str>,
    pub(crate) lent: Lent,
}

impl Setup {
    pub(crate) fn new(
        identity: Identity,
        mut outside: Outside,
        config: &Value,
        lent: Lent,
    ) -> Self {
        outside.watches = lent.watches().or(outside.watches);
        let config_text = match config {
            Value::Null => "{}".to_owned(),
            config => config.to_string(),
        };
        Self {
            identity,
            outside,
            config: config.clone(),
            config_text: config_text.into(),
            lent,
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
    Notify {
        notification: &'a GuestNotification,
        /// Expands texts with it.
        texts: Arc<dyn Expand>,
        /// Becomes the status of the last answer that the guest had over HTTP; 0 is none.
        status: &'a AtomicU16,
    },
}

/// What a discovery found.
pub(crate) struct Refreshed {
    pub(crate) groups: Vec<TargetGroup>,
    /// Whether groups that are not among them stay.
    pub(crate) is_change: bool,
    /// Whether there is more.
    pub(crate) has_more: bool,
}

/// What it answers.
pub(crate) enum Answer {
    Scraped(Scraped),
    Groups(Refreshed),
    Outcome(GuestOutcome),
}

impl Instance {
    /// Instantiates, initialises, and asks whether it is well.
    #[boxed]
    pub(crate) async fn start(
        version: &Arc<Version>,
        setup: &Setup,
        allowance: Allowance,
    ) -> Result<Self, CallError> {
        let capabilities = version.capabilities.for_job(&setup.config);
        let reach = setup.lent.reach();
        let mut host = Host::new(
            setup.identity.clone(),
            setup.outside.clone(),
            lending(&capabilities, &reach),
            version.bounds.memory,
        );
        host.lent = setup.lent.clone();
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
                capabilities,
                lent: setup.lent.clone(),
                reach,
                calls: 0,
                has_told_all: false,
            }),
            Some(message) => Err(CallError::NotReady(message)),
        }
    }

    /// Takes the job's configuration where it has another; false: a new instance has to be made
    /// for it, and this one is of no more use.
    #[boxed]
    pub(crate) async fn adjust(
        &mut self,
        setup: &Setup,
        allowance: Allowance,
    ) -> Result<bool, CallError> {
        // Credentials, or the cluster that is watched, may be others.
        if !self.lent.is_same(&setup.lent) {
            return Ok(false);
        }
        if self.config == setup.config_text {
            return Ok(true);
        }
        self.capabilities = self.version.capabilities.for_job(&setup.config);
        let host = self.store.data_mut();
        host.begin_call(None, allowance.deadline);
        host.capabilities = lending(&self.capabilities, &self.reach);
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
        if matches!(request, Request::Refresh | Request::Notify { .. }) {
            self.look_at_reach();
        }
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
                first_lists(&store.data().watches, allowance).await?;
                let discoverer = guest.narthex_plugin_discoverer();
                let answer = within(allowance, discoverer.call_refresh(&mut *store)).await;
                let call = &store.data().call;
                let (is_change, has_more) = (call.has_only_changes, call.has_more);
                let is_change = is_change && self.has_told_all;
                store.data_mut().end_call();
                let groups = answer.map_err(|stop| stop.explain(store))??;
                self.has_told_all |= !has_more;
                let refreshed = Refreshed {
                    groups: groups.into_iter().map(group).collect(),
                    is_change,
                    has_more,
                };
                return refreshed.checked().map(Answer::Groups);
            }
            (
                Guest::Receiver(guest),
                Request::Notify {
                    notification,
                    texts,
                    status,
                },
            ) => {
                store.data_mut().call.texts = Some(texts);
                let notifier = guest.narthex_plugin_notifier();
                let call = notifier.call_notify(&mut *store, notification);
                let answer = within(allowance, call).await;
                let last = store.data().call.last_status;
                status.store(last.unwrap_or_default(), Ordering::Relaxed);
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

    /// Takes over what is lent of places where that is not what it was.
    fn look_at_reach(&mut self) {
        let reach = self.lent.reach();
        if reach != self.reach {
            self.store.data_mut().capabilities = lending(&self.capabilities, &reach);
            self.reach = reach;
        }
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
        let host = self.store.data();
        self.calls >= CALLS_PER_INSTANCE_MAX
            || host.memory.used_percent() >= RECYCLE_MEMORY_PERCENT
            || host.watches.iter().flatten().any(|watch| watch.is_lost())
    }

    /// Says farewell and drops it.
    #[boxed]
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

/// What a job may reach, with what is lent to it. What cannot be granted is not lent, which the
/// guest's refusals name.
fn lending(capabilities: &Arc<Capabilities>, reach: &GrantList) -> Arc<Capabilities> {
    capabilities.lending(reach).unwrap_or_else(|error| {
        tracing::error!(error, "an entry of the configuration lends nothing");
        capabilities.clone()
    })
}

/// The time that an instance has to get ready outside of a scrape.
pub(crate) fn setup_allowance() -> Allowance {
    Allowance::of(SETUP_TIMEOUT)
}

/// Waits until the first lists of the watches are complete: before, what is missing may only be
/// late, and its targets would be given up.
async fn first_lists(
    watches: &[Option<Box<dyn Watch>>],
    allowance: Allowance,
) -> Result<(), CallError> {
    for watch in watches.iter().flatten() {
        let changed = watch.changed();
        while !watch.synced() {
            let waited = tokio::time::timeout_at(allowance.deadline, changed.notified()).await;
            if waited.is_err() {
                let trouble = watch.trouble();
                return Err(CallError::NotListed(
                    trouble.unwrap_or_else(|| format!("not done after {}", allowance.length)),
                ));
            }
        }
    }
    Ok(())
}

impl Refreshed {
    /// The same, where it is not more than the host takes.
    pub(crate) fn checked(self) -> Result<Self, CallError> {
        let targets = self.groups.iter().map(|group| group.targets.len()).sum();
        for (what, count, max) in [
            ("groups", self.groups.len(), GROUPS_MAX),
            ("targets", targets, TARGETS_MAX),
        ] {
            if count > max {
                return Err(CallError::TooMany { what, count, max });
            }
        }
        Ok(self)
    }
}

fn group(group: Group) -> TargetGroup {
    let targets = group.targets.into_iter();
    TargetGroup {
        source: group.source,
        targets: targets.map(|labels| labels.into_iter().collect()).collect(),
        labels: group.labels.into_iter().collect(),
    }
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
