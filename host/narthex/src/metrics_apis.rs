//! The metrics APIs of Kubernetes: their flags, their listener, and the rules of the config that they
//! follow.
//!
//! It is not: what they answer (`narthex-adapter`, `narthex-api`).

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use narthex_access::AccessMetrics;
use narthex_adapter::{Adapter, MetricsApisConfig};
use narthex_api::{ApiState, MetricsApis, ServerOptions};
use narthex_web::{Delegation, Entrance};

use crate::config::Config;
use crate::flags::Flags;
use crate::kubernetes::{Clusters, SharedCluster};
use crate::listen;
use crate::web::Web;

// This is no doc comment, because clap would show it as what the whole program is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct MetricsApisFlags {
    /// Address to serve metrics.k8s.io, custom.metrics.k8s.io and external.metrics.k8s.io on, by TLS,
    /// for the API server of a cluster. Without it they are not served.
    #[arg(
        id = "kubernetes.metrics-apis.listen-address",
        long = "kubernetes.metrics-apis.listen-address",
        value_name = "ADDRESS"
    )]
    listen_address: Option<String>,

    /// Certificate of that listener, PEM. Without it, one is made at each start, which an APIService
    /// has to trust unseen.
    #[arg(
        id = "kubernetes.metrics-apis.tls-cert-file",
        long = "kubernetes.metrics-apis.tls-cert-file",
        value_name = "FILE",
        requires = "kubernetes.metrics-apis.tls-key-file"
    )]
    cert_file: Option<PathBuf>,

    /// Key of that certificate, PEM.
    #[arg(
        id = "kubernetes.metrics-apis.tls-key-file",
        long = "kubernetes.metrics-apis.tls-key-file",
        value_name = "FILE",
        requires = "kubernetes.metrics-apis.tls-cert-file"
    )]
    key_file: Option<PathBuf>,

    /// Name in the certificate that is made.
    #[arg(
        id = "kubernetes.metrics-apis.tls-name",
        long = "kubernetes.metrics-apis.tls-name",
        value_name = "NAME",
        default_value = "localhost"
    )]
    name: String,
}

/// The listener, and what it follows.
pub(crate) struct MetricsApisServer {
    clusters: Arc<Clusters>,
    metrics: AccessMetrics,
    apis: Arc<MetricsApis>,
    running: Option<Running>,
    /// It ends with its value.
    _web: Web,
}

struct Running {
    config: MetricsApisConfig,
    /// Held, so that others who ask the same cluster share it.
    _cluster: Arc<SharedCluster>,
}

/// A section that can be followed; `None` where there is nothing new to follow.
pub(crate) struct Ready(Option<(Running, Adapter, Delegation)>);

impl MetricsApisServer {
    /// Listens, where a flag asks for it.
    ///
    /// # Errors
    /// The address is in use, or the certificate cannot be used.
    pub(crate) async fn start(
        flags: &Flags,
        options: ServerOptions,
        state: &ApiState,
        (clusters, metrics): (Arc<Clusters>, AccessMetrics),
    ) -> anyhow::Result<Option<Self>> {
        let own = &flags.metrics_apis;
        let Some(address) = &own.listen_address else {
            return Ok(None);
        };
        if flags.is_agent {
            bail!("--kubernetes.metrics-apis.listen-address: an agent answers no queries");
        }
        let listeners = listen::bind(std::slice::from_ref(address)).await;
        let listeners = listeners.context("--kubernetes.metrics-apis.listen-address")?;
        let pair = own.cert_file.clone().zip(own.key_file.clone());
        let entrance = Entrance::with_certificate(pair, &own.name);
        let entrance = entrance.context("--kubernetes.metrics-apis.tls-cert-file")?;
        let apis = Arc::new(MetricsApis::new(state.clone()));
        let app = Arc::clone(&apis).router();
        tracing::info!(%address, "the metrics APIs of Kubernetes are served");
        Ok(Some(Self {
            clusters,
            metrics,
            apis,
            running: None,
            _web: Web::start(listeners, app, options, Arc::new(entrance)),
        }))
    }
}

/// Looks whether the section of a config can be followed; nothing is changed by it.
///
/// # Errors
/// A rule cannot be used, or nobody knows where the cluster is.
pub(crate) fn prepare(
    server: Option<&MetricsApisServer>,
    config: &Config,
) -> Result<Ready, String> {
    let Some(server) = server else {
        return Ok(Ready(None));
    };
    let section = config.metrics_apis.clone().unwrap_or_default();
    if let Some(running) = &server.running
        && running.config == section
    {
        return Ok(Ready(None));
    }
    let fault = |error: String| format!("kubernetes_metrics_apis: {error}");
    let (api_server, file) = (&section.api_server, &section.kubeconfig_file);
    let cluster = server.clusters.at(api_server, file, section.http_config());
    let cluster = cluster.map_err(fault)?;
    let adapter = Adapter::new(&section, Some(cluster.handle())).map_err(fault)?;
    let delegation = Delegation::new(cluster.handle(), server.metrics.clone());
    let running = Running {
        config: section,
        _cluster: cluster,
    };
    Ok(Ready(Some((running, adapter, delegation))))
}

/// Follows a section in place of the one before; the same one goes on.
pub(crate) fn follow(server: Option<&mut MetricsApisServer>, Ready(ready): Ready) {
    if let (Some(server), Some((running, adapter, delegation))) = (server, ready) {
        server.apis.follow(adapter, Arc::new(delegation));
        server.running = Some(running);
    }
}
