//! Whatever the server does, in the end everybody knows what there is, each change was told once,
//! and there is one watch.

use narthex_kubernetes::Selection;

use crate::cluster::Fault;
use crate::listener::{Bench, Listener, pod, pods, until};

async fn with_three_pods(bench: &Bench) -> Listener {
    for number in 0..3 {
        bench.server.put(pod(&format!("a/{number}"), "x"));
    }
    let mut listener = bench.listen(pods());
    listener.knows(&["a/0=x", "a/1=x", "a/2=x"]).await;
    until(|| bench.server.watches().len() == 1).await;
    listener
}

/// What happens while nobody watches.
fn change_all(bench: &Bench) {
    bench.server.put(pod("a/0", "y"));
    bench.server.delete(&pod("a/1", ""));
    bench.server.put(pod("b/3", "z"));
}

const CHANGED: [&str; 3] = ["a/0=y", "a/2=x", "b/3=z"];

#[tokio::test]
async fn a_list_comes_in_pages() {
    let bench = Bench::new();
    let mut expected = Vec::new();
    for number in 0..1203 {
        bench.server.put(pod(&format!("a/{number:04}"), "x"));
        expected.push(format!("a/{number:04}=x"));
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    bench.listen(pods()).knows(&expected).await;
    let lists = bench.server.requests();
    let pages = lists.iter().filter(|asked| asked.contains("limit=500"));
    assert_eq!(pages.count(), 3, "{lists:?}");
}

#[tokio::test]
async fn a_list_that_expires_between_two_pages_begins_anew() {
    let bench = Bench::new();
    for number in 0..600 {
        bench.server.put(pod(&format!("a/{number:04}"), "x"));
    }
    let selection = Selection {
        field_selector: "metadata.name!=0007".to_owned(),
        ..pods()
    };
    // The second page.
    bench.server.fail_next(&[Fault::None, Fault::Gone]);
    let listener = bench.listen(selection);
    until(|| listener.watch.synced()).await;
    assert!(listener.watch.lookup("a", "0007").is_none());
    assert!(listener.watch.lookup("a", "0500").is_some());
    assert_eq!(bench.metric("prometheus_sd_kubernetes_failures_total"), "0");
    let asked = bench.server.requests();
    let begun = asked
        .iter()
        .filter(|asked| asked.contains("limit=500&fieldSelector"));
    assert_eq!(begun.count(), 2, "{asked:?}");
}

#[tokio::test]
async fn a_watch_that_breaks_off_goes_on_where_it_was() {
    for has_half_lines in [false, true] {
        let bench = Bench::new();
        let mut listener = with_three_pods(&bench).await;
        let lists = |bench: &Bench| {
            let asked = bench.server.requests().into_iter();
            asked.filter(|asked| !asked.contains("watch=true")).count()
        };
        let before = lists(&bench);
        bench.server.cut_watches(has_half_lines);
        change_all(&bench);
        listener.knows(&CHANGED).await;
        assert_eq!(lists(&bench), before, "nothing was listed again");
        until(|| bench.server.watches().values().eq(&[1])).await;
    }
}

#[tokio::test]
async fn a_watch_that_is_too_old_lists_again_and_tells_the_difference() {
    let bench = Bench::new();
    let mut listener = with_three_pods(&bench).await;
    // So that the first attempts to go on fail, and the version is gone when one does not.
    bench.server.fail_next(&[Fault::Error; 3]);
    bench.server.cut_watches(true);
    change_all(&bench);
    bench.server.compact();
    listener.knows(&CHANGED).await;
    until(|| bench.server.watches().values().eq(&[1])).await;
    bench.server.put(pod("a/2", "w"));
    listener.knows(&["a/0=y", "a/2=w", "b/3=z"]).await;
}

#[tokio::test]
async fn every_fault_passes_and_nothing_is_lost_or_told_twice() {
    for faults in [
        &[Fault::Close][..],
        &[Fault::Gone],
        &[Fault::TooMany(0)],
        &[Fault::Error, Fault::Error],
        &[Fault::Garbage],
        &[Fault::HalfLine],
        &[
            Fault::Gone,
            Fault::Close,
            Fault::Garbage,
            Fault::HalfLine,
            Fault::Error,
        ],
        &[
            Fault::Garbage,
            Fault::Gone,
            Fault::TooMany(0),
            Fault::Gone,
            Fault::Close,
        ],
    ] {
        let bench = Bench::new();
        let mut listener = with_three_pods(&bench).await;
        bench.server.fail_next(faults);
        bench.server.cut_watches(false);
        change_all(&bench);
        listener.knows(&CHANGED).await;
        until(|| bench.server.watches().values().eq(&[1])).await;
        assert_eq!(listener.watch.trouble(), None, "{faults:?}");
        // And before the first list.
        bench.server.fail_next(faults);
        let mut other = bench.listen(Selection {
            namespace: Some("a".to_owned()),
            ..pods()
        });
        other.knows(&["a/0=y", "a/2=x"]).await;
    }
}

#[tokio::test]
async fn a_server_that_asks_for_time_gets_it() {
    let bench = Bench::new();
    bench.server.put(pod("a/0", "x"));
    bench.server.fail_next(&[Fault::TooMany(1)]);
    let mut listener = bench.listen(pods());
    until(|| listener.watch.trouble().is_some()).await;
    let trouble = listener.watch.trouble().unwrap();
    assert_eq!(
        trouble,
        "server returned HTTP status 429: too many requests"
    );
    listener.knows(&["a/0=x"]).await;
    assert_eq!(bench.metric("prometheus_sd_kubernetes_failures_total"), "1");
    let series = "prometheus_sd_kubernetes_http_request_total{status_code=\"429\"}";
    assert_eq!(bench.metric(series), "1");
}

#[tokio::test]
async fn a_watch_stays_young_by_its_bookmarks() {
    let bench = Bench::new();
    let mut listener = with_three_pods(&bench).await;
    // Nothing of this is of the kind that is watched.
    let mut node = pod("a/n", "x");
    node["kind"] = "Service".into();
    bench.server.put(node);
    let marked = bench.server.requests().len();
    // Once the version of that is told, the old changes may go.
    let told = bench.server.bookmarks();
    until(|| bench.server.bookmarks() > told + 1).await;
    bench.server.compact();
    bench.server.cut_watches(false);
    bench.server.put(pod("a/0", "y"));
    listener.knows(&["a/0=y", "a/1=x", "a/2=x"]).await;
    let asked = bench.server.requests().split_off(marked);
    assert!(
        asked.iter().all(|asked| asked.contains("watch=true")),
        "{asked:?}"
    );
}
