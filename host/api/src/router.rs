//! Which path is answered by whom.

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post, put};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};

use crate::{
    ApiState, admin, agent, alertmanager, ast, consoles, dashboards, envelope, features, federate,
    fleet, lifecycle, metrics, notifications, origin, otlp, plugins, push, push_metrics, query,
    read, rules, saved_queries, series, status, targets, ui, unanswered, unused_metrics, write,
};

/// All that the server answers, below the route prefix.
pub fn router(state: ApiState) -> Router {
    let prefix = state.options().route_prefix.clone();
    let inside = Router::new()
        .nest("/api/v1", api(&state))
        .nest("/api/v2", alertmanager::routes(&state))
        // Where clients look that have one address for both.
        .nest("/alertmanager/api/v2", alertmanager::routes(&state))
        .merge(read_only(&state))
        .merge(state_changing())
        .nest("/push", pushgateway(&state))
        .merge(ui::routes());
    let routes = if prefix.is_empty() {
        inside.route("/", get(ui::home))
    } else {
        let home = format!("{prefix}/");
        let redirect = move || async move { (StatusCode::FOUND, [(header::LOCATION, home)]) };
        Router::new()
            .route("/", get(redirect.clone()))
            .route(&prefix, get(redirect))
            .route(&format!("{prefix}/"), get(ui::home))
            .nest(&prefix, inside)
    };
    // What is packed leaves in large pieces, and a line of a log must not wait for more.
    let packed = DefaultPredicate::new().and(NotForContentType::new(plugins::NDJSON));
    // The answer of a graph of 200 series of 2,000 points has 13 MB. At the usual level of gzip it is
    // packed for ten times as long as it is asked for, and at the fastest it is a tenth larger.
    let packing = CompressionLayer::new().quality(CompressionLevel::Fastest);
    let routes: Router = routes
        .fallback(unanswered::not_found)
        .layer(from_fn_with_state(state.clone(), metrics::measure))
        .layer(packing.compress_when(packed))
        .with_state(state);
    // A router writes the methods of a path into an answer behind all of its own layers, so only who
    // stands around it sees them.
    Router::new()
        .fallback_service(routes)
        .layer(from_fn(unanswered::tell_methods))
}

fn api(state: &ApiState) -> Router<ApiState> {
    let paths: [(&str, MethodRouter<ApiState>); 30] = [
        ("/query", get(query::instant).post(query::instant)),
        ("/query_range", get(query::range).post(query::range)),
        (
            "/query_exemplars",
            get(query::exemplars).post(query::exemplars),
        ),
        (
            "/format_query",
            get(ast::format_query).post(ast::format_query),
        ),
        ("/parse_query", get(ast::parse_query).post(ast::parse_query)),
        ("/series", get(series::series).post(series::series)),
        (
            "/labels",
            get(series::label_names).post(series::label_names),
        ),
        ("/label/{name}/values", get(series::label_values)),
        ("/metadata", get(targets::metadata)),
        ("/targets", get(targets::targets)),
        ("/targets/metadata", get(targets::target_metadata)),
        ("/targets/relabel_steps", get(targets::relabel_steps)),
        ("/scrape_pools", get(targets::scrape_pools)),
        ("/scrape_pools/config", get(targets::pool_config)),
        ("/read", post(read::read)),
        (
            "/write",
            post(write::write).layer(from_fn(origin::refuse_other_sites)),
        ),
        (
            "/otlp/v1/metrics",
            post(otlp::write).layer(from_fn(origin::refuse_other_sites)),
        ),
        ("/features", get(features::features)),
        ("/plugins", get(plugins::list)),
        ("/plugins/{name}", get(plugins::detail)),
        ("/rules", get(rules::rules)),
        ("/alerts", get(rules::alerts)),
        ("/alertmanagers", get(rules::alertmanagers)),
        ("/status/buildinfo", get(status::build_info)),
        ("/status/config", get(status::config)),
        ("/status/flags", get(status::flags)),
        ("/status/runtimeinfo", get(status::runtime_info)),
        ("/status/tsdb", get(status::tsdb)),
        ("/stores", get(fleet::stores)),
        ("/status/tsdb/blocks", get(status::tsdb_blocks)),
    ];
    paths
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            router.route(path, methods.options(no_content))
        })
        .route(
            "/status/unused_metrics",
            get(unused_metrics::unused_metrics).options(no_content),
        )
        .merge(dashboards::routes())
        .merge(plugin_admin(state))
        .merge(tsdb_admin())
        .merge(kept_queries())
        .merge(looks())
        .layer(from_fn_with_state(state.clone(), agent::refuse))
        .fallback(unknown)
        .layer(from_fn_with_state(state.clone(), lifecycle::require_ready))
        // What is asked while the store is not open yet.
        .route(
            "/status/walreplay",
            get(status::wal_replay).options(no_content),
        )
        .route(
            "/notifications",
            get(notifications::list).options(no_content),
        )
        .route(
            "/notifications/live",
            get(notifications::live).options(no_content),
        )
        .layer(from_fn_with_state(state.clone(), origin::add_cors_headers))
}

