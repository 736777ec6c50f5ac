//! Plugins from their publisher to an operator: Debian's docker-registry and skopeo between them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use narthex_tests::oci::{DockerRegistry, Operator, PASSWORD, USER};
use narthex_tests::{Guest, Narthex, until};

/// A registry, an operator with a pair of keys, and the flags that name them.
struct Stage {
    registry: DockerRegistry,
    operator: Operator,
    /// For commands that read.
    from: String,
    /// For commands that publish: the registry, signing.
    publish: String,
    folder: tempfile::TempDir,
}

/// Where the plugin lies in the registry.
const REPOSITORY: &str = "narthex/guest";

fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let registry = DockerRegistry::start(folder.path());
    let operator = Operator::new(folder.path());
    operator.plugin("keygen").unwrap();
    let at = format!(
        "--registry {}/narthex --insecure --key narthex.pub",
        registry.address()
    );
    Stage {
        from: format!("--dir plugins {at}"),
        publish: format!("{at} --sign narthex.key"),
        registry,
        operator,
        folder,
    }
}

impl Stage {
    fn push(&self, version: u16, more: &str) -> String {
        let publish = &self.publish;
        self.operator
            .plugin(&format!("push v{version} {publish} {more}"))
            .unwrap()
    }

    fn install(&self, plugin: &str) -> Result<String, String> {
        self.operator
            .plugin(&format!("install {plugin} {}", self.from))
    }

    fn installed(&self) -> Option<String> {
        let list = self.operator.plugin("list --dir plugins -o json").ok()?;
        let list: serde_json::Value = serde_json::from_str(&list).ok()?;
        list[0]["version"].as_str().map(str::to_owned)
    }

    fn refuses(&self, plugin: &str, part: &str) {
        let before = self.installed();
        let error = self.install(plugin).unwrap_err();
        assert!(error.contains(part), "{plugin}: {error}");
        assert_eq!(self.installed(), before, "{plugin}: {error}");
    }
}

#[test]
fn push_sign_search_install_roll_back_and_remove() {
    let stage = stage();
    let guest = Guest::build();
    let operator = &stage.operator;
    operator.write_plugin(&guest, 1, "tcp = [\"${target.host}:${target.port}\"]");
    operator.write_plugin(&guest, 2, "tcp = [\"${target.host}:${target.port}\"]");
    operator.write_plugin(&guest, 3, "tcp = [\"db.example:5432\"]");
    stage.push(1, "--index");
    stage.push(2, "--index --tag 0");

    let found = operator.plugin_json(&format!("search version {}", stage.from));
    assert_eq!(found[0]["source"], "guest", "{found}");
    assert_eq!(found[0]["versions"], serde_json::json!(["0.0.2", "0.0.1"]));
    let own = operator.plugin_json("search redis");
    assert_eq!(own[0]["source"], "embedded:redis");

    stage.install("guest:0.0.1").unwrap();
    assert_eq!(stage.installed().as_deref(), Some("0.0.1"));
    let verified = operator.plugin_json(&format!("verify guest {}", stage.from));
    assert_eq!(verified["signed_by"], "narthex.pub");

    // Without a tag the newest; the one before is kept.
    stage.install("guest").unwrap();
    assert_eq!(stage.installed().as_deref(), Some("0.0.2"));
    stage.refuses("guest:0.0.1", "--allow-downgrade");
    operator.plugin("rollback guest --dir plugins").unwrap();
    assert_eq!(stage.installed().as_deref(), Some("0.0.1"));
    stage.install("guest:0").unwrap();
    stage.install("guest:0.0.1 --allow-downgrade").unwrap();
    assert_eq!(stage.installed().as_deref(), Some("0.0.1"));

    // A version that asks for more is a question.
    stage.push(3, "");
    let error = stage.install("guest").unwrap_err();
    assert!(error.contains("asks for more than 0.0.1"), "{error}");
    assert!(error.contains("tcp: [\"db.example:5432\"]"), "{error}");
    assert_eq!(stage.installed().as_deref(), Some("0.0.1"));
    let said = stage.install("guest --yes").unwrap();
    assert!(
        said.contains("grants:\n    guest:\n      tcp: [\"db.example:5432\"]"),
        "{said}"
    );
    assert_eq!(stage.installed().as_deref(), Some("0.0.3"));

    operator
        .plugin("inspect guest --dir plugins --extract out")
        .unwrap();
    let rules = fs::read_to_string(stage.folder.path().join("out/rules.yml")).unwrap();
    assert_eq!(rules, "groups: []\n");
    // Nothing is written over, nor through a link.
    let outside = stage.folder.path().join("outside.yml");
    fs::create_dir(stage.folder.path().join("linked")).unwrap();
    symlink(&outside, stage.folder.path().join("linked/rules.yml")).unwrap();
    for folder in ["out", "linked"] {
        let error = operator
            .plugin(&format!("inspect guest --dir plugins --extract {folder}"))
            .unwrap_err();
        assert!(error.contains("rules.yml"), "{error}");
    }
    assert!(!outside.exists());

    operator.plugin("remove guest --dir plugins").unwrap();
    assert_eq!(stage.installed(), None);
    assert!(!stage.folder.path().join("plugins/guest").exists());

    // The binary's own go the same ways.
    operator
        .plugin("install embedded:redis --dir plugins")
        .unwrap();
    let push = format!("push oci:plugins/redis {}", stage.publish);
    operator.plugin(&push).unwrap();
    operator.plugin("remove redis --dir plugins").unwrap();
    stage.install("redis").unwrap();
}

