//! A hundred who listen cost one watch.

use std::time::Duration;

use narthex_http::{Authorization, HttpConfig, Secret};
use narthex_kubernetes::Selection;
use serde_json::json;

use crate::listener::{Bench, pace, pod, pods, until};

#[tokio::test]
async fn a_hundred_listeners_share_one_watch_and_all_hear_everything() {
    let bench = Bench::new();
    for number in 0..3 {
        bench.server.put(pod(&format!("a/{number}"), "x"));
    }
    let mut listeners: Vec<_> = (0..100).map(|_| bench.listen(pods())).collect();
    for listener in &mut listeners {
        listener.knows(&["a/0=x", "a/1=x", "a/2=x"]).await;
    }
    bench.server.put(pod("a/1", "y"));
    bench.server.delete(&pod("a/2", ""));
    bench.server.put(pod("b/3", "z"));
    for listener in &mut listeners {
        listener.knows(&["a/0=x", "a/1=y", "b/3=z"]).await;
    }
    let late = bench.listen(pods());
    let (a, b) = (
        late.watch.lookup("a", "1"),
        listeners[0].watch.lookup("a", "1"),
    );
    assert!(
        std::sync::Arc::ptr_eq(&a.unwrap(), &b.unwrap()),
        "one copy for all"
    );
    assert_eq!(late.watch.lookup("a", "2"), None);
    let open = bench.server.watches();
    assert_eq!(
        open.into_iter().collect::<Vec<_>>(),
        [("/api/v1/pods".to_owned(), 1)]
    );
    let lists = bench.server.requests().into_iter();
    assert_eq!(
        lists.filter(|asked| !asked.contains("watch=true")).count(),
        1
    );
    assert_eq!(bench.metric("narthex_kubernetes_listeners"), "101");
    assert_eq!(bench.metric("narthex_kubernetes_watches"), "1");
    assert_eq!(bench.metric("narthex_kubernetes_objects"), "3");
    for (event, expected) in [("add", "4"), ("update", "1"), ("delete", "1")] {
        let series =
            format!("prometheus_sd_kubernetes_events_total{{role=\"pod\",event=\"{event}\"}}");
        assert_eq!(bench.metric(&series), expected, "{event}");
    }
}

#[tokio::test]
async fn a_watch_ends_with_its_last_listener_and_not_before() {
    let bench = Bench::new();
    bench.server.put(pod("a/0", "x"));
    let mut first = bench.listen(pods());
    let second = bench.listen(pods());
    first.knows(&["a/0=x"]).await;
    until(|| bench.server.watches().len() == 1).await;
    drop(second);
    bench.server.put(pod("a/0", "y"));
    first.knows(&["a/0=y"]).await;
    assert_eq!(bench.cluster.watches(), 1);
    drop(first);
    until(|| bench.cluster.watches() == 0).await;
    // The server notices by the connection; what is told then goes nowhere.
    until(|| {
        bench.server.put(pod("a/0", "z"));
        bench.server.watches().is_empty()
    })
    .await;
    assert_eq!(bench.metric("narthex_kubernetes_objects"), "0");
    assert_eq!(bench.metric("narthex_kubernetes_watches"), "0");
}

#[tokio::test]
async fn a_listener_that_comes_back_in_time_finds_the_watch_open() {
    let mut patient = pace();
    patient.linger = Duration::from_secs(600);
    let bench = Bench::with(patient, HttpConfig::default());
    bench.server.put(pod("a/0", "x"));
    bench.listen(pods()).knows(&["a/0=x"]).await;
    let asked = bench.server.requests().len();
    let mut back = bench.listen(pods());
    assert!(back.watch.synced());
    back.knows(&["a/0=x"]).await;
    let lists = bench.server.requests().into_iter().skip(asked);
    assert_eq!(
        lists.filter(|asked| !asked.contains("watch=true")).count(),
        0
    );
}

#[tokio::test]
async fn selectors_and_namespaces_are_watches_of_their_own() {
    let bench = Bench::new();
    for (name, word) in [("a/0", "x"), ("a/1", "y"), ("b/2", "x")] {
        bench.server.put(pod(name, word));
    }
    let in_a = Selection {
        namespace: Some("a".to_owned()),
        ..pods()
    };
    let by_label = Selection {
        label_selector: "word=x".to_owned(),
        ..pods()
    };
    let by_field = Selection {
        field_selector: "spec.nodeName=y,metadata.name!=7".to_owned(),
        ..pods()
    };
    let mut in_a = bench.listen(in_a);
    let mut by_label = bench.listen(by_label);
    let mut by_field = bench.listen(by_field);
    in_a.knows(&["a/0=x", "a/1=y"]).await;
    by_label.knows(&["a/0=x", "b/2=x"]).await;
    by_field.knows(&["a/1=y"]).await;
    // Out of one selection and into another.
    bench.server.put(pod("a/0", "y"));
    bench.server.put(pod("b/2", "y"));
    in_a.knows(&["a/0=y", "a/1=y"]).await;
    by_label.knows(&[]).await;
    by_field.knows(&["a/0=y", "a/1=y", "b/2=y"]).await;
    let open = bench.server.watches().into_keys().collect::<Vec<_>>();
    assert_eq!(
        open,
        [
            "/api/v1/pods in a",
            "/api/v1/pods spec.nodeName=y,metadata.name!=7",
            "/api/v1/pods word=x",
        ]
    );
}

