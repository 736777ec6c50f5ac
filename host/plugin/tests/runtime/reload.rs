//! Plugins that are replaced while they work.

use std::fs;
use std::path::Path;

use narthex_plugin::{Artifact, PluginState, PluginStatus};

use crate::harness::{Bench, MANIFEST, collect, config, folder_config, guest, guest_version};

/// Puts a plugin into a folder, each file at once: the runtime looks at it whenever it likes, and
/// what is half there by accident would count as a version more.
fn place(folder: &Path, component: &[u8]) {
    for (name, bytes) in [
        ("guest.toml", MANIFEST.as_bytes()),
        ("guest.wasm", component),
    ] {
        fs::write(folder.join("upload"), bytes).unwrap();
        fs::rename(folder.join("upload"), folder.join(name)).unwrap();
    }
}

fn status(bench: &Bench) -> PluginStatus {
    bench.runtime.list().remove(0)
}

async fn version(bench: &Bench) -> String {
    let job = bench.job("probe", r#"{"do": "work"}"#);
    collect(&job)
        .await
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_scrape_is_lost_while_a_plugin_is_replaced_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let versions = [guest_version(1), guest_version(2)];
    place(folder.path(), &versions[0]);
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = bench.job("a", r#"{"do": "work"}"#);
    let scrapes = async {
        let mut answers = Vec::new();
        for _ in 0..200 {
            answers.push(collect(&job).await);
            tokio::task::yield_now().await;
        }
        answers
    };
    let swaps = async {
        for swap in 1..=20 {
            let component = &versions[swap % 2];
            let path = folder.path().join("guest.wasm");
            // In turn renamed over and written in place.
            if swap % 4 < 2 {
                fs::write(folder.path().join("upload"), component).unwrap();
                fs::rename(folder.path().join("upload"), &path).unwrap();
            } else {
                fs::write(&path, component).unwrap();
            }
            bench.runtime.rescan().await;
            let swapped = collect(&job).await.unwrap();
            let expected = format!("guest_version {}", swap % 2 + 1);
            assert_eq!(
                swapped.lines().next(),
                Some(expected.as_str()),
                "swap {swap}"
            );
        }
    };
    let (answers, ()) = tokio::join!(scrapes, swaps);
    assert_eq!(answers.len(), 200);
    for answer in answers {
        let text = answer.unwrap();
        let first = text.lines().next().unwrap();
        assert!(
            ["guest_version 1", "guest_version 2"].contains(&first),
            "{text}"
        );
    }
    bench.assert_metrics(&["narthex_plugin_reloads_total{plugin=\"guest\",result=\"ok\"} 21"]);
}

#[tokio::test]
async fn a_half_written_file_changes_nothing_until_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &guest_version(1));
    let bench = Bench::with_folder(folder.path(), "").await;
    assert_eq!(status(&bench).state, PluginState::Running);

    let new = guest_version(2);
    for (part, reason) in [
        (0, "not a component: "),
        // The preamble alone is a component of nothing.
        (8, "it does not fit the world exporter: "),
        (new.len() / 2, "not a component: "),
        (new.len() - 1, "not a component: "),
    ] {
        place(folder.path(), &new[..part]);
        bench.runtime.rescan().await;
        assert_eq!(status(&bench).state, PluginState::Outdated, "{part} bytes");
        let error = status(&bench).last_error.unwrap();
        assert!(error.starts_with(reason), "{part} bytes: {error}");
        assert_eq!(version(&bench).await, "guest_version 1");
    }
    place(folder.path(), &new);
    bench.runtime.rescan().await;
    assert_eq!(status(&bench).state, PluginState::Running);
    assert_eq!(version(&bench).await, "guest_version 2");
    bench.assert_metrics(&["narthex_plugin_reloads_total{plugin=\"guest\",result=\"failed\"} 4"]);
}

#[tokio::test]
async fn a_version_that_does_not_start_for_a_job_is_not_put_to_work() {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &guest_version(1));
    let bench = Bench::with_folder(folder.path(), "").await;
    let good = bench.job("good", r#"{"do": "work"}"#);
    assert!(collect(&good).await.is_ok());
    let bad = bench.job("bad", r#"{"do": "trap_in_init"}"#);
    place(folder.path(), &guest_version(2));
    bench.runtime.rescan().await;
    let error = status(&bench).last_error.unwrap();
    assert!(error.starts_with("job \"bad\": trap: "), "{error}");
    assert_eq!(
        collect(&good).await.unwrap(),
        "guest_version 1\nguest_calls_total 2"
    );
    drop(bad);
}

#[tokio::test]
async fn a_deleted_file_leaves_the_plugin_at_work_until_the_next_reload() {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &guest_version(7));
    let embedded = vec![Artifact::embedded("guest", guest(), MANIFEST)];
    let text = folder_config(folder.path(), "");
    let bench = Bench::with(embedded, &text).await;
    assert_eq!(version(&bench).await, "guest_version 7");

    fs::remove_file(folder.path().join("guest.wasm")).unwrap();
    bench.runtime.rescan().await;
    assert_eq!(status(&bench).state, PluginState::Orphaned);
    assert_eq!(version(&bench).await, "guest_version 7");

    bench.runtime.reload(config(&text)).await.unwrap();
    bench.runtime.rescan().await;
    assert_eq!(status(&bench).state, PluginState::Running);
    assert_eq!(version(&bench).await, "guest_version 1");
}

#[tokio::test]
async fn a_new_file_is_a_new_plugin_and_needs_its_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::with_folder(folder.path(), "").await;
    assert!(bench.runtime.list().is_empty());
    fs::write(folder.path().join("guest.wasm"), guest()).unwrap();
    bench.runtime.rescan().await;
    let error = status(&bench).last_error.unwrap();
    assert_eq!(error, "manifest: there is no guest.toml beside it");
    fs::write(folder.path().join("guest.toml"), MANIFEST).unwrap();
    bench.runtime.rescan().await;
    assert_eq!(version(&bench).await, "guest_version 1");
    fs::write(
        folder.path().join("guest.toml"),
        MANIFEST.replace("guest", "guess"),
    )
    .unwrap();
    bench.runtime.rescan().await;
    let error = status(&bench).last_error.unwrap();
    assert_eq!(error, "manifest: it names \"guess\", the file \"guest\"");
    assert_eq!(version(&bench).await, "guest_version 1");
}