#[test]
fn what_is_changed_unsigned_or_too_large_is_refused() {
    let stage = stage();
    let guest = Guest::build();
    let (operator, registry) = (&stage.operator, &stage.registry);
    for version in 1..=4 {
        operator.write_plugin(&guest, version, "");
    }
    stage.push(1, "");
    stage.install("guest").unwrap();

    // Published once, and unsigned.
    let unsigned = format!("--registry {}/narthex --insecure", registry.address());
    operator.plugin(&format!("push v2 {unsigned}")).unwrap();
    stage.refuses("guest:0.0.2", "is not signed");
    fs::write(
        stage.folder.path().join("v2/rules.yml"),
        "groups: [] # other\n",
    )
    .unwrap();
    let error = operator.plugin(&format!("push v2 {unsigned}")).unwrap_err();
    assert!(
        error.contains("is published already, with other content"),
        "{error}"
    );

    // Signed by a key that the operator does not know; then by theirs as well.
    operator.plugin("keygen stranger").unwrap();
    operator
        .plugin(&format!("sign guest:0.0.2 {unsigned} --sign stranger.key"))
        .unwrap();
    stage.refuses("guest:0.0.2", "by one of the keys: narthex.pub");
    operator
        .plugin(&format!("sign guest:0.0.2 {unsigned} --sign narthex.key"))
        .unwrap();
    stage.install("guest:0.0.2").unwrap();

    // The signature of one package under the tag of another.
    operator.plugin(&format!("push v3 {unsigned}")).unwrap();
    let digest = |tag: &str| {
        let inspected = operator.plugin_json(&format!("inspect guest:{tag} {}", stage.from));
        inspected["digest"].as_str().unwrap().to_owned()
    };
    let signature_tag = |tag: &str| format!("{}.sig", digest(tag).replace(':', "-"));
    let signature = registry.manifest(REPOSITORY, &signature_tag("0.0.2"));
    registry.put_manifest(REPOSITORY, &signature_tag("0.0.3"), &signature);
    stage.refuses("guest:0.0.3", "no signature of");

    // Changed on the registry's disk: the component, then the manifest.
    stage.push(4, "");
    let manifest = registry.manifest(REPOSITORY, "0.0.4");
    let parsed: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let component = registry.blob(parsed["layers"][0]["digest"].as_str().unwrap());
    let whole = fs::read(&component).unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&component, &changed).unwrap();
    stage.refuses("guest:0.0.4", "changed or damaged");
    fs::write(&component, &whole).unwrap();
    let by_digest = format!("guest@{}", digest("0.0.4"));
    let stored = registry.blob(&digest("0.0.4"));
    let text = fs::read_to_string(&stored).unwrap();
    fs::write(
        &stored,
        text.replace("Says its version.", "Says its VERSION."),
    )
    .unwrap();
    assert!(stage.install("guest:0.0.4").is_err());
    assert!(stage.install(&by_digest).is_err());
    fs::write(&stored, &text).unwrap();
    stage.refuses(
        &format!("guest@sha256:{}", "0".repeat(64)),
        "there is none in the registry",
    );

    // Larger than it says, and larger than anything may be.
    let size = parsed["layers"][0]["size"].as_u64().unwrap();
    for (tag, size_said, part) in [
        ("lies", size - 1, "is larger than"),
        ("large", (128 << 20) + 1, "is larger than 134217728 bytes"),
    ] {
        let text = manifest.replace(
            &format!("\"size\":{size}"),
            &format!("\"size\":{size_said}"),
        );
        assert_ne!(text, manifest);
        registry.put_manifest(REPOSITORY, tag, &text);
        stage.refuses(&format!("guest:{tag}"), part);
    }

    // Names that lead elsewhere.
    let text = manifest.replace("\"rules.yml\"", "\"../../rules.yml\"");
    registry.put_manifest(REPOSITORY, "leaves", &text);
    stage.refuses("guest:leaves", "not a plugin package");
    let text = manifest.replace("\"guest\"", "\"../guest\"");
    registry.put_manifest(REPOSITORY, "named", &text);
    stage.refuses("guest:named", "not a plugin package");
    assert_eq!(stage.installed().as_deref(), Some("0.0.2"));
}

