//! Alertmanager's API v2: values in, values out. Who speaks HTTP turns the kinds of faults into
//! statuses.

mod alerts;
mod silences;

use std::collections::BTreeMap;

use narthex_model::{MatchOp, Matcher};
use serde::Serialize;
use serde_json::{Value, json};

pub use alerts::{AlertQuery, PostError, PostedAlert};

use crate::manager::Alertmanager;
use crate::timestamp;

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It cannot be read, or says something that cannot be.
    BadRequest,
    /// Something that has to be there is not, or is of the wrong form.
    Unprocessable,
    /// There is none of this name.
    NotFound,
    /// Not now.
    Unavailable,
    /// A fault of ours.
    Internal,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiFault {
    /// Of which kind.
    pub kind: FaultKind,
    /// Why.
    pub message: String,
    /// The number that Alertmanager's reader of requests gives it; such faults have a body of
    /// another form.
    code: Option<u16>,
}

/// Numbers of faults of go-openapi.
const CODE_INVALID_TYPE: u16 = 601;
const CODE_REQUIRED: u16 = 602;
const CODE_PARSE: u16 = 400;

impl ApiFault {
    fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            code: None,
        }
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(FaultKind::BadRequest, message)
    }

    fn unreadable(message: impl Into<String>) -> Self {
        Self {
            code: Some(CODE_PARSE),
            ..Self::bad_request(message)
        }
    }

    fn required(name: &str) -> Self {
        Self {
            code: Some(CODE_REQUIRED),
            ..Self::new(
                FaultKind::Unprocessable,
                format!("{name} in body is required"),
            )
        }
    }

    fn invalid_type(message: impl Into<String>) -> Self {
        Self {
            code: Some(CODE_INVALID_TYPE),
            ..Self::new(FaultKind::Unprocessable, message)
        }
    }

    /// What answers it.
    pub fn body(&self) -> Value {
        match self.code {
            Some(code) => json!({"code": code, "message": self.message}),
            None => Value::from(self.message.clone()),
        }
    }
}

/// Which build answers.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are those of Alertmanager's API")]
pub struct VersionInfo {
    pub branch: String,
    pub build_date: String,
    pub build_user: String,
    pub go_version: String,
    pub revision: String,
    pub version: String,
}

impl Alertmanager {
    /// `GET /status`
    pub fn status(&self, version: &VersionInfo) -> Value {
        let yaml = self.with_state(|state| state.yaml.clone());
        let cluster = match &self.options.cluster {
            None => json!({"peers": [], "status": "disabled"}),
            Some(cluster) => {
                let peers = cluster.peers().into_iter();
                let peers = peers
                    .map(|peer| json!({"address": peer.address.to_string(), "name": peer.name}));
                json!({
                    "name": cluster.me().name,
                    "peers": peers.collect::<Vec<Value>>(),
                    "status": cluster.status().as_str(),
                })
            }
        };
        json!({
            "cluster": cluster,
            "config": {"original": yaml},
            "uptime": timestamp::format_api(self.started_ms),
            "versionInfo": version,
        })
    }

    /// `GET /receivers`
    pub fn receivers(&self) -> Value {
        self.with_state(|state| {
            let receivers = state.pipeline.resolved.receivers.iter();
            receivers.map(|(name, _)| json!({"name": name})).collect()
        })
    }

    /// Reads `filter`.
    fn filters(&self, texts: &[String]) -> Result<Vec<Matcher>, ApiFault> {
        let mode = self.options.matcher_mode;
        let read = texts.iter().map(|text| mode.parse_one(text));
        let read: Result<_, _> = read.collect();
        read.map_err(|error| ApiFault::bad_request(error.to_string()))
    }
}

/// Reads `receiver`, an anchored regular expression.
fn receiver_filter(text: Option<&str>) -> Result<Option<Matcher>, ApiFault> {
    let Some(text) = text else { return Ok(None) };
    let matcher = Matcher::new("receiver", MatchOp::Regex, text);
    matcher
        .map(Some)
        .map_err(|error| ApiFault::bad_request(format!("failed to parse receiver param: {error}")))
}

/// Reads a point in time of a body; `None` where it is missing or Go's zero time.
fn time(name: &str, text: Option<&str>) -> Result<Option<i64>, ApiFault> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => timestamp::parse(text).ok_or_else(|| {
            ApiFault::unreadable(format!(
                "parsing {name} body from \"\" failed, because {text:?} is no time"
            ))
        }),
    }
}

/// Labels and annotations of a body.
type Texts = BTreeMap<String, String>;
