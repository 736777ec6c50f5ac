//! Brings notifications of alerts to the Alertmanagers that `alerting` names or finds.
//!
//! Each Alertmanager has a queue and a task of its own, so that one that hangs delays nobody else.
//! What does not fit in a queue pushes out what is oldest: an alert that still fires is told again,
//! and what is newer says more.
//!
//! It is not: what decides that there is something to tell (`narthex-rules`), nor an Alertmanager.

mod config;
mod delivery;
mod manager;
mod message;
mod metrics;
mod queue;
mod target;

pub use config::{AlertmanagerConfig, NotifierConfig, NotifierOptions};
pub use manager::{NotifierManager, PreparedNotifier};
pub use queue::{BATCH_SIZE_DEFAULT, QUEUE_CAPACITY_DEFAULT};
