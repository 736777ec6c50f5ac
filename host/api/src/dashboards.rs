//! `/api/v1/dashboards`: the dashboards that there are, and each of them as it is written.
//! Prometheus has nothing like it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use axum::routing::get;
use narthex_dashboard::{Catalogue, Packages};

use crate::error::{ApiError, ErrorKind};
use crate::plugin_admin::PluginAdmin;
use crate::state::Serving;
use crate::{ApiState, envelope};

/// What is answered about dashboards; nothing of it changes anything.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/dashboards", get(list).options(options))
        .route("/dashboards/{name}", get(detail).options(options))
}

async fn options() -> Response {
    envelope::no_content()
}

/// `/api/v1/dashboards`: all of them, those with an error among them.
async fn list(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
) -> Result<Response, ApiError> {
    let found = looked_up(&state, &serving, |catalogue, plugins| {
        catalogue.list(plugins)
    })
    .await?;
    Ok(envelope::success(&found))
}

/// `/api/v1/dashboards/{name}`: what the list says of it, and `dashboard`, all that it holds.
async fn detail(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let asked = name.clone();
    let found = looked_up(&state, &serving, move |catalogue, plugins| {
        catalogue.detail(plugins, &asked)
    });
    let found = found.await?;
    let unknown = || {
        let text = format!("no dashboard is named {name:?}");
        ApiError::new(ErrorKind::NotFound, text)
    };
    Ok(envelope::success(&found.ok_or_else(unknown)?))
}

/// Files are read where others need not wait for it.
async fn looked_up<T: Send + 'static>(
    state: &ApiState,
    serving: &Serving,
    look: impl FnOnce(&Catalogue, &dyn PluginAdmin) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let catalogue = Arc::clone(&state.options().dashboards);
    let plugins = Arc::clone(&serving.plugins);
    let looked = tokio::task::spawn_blocking(move || look(&catalogue, plugins.as_ref())).await;
    looked.map_err(|error| ApiError::new(ErrorKind::Internal, error.to_string()))
}

impl Packages for dyn PluginAdmin + '_ {
    fn versions(&self) -> Vec<(String, String)> {
        self.packages()
    }

    fn files(&self, plugin: &str) -> Vec<(String, String)> {
        self.dashboards(plugin)
    }
}
