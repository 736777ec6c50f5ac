//! `/api/v1/dashboards`: what a client sees of a folder that changes.

use serde_json::{Value, json};

use crate::fixture::Api;

/// A dashboard whose texts are what somebody with bad intent would write.
fn hostile() -> Value {
    let text = "<img src=x onerror=alert(1)>";
    let panel = json!({
        "kind": "Panel",
        "spec": {
            "display": {"name": text},
            "plugin": {"kind": "Markdown", "spec": {"text": text}}
        }
    });
    json!({
        "kind": "Dashboard",
        "metadata": {"name": "hostile"},
        "spec": {"display": {"name": text, "description": text}, "panels": {"one": panel}}
    })
}

#[tokio::test]
async fn a_folder_is_listed_and_each_dashboard_is_passed_on_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        std::fs::write(folder.path().join(".new"), text).unwrap();
        std::fs::rename(folder.path().join(".new"), folder.path().join(name)).unwrap();
    };
    let api = Api::with_dashboards(folder.path()).await;
    let own = json!(["Narthex", "narthex", "narthex", null]);
    let list = || async {
        let answer = api.json("dashboards").await;
        let entries = answer["data"].as_array().unwrap().clone();
        let shown = entries.into_iter().map(|entry| {
            let fields = ["title", "name", "source", "error"];
            let values = fields.map(|field| entry[field].clone());
            Value::Array(values.to_vec())
        });
        shown.collect::<Vec<Value>>()
    };
    let of_plugin = json!(["redis first", "redis", "plugin", null]);
    assert_eq!(list().await, [own.clone(), of_plugin.clone()]);

    put("a.json", &hostile().to_string());
    put("broken.yml", "kind: Dashboard\n");
    let title = "<img src=x onerror=alert(1)>";
    assert_eq!(
        list().await,
        [
            json!([title, "hostile", "file", null]),
            own.clone(),
            json!(["broken.yml", null, "file", "metadata: it is missing"]),
            of_plugin,
        ]
    );
    let answer = api.json("dashboards/hostile").await;
    assert_eq!(answer["data"]["dashboard"], hostile());
    assert_eq!(answer["data"]["panels"], 1);
    assert_eq!(answer["data"]["origin"], "a.json");

    put("a.json", "{}");
    let said = "the file: its kind is \"\", not Dashboard";
    assert_eq!(list().await[0], json!([title, "hostile", "file", said]));
    let answer = api.json("dashboards/hostile").await;
    assert_eq!(answer["data"]["error"], said);
    assert_eq!(
        answer["data"]["dashboard"],
        hostile(),
        "the last that was one"
    );

    std::fs::remove_file(folder.path().join("a.json")).unwrap();
    let (status, answer) = api.get("/api/v1/dashboards/hostile").await;
    assert_eq!(status, 404);
    assert!(
        answer.contains(r#""error":"no dashboard is named \"hostile\"""#),
        "{answer}"
    );
    assert_eq!(list().await.len(), 3);
    let (_, metrics) = api.get("/metrics").await;
    assert!(
        metrics.contains("\nnarthex_dashboards_failed 1\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_dashboard_is_known_by_its_name_and_by_no_path() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret.txt"), "canary").unwrap();
    let api = Api::with_dashboards(folder.path()).await;
    for name in ["secret.txt", "..%2fsecret.txt", "%2e%2e", "", "a/b"] {
        let (status, answer) = api.get(&format!("/api/v1/dashboards/{name}")).await;
        assert_eq!(status, 404, "{name}: {answer}");
        assert!(!answer.contains("canary"));
    }
    assert_eq!(api.json("dashboards/narthex").await["status"], "success");
}

#[tokio::test]
async fn a_plugin_that_is_reloaded_brings_the_dashboards_of_its_new_package() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::with_dashboards(folder.path()).await;
    let answer = api.json("dashboards/redis").await;
    assert_eq!(answer["data"]["title"], "redis first");
    assert_eq!(answer["data"]["origin"], "redis");
    let (status, _) = api.post("plugins/redis/reload", "").await;
    assert_eq!(status, 200);
    let answer = api.json("dashboards/redis").await;
    assert_eq!(answer["data"]["title"], "redis reloaded");
}
