use std::os::unix::fs::symlink;

use super::*;
use crate::package::tests::package;

fn image(version: &str) -> Image {
    package(version).image().unwrap()
}

fn signature(image: &Image) -> Signature {
    Signature {
        payload: crate::signature::payload(image.digest(), "here").unwrap(),
        signature: vec![1],
    }
}

fn current(layout: &Layout) -> String {
    layout.current().unwrap().package.manifest.version
}

fn previous(layout: &Layout) -> Option<String> {
    let previous = layout.previous().unwrap();
    previous.map(|previous| previous.package.manifest.version)
}

#[test]
fn installs_roll_backs_and_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::create(folder.path().join("redis")).unwrap();
    assert!(!Layout::is_at(layout.path()));
    assert!(matches!(layout.current(), Err(PackageError::NotFound(_))));
    assert!(layout.roll_back().is_err());

    let one = image("0.1.0");
    let replaced = layout.install(&one, &[signature(&one)]).unwrap();
    assert_eq!(replaced.from, None);
    assert!(Layout::is_at(layout.path()));
    assert_eq!(
        (current(&layout), previous(&layout)),
        ("0.1.0".into(), None)
    );
    assert_eq!(layout.current().unwrap().signatures, [signature(&one)]);

    layout.install(&image("0.2.0"), &[]).unwrap();
    assert_eq!(
        (current(&layout), previous(&layout)),
        ("0.2.0".into(), Some("0.1.0".into()))
    );
    assert!(layout.current().unwrap().signatures.is_empty());
    assert_eq!(
        layout.previous().unwrap().unwrap().signatures,
        [signature(&one)]
    );

    layout.roll_back().unwrap();
    assert_eq!(
        (current(&layout), previous(&layout)),
        ("0.1.0".into(), Some("0.2.0".into()))
    );
    layout.roll_back().unwrap();
    assert_eq!(current(&layout), "0.2.0");

    // Again the same: nothing of what was before is lost.
    layout.install(&image("0.2.0"), &[]).unwrap();
    assert_eq!(
        (current(&layout), previous(&layout)),
        ("0.2.0".into(), Some("0.1.0".into()))
    );

    // A third version: the first is gone with its blobs, and so is what a crash left.
    let blobs = layout.path().join("blobs/sha256");
    fs::write(blobs.join(".x.unfinished"), "half").unwrap();
    layout.install(&image("0.3.0"), &[]).unwrap();
    assert_eq!(
        (current(&layout), previous(&layout)),
        ("0.3.0".into(), Some("0.2.0".into()))
    );
    assert_eq!(layout.list().unwrap().len(), 2);
    assert!(!blobs.join(one.digest().hex()).exists());
    assert!(!blobs.join(".x.unfinished").exists());
    // Scrape config, rules and dashboard are the same in both; manifests, components and configs
    // are not, and neither are the two OCI manifests.
    assert_eq!(fs::read_dir(&blobs).unwrap().count(), 3 + 2 * 4);
}

#[test]
fn without_a_mark_the_newest_version_is_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::create(folder.path()).unwrap();
    for version in ["0.9.0", "0.10.0", "0.2.0"] {
        layout.add(&image(version), version, &[]).unwrap();
    }
    assert_eq!(current(&layout), "0.10.0");
    assert_eq!(previous(&layout), None);
    let contents = layout.contents().unwrap();
    for (text, version) in [("0.2.0", "0.2.0"), ("redis", "0.10.0")] {
        assert_eq!(contents.find(text).unwrap().version, version);
    }
    assert!(contents.find("0.3.0").is_err());
    // Written by hand or by another tool: the mark wins.
    let index = layout.path().join(INDEX_FILE);
    let text = fs::read_to_string(&index).unwrap();
    let marked = text.replacen(
        "\"org.opencontainers.image.ref.name\":\"0.2.0\"",
        "\"org.opencontainers.image.ref.name\":\"0.2.0\",\"io.narthex.plugin.state\":\"current\"",
        1,
    );
    assert_ne!(text, marked);
    fs::write(&index, marked).unwrap();
    assert_eq!(current(&layout), "0.2.0");
}

#[test]
fn signatures_are_added_to_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::create(folder.path()).unwrap();
    let one = image("0.1.0");
    layout.add(&one, "0.1.0", &[]).unwrap();
    layout.sign(one.digest(), &[signature(&one)]).unwrap();
    assert_eq!(layout.current().unwrap().signatures, [signature(&one)]);
    layout.sign(one.digest(), &[]).unwrap();
    assert!(layout.current().unwrap().signatures.is_empty());
    assert_eq!(layout.list().unwrap().len(), 1);
}

#[test]
fn a_changed_missing_or_oversized_blob_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::create(folder.path()).unwrap();
    let one = image("0.1.0");
    layout.install(&one, &[]).unwrap();
    let layer = &one.manifest().layers[0];
    let blob = layout.path().join("blobs/sha256").join(layer.digest.hex());
    let whole = fs::read(&blob).unwrap();

    let mut bytes = whole.clone();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&blob, &bytes).unwrap();
    let error = layout.current().unwrap_err();
    assert!(matches!(error, PackageError::Changed { .. }), "{error}");
    assert!(error.to_string().contains("\"redis.wasm\""), "{error}");

    bytes.push(0);
    fs::write(&blob, &bytes).unwrap();
    let error = layout.current().unwrap_err();
    assert!(matches!(error, PackageError::TooLarge { .. }), "{error}");

    fs::remove_file(&blob).unwrap();
    let error = layout.current().unwrap_err();
    assert!(matches!(error, PackageError::NotFound(_)), "{error}");

    symlink("/dev/zero", &blob).unwrap();
    let error = layout.current().unwrap_err().to_string();
    assert!(error.contains("must not be a link"), "{error}");

    // Installing it again repairs it, and writes through no link.
    layout.install(&one, &[]).unwrap();
    assert_eq!(fs::read(&blob).unwrap(), whole);
    assert!(fs::symlink_metadata(&blob).unwrap().is_file());
}

#[test]
fn nothing_is_written_through_links_that_lead_elsewhere() {
    for link in ["blobs", "blobs/sha256"] {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let layout = Layout::create(folder.path()).unwrap();
        if link != "blobs" {
            fs::create_dir(layout.path().join("blobs")).unwrap();
        }
        symlink(elsewhere.path(), layout.path().join(link)).unwrap();
        let error = layout
            .install(&image("0.1.0"), &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("not a folder of its own"), "{error}");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
}

#[test]
fn an_index_that_leads_out_of_the_layout_or_is_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::create(folder.path()).unwrap();
    layout.install(&image("0.1.0"), &[]).unwrap();
    let index = layout.path().join(INDEX_FILE);
    let text = fs::read_to_string(&index).unwrap();
    let entry = text.split_once('[').unwrap().1.rsplit_once(']').unwrap().0;
    let many = vec![entry; crate::bounds::ENTRIES_MAX + 1].join(",");
    for (changed, part) in [
        (
            text.replace("sha256:", "sha256:../../../"),
            "is not a digest",
        ),
        (text.replace(entry, &many), "index.json"),
        (
            format!("{text}{}", " ".repeat(1 << 20)),
            "larger than 1048576",
        ),
        ("{}".to_owned(), "index.json"),
    ] {
        fs::write(&index, changed).unwrap();
        let error = layout.current().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    fs::write(
        layout.path().join(LAYOUT_FILE),
        "{\"imageLayoutVersion\":\"2.0.0\"}",
    )
    .unwrap();
    assert!(Layout::open(layout.path()).is_err());
}
