//! What a plugin keeps: it outlives instances, versions and the host. And files, of which it
//! keeps nothing.

use std::fs;
use std::os::unix::fs::symlink;

use narthex_plugin::PluginOptions;
use serde_json::json;

use crate::harness::{Bench, config};
use crate::peers::{bench, steps};

const GRANTED: &str = r#"{"grants": {"guest": {"state": true}}}"#;

#[tokio::test]
async fn state_outlives_the_instance_the_version_and_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let options = || PluginOptions {
        state: Some(folder.path().to_owned()),
        ..Bench::options()
    };
    let get = json!([{"op": "get", "key": "a"}]);
    let first = bench("", GRANTED, options()).await;
    assert_eq!(steps(&first, "one", &get).await, ["nothing"]);
    let set = json!([{"op": "set", "key": "a", "value": "kept for later"}]);
    assert_eq!(steps(&first, "one", &set).await, ["kept"]);
    // Each of these calls has a job, and so an instance, of its own.
    assert_eq!(steps(&first, "one", &get).await, ["kept for later"]);
    assert_eq!(steps(&first, "two", &get).await, ["nothing"]);
    first.runtime.reload(config("{}")).await.unwrap();
    assert!(steps(&first, "one", &get).await[0].starts_with("denied: state is not granted"));
    drop(first);
    let second = bench("", GRANTED, options()).await;
    assert_eq!(steps(&second, "one", &get).await, ["kept for later"]);
    let take = json!([{"op": "set", "key": "a", "value": ""}, {"op": "get", "key": "a"}]);
    assert_eq!(steps(&second, "one", &take).await, ["kept", "nothing"]);
}

#[tokio::test]
async fn a_host_without_a_place_for_state_says_so() {
    let bench = bench("", GRANTED, Bench::options()).await;
    let answers = steps(&bench, "nowhere", &json!([{"op": "get", "key": "a"}])).await;
    assert!(
        answers[0].contains("this host keeps no state"),
        "{answers:?}"
    );
}

#[tokio::test]
async fn folders_links_and_room_are_told_below_what_is_granted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("granted/b")).unwrap();
    fs::write(root.join("granted/a"), "12345").unwrap();
    fs::write(root.join("secret"), "secret").unwrap();
    symlink(root.join("secret"), root.join("granted/out")).unwrap();
    let granted = root.join("granted").display().to_string();
    let text = format!(
        r#"{{"grants": {{"guest": {{"files": ["{granted}", "/proc"], "file_systems": ["/"]}}}}}}"#
    );
    let bench = bench("", &text, Bench::options()).await;
    let at = |path: &str| format!("{granted}/{path}");
    let out = root.join("secret").display().to_string();
    for (step, expected) in [
        (json!({"op": "entries", "path": granted}), "a b out"),
        (
            json!({"op": "entries", "path": at("missing")}),
            "no such file or directory",
        ),
        (json!({"op": "entries", "path": at("..")}), "denied: "),
        (json!({"op": "link", "path": at("out")}), out.as_str()),
        (json!({"op": "link", "path": at("a")}), "invalid argument"),
        (
            json!({"op": "link", "path": at("../granted/out")}),
            out.as_str(),
        ),
        (json!({"op": "link", "path": at("..")}), "denied: "),
        (json!({"op": "read", "path": at("out")}), "denied: "),
        (json!({"op": "room", "path": "/"}), "true"),
        (
            json!({"op": "room", "path": "/nowhere/at/all"}),
            "no such file or directory",
        ),
        (json!({"op": "room", "path": "proc"}), "denied: "),
        // A grant of `/proc` is not one of what the host itself has in it.
        (
            json!({"op": "read", "path": "/proc/self/environ"}),
            "denied: ",
        ),
        (
            json!({"op": "read", "path": "/proc/thread-self/environ"}),
            "denied: ",
        ),
        (
            json!({"op": "read", "path": "/proc/self/root/etc/passwd"}),
            "denied: ",
        ),
        (
            json!({"op": "entries", "path": "/proc/self/fd"}),
            "denied: ",
        ),
    ] {
        let answers = steps(&bench, "files", &json!([step])).await;
        assert!(answers[0].contains(expected), "{step}: {}", answers[0]);
    }
    let own = format!("/proc/{}/environ", std::process::id());
    let answers = steps(
        &bench,
        "files",
        &json!([
            {"op": "read", "path": own},
            {"op": "read", "path": "/proc/self/mountinfo"},
            {"op": "read", "path": "/proc/net/dev"},
        ]),
    )
    .await;
    assert!(answers[0].starts_with("denied: "), "{answers:?}");
    assert!(
        answers[1..]
            .iter()
            .all(|answer| answer.parse::<u32>().is_ok()),
        "{answers:?}"
    );
}