#[tokio::test]
async fn one_watch_of_all_namespaces_is_divided_among_those_who_ask_for_one() {
    let bench = Bench::new();
    for name in ["a/0", "b/1"] {
        bench.server.put(pod(name, "x"));
    }
    let of = |namespace: &str| Selection {
        namespace: Some(namespace.to_owned()),
        ..pods()
    };
    // What was opened before stays as it is.
    let mut before = bench.listen(of("b"));
    before.knows(&["b/1=x"]).await;
    let wide = bench.cluster.watch_divided(pods()).unwrap();
    until(|| wide.synced()).await;
    let mut of_a = bench.listen(of("a"));
    let mut of_none = bench.listen(of("none"));
    of_a.knows(&["a/0=x"]).await;
    of_none.knows(&[]).await;
    assert!(of_a.watch.lookup("a", "0").is_some());
    assert_eq!(of_a.watch.lookup("b", "1"), None);
    bench.server.put(pod("none/2", "y"));
    bench.server.delete(&pod("a/0", ""));
    of_none.knows(&["none/2=y"]).await;
    of_a.knows(&[]).await;
    let open = bench.server.watches().into_keys().collect::<Vec<_>>();
    assert_eq!(open, ["/api/v1/pods", "/api/v1/pods in b"]);
    // It lasts as long as somebody has a part of it.
    drop((wide, of_none));
    bench.server.put(pod("a/3", "z"));
    of_a.knows(&["a/3=z"]).await;
    drop((of_a, before));
    until(|| bench.cluster.watches() == 0).await;
}

#[tokio::test]
async fn one_object_is_asked_for_and_an_event_is_written() {
    let bench = Bench::new();
    bench.server.put(pod("a/0", "x"));
    bench.server.put(pod("b/1", "x"));
    let in_a = Selection {
        namespace: Some("a".to_owned()),
        ..pods()
    };
    let found = bench.cluster.object(&in_a, "0").await.unwrap().unwrap();
    assert_eq!(found["spec"]["nodeName"], "x");
    assert_eq!(bench.cluster.object(&in_a, "1").await, Ok(None));
    let error = bench.cluster.object(&in_a, "../b").await.unwrap_err();
    assert_eq!(error, "\"../b\" is not a name");
    let all = bench.cluster.objects(&pods()).await.unwrap();
    let kinds: Vec<_> = all.iter().map(|object| object["kind"].clone()).collect();
    assert_eq!(kinds, ["Pod", "Pod"]);
    let event = json!({"kind": "Event", "message": "m"});
    bench.cluster.write_event("a", &event).await.unwrap();
    assert_eq!(bench.server.events(), [event]);
    bench.server.require_token("t");
    let error = bench.cluster.object(&in_a, "0").await.unwrap_err();
    assert_eq!(error, "server returned HTTP status 401: Unauthorized");
}

#[tokio::test]
async fn kinds_that_only_the_cluster_knows_are_asked_for() {
    let bench = Bench::new();
    bench
        .server
        .put(json!({"apiVersion": "example.org/v1", "kind": "Widget",
        "metadata": {"namespace": "a", "name": "w"}, "spec": {"nodeName": "x"}}));
    let mut widgets = bench.listen(Selection::of("example.org/v1", "Widget"));
    widgets.knows(&["a/w=x"]).await;
    let other = bench.listen(Selection::of("example.org/v1", "Gadget"));
    until(|| other.watch.trouble().is_some()).await;
    let trouble = other.watch.trouble().unwrap();
    assert_eq!(
        trouble,
        "example.org/v1/Gadget: the cluster has no such kind"
    );
}

#[tokio::test]
async fn a_token_is_read_again_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "old").unwrap();
    let http = HttpConfig {
        authorization: Some(Authorization {
            credentials_file: path.display().to_string(),
            credentials: Secret::default(),
            ..Authorization::default()
        }),
        ..HttpConfig::default()
    };
    let bench = Bench::with(pace(), http);
    bench.server.require_token("new");
    bench.server.put(pod("a/0", "x"));
    let mut listener = bench.listen(pods());
    until(|| listener.watch.trouble().is_some()).await;
    let trouble = listener.watch.trouble().unwrap();
    assert_eq!(trouble, "server returned HTTP status 401: Unauthorized");
    std::fs::write(&path, "new").unwrap();
    listener.knows(&["a/0=x"]).await;
    assert_eq!(listener.watch.trouble(), None);
}
