//! Lists: all objects that there are, page by page.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::api::{Api, ApiError};
use crate::kind::Kind;
use crate::limits::{PAGE_BYTES_MAX, PAGE_OBJECTS, PAGE_TIMEOUT};
use crate::object::Object;
use crate::selection::Selection;

/// A page that is too large is asked for again with so many times fewer objects.
const SHRINK: u32 = 8;

/// After so many lists that took longer than the cluster keeps their beginning, all is asked for
/// at once.
const EXPIRED_MAX: u32 = 2;

/// One page.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    /// A list of nothing may be null.
    items: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PageMetadata {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

/// What a list was.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Where a watch goes on.
    pub(crate) version: String,
    /// The objects that were in it.
    pub(crate) keys: HashSet<Arc<str>>,
}

/// Lists objects, and hands each over as it comes. `page` is how many are asked for at once, and
/// shrinks for good where they are too large.
pub(crate) async fn list(
    api: &Api,
    kind: &Kind,
    selection: &Selection,
    page: &mut u32,
    mut take: impl FnMut(Object),
) -> Result<Listed, ApiError> {
    let path = kind.path(&selection.api_version, selection.namespace.as_deref());
    let (mut next, mut expired) = (String::new(), 0);
    let mut keys = HashSet::new();
    loop {
        // 0 is all of them.
        let limit = if expired > EXPIRED_MAX { 0 } else { *page };
        let most = limit.to_string();
        let parameters = [("limit", &*most), ("continue", &next)];
        let asked = format!("{path}?{}", selection.query(&parameters));
        let found = tokio::time::timeout(PAGE_TIMEOUT, api.json(&asked, PAGE_BYTES_MAX)).await;
        let found: Page = match found.unwrap_or(Err(ApiError::Timeout(PAGE_TIMEOUT))) {
            Ok(found) => found,
            Err(ApiError::TooLarge) if limit > 1 => {
                *page = (limit / SHRINK).max(1);
                continue;
            }
            // The cluster has forgotten what the list was when it began.
            Err(ApiError::Gone(text)) if !next.is_empty() => {
                tracing::debug!(kind = selection.shown(), text, "a list begins anew");
                expired += 1;
                next.clear();
                keys.clear();
                continue;
            }
            Err(error) => return Err(error),
        };
        for item in found.items.unwrap_or_default() {
            let object = Object::new(item, &selection.api_version, &selection.kind);
            let object = object.map_err(|error| {
                ApiError::Garbage(format!("{path}: an object of the list: {error}"))
            })?;
            keys.insert(object.key.clone());
            take(object);
        }
        next = found.metadata.next;
        if next.is_empty() {
            let version = found.metadata.resource_version;
            return Ok(Listed { version, keys });
        }
    }
}

/// The size to begin with.
pub(crate) const fn first_page() -> u32 {
    PAGE_OBJECTS
}
