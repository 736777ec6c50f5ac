use narthex_registry::Manifest;

use super::*;
use crate::Project;

fn scaffold(language: Language, world: World) -> Scaffold {
    Scaffold {
        name: "two-words".to_owned(),
        language,
        world,
    }
}

fn text_files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with(SDK) {
            text_files(&path, found);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn every_language_has_a_project_that_opens() {
    for language in Language::ALL {
        let folder = tempfile::tempdir().unwrap();
        scaffold(language, World::Exporter)
            .write(folder.path())
            .unwrap();
        let project = Project::open(folder.path()).unwrap();
        assert_eq!(project.manifest.name, "two-words");
        assert_eq!(project.manifest.world, "exporter");
        assert_eq!(project.language, language);
        let fixtures = std::fs::read_dir(folder.path().join("fixtures")).unwrap();
        assert!(fixtures.count() > 0, "{language} has no fixture");
    }
}

#[test]
fn worlds_without_a_template_are_said_to_have_none() {
    for language in Language::ALL {
        for world in [World::Discovery, World::Receiver] {
            let folder = tempfile::tempdir().unwrap();
            match scaffold(language, world).write(folder.path()) {
                Ok(()) => {
                    let text = file::read_text(&folder.path().join("plugin.toml")).unwrap();
                    assert_eq!(Manifest::parse(&text).unwrap().world, world.as_str());
                }
                Err(error) => {
                    let expected = format!("there is no template of a {world} in {language} yet");
                    assert_eq!(error.to_string(), expected);
                }
            }
        }
    }
}

#[test]
fn no_placeholder_is_left() {
    for language in Language::ALL {
        let folder = tempfile::tempdir().unwrap();
        scaffold(language, World::Exporter)
            .write(folder.path())
            .unwrap();
        let mut files = Vec::new();
        text_files(folder.path(), &mut files);
        for (path, text) in files {
            for placeholder in ["{{name}}", "{{identifier}}", "{{world}}"] {
                assert!(!text.contains(placeholder), "{path}");
            }
        }
    }
}

#[test]
fn the_rust_sdk_stands_alone() {
    let sdk = Language::Rust.sdk();
    let text = |path| {
        let file = sdk.iter().find(|file| file.path == path).unwrap();
        std::str::from_utf8(file.content).unwrap()
    };
    assert!(!text("Cargo.toml").contains("workspace = true"));
    assert!(!text("src/bindings.rs").contains("../"));
    assert!(text("wit/types.wit").contains("interface types"));
    assert!(embedded::RUST_LOCK.contains("name = \"wit-bindgen\""));
}

#[test]
fn names_and_folders_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut named = scaffold(Language::Rust, World::Exporter);
    for name in ["Two Words", "install"] {
        named.name = name.to_owned();
        let error = named.write(folder.path()).unwrap_err().to_string();
        assert!(error.contains("cannot name a plugin"), "{error}");
    }
    file::write(&folder.path().join("x"), "").unwrap();
    let error = scaffold(Language::Rust, World::Exporter)
        .write(folder.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("has something in it already"), "{error}");
}
