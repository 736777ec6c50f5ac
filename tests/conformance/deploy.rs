//! What `deploy/` brings, read by Narthex itself: the configs of each tree are taken whole, every flag
//! is one that there is, and what the pod runs starts.
//!
//! It is not: whether Kubernetes takes the objects, which `deploy/tests` looks at.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use narthex_tests::{ClusterServer, Process, binary, free_port, http, repository, run, until};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// Where a pod finds who it is.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn deploy(path: &str) -> PathBuf {
    repository().join("deploy").join(path)
}

/// The files of a folder that end in `ending`.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    files.sort();
    files
}

/// What is mounted at /etc/narthex: configs of these folders, the later in place of the earlier, with
/// an account's files that are here.
fn mounted(folders: &[PathBuf]) -> TempDir {
    let mount = tempfile::tempdir().unwrap();
    let account = mount.path().join("account");
    fs::create_dir(&account).unwrap();
    for file in ["token", "ca.crt"] {
        fs::write(account.join(file), "").unwrap();
    }
    for path in folders.iter().flat_map(|folder| files(folder, ".yml")) {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace(ACCOUNT, account.to_str().unwrap());
        fs::write(mount.path().join(path.file_name().unwrap()), text).unwrap();
    }
    mount
}

/// The folders of the examples.
fn examples() -> Vec<PathBuf> {
    let entries = fs::read_dir(deploy("examples")).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect()
}

