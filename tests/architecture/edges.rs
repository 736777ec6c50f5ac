//! Who may name whom, and who owns the heavy dependencies.

use std::collections::BTreeSet;

use crate::workspace::members;

/// Each crate of the host and the crates of ours that it may name. A new edge is a line here
/// and its reason in the commit.
const EDGES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("disk", &[]),
    ("exposition", &["model"]),
    // What is signed for a cloud has the time in it.
    ("http", &["model"]),
    ("nx", &["model"]),
    // Who asks is found out by tokens of others, and what they may.
    ("web", &["http", "access", "kubernetes"]),
    ("access", &["model", "http", "kubernetes"]),
    ("ui", &[]),
    ("dashboard", &[]),
    ("kubernetes", &["http"]),
    ("operator", &["model"]),
    // The metrics APIs of Kubernetes are PromQL over the store, of objects of a cluster.
    (
        "adapter",
        &["model", "http", "kubernetes", "storage", "promql"],
    ),
    ("storage", &["model"]),
    ("template", &["model"]),
    ("head", &["model", "disk", "nx", "storage"]),
    ("block", &["model", "disk", "nx", "storage"]),
    ("promblock", &["model", "storage"]),
    ("promql", &["model", "storage"]),
    ("rules", &["model", "storage", "template", "promql"]),
    // What it keeps of answers is encoded as cells.
    ("frontend", &["model", "nx", "storage", "promql"]),
    // Chunks of the StoreAPI are those of a block of Prometheus.
    ("fleet", &["model", "storage", "promblock", "storeapi"]),
    ("notifier", &["model", "http", "discovery", "rules"]),
    ("push", &["model", "disk", "exposition"]),
    ("cluster", &["model"]),
    // It tells its peers what it silenced and told.
    ("alertmanager", &["model", "disk", "http", "cluster"]),
    ("discovery", &["model", "http"]),
    ("registry", &["model", "http"]),
    (
        "tsdb",
        &[
            "model",
            "disk",
            "exposition",
            "storage",
            "head",
            "block",
            "promblock",
        ],
    ),
    // A bucket that is only read is a store of its own.
    // Its workers write blocks on a disk of their own before they bring them there.
    (
        "bucket",
        &["model", "disk", "http", "storage", "block", "tsdb"],
    ),
    // Chunks of a remote read are those of a block of Prometheus.
    (
        "remote",
        &[
            "model",
            "disk",
            "exposition",
            "http",
            "storage",
            "head",
            "promblock",
        ],
    ),
    // Chunks that travel are those of a block of Prometheus.
    (
        "storeapi",
        &["model", "storage", "promblock", "http", "web"],
    ),
    (
        "scrape",
        &["model", "exposition", "http", "storage", "discovery"],
    ),
    (
        "plugin",
        &[
            "model",
            "exposition",
            "http",
            "discovery",
            "registry",
            "scrape",
            // Receivers have texts expanded with their notification.
            "template",
        ],
    ),
    (
        "author",
        &[
            "model",
            "exposition",
            "discovery",
            "plugin",
            "registry",
            "scrape",
            // The default ones, for receivers in a trial.
            "template",
        ],
    ),
    (
        "api",
        &[
            "model",
            "alertmanager",
            // The queries that people keep on the server.
            "disk",
            "dashboard",
            "exposition",
            "storage",
            "promql",
            "fleet",
            "frontend",
            "rules",
            "notifier",
            "push",
            "remote",
            "scrape",
            // Consoles are templates.
            "template",
            // The files of the web application.
            "ui",
            "web",
            "adapter",
        ],
    ),
];

