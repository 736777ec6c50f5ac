use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::page::{AGENT, ALERTMANAGER, BASE, FLEET, NONCE};
use crate::{ASSET_BYTES_MAX, Application, Page};

fn page(depth: usize) -> Page {
    Page {
        depth,
        nonce: "abc".into(),
        is_agent: true,
        has_alertmanager: false,
        has_fleet: true,
    }
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The names of the assets that a page asks for.
fn asked_for(page: &str) -> Vec<&str> {
    page.split("./assets/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn the_binary_carries_what_its_page_asks_for() {
    let application = Application::Embedded;
    let page = application.page(&page(1)).unwrap().unwrap();
    let names = asked_for(&page);
    assert!(names.iter().any(|name| name.ends_with(".js")), "{page}");
    assert!(names.iter().any(|name| name.ends_with(".css")), "{page}");
    for name in names {
        let plain = application.asset(name, false).unwrap().unwrap();
        assert!(!plain.is_gzip && !plain.content.is_empty(), "{name}");
        let packed = application.asset(name, true).unwrap().unwrap();
        assert!(packed.is_gzip, "{name}");
        assert!(packed.content.len() < plain.content.len(), "{name}");
    }
}

#[test]
fn the_page_of_the_binary_has_every_place_that_is_filled_in() {
    let page = Application::Embedded.page(&page(2)).unwrap().unwrap();
    for place in [BASE, NONCE, AGENT, ALERTMANAGER, FLEET] {
        assert!(!page.contains(place), "{place} was not filled in");
    }
    for filled in [
        r#"<base href="../../" />"#,
        r#"<meta name="narthex-nonce" content="abc" />"#,
        r#"<meta name="narthex-agent" content="true" />"#,
        r#"<meta name="narthex-alertmanager" content="false" />"#,
        r#"<meta name="narthex-fleet" content="true" />"#,
    ] {
        assert_eq!(page.matches(filled).count(), 1, "{filled}\n{page}");
    }
    // A policy without inline scripts would stop the page from working otherwise.
    assert!(!page.contains("<style") && !page.contains("onload="));
    for script in page.split("<script").skip(1) {
        assert!(script.split('>').next().unwrap().contains("src="), "{page}");
    }
}

#[test]
fn a_folder_has_plain_and_packed_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("assets")).unwrap();
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    let application = Application::new(Some(folder.path()));
    assert_eq!(application.page(&page(0)).unwrap(), None);
    write("index.html", format!("{BASE} hello").as_bytes());
    write("assets/plain.css", b"a{}");
    write("assets/packed.js.gz", &packed(b"1;"));
    write("secret.txt", b"secret");

    let filled = application.page(&page(0)).unwrap().unwrap();
    assert_eq!(filled, r#"<base href="./" /> hello"#);
    for (name, takes_gzip, is_gzip, content_type, content) in [
        ("plain.css", true, false, "text/css; charset=utf-8", "a{}"),
        (
            "packed.js",
            false,
            false,
            "text/javascript; charset=utf-8",
            "1;",
        ),
    ] {
        let asset = application.asset(name, takes_gzip).unwrap().unwrap();
        assert_eq!(asset.content, content.as_bytes(), "{name}");
        assert_eq!((asset.is_gzip, asset.content_type), (is_gzip, content_type));
    }
    let asset = application.asset("packed.js", true).unwrap().unwrap();
    assert!(asset.is_gzip);
    assert_eq!(asset.content, packed(b"1;"));
    for name in [
        "",
        ".",
        "..",
        "../secret.txt",
        "a//b",
        "/etc/passwd",
        "a%2f",
        ".gz",
        "none.js",
    ] {
        assert_eq!(application.asset(name, true).unwrap(), None, "{name:?}");
    }
}

#[test]
fn a_file_past_the_bound_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("assets")).unwrap();
    let bytes = usize::try_from(ASSET_BYTES_MAX).unwrap() + 1;
    let assets = folder.path().join("assets");
    fs::write(assets.join("large.js"), vec![b' '; bytes]).unwrap();
    fs::write(assets.join("bomb.js.gz"), packed(&vec![b' '; bytes])).unwrap();
    let application = Application::new(Some(folder.path()));
    for name in ["large.js", "bomb.js"] {
        let error = application.asset(name, false).unwrap_err();
        assert!(error.to_string().contains("larger than"), "{name}: {error}");
    }
}