/// Whether `narthex check` takes a file without a warning, and what it says.
fn check(what: &[&str], file: &Path) -> (bool, String) {
    let output = Command::new(binary())
        .arg("check")
        .args(what)
        .arg(file)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn configs_of_every_tree_are_taken_without_a_warning() {
    let base = deploy("kubernetes/base");
    let with = |overlay: &str| vec![base.clone(), deploy("kubernetes/overlays").join(overlay)];
    let all = [vec![base.clone()], examples()].concat();
    let monitors = vec![base.clone(), deploy("kubernetes/components/monitors")];
    let state = vec![base.clone(), deploy("kubernetes/components/cluster-state")];
    let nodes = vec![base.clone(), deploy("kubernetes/components/nodes")];
    let of_shards =
        ["nodes", "nodes-sharded"].map(|name| deploy("kubernetes/components").join(name));
    let of_shards = [with("sharded"), of_shards.to_vec()].concat();
    let shared_out = vec![deploy("kubernetes/components/monitors-sharded")];
    let shared_out = [with("sharded"), shared_out].concat();
    for (folders, mains) in [
        (monitors, vec!["prometheus.yml"]),
        (state, vec!["prometheus.yml"]),
        (nodes, vec!["prometheus.yml", "agent.yml"]),
        (all, vec!["prometheus.yml"]),
        (with("namespaced"), vec!["prometheus.yml"]),
        (with("sharded"), vec!["prometheus.yml", "query.yml"]),
        (of_shards, vec!["agent.yml"]),
        (shared_out, vec!["prometheus.yml", "query.yml"]),
    ] {
        let mount = mounted(&folders);
        for main in mains {
            let file = mount.path().join(main);
            let (is_taken, said) = check(&["config", "--lint=all", "--lint-fatal"], &file);
            assert!(is_taken, "{main}: {said}");
        }
        let alertmanager = mount.path().join("alertmanager.yml");
        let (is_taken, said) = check(&["alertmanager-config"], &alertmanager);
        assert!(is_taken, "{said}");
    }
}

#[test]
fn a_fault_in_an_example_is_found() {
    let mount = mounted(&[vec![deploy("kubernetes/base")], examples()].concat());
    let file = mount.path().join("scrape-redis.yml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("role: pod", "role: pot")).unwrap();
    let (is_taken, said) = check(&["config"], &mount.path().join("prometheus.yml"));
    assert!(!is_taken && said.contains("scrape-redis.yml"), "{said}");
}

/// The flags that a text gives to the server: `--name=value`, in lines that give one.
fn flags(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::trim).filter(|line| {
        [
            "- --",
            "- {{ printf \"--",
            "value: --",
            "CMD [\"--",
            "ExecStart=",
        ]
        .iter()
        .any(|start| line.starts_with(start))
    });
    lines
        .flat_map(|line| line.split("--").skip(1))
        .map(|rest| {
            let is_name = |byte: char| byte.is_ascii_lowercase() || matches!(byte, '.' | '-');
            rest.chars().take_while(|byte| is_name(*byte)).collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}

#[test]
fn every_flag_is_one_that_there_is() {
    // The server, and the commands that are deployed.
    let server = run(Command::new(binary()).arg("--help"));
    let help = server + &run(Command::new(binary()).args(["compact", "--help"]));
    let help = help + &run(Command::new(binary()).args(["query", "serve", "--help"]));
    let known: BTreeSet<&str> = help
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"))
        .map(|word| word.trim_end_matches(['.', ',', ')', '`']))
        .collect();
    let mut texts = vec![
        deploy("docker/Dockerfile"),
        deploy("systemd/narthex.service"),
    ];
    texts.extend(files(&deploy("helm/narthex/templates"), ".yaml"));
    let kubernetes = deploy("kubernetes");
    texts.extend(files(&kubernetes.join("base"), ".yaml"));
    for folder in ["overlays", "components"] {
        for entry in fs::read_dir(kubernetes.join(folder)).unwrap() {
            texts.extend(files(&entry.unwrap().path(), ".yaml"));
        }
    }
    let mut seen = BTreeSet::new();
    for path in texts {
        for flag in flags(&fs::read_to_string(&path).unwrap()) {
            // The opposite of a flag is one as well, and the help does not name it.
            let name = flag.strip_prefix("no-").unwrap_or(&flag);
            assert!(known.contains(name), "{}: {flag}", path.display());
            seen.insert(flag);
        }
    }
    for flag in ["config.file", "cluster.peer", "scrape.shard", "endpoint"] {
        assert!(seen.contains(flag), "{seen:?}");
    }
}

/// The paths at the server that the README's section about Kubernetes names. `deploy/tests` runs the
/// commands themselves.
fn readme_paths() -> Vec<String> {
    let text = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, section) = text.split_once("\n## In Kubernetes\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let addresses = section.split("http://localhost:9090").skip(1);
    let paths = addresses.map(|rest| rest.split(['\'', '>', ' ', '\n']).next().unwrap());
    paths.map(str::to_owned).collect()
}

/// The arguments of the pod, as its manifest has them.
fn pod_arguments() -> Vec<String> {
    let text = fs::read_to_string(deploy("kubernetes/base/statefulset.yaml")).unwrap();
    let lines = text.lines().map(str::trim);
    lines
        .filter_map(|line| line.strip_prefix("- --"))
        .map(|flag| format!("--{flag}"))
        .collect()
}

/// The user of the pod.
const NOBODY: u32 = 65534;

/// Runs a program as the pod does: its user, no capability, no new privileges, and everything read-only
/// but for a folder, which is the first argument.
const AS_POD: &str = r#"
    mount --make-rprivate /
    mount --bind "$1" "$1"
    mount -o remount,bind,ro /
    shift
    exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \
        --bounding-set=-all --inh-caps=-all "$@"
"#;

/// A program and its first arguments that run what follows as the pod does, where only root may, and
/// the binary where that user can read it.
fn as_pod(folder: &Path, data: &Path) -> (String, Vec<String>, PathBuf) {
    if run(Command::new("id").arg("-u")).trim() != "0" {
        eprintln!("not root: the server runs without the limits of its pod");
        return ("env".to_owned(), Vec::new(), binary());
    }
    let copy = folder.join("narthex");
    fs::copy(binary(), &copy).unwrap();
    for path in [folder, &copy] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    chown(data, Some(NOBODY), Some(NOBODY)).unwrap();
    let data = data.display().to_string();
    let args = ["--mount", "sh", "-ec", AS_POD, "sh", data.as_str(), "env"];
    let args = args.map(str::to_owned).to_vec();
    ("unshare".to_owned(), args, copy)
}

/// A cluster that has what is mounted in the ConfigMap `narthex/narthex-config`, and the kubeconfig by
/// which it is found.
fn cluster_with(mount: &Path) -> (ClusterServer, PathBuf) {
    let server = ClusterServer::start();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, Value::from(fs::read_to_string(path).unwrap()))
    };
    let data: Map<String, Value> = files(mount, ".yml").into_iter().map(read).collect();
    server.put(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"namespace": "narthex", "name": "narthex-config"},
        "data": data,
    }));
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url()}}],
        "users": [{"name": "u", "user": {}}],
    });
    let path = mount.join("kubeconfig");
    fs::write(&path, kubeconfig.to_string()).unwrap();
    (server, path)
}

