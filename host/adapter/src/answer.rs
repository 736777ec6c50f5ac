//! Answers, and errors as Kubernetes' clients read them: objects of the kind `Status`.

use serde_json::{Value, json};

/// What is sent back.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiAnswer {
    /// The status code of HTTP.
    pub status: u16,
    /// An object of Kubernetes.
    pub body: Value,
}

impl ApiAnswer {
    /// An object that was asked for.
    pub(crate) fn found(body: Value) -> Self {
        Self { status: 200, body }
    }
}

/// An error as an object.
///
/// `status` is one of HTTP; the reason that belongs to it is Kubernetes' own word.
pub fn refusal(status: u16, message: impl Into<String>) -> ApiAnswer {
    let reason = match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        406 => "NotAcceptable",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    ApiAnswer {
        status,
        body: json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message.into(), "reason": reason, "code": status,
        }),
    }
}

/// Nothing is known of an object.
pub(crate) fn not_found(group: &str, kind: &str, name: &str) -> ApiAnswer {
    let mut answer = refusal(404, format!("{kind}.{group} {name:?} not found"));
    answer.body["details"] = json!({"name": name, "group": group, "kind": kind});
    answer
}

/// A path that leads nowhere.
pub(crate) fn no_such_path() -> ApiAnswer {
    refusal(404, "the server could not find the requested resource")
}
