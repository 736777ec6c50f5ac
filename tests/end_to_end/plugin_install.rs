//! Plugins from a registry, installed and removed over HTTP: what is shown first, what has to be
//! approved, and what is refused.

use std::fs;

use narthex_tests::oci::{DockerRegistry, Operator};
use narthex_tests::{Guest, Narthex, http, until};
use serde_json::{Value, json};

fn post(narthex: &Narthex, path: &str) -> (u16, Value) {
    let url = format!("{}/api/v1/plugins/{path}", narthex.url());
    let (status, body) = http::post(&url).unwrap();
    (status, serde_json::from_str(&body).unwrap())
}

fn shown(narthex: &Narthex, reference: &str) -> Value {
    let (status, answer) = post(narthex, &format!("install?reference={reference}"));
    assert_eq!(status, 200, "{reference}: {answer}");
    answer["data"].clone()
}

fn install(narthex: &Narthex, reference: &str, approve: &Value) -> (u16, Value) {
    let approve = approve.as_str().unwrap_or_default();
    let path = format!("install?reference={reference}&approve={approve}");
    post(narthex, &path)
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
fn a_plugin_is_shown_approved_installed_and_removed_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let mut registry = DockerRegistry::start(folder.path());
    let operator = Operator::new(folder.path());
    operator.plugin("keygen").unwrap();
    let guest = Guest::build();
    operator.write_plugin(&guest, 1, "");
    operator.write_plugin(&guest, 2, "tcp = [\"db.example:5432\"]");
    operator.write_plugin(&guest, 3, "");
    let publish = format!("--registry {}/narthex --insecure", registry.address());
    for version in [1, 2] {
        let push = format!("push v{version} {publish} --sign narthex.key --index");
        operator.plugin(&push).unwrap();
    }
    operator.plugin(&format!("push v3 {publish}")).unwrap();
    let config = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         plugins:\n  directory: {at}/plugins\n  grants: {{guest: {{}}}}\n  registry: {{keys: [{at}/narthex.pub], url: '{}/narthex', insecure: true}}\n",
        registry.address()
    );
    let job = "scrape_configs:\n- job_name: guest\n  plugin: guest\n  plugin_config: {do: work}\n  \
               static_configs: [{targets: ['somewhere']}]\n";
    let narthex = Narthex::builder()
        .config(config.clone())
        .flag("--web.enable-admin-api")
        .start();

    let available = narthex.api("plugins/available").unwrap();
    assert_eq!(available[0]["name"], "guest", "{available}");
    assert_eq!(available[0]["versions"], json!(["0.0.2", "0.0.1"]));
    // Looking at it changes nothing.
    let first = shown(&narthex, "guest:0.0.1");
    assert_eq!(first["version"], "0.0.1", "{first}");
    assert_eq!(first["from"], Value::Null, "{first}");
    assert_eq!(first["files"], json!(["rules.yml", "dashboard.json"]));
    let key = first["signedBy"].as_str().unwrap();
    assert!(key.ends_with("narthex.pub"), "{first}");
    assert!(!folder.path().join("plugins/guest").exists());
    // An approval of something else is none.
    let second = shown(&narthex, "guest:0.0.2");
    let (status, answer) = install(&narthex, "guest:0.0.1", &second["approve"]);
    assert_eq!((status, &answer["errorType"]), (422, &json!("execution")));
    assert!(!folder.path().join("plugins/guest").exists());

    let (status, answer) = install(&narthex, "guest:0.0.1", &first["approve"]);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["data"]["changed"], true, "{answer}");
    assert_eq!(answer["data"]["plugin"]["version"], "0.0.1", "{answer}");
    narthex.write_config(&format!("{config}{job}"));
    let (status, _) = http::post(&format!("{}/-/reload", narthex.url())).unwrap();
    assert_eq!(status, 200);
    wait_for_version(&narthex, "1");
    assert_eq!(shown(&narthex, "guest:0.0.1")["isInstalled"], true);
    // What was approved before is another step now.
    let (status, answer) = install(&narthex, "guest:0.0.2", &second["approve"]);
    assert_eq!(status, 422, "{answer}");

    // Without a tag the newest that there is, which nobody has signed.
    let unsigned = shown(&narthex, "guest");
    assert_eq!(unsigned["version"], "0.0.3", "{unsigned}");
    assert_eq!(unsigned["approve"], Value::Null, "{unsigned}");
    let reason = unsigned["refused"].as_str().unwrap();
    assert!(reason.contains("is not signed"), "{reason}");
    let (status, answer) = install(&narthex, "guest", &second["approve"]);
    assert_eq!(status, 422, "{answer}");

    // One that asks for more says for what, and waits in the folder for the grant.
    let second = shown(&narthex, "guest:0.0.2");
    assert_eq!(second["from"], "0.0.1", "{second}");
    assert_eq!(second["beyond"], json!({"tcp": ["db.example:5432"]}));
    let paste = second["paste"].as_str().unwrap();
    assert!(paste.contains("tcp: [\"db.example:5432\"]"), "{paste}");
    let (status, answer) = install(&narthex, "guest:0.0.2", &second["approve"]);
    assert_eq!(status, 200, "{answer}");
    let plugin = &answer["data"]["plugin"];
    assert_eq!(plugin["state"], "held", "{answer}");
    assert_eq!(plugin["version"], "0.0.1", "{answer}");
    let granted = config.replace("{guest: {}}", "{guest: {tcp: ['db.example:5432']}}");
    narthex.write_config(&format!("{granted}{job}"));
    let (status, _) = http::post(&format!("{}/-/reload", narthex.url())).unwrap();
    assert_eq!(status, 200);
    wait_for_version(&narthex, "2");

    // A step back says so, and goes by approval, too.
    let back = shown(&narthex, "guest:0.0.1");
    assert_eq!(back["isDowngrade"], true, "{back}");
    assert_eq!(back["wasRolledBack"], true, "{back}");

    for (path, status, part) in [
        ("install?reference=guest:9", 404, "there is none"),
        ("install?reference=embedded:node", 400, "registry"),
        ("install?reference=127.0.0.1:1/a/guest", 400, "registry"),
        ("node/remove", 404, "is not installed"),
    ] {
        let (found, answer) = post(&narthex, path);
        let text = answer["error"].as_str().unwrap_or_default();
        assert_eq!(found, status, "{path}: {answer}");
        assert!(text.contains(part), "{path}: {answer}");
    }
    // A folder that cannot be written is said; a file in its place is so for root as well.
    let (status, answer) = post(&narthex, "guest/remove");
    assert_eq!(status, 200, "{answer}");
    assert!(!folder.path().join("plugins/guest").exists());
    assert_eq!(answer["data"]["state"], "orphaned", "{answer}");
    fs::remove_dir_all(folder.path().join("plugins")).unwrap();
    fs::write(folder.path().join("plugins"), "").unwrap();
    let (status, answer) = install(
        &narthex,
        "guest:0.0.1",
        &shown(&narthex, "guest:0.0.1")["approve"],
    );
    assert_eq!((status, &answer["errorType"]), (422, &json!("execution")));

    // What was approved is counted, not what was only looked at: the first approval was refused, as
    // was the last one, and `node` is not installed.
    let (_, metrics) = http::get(&format!("{}/metrics", narthex.url())).unwrap();
    let changes = "narthex_plugin_admin_changes_total";
    for (labels, has_some) in [
        ("action=\"install\",result=\"done\"", true),
        ("action=\"install\",result=\"refused\"", true),
        ("action=\"install\",result=\"failed\"", false),
        ("action=\"remove\",result=\"done\"", true),
        ("action=\"remove\",result=\"refused\"", true),
    ] {
        let none = format!("{changes}{{{labels}}} 0\n");
        assert!(
            metrics.contains(&format!("{changes}{{{labels}}}")),
            "{metrics}"
        );
        assert_eq!(metrics.contains(&none), !has_some, "{labels}: {metrics}");
    }

    registry.process().kill();
    let (status, answer) = post(&narthex, "install?reference=guest:0.0.1");
    assert_eq!(
        (status, &answer["errorType"]),
        (500, &json!("unavailable")),
        "{answer}"
    );
}
