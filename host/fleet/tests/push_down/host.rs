//! Hosts of this process that are asked by gRPC, and evaluate aggregations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use narthex_model::{Labels, with_sources};
use narthex_promql::{Engine, EngineOptions};
use narthex_storage::{EvaluatePart, MemoryStore, TimeRange};
use narthex_storeapi::message::metadata::MetricMetadataEntry;
use narthex_storeapi::message::rules::RuleGroup;
use narthex_storeapi::message::targets::TargetDiscovery;
use narthex_storeapi::{GrpcMetrics, HostView, StoreApi, StoreLimits, StoreOptions, serve};
use narthex_web::Entrance;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

/// Longer than anything takes here.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A host that has nothing but samples.
struct Silent;

impl HostView for Silent {
    fn rule_groups(&self) -> Vec<RuleGroup> {
        Vec::new()
    }

    fn targets(&self) -> TargetDiscovery {
        TargetDiscovery::default()
    }

    fn metadata(&self, _: &str) -> BTreeMap<String, MetricMetadataEntry> {
        BTreeMap::new()
    }
}

/// A host: its address. It serves as long as the runtime is there.
pub(crate) async fn host(store: MemoryStore, external: &[(&str, &str)]) -> String {
    let external = Labels::from_pairs(external.iter().copied());
    host_under(store, Arc::new(Mutex::new(external))).await
}

/// A host whose external labels change.
pub(crate) async fn host_under(store: MemoryStore, external: Arc<Mutex<Labels>>) -> String {
    host_that(store, external, evaluate()).await
}

/// A host that evaluates so.
pub(crate) async fn host_that(
    store: MemoryStore,
    external: Arc<Mutex<Labels>>,
    evaluate: Box<EvaluatePart>,
) -> String {
    let external = Box::new(move || external.lock().unwrap().clone());
    served(api(store, external).evaluating(evaluate)).await
}

/// A store of blocks of servers: its series have their external labels already.
pub(crate) async fn store_of(store: MemoryStore, servers: Vec<Labels>) -> String {
    let holdings = move || -> Vec<(Labels, TimeRange)> {
        let servers = servers.iter();
        servers.map(|set| (set.clone(), TimeRange::ALL)).collect()
    };
    let api = api(store, Box::new(Labels::empty));
    served(api.with_holdings(Box::new(holdings)).evaluating(evaluate())).await
}

fn evaluate() -> Box<EvaluatePart> {
    let engine = Arc::new(Engine::new(EngineOptions::default()));
    Box::new(move |store, part| {
        let engine = Arc::clone(&engine);
        async move {
            let evaluated = engine.evaluate_part(store, &part).await;
            evaluated.map_err(|error| with_sources(&error))
        }
        .boxed()
    })
}

fn api(store: MemoryStore, external: Box<dyn Fn() -> Labels + Send + Sync>) -> StoreApi {
    StoreApi::new(StoreOptions {
        store: Arc::new(store),
        external_labels: external,
        oldest_ms: Box::new(|| 0),
        selectors: Box::new(|_| Ok(Vec::new())),
        view: Box::new(Silent),
        limits: StoreLimits {
            series_max: 0,
            samples_max: 0,
            bytes_max: 0,
            requests_max: 0,
        },
    })
}

async fn served(api: StoreApi) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let metrics = GrpcMetrics::register(&mut Registry::default());
    let entrance = Arc::new(Entrance::open());
    let forever = std::future::pending();
    tokio::spawn(serve(
        listener,
        Arc::new(api),
        metrics,
        entrance,
        LONG,
        forever,
    ));
    address
}
