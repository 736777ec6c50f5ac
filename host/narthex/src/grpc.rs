//! Lets the store be asked by gRPC, as Thanos' sidecar lets a Prometheus be asked.
//!
//! It is not: the protocol, which is the StoreAPI's.

mod evaluation;
mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use narthex_access::AccessMetrics;
use narthex_api::ApiState;
use narthex_bucket::TimeBound;
use narthex_model::{Clock as _, SystemClock};
use narthex_promql::ParseOptions;
use narthex_storeapi::{GrpcMetrics, StoreApi, StoreOptions};
use narthex_web::{Entrance, TlsServerConfig, WebConfig, WebConfigError};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::view::View;
use crate::flags::{CommandLine, GrpcFlags};
use crate::listen;
use crate::store::Store;
use crate::web_config::{self, AccessSetting, WebConfigCollector};

/// What is asked of clients where their authorities are given, in the name that Go has for it.
const CLIENT_AUTH: &str = "RequireAndVerifyClientCert";

/// An address that is taken, where nobody is answered yet.
pub(crate) struct GrpcAddress {
    listener: TcpListener,
    entrance: Arc<Entrance>,
    flags: GrpcFlags,
    parse: ParseOptions,
    /// Whether there are samples beside those on the disk.
    has_bucket: bool,
    /// What is older is left to others.
    min_time: Option<TimeBound>,
}

impl GrpcAddress {
    /// Takes the address that the flags name, if they name one.
    ///
    /// # Errors
    /// It is no address, or is in use, or a file cannot be used.
    pub(crate) async fn bind(
        line: &CommandLine,
        metrics: &AccessMetrics,
    ) -> anyhow::Result<Option<Self>> {
        let (flags, grpc) = (&line.flags, &line.flags.grpc);
        let Some(address) = &grpc.grpc_listen_address else {
            return Ok(None);
        };
        let asks_who = grpc.grpc_config_file.is_some() || grpc.grpc_server_tls_client_ca.is_some();
        if flags.web_config_file.is_some() && !asks_who {
            tracing::warn!(
                "--web.config.file does not hold for gRPC: everybody who reaches --grpc.listen-address \
                 is answered, unless --grpc.config.file names that file too"
            );
        }
        let entrance = Arc::new(entrance(grpc, metrics)?);
        let bound = listen::bind(std::slice::from_ref(address)).await;
        let bound = bound.context("--grpc.listen-address")?;
        let listener = bound.into_iter().next();
        Ok(Some(Self {
            listener: listener.context("--grpc.listen-address: there is no address")?,
            entrance,
            flags: grpc.clone(),
            parse: line.features.parse,
            has_bucket: flags.object_store_config.is_some(),
            min_time: flags.bucket_store.store_min_time,
        }))
    }

    /// Answers from the store, under the external labels of the config in force.
    pub(crate) fn serve(self, store: &Store, state: &ApiState) -> Grpc {
        let mut registry = Registry::default();
        let metrics = GrpcMetrics::register(&mut registry);
        if self.flags.grpc_config_file.is_some() {
            let collector = WebConfigCollector::grpc(Arc::clone(&self.entrance));
            registry.register_collector(Box::new(collector));
        }
        state.add_registry(registry);
        let archive = store.archive().cloned();
        if archive.is_none() && state.config().external_labels.is_empty() {
            tracing::warn!(
                "no external labels are configured: queriers that ask by gRPC are refused until \
                 global.external_labels has some"
            );
        }
        let (admin, config) = (store.admin(), state.clone());
        let (has_bucket, parse) = (self.has_bucket, self.parse);
        let api = StoreApi::new(StoreOptions {
            store: store.queryable(),
            external_labels: Box::new(move || config.config().external_labels.clone()),
            // A bucket may have samples of any age.
            oldest_ms: Box::new(move || match has_bucket {
                true => i64::MIN,
                false => admin.oldest_ms().unwrap_or(i64::MIN),
            }),
            selectors: Box::new(move |query| {
                let expr = narthex_promql::parse(query, &parse).map_err(|e| e.to_string())?;
                let selectors = expr.selectors().into_iter();
                Ok(selectors.map(|s| s.selector.matchers.to_vec()).collect())
            }),
            view: Box::new(View(state.clone())),
            limits: self.flags.limits(),
        });
        let api = match archive {
            Some(archive) => api.with_holdings(Box::new(move || archive.spans())),
            None => api,
        };
        let api = api.evaluating(evaluation::evaluate(state.clone()));
        let api = match self.min_time {
            Some(bound) => api.since(Box::new(move || bound.at(SystemClock.now_ms()))),
            None => api,
        };
        let grace = self.flags.grpc_grace_period.as_std();
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            // It also ends where the sender is gone.
            let _ = stopped.await;
        };
        if let Ok(address) = self.listener.local_addr() {
            tracing::info!(%address, "the StoreAPI is answered by gRPC");
        }
        let serving = narthex_storeapi::serve(
            self.listener,
            Arc::new(api),
            metrics,
            self.entrance,
            grace,
            stopped,
        );
        let task = tokio::spawn(serving);
        Grpc { stop, task }
    }
}

/// The task that answers by gRPC.
pub(crate) struct Grpc {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Grpc {
    pub(crate) async fn stop(self) {
        // It has ended already only where it panicked, which the log has said.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// How connections are encrypted, and who may ask. The files are read again when they change.
fn entrance(flags: &GrpcFlags, metrics: &AccessMetrics) -> anyhow::Result<Entrance> {
    if let Some(file) = &flags.grpc_config_file {
        let setting = AccessSetting {
            prefix: String::new(),
            clock: Arc::new(SystemClock),
            metrics: metrics.clone(),
        };
        let loaded = web_config::load(Some(file.as_path()), Some(setting));
        return loaded.context("--grpc.config.file");
    }
    let (Some(cert), Some(key)) = (&flags.grpc_server_tls_cert, &flags.grpc_server_tls_key) else {
        return Ok(Entrance::open());
    };
    let client_ca = flags.grpc_server_tls_client_ca.as_deref();
    let tls = TlsServerConfig {
        cert_file: absolute(cert)?,
        key_file: absolute(key)?,
        client_ca_file: client_ca.map(absolute).transpose()?.unwrap_or_default(),
        client_auth_type: client_ca.map_or("", |_| CLIENT_AUTH).to_owned(),
        min_version: format!("TLS{}", flags.grpc_server_tls_min_version.replace('.', "")),
        ..TlsServerConfig::default()
    };
    let config = WebConfig {
        tls_server_config: tls.clone(),
        ..WebConfig::default()
    };
    // The entrance is made for a file that names others; here the flags name all, and the
    // certificate stands for the file.
    let made = Entrance::load(
        &tls.cert_file,
        move |_, _| Ok(config.clone()),
        |_, _| Ok(None),
    );
    made.map_err(|error| match error {
        WebConfigError::File { path, reason, .. } => {
            anyhow!("--grpc-server-tls: {}: {reason}", path.display())
        }
        error => anyhow!("--grpc-server-tls: {error}"),
    })
}

/// Where a file is whose path may begin at the folder of the process.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}