#[test]
fn what_the_pod_runs_starts_with_its_rights_its_rules_and_its_name() {
    let mount = mounted(&[deploy("kubernetes/base")]);
    // There is no cluster to be found here; tests/conformance/kubernetes.rs has one.
    fs::remove_file(mount.path().join("scrape-kubernetes.yml")).unwrap();
    // A plugin is compiled by a process of its own, and kept.
    let job = "scrape_configs:\n- {job_name: redis, plugin: redis, scrape_interval: 1s, scrape_timeout: 1s, \
               static_configs: [{targets: ['127.0.0.1:1']}]}\n";
    fs::write(mount.path().join("scrape-redis.yml"), job).unwrap();
    let (_server, kubeconfig) = cluster_with(mount.path());
    // What a pod finds there is not what counts.
    fs::write(mount.path().join("prometheus.yml"), "").unwrap();
    let data = tempfile::tempdir().unwrap();
    let port = free_port();
    let (program, mut args, binary) = as_pod(mount.path(), data.path());
    args.extend([
        "POD_NAME=narthex-0".to_owned(),
        binary.display().to_string(),
        format!("--web.listen-address=127.0.0.1:{port}"),
        format!(
            "--kubernetes.config-map.kubeconfig={}",
            kubeconfig.display()
        ),
    ]);
    for flag in pod_arguments() {
        let flag = flag.replace("=/etc/narthex", &format!("={}", mount.path().display()));
        // A pod knows its namespace.
        let flag = flag.replace("config-map=", "config-map=narthex/");
        let flag = flag.replace("=0.0.0.0:10901", "=127.0.0.1:0");
        args.push(flag.replace("=/data", &format!("={}", data.path().display())));
    }
    let mut narthex = Process::start(program, &args, &mount.path().join("log"));
    let url = format!("http://127.0.0.1:{port}");
    for probe in ["/-/ready", "/-/healthy"] {
        until(60, probe, || {
            narthex.check_running()?;
            match http::get(&format!("{url}{probe}"))? {
                (200, _) => Ok(()),
                (status, body) => Err(format!("{status} {body}")),
            }
        });
    }
    let config = http::api(&format!("{url}/api/v1/status/config")).unwrap();
    let config = config["yaml"].as_str().unwrap();
    assert!(config.contains("replica: narthex-0"), "{config}");
    let rules = http::api(&format!("{url}/api/v1/rules")).unwrap();
    let groups: BTreeSet<&str> = rules["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["name"].as_str().unwrap())
        .collect();
    let expected = BTreeSet::from(["kubernetes", "kubernetes.rules", "narthex"]);
    assert_eq!(groups, expected);
    let (status, body) = http::get(&format!("{url}/alertmanager/api/v2/status")).unwrap();
    assert_eq!(status, 200, "{body}");
    // What the README sends people to is there, and its dashboards are those of the plugins.
    let mut dashboards = 0;
    for path in readme_paths() {
        let (status, body) = http::get(&format!("{url}{path}")).unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        if path.starts_with("/dashboards/") {
            let one = http::api(&format!("{url}/api/v1{path}")).unwrap();
            assert_eq!(one["source"], "plugin", "{path}: {one}");
            dashboards += 1;
        }
    }
    assert_eq!(dashboards, 3);
    until(120, "the plugin's first word", || {
        let query = format!("{url}/api/v1/query?query=redis_up");
        match http::api(&query)?["result"].as_array().map(Vec::len) {
            Some(1) => Ok(()),
            _ => Err(narthex.log()),
        }
    });
    assert!(data.path().join("plugin-cache").is_dir());
    assert!(narthex.terminate().success(), "{}", narthex.log());
}
