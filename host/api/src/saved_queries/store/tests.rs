//! What is kept, what is refused, and what a disk that fails leaves.

use narthex_disk::{CrashDisk, Fault};
use narthex_model::SimulatedClock;

use super::*;

const NOW_MS: i64 = 1_700_000_000_500;

fn over(disk: &CrashDisk) -> SavedQueries {
    let clock = Arc::new(SimulatedClock::at(NOW_MS));
    SavedQueries::open(Arc::new(disk.clone()), clock, &mut Registry::default()).unwrap()
}

fn names(saved: &SavedQueries) -> Vec<String> {
    saved
        .all()
        .into_iter()
        .map(|(_, query)| query.name)
        .collect()
}

#[test]
fn what_was_kept_is_there_after_a_power_cut() {
    let disk = CrashDisk::new(1);
    let saved = over(&disk);
    let (first, _) = saved.create(" load ", "g0.expr=node_load1").unwrap();
    let (second, _) = saved.create("up", "g0.expr=up").unwrap();
    assert_eq!(first, u64::try_from(NOW_MS).unwrap());
    assert_eq!(second, first + 1);
    saved.update(first, "the load", "").unwrap();
    saved.update(second, "", "g0.expr=up%7D").unwrap();
    saved.delete(first).unwrap();
    let opened = over(&disk.cut_power());
    let expected = SavedQuery {
        name: "up".to_owned(),
        panels: "g0.expr=up%7D".to_owned(),
        updated_ms: NOW_MS,
    };
    assert_eq!(opened.all(), [(second, expected)]);
}

#[test]
fn what_is_wrong_is_refused_and_changes_nothing() {
    let saved = over(&CrashDisk::new(1));
    saved.create("a", "g0.expr=a").unwrap();
    let (id, _) = saved.create("b", "g0.expr=b").unwrap();
    let long = "n".repeat(NAME_CHARS_MAX + 1);
    let large = "p".repeat(PANELS_BYTES_MAX + 1);
    for (name, panels, expected) in [
        ("", "x", "a saved query needs a name of one line"),
        (" \n", "x", "a saved query needs a name of one line"),
        ("two\nlines", "x", "a saved query needs a name of one line"),
        (long.as_str(), "x", "the name has over 200 characters"),
        ("c", "", "the panels are empty, or have over 16384 bytes"),
        (
            "c",
            large.as_str(),
            "the panels are empty, or have over 16384 bytes",
        ),
        ("a ", "x", "another saved query is named \"a\""),
    ] {
        let error = saved.create(name, panels).unwrap_err();
        assert_eq!(error.to_string(), expected, "{name}");
    }
    let taken = saved.update(id, "a", "").unwrap_err();
    assert_eq!(taken.to_string(), "another saved query is named \"a\"");
    let unknown = saved.delete(7).unwrap_err();
    assert_eq!(unknown.to_string(), "no saved query has the id 7");
    // It may keep its own name.
    saved.update(id, "b", "g0.expr=c").unwrap();
    assert_eq!(names(&saved), ["a", "b"]);
}

#[test]
fn one_too_many_is_refused_until_another_goes() {
    let saved = over(&CrashDisk::new(1));
    let mut last = 0;
    for index in 0..SAVED_QUERIES_MAX {
        (last, _) = saved.create(&format!("{index}"), "g0.expr=up").unwrap();
    }
    let full = saved.create("more", "g0.expr=up").unwrap_err();
    assert_eq!(
        full.to_string(),
        "there are 1000 saved queries already: delete one first"
    );
    saved.delete(last).unwrap();
    saved.create("more", "g0.expr=up").unwrap();
    assert_eq!(saved.count.get(), 1000);
}

#[test]
fn files_of_others_are_left_alone() {
    let disk = CrashDisk::new(1);
    disk.create_folder("").unwrap();
    for (name, text) in [("7.json", "{}"), ("x.json", "x"), ("note", "x")] {
        disk.create(name).unwrap().append(text.as_bytes()).unwrap();
    }
    let saved = over(&disk);
    assert_eq!(names(&saved), Vec::<String>::new());
    saved.create("a", "g0.expr=a").unwrap();
    let found: Vec<String> = disk.list("").unwrap().into_iter().map(|e| e.name).collect();
    let kept = format!("{NOW_MS}.json");
    assert_eq!(found, [kept.as_str(), "7.json", "note", "x.json"]);
}

#[test]
fn a_disk_that_fails_anywhere_leaves_the_old_or_the_new_query() {
    for operation in 0.. {
        let disk = CrashDisk::new(operation);
        let (id, _) = over(&disk).create("old", "g0.expr=old").unwrap();
        let saved = over(&disk);
        let before = disk.operations();
        disk.fault_at(before + operation, Fault::Once(io::ErrorKind::Other));
        let changed = saved.update(id, "new", "");
        let is_done = disk.operations() <= before + operation;
        disk.heal();
        let left = names(&over(&disk.cut_power()));
        match changed {
            Ok(_) => assert_eq!(left, ["new"], "operation {operation}"),
            Err(_) => assert!(left == ["old"] || left == ["new"], "operation {operation}"),
        }
        if is_done {
            break;
        }
    }
}
