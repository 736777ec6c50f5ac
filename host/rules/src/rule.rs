//! One rule: what it says, and how its last evaluation went.
//!
//! It is not: how it is evaluated, which is [`crate::group`]'s and [`crate::alerting`]'s.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use narthex_model::{Labels, METRIC_NAME, SeriesRef};
use narthex_promql::ast::Expr;
use narthex_promql::{ParseError, ParseOptions};

use crate::overlay::Overlay;
use crate::template::Templates;
use crate::{Alert, AlertState, RuleConfig};

/// What a rule does with the answers to its query.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleKind {
    /// It writes them down.
    Recording,
    /// They are alerts.
    Alerting {
        /// An alert fires when it is active for this long.
        hold_ms: i64,
        /// An alert fires for this long after it is no longer given.
        keep_firing_for_ms: i64,
        /// Templates.
        annotations: BTreeMap<String, String>,
    },
}

/// A rule of a group.
#[derive(Debug)]
pub struct Rule {
    name: String,
    query: String,
    expr: Expr,
    /// As written: an empty text takes a label away.
    label_texts: BTreeMap<String, String>,
    labels: Labels,
    /// What a rule that records puts on top of the labels of a series.
    overlay: Overlay,
    kind: RuleKind,
    /// Of a rule that records there are none.
    templates: Option<Templates>,
    state: Mutex<RuleState>,
}

/// Whether the last evaluation went well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Health {
    /// There was none yet.
    #[default]
    Unknown,
    /// It did.
    Good,
    /// It did not.
    Bad,
}

impl Health {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Good => "ok",
            Self::Bad => "err",
        }
    }
}

/// What changes with each evaluation.
#[derive(Debug, Default)]
pub(crate) struct RuleState {
    pub(crate) health: Health,
    pub(crate) last_error: Option<String>,
    pub(crate) evaluation_seconds: f64,
    pub(crate) last_evaluation_ms: Option<i64>,
    /// Those that are active or ended not long ago.
    pub(crate) alerts: BTreeMap<Labels, Alert>,
    /// Whether alerts are written to the store: not before they were restored from there.
    pub(crate) is_restored: bool,
    /// What the last evaluation wrote.
    pub(crate) series: BTreeMap<Labels, SeriesRef>,
}

/// How a rule is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleStatus {
    /// Whether its last evaluation went well.
    pub health: Health,
    /// Why it did not.
    pub last_error: Option<String>,
    /// How long it took.
    pub evaluation_seconds: f64,
    /// When it was, in milliseconds since the epoch.
    pub last_evaluation_ms: Option<i64>,
    /// How far the furthest of its alerts has come; of a rule that records it says nothing.
    pub state: AlertState,
    /// Those that have not ended.
    pub alerts: Vec<Alert>,
}

impl Rule {
    /// The rule that a file describes, with the labels of its group.
    ///
    /// # Errors
    /// The query is none.
    pub(crate) fn new(
        config: &RuleConfig,
        group_labels: &BTreeMap<String, String>,
        options: &ParseOptions,
    ) -> Result<Self, ParseError> {
        let expr = narthex_promql::parse(&config.expr, options)?;
        let kind = match config.alert.is_empty() {
            true => RuleKind::Recording,
            false => RuleKind::Alerting {
                hold_ms: config.hold.as_millis_i64(),
                keep_firing_for_ms: config.keep_firing_for.as_millis_i64(),
                annotations: config.annotations.clone(),
            },
        };
        let mut label_texts = group_labels.clone();
        label_texts.extend(config.labels.clone());
        let templates = match &kind {
            RuleKind::Recording => None,
            RuleKind::Alerting { annotations, .. } => {
                Some(Templates::new(config.name(), &label_texts, annotations))
            }
        };
        Ok(Self {
            name: config.name().to_owned(),
            query: expr.to_string(),
            expr,
            labels: Labels::from_pairs(&label_texts),
            overlay: {
                let name = [(METRIC_NAME, config.name())];
                let texts = label_texts.iter();
                let texts = texts.map(|(name, value)| (name.as_str(), value.as_str()));
                Overlay::new(name.into_iter().chain(texts))
            },
            label_texts,
            kind,
            templates,
            state: Mutex::default(),
        })
    }

    /// The name of the series or of the alert.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The query, as the printer prints it.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Its query, parsed.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    pub(crate) fn templates(&self) -> Option<&Templates> {
        self.templates.as_ref()
    }

    /// What a rule that records puts on top of the labels of a series: its name and its labels.
    pub(crate) fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// The labels that it sets; of an alert they are templates.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// What it does.
    pub fn kind(&self) -> &RuleKind {
        &self.kind
    }

    pub(crate) fn is_alerting(&self) -> bool {
        matches!(self.kind, RuleKind::Alerting { .. })
    }

    /// How it is doing.
    pub fn status(&self) -> RuleStatus {
        let state = self.state();
        let is_active = |alert: &&Alert| alert.resolved_at_ms.is_none();
        let alerts: Vec<Alert> = state.alerts.values().filter(is_active).cloned().collect();
        let furthest = alerts.iter().map(|alert| alert.state).max();
        RuleStatus {
            health: state.health,
            last_error: state.last_error.clone(),
            evaluation_seconds: state.evaluation_seconds,
            last_evaluation_ms: state.last_evaluation_ms,
            state: match (state.last_evaluation_ms, furthest) {
                (None, _) => AlertState::Unknown,
                (Some(_), furthest) => furthest.unwrap_or(AlertState::Inactive),
            },
            alerts,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, RuleState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether both say the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.is_heir_of(other) && self.query == other.query && self.kind == other.kind
    }

    /// Whether it goes on with what the other one has: alerts, and series that were written.
    pub(crate) fn is_heir_of(&self, other: &Self) -> bool {
        self.name == other.name && self.label_texts == other.label_texts
    }
}