/// A heavy dependency and the only crates that may name it.
const OWNERS: &[(&str, &[&str])] = &[
    ("arrow-array", &["block"]),
    ("arrow-buffer", &["storage", "head", "block", "promql"]),
    ("arrow-schema", &["block"]),
    ("axum", &["api"]),
    ("bcrypt", &["web"]),
    ("clap", &["narthex"]),
    ("clap_complete", &["narthex"]),
    ("clap_mangen", &["narthex"]),
    ("foca", &["cluster"]),
    ("hickory-resolver", &["fleet"]),
    ("foyer", &["bucket"]),
    ("mimalloc", &["narthex"]),
    ("object_store", &["block", "tsdb", "bucket"]),
    ("oci-client", &["registry"]),
    ("p256", &["registry"]),
    ("parquet", &["block"]),
    ("prost", &["storeapi"]),
    ("quick_cache", &["block"]),
    ("reqwest", &["http"]),
    ("ring", &["access", "http"]),
    ("rustls", &["http", "narthex", "web"]),
    ("granit-parser", &["narthex"]),
    // People write dashboards as YAML, too.
    ("serde_yaml", &["narthex", "dashboard"]),
    ("tonic", &["storeapi"]),
    ("tonic-prost", &["storeapi"]),
    ("tower-http", &["api"]),
    ("wasmtime", &["plugin"]),
    ("wasmtime-wasi", &["plugin"]),
    ("wasmtime-wasi-io", &["plugin"]),
    ("wit-bindgen-c", &["author"]),
    ("wit-bindgen-go", &["author"]),
    ("wit-component", &["author"]),
];

/// Crates that do no async of their own: values and evaluation only.
const SYNCHRONOUS: &[&str] = &["model", "template", "disk", "nx", "exposition", "head"];

fn package(folder: &str) -> String {
    if folder == "narthex" {
        folder.to_owned()
    } else {
        format!("narthex-{folder}")
    }
}

#[test]
fn crates_name_only_whom_the_table_allows() {
    let members = members();
    for (package_name, member) in &members {
        let Ok(folder) = member.folder.strip_prefix("host") else {
            continue;
        };
        let folder = folder.to_str().unwrap();
        assert_eq!(
            *package_name,
            package(folder),
            "the package of {folder} has another name"
        );
        if folder == "narthex" {
            continue;
        }
        let allowed: BTreeSet<String> = EDGES
            .iter()
            .find(|(name, _)| *name == folder)
            .unwrap_or_else(|| panic!("{folder} is not in the table of edges"))
            .1
            .iter()
            .map(|name| package(name))
            .collect();
        for dependency in &member.dependencies {
            let is_ours = members.contains_key(dependency);
            assert!(
                !is_ours || allowed.contains(dependency),
                "{folder} must not name {dependency}"
            );
        }
        let unused: Vec<_> = allowed.difference(&member.dependencies).collect();
        assert!(
            unused.is_empty(),
            "{folder} does not name {unused:?}: take them out of the table"
        );
    }
    for (folder, _) in EDGES {
        assert!(
            members.contains_key(&package(folder)),
            "{folder} is in the table but not in host/"
        );
    }
}

#[test]
fn heavy_dependencies_stay_with_their_owners() {
    for (package_name, member) in members() {
        for (dependency, owners) in OWNERS {
            let named = member.dependencies.contains(*dependency);
            let owned = owners.iter().any(|owner| package(owner) == package_name);
            assert!(
                !named || owned,
                "{package_name} names {dependency}, which belongs to {owners:?}"
            );
        }
    }
}

#[test]
fn values_and_the_head_do_no_async() {
    let members = members();
    for folder in SYNCHRONOUS {
        let member = &members[&package(folder)];
        assert!(
            !member.dependencies.contains("tokio"),
            "{folder} names tokio"
        );
    }
}

#[test]
fn a_light_crate_builds_nothing_heavy_for_its_tests() {
    let members = members();
    for folder in [
        "model",
        "disk",
        "nx",
        "exposition",
        "storage",
        "template",
        "head",
        "promblock",
        "promql",
    ] {
        let member = &members[&package(folder)];
        for (dependency, _) in OWNERS.iter().filter(|(name, _)| *name != "arrow-buffer") {
            assert!(
                !member.dev_dependencies.contains(*dependency),
                "{folder} tests with {dependency}"
            );
        }
    }
}