#[test]
fn a_registry_with_passwords_is_logged_in_to() {
    let folder = tempfile::tempdir().unwrap();
    let registry = DockerRegistry::with_password(folder.path());
    let operator = Operator::new(folder.path());
    operator.write_plugin(&Guest::build(), 1, "");
    let address = registry.address();
    let push = format!("push v1 --registry {address}/narthex --insecure");
    let error = operator.plugin(&push).unwrap_err();
    assert!(error.contains("narthex plugin login"), "{error}");

    let login = format!("login {address} --insecure --username {USER}");
    assert!(operator.plugin_with(&login, "wrong").is_err());
    assert!(operator.plugin(&push).is_err());
    operator.plugin_with(&login, PASSWORD).unwrap();
    operator.plugin(&push).unwrap();
    let kept = fs::read_to_string(folder.path().join(".config/narthex/auth.json")).unwrap();
    assert!(kept.contains(&address), "{kept}");
    // As docker keeps it.
    fs::create_dir(folder.path().join(".docker")).unwrap();
    fs::rename(
        folder.path().join(".config/narthex/auth.json"),
        folder.path().join(".docker/config.json"),
    )
    .unwrap();
    let from = format!("--dir plugins --registry {address}/narthex --insecure --allow-unsigned");
    operator.plugin(&format!("install guest {from}")).unwrap();
}

/// Runs skopeo, with every image accepted: signatures are ours to check.
fn skopeo(folder: &Path, arguments: &[String]) {
    let output = Command::new("skopeo")
        .current_dir(folder)
        .args([
            "--insecure-policy",
            "copy",
            "--quiet",
            "--src-tls-verify=false",
        ])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("skopeo: {error} (run tests/run)"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The config of a server with the folder `plugins` beside `folder`'s other files.
fn config(folder: &Path, registry: &str) -> String {
    let folder = folder.display();
    format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         plugins:\n  directory: {folder}/plugins\n  grants: {{guest: {{tcp: ['db.example:5432']}}}}\n  registry: {{keys: [{folder}/narthex.pub]{registry}}}\n\
         scrape_configs:\n- job_name: guest\n  plugin: guest\n  plugin_config: {{do: work}}\n  \
         static_configs: [{{targets: ['somewhere']}}]\n"
    )
}

fn wait_for_version(narthex: &Narthex, version: &str) {
    until(60, "the version", || {
        let found = narthex.query("guest_version")?;
        match found.values().any(|value| value == version) {
            true => Ok(()),
            false => Err(format!("{found:?}")),
        }
    });
}

#[test]
fn skopeo_takes_a_signed_plugin_to_a_host_without_network() {
    let mut stage = stage();
    let guest = Guest::build();
    stage.operator.write_plugin(&guest, 1, "");
    stage.push(1, "");
    let from = &stage.from;
    let inspected = stage
        .operator
        .plugin_json(&format!("inspect guest:0.0.1 {from}"));
    let digest = inspected["digest"].as_str().unwrap();
    let repository = format!("docker://{}/{REPOSITORY}", stage.registry.address());
    let plugins = stage.folder.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    for tag in [
        "0.0.1".to_owned(),
        format!("{}.sig", digest.replace(':', "-")),
    ] {
        let arguments = [
            format!("{repository}:{tag}"),
            format!("oci:plugins/guest:{tag}"),
        ];
        skopeo(stage.folder.path(), &arguments);
    }
    stage.registry.process().kill();

    let key = "--dir plugins --key narthex.pub";
    let verified = stage.operator.plugin_json(&format!("verify guest {key}"));
    assert_eq!(verified["digest"], digest);
    assert_eq!(verified["signed_by"], "narthex.pub");
    let narthex = Narthex::builder()
        .config(config(stage.folder.path(), ""))
        .start();
    wait_for_version(&narthex, "1");
}

#[test]
fn a_server_follows_a_tag() {
    let stage = stage();
    let guest = Guest::build();
    stage.operator.write_plugin(&guest, 1, "");
    stage.operator.write_plugin(&guest, 2, "");
    stage
        .operator
        .write_plugin(&guest, 3, "tcp = [\"db.example:5432\"]");
    stage.push(1, "--tag 0");
    stage.install("guest").unwrap();
    let address = stage.registry.address();
    let registry =
        format!(", url: '{address}/narthex', insecure: true, follow: ['guest:0'], interval: 1s");
    let narthex = Narthex::builder()
        .config(config(stage.folder.path(), &registry))
        .start();
    // The package at work brings its dashboard.
    let shows = |title: &str| {
        until(
            60,
            title,
            || match narthex.api("dashboards/guest")?["title"].as_str() {
                Some(found) if found == title => Ok(()),
                found => Err(format!("{found:?}")),
            },
        );
    };
    wait_for_version(&narthex, "1");
    shows("Guest 0.0.1");
    stage.push(2, "--tag 0");
    wait_for_version(&narthex, "2");
    shows("Guest 0.0.2");

    // One that asks for more waits for the operator, who has granted it already.
    stage.push(3, "--tag 0");
    let metrics = format!("{}/metrics", narthex.url());
    let held = "narthex_plugin_registry_polls_total{plugin=\"guest\",result=\"held\"}";
    until(60, held, || {
        let (_, text) = narthex_tests::http::get(&metrics)?;
        match text.contains(held) {
            true => Ok(()),
            false => Err("not counted".to_owned()),
        }
    });
    assert_eq!(stage.installed().as_deref(), Some("0.0.2"));
    stage.install("guest --yes").unwrap();
    wait_for_version(&narthex, "3");
}
