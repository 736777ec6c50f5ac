//! What the notifier is given: by the flags and by the section `alerting`.
//!
//! It is not: where that is read.

use narthex_discovery::{SdConfig, StaticConfig};
use narthex_http::HttpConfig;
use narthex_model::relabel::RelabelConfig;
use narthex_model::{Labels, PromDuration};

use crate::{BATCH_SIZE_DEFAULT, QUEUE_CAPACITY_DEFAULT};

/// What does not change while the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifierOptions {
    /// `--alertmanager.notification-queue-capacity`: so many notifications wait for each
    /// Alertmanager.
    pub queue_capacity: usize,
    /// `--alertmanager.notification-batch-size`: so many are sent at once.
    pub batch_size: usize,
    /// `--alertmanager.drain-notification-queue-on-shutdown`: what waits is sent before the end.
    pub drains_on_shutdown: bool,
}

impl Default for NotifierOptions {
    fn default() -> Self {
        Self {
            queue_capacity: QUEUE_CAPACITY_DEFAULT,
            batch_size: BATCH_SIZE_DEFAULT,
            drains_on_shutdown: true,
        }
    }
}

/// The section.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NotifierConfig {
    /// `global.external_labels`: an alert has them where it has no label of the name.
    pub external_labels: Labels,
    /// What becomes of alerts before they are sent anywhere.
    pub alert_relabel_configs: Vec<RelabelConfig>,
    /// The entries.
    pub alertmanagers: Vec<AlertmanagerConfig>,
}

/// An entry of `alertmanagers`.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertmanagerConfig {
    /// How they are spoken to.
    pub http: HttpConfig,
    /// `http` or `https`, where relabelling says nothing else.
    pub scheme: String,
    /// What stands before `/api/v2/alerts`.
    pub path_prefix: String,
    /// A request may take this long.
    pub timeout: PromDuration,
    /// What becomes of the labels of each Alertmanager.
    pub relabel_configs: Vec<RelabelConfig>,
    /// What becomes of alerts that are sent to these.
    pub alert_relabel_configs: Vec<RelabelConfig>,
    /// Those that are listed.
    pub static_configs: Vec<StaticConfig>,
    /// Those that are found.
    pub sd_configs: Vec<SdConfig>,
}