/// What `--web.enable-admin-api` opens, and only for our own pages and tools: a log may say what a
/// page that a user happens to look at must not read.
fn plugin_admin(state: &ApiState) -> Router<ApiState> {
    Router::new()
        .route("/plugins/{name}/logs", get(plugins::logs))
        .route("/plugins/{name}/reload", post(plugins::reload))
        .route("/plugins/{name}/rollback", post(plugins::roll_back))
        .route("/plugins/{name}/remove", post(plugins::remove))
        .route("/plugins/install", post(plugins::install))
        .route("/plugins/available", get(plugins::available))
        .layer(from_fn_with_state(state.clone(), plugins::require_admin))
        .layer(from_fn(origin::refuse_other_sites))
}

/// What changes or copies what is stored. Each handler says whether it is switched on, after the
/// request was found to come from our own pages and tools.
fn tsdb_admin() -> Router<ApiState> {
    let delete = post(admin::delete_series).put(admin::delete_series);
    let clean = post(admin::clean_tombstones).put(admin::clean_tombstones);
    let snapshot = post(admin::snapshot).put(admin::snapshot);
    Router::new()
        .route("/admin/tsdb/delete_series", delete)
        .route("/admin/tsdb/clean_tombstones", clean)
        .route("/admin/tsdb/snapshot", snapshot)
        .layer(from_fn(origin::refuse_other_sites))
}

/// The queries that people keep here, for our own pages and tools.
fn kept_queries() -> Router<ApiState> {
    let all = get(saved_queries::list).post(saved_queries::create);
    let one = get(saved_queries::one)
        .put(saved_queries::update)
        .delete(saved_queries::delete);
    Router::new()
        .route("/saved_queries", all)
        .route("/saved_queries/{id}", one)
        .layer(from_fn(origin::refuse_other_sites))
}

/// What asks somebody else for our own pages and tools, and for nobody else's.
fn looks() -> Router<ApiState> {
    Router::new()
        .route("/targets/preview", post(targets::preview))
        .layer(from_fn(origin::refuse_other_sites))
}

fn read_only(state: &ApiState) -> Router<ApiState> {
    Router::new()
        .route("/federate", get(federate::federate))
        .route("/consoles/{*filepath}", get(consoles::console))
        .layer(from_fn_with_state(state.clone(), lifecycle::require_ready))
        .route("/metrics", get(metrics::metrics))
        .route("/version", get(status::version))
        .route("/-/healthy", get(lifecycle::healthy))
        .route("/-/ready", get(lifecycle::ready))
        .route("/-/reload", get(lifecycle::wrong_method))
        .route("/-/quit", get(lifecycle::wrong_method))
}

fn state_changing() -> Router<ApiState> {
    let reload = post(lifecycle::reload).put(lifecycle::reload);
    let quit = post(lifecycle::quit).put(lifecycle::quit);
    Router::new()
        .route("/-/reload", reload)
        .route("/-/quit", quit)
        .layer(from_fn(origin::refuse_other_sites))
}

/// The Pushgateway's interface, where `--web.enable-push` opens it. Its paths are those of a
/// Pushgateway below its own root, so that clients need another address and nothing else.
fn pushgateway(state: &ApiState) -> Router<ApiState> {
    let group = post(push::push).put(push::push).delete(push::delete);
    let changing = Router::new()
        .route("/metrics/{*group}", group)
        .route("/api/v1/admin/wipe", put(push::wipe))
        .layer(from_fn(origin::refuse_other_sites));
    Router::new()
        .route("/metrics", get(push::page))
        .route("/api/v1/metrics", get(push::groups))
        .route("/api/v1/status", get(push::status))
        .route("/-/ready", get(push::ready))
        .route("/-/healthy", get(push::ready))
        .merge(changing)
        .fallback(unknown)
        .layer(from_fn_with_state(state.clone(), lifecycle::require_ready))
        .layer(from_fn_with_state(state.clone(), push_metrics::measure))
}

async fn no_content() -> Response {
    envelope::no_content()
}

/// A path below `/api/v1` that we do not know.
async fn unknown(method: Method) -> Response {
    if method == Method::OPTIONS {
        return envelope::no_content();
    }
    unanswered::not_found().await
}
