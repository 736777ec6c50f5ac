use std::fs;
use std::path::Path;

use super::*;

fn text(name: &str) -> String {
    format!("{{\"kind\":\"Dashboard\",\"metadata\":{{\"name\":\"{name}\"}},\"spec\":{{}}}}")
}

/// Puts a file in the place of another, as an editor does: it is never half written.
fn put(folder: &Path, name: &str, text: &str) {
    let new = folder.join(".new");
    fs::write(&new, text).unwrap();
    fs::rename(new, folder.join(name)).unwrap();
}

/// Each file: its name, that of the dashboard in it, and the error.
fn found(folder: &mut Folder) -> Vec<(String, String, String)> {
    folder.look();
    let files = folder.files().map(|(name, file)| {
        let dashboard = file.dashboard.as_ref();
        (
            name.to_owned(),
            dashboard
                .map(|found| found.name.clone())
                .unwrap_or_default(),
            file.error.clone().unwrap_or_default(),
        )
    });
    files.collect()
}

fn entry(file: &str, name: &str, error: &str) -> (String, String, String) {
    (file.to_owned(), name.to_owned(), error.to_owned())
}

#[test]
fn a_file_is_followed_and_a_broken_one_keeps_its_last_text() {
    let place = tempfile::tempdir().unwrap();
    let mut folder = Folder::new(place.path().to_owned());
    assert!(found(&mut folder).is_empty());

    put(place.path(), "a.json", &text("first"));
    put(place.path(), "b.yml", "kind: [");
    put(place.path(), "notes.txt", "not a dashboard");
    put(place.path(), ".hidden.json", &text("hidden"));
    let now = found(&mut folder);
    assert_eq!(now[0], entry("a.json", "first", ""));
    assert_eq!((now.len(), now[1].1.as_str()), (2, ""));
    assert!(now[1].2.contains("line "), "{}", now[1].2);

    put(place.path(), "a.json", "{");
    put(
        place.path(),
        "b.yml",
        "kind: Dashboard\nmetadata: {name: b}\nspec: {}\n",
    );
    let now = found(&mut folder);
    assert_eq!(now[0].1, "first", "the last text that was one");
    assert!(now[0].2.contains("line 1 column 1"), "{}", now[0].2);
    assert_eq!(now[1], entry("b.yml", "b", ""));

    put(place.path(), "a.json", &text("second"));
    fs::remove_file(place.path().join("b.yml")).unwrap();
    assert_eq!(found(&mut folder), [entry("a.json", "second", "")]);
}

#[test]
fn a_folder_of_kubernetes_is_followed_through_its_links() {
    use std::os::unix::fs::symlink;

    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    for version in ["..one", "..two"] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("a.json"), text(&version[2..])).unwrap();
    }
    symlink("..one", at("..data")).unwrap();
    symlink("..data/a.json", at("a.json")).unwrap();
    let mut folder = Folder::new(place.path().to_owned());
    assert_eq!(found(&mut folder), [entry("a.json", "one", "")]);
    symlink("..two", at("..tmp")).unwrap();
    fs::rename(at("..tmp"), at("..data")).unwrap();
    assert_eq!(found(&mut folder), [entry("a.json", "two", "")]);
}

#[test]
fn what_is_no_file_or_too_large_is_told() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("folder.json")).unwrap();
    let large = File::create(place.path().join("large.json")).unwrap();
    large.set_len(DASHBOARD_BYTES_MAX + 1).unwrap();
    fs::write(place.path().join("bytes.json"), b"\xff\xfe").unwrap();
    let mut folder = Folder::new(place.path().to_owned());
    let errors: Vec<String> = found(&mut folder).into_iter().map(|file| file.2).collect();
    assert!(errors[0].starts_with("it cannot be read: "), "{errors:?}");
    assert_eq!(errors[1], "it is not a regular file");
    assert_eq!(errors[2], "it has more than 1048576 bytes");
}

#[test]
fn a_folder_that_goes_away_leaves_what_it_had() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("boards");
    let mut folder = Folder::new(path.clone());
    folder.look();
    assert!(
        folder
            .fault()
            .is_some_and(|fault| fault.starts_with("it cannot be read: "))
    );
    fs::create_dir(&path).unwrap();
    put(&path, "a.json", &text("a"));
    assert_eq!(found(&mut folder), [entry("a.json", "a", "")]);
    assert_eq!(folder.fault(), None);
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(found(&mut folder), [entry("a.json", "a", "")]);
    assert!(folder.fault().is_some());
}

#[test]
fn so_many_files_are_read_and_the_others_told_of() {
    let place = tempfile::tempdir().unwrap();
    for number in 0..DASHBOARD_FILES_MAX + 2 {
        let name = format!("{number:04}");
        fs::write(place.path().join(format!("{name}.json")), text(&name)).unwrap();
    }
    let mut folder = Folder::new(place.path().to_owned());
    let files = found(&mut folder);
    assert_eq!(files.len(), DASHBOARD_FILES_MAX);
    assert_eq!(files[0].1, "0000");
    assert_eq!(files[DASHBOARD_FILES_MAX - 1].1, "0499");
    let fault = folder.fault().unwrap();
    assert!(fault.starts_with("2 of its files are not read"), "{fault}");
}
