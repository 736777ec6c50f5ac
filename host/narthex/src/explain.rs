//! `narthex explain`: why a monitor has no targets, asked of the cluster.
//!
//! It is not: the walk, which is in `narthex-operator`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};
use narthex_kubernetes::{Cluster, SERVICE_ACCOUNT_FOLDER, Selection};
use narthex_operator::{Explained as Walk, Finding, Kind, Secrets, Seen, explain};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use crate::config::{Checks, Config};
use crate::kubernetes::Clusters;
use crate::monitors::KubernetesMonitorsConfig;
use crate::tsdb::Output;

/// Where kubectl looks last.
const KUBECONFIG: &str = ".kube/config";

/// What can be explained.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Explained {
    /// Targets behind services.
    #[value(name = "servicemonitor")]
    ServiceMonitor,
    /// Targets that are pods.
    #[value(name = "podmonitor")]
    PodMonitor,
}

/// Arguments of `narthex explain`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Explain {
    /// The kind of the object.
    kind: Explained,

    /// The object.
    #[arg(value_name = "NAMESPACE/NAME")]
    name: String,

    /// The config of the server whose section `kubernetes_monitors` says what is read. Without it,
    /// every monitor is read.
    #[arg(
        id = "explained.config.file",
        long = "config.file",
        value_name = "FILE"
    )]
    config_file: Option<PathBuf>,

    /// Output formatter.
    #[arg(short = 'o', long, value_enum, default_value = "text")]
    output: Output,
}

impl Explain {
    /// Walks, and says where it stops; that is a failure.
    ///
    /// # Errors
    /// The cluster cannot be asked.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let name = self.name.split_once('/');
        let (namespace, name) = name.context("name the object as NAMESPACE/NAME")?;
        let section = self.section()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime cannot be started")?;
        let explained = runtime.block_on(async {
            let clusters = Clusters::new(&mut Registry::default());
            let shared = clusters.cluster(&section.discovery());
            let shared = shared.map_err(|error| anyhow!(error))?;
            let cluster = shared.cluster();
            let kind = match self.kind {
                Explained::ServiceMonitor => Kind::ServiceMonitor,
                Explained::PodMonitor => Kind::PodMonitor,
            };
            let seen = see(cluster, kind, (namespace, name), &section).await?;
            let (options, mut secrets) = (section.options(), Secrets::default());
            // What it names of secrets is known after the first walk.
            explain(kind, (namespace, name), &seen, &options, &secrets);
            for reference in secrets.wanted() {
                let selection = Selection {
                    namespace: Some(reference.namespace.clone()),
                    ..Selection::of("v1", reference.kind.as_str())
                };
                let answer = cluster.object(&selection, &reference.name).await;
                let answer = answer.as_ref().map(Option::as_ref).map_err(Clone::clone);
                secrets.learn(reference, answer);
            }
            let walked = explain(kind, (namespace, name), &seen, &options, &secrets);
            anyhow::Ok(walked)
        })?;
        match self.output {
            Output::Text => print!("{explained}"),
            Output::Json => println!("{}", shown(&explained)),
        }
        Ok(match explained.stops.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    /// The section of the config; where it names no cluster, the one that kubectl would ask.
    fn section(&self) -> anyhow::Result<KubernetesMonitorsConfig> {
        let mut section = match &self.config_file {
            None => KubernetesMonitorsConfig::default(),
            Some(path) => {
                let config = Config::check(path, Checks::default())?;
                let section = config.monitors;
                section.with_context(|| {
                    format!("{} has no section kubernetes_monitors", path.display())
                })?
            }
        };
        let is_pod = Path::new(SERVICE_ACCOUNT_FOLDER).join("token").exists();
        if section.api_server.is_empty() && section.kubeconfig_file.is_empty() {
            section.kubeconfig_file = match kubeconfig() {
                Some(file) => file.display().to_string(),
                None if is_pod => String::new(),
                None => bail!("no cluster: set KUBECONFIG, or run it in a pod"),
            };
        }
        Ok(section)
    }
}

/// The walk, for programs.
fn shown(walk: &Walk) -> Value {
    let list = |findings: &[Finding]| -> Vec<Value> {
        let findings = findings.iter();
        findings
            .map(|Finding { step, text }| json!({"step": step, "text": text}))
            .collect()
    };
    json!({"findings": list(&walk.findings), "stops": list(&walk.stops)})
}

/// The first file that `KUBECONFIG` names, or the one in the home folder.
fn kubeconfig() -> Option<PathBuf> {
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(KUBECONFIG));
    let files = std::env::split_paths(&named).chain(home);
    files.into_iter().find(|file| file.is_file())
}

/// Lists what the walk needs.
async fn see(
    cluster: &Cluster,
    kind: Kind,
    (namespace, name): (&str, &str),
    section: &KubernetesMonitorsConfig,
) -> anyhow::Result<Seen> {
    let all = async |version: &str, kind: &str, labels: &str| {
        let selection = Selection {
            label_selector: labels.to_owned(),
            ..Selection::of(version, kind)
        };
        let found = cluster.objects(&selection).await;
        found.map_err(|error| anyhow!("{version}/{kind}: {error}"))
    };
    let (version, kind_name) = (kind.api_version(), kind.as_str());
    let named = |objects: &[Value], namespace: &str, name: &str| {
        objects.iter().any(|object| {
            let field = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            field("name") == name && field("namespace") == namespace
        })
    };
    let monitors = all(version, kind_name, "").await?;
    let labels = section.selector(kind);
    let of_namespaces = &section.namespace_selector;
    let left_out = if !section.kinds.contains(&kind) {
        Some(format!("kinds of kubernetes_monitors has no {kind_name}"))
    } else if !section.namespaces.is_empty()
        && !section.namespaces.iter().any(|known| known == namespace)
    {
        let known = section.namespaces.join(", ");
        Some(format!("the server reads the namespaces {known} alone"))
    } else if !of_namespaces.is_empty()
        && !named(&all("v1", "Namespace", of_namespaces).await?, "", namespace)
    {
        Some(format!(
            "the namespace does not have the labels {of_namespaces}"
        ))
    } else if !labels.is_empty()
        && !named(&all(version, kind_name, &labels).await?, namespace, name)
    {
        Some(format!("it does not have the labels {labels}"))
    } else {
        None
    };
    let is_of_services = kind == Kind::ServiceMonitor;
    let (mut services, mut slices) = (Vec::new(), Vec::new());
    if is_of_services {
        services = all("v1", "Service", "").await?;
        slices = all("discovery.k8s.io/v1", "EndpointSlice", "").await?;
    }
    Ok(Seen {
        monitors,
        left_out,
        // Who may not list them does without.
        namespaces: all("v1", "Namespace", "").await.unwrap_or_default(),
        services,
        slices,
        pods: all("v1", "Pod", "").await?,
    })
}
