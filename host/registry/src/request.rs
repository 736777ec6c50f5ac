//! What a plugin asks for, and what an operator grants: the same lists.

use serde::{Deserialize, Serialize};

/// What can be asked for and granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrantList {
    /// Files, and folders with everything below, by absolute path.
    pub files: Vec<String>,
    /// `host:port` to connect to. Either part may be `*`, the host may begin with `*.`.
    pub tcp: Vec<String>,
    /// `host:port` for HTTP requests, in the same form.
    pub http: Vec<String>,
}
