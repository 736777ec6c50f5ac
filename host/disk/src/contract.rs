//! What every disk does. Each implementation calls [`check`] with an empty one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "it is a test that more than one implementation runs"
)]

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use crate::{Disk, DiskExt, Entry, Reader, Within};

/// Runs all of it.
pub fn check(disk: &Arc<dyn Disk>) {
    files(disk.as_ref());
    folders(disk.as_ref());
    renames(disk.as_ref());
    locks(disk.as_ref());
    within(disk);
    let space = disk.space().unwrap();
    assert!(space.free_bytes > 0 && space.free_bytes <= space.total_bytes);
}

fn files(disk: &dyn Disk) {
    let file = disk.create("a").unwrap();
    assert!(file.is_empty().unwrap());
    file.append(b"one").unwrap();
    file.append(b"").unwrap();
    file.append(b"two").unwrap();
    file.sync().unwrap();
    assert_eq!(file.len().unwrap(), 6);
    let mut part = [0; 3];
    file.read_at(2, &mut part).unwrap();
    assert_eq!(&part, b"etw");
    let refused = file.read_at(4, &mut part).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(disk.read("a").unwrap(), b"onetwo");

    let reader = disk.open("a").unwrap();
    reader.append(b"no").unwrap_err();
    assert!(reader.try_read_at(3, &mut part).is_ok());
    let mut rest = String::new();
    let mut stream = Reader::new(reader, 2).unwrap();
    assert_eq!(stream.left(), 4);
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "etwo");

    let writer = disk.open_to_write("a").unwrap();
    writer.set_len(4).unwrap();
    file.append(b"!").unwrap();
    assert_eq!(disk.read("a").unwrap(), b"onet!");
    let again = disk.create("a").unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    for missing in [disk.open("b").err(), disk.open_to_write("b").err()] {
        assert_eq!(missing.unwrap().kind(), ErrorKind::NotFound);
    }
    disk.link("a", "b").unwrap();
    disk.link("a", "b").unwrap_err();
    disk.remove("a").unwrap();
    assert_eq!(disk.remove("a").unwrap_err().kind(), ErrorKind::NotFound);
    file.append(b"?").unwrap();
    assert_eq!(disk.read("b").unwrap(), b"onet!?");
    disk.remove("b").unwrap();
    assert_eq!(file.len().unwrap(), 6);
    assert!(!disk.exists("b") && disk.exists(""));
}

fn folders(disk: &dyn Disk) {
    assert_eq!(disk.list("").unwrap(), []);
    disk.create("f/x").unwrap_err();
    disk.create_folder("f/g").unwrap();
    disk.create_folder("f/g").unwrap();
    disk.create("f/x").unwrap().append(b"123").unwrap();
    disk.create("f/g/y").unwrap();
    disk.open("f").unwrap_err();
    disk.sync_folder("f").unwrap();
    disk.sync_folder("").unwrap();
    let entry = |name: &str, is_folder, bytes| Entry {
        name: name.to_owned(),
        is_folder,
        bytes,
    };
    let expected = [entry("g", true, 0), entry("x", false, 3)];
    assert_eq!(disk.list("f").unwrap(), expected);
    assert_eq!(disk.list("no").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(disk.exists("f/g") && disk.exists("f/g/y"));
    disk.remove_folder("f").unwrap();
    let gone = disk.remove_folder("f").unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert_eq!(disk.list("").unwrap(), []);
}

fn renames(disk: &dyn Disk) {
    disk.create_folder("from/deep").unwrap();
    let file = disk.create("from/deep/a").unwrap();
    disk.rename("from", "to").unwrap();
    file.append(b"new").unwrap();
    disk.create("b").unwrap().append(b"old").unwrap();
    disk.rename("to/deep/a", "b").unwrap();
    assert_eq!(disk.read("b").unwrap(), b"new");
    disk.rename("to/deep/a", "c").unwrap_err();
    disk.create_folder("other").unwrap();
    disk.create("other/c").unwrap();
    disk.rename("to", "other").unwrap_err();
    for folder in ["to", "other"] {
        disk.remove_folder(folder).unwrap();
    }
    disk.remove("b").unwrap();
}

fn locks(disk: &dyn Disk) {
    let lock = disk.lock("lock").unwrap();
    let taken = disk.lock("lock").unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::WouldBlock);
    drop(lock);
    drop(disk.lock("lock").unwrap());
    disk.remove("lock").unwrap();
}

fn within(disk: &Arc<dyn Disk>) {
    let inner = Within::new(Arc::clone(disk), "in");
    inner.create_folder("").unwrap();
    inner.create("a").unwrap().append(b"x").unwrap();
    inner.rename("a", "b").unwrap();
    inner.link("b", "c").unwrap();
    inner.sync_folder("").unwrap();
    assert_eq!(disk.read("in/b").unwrap(), b"x");
    assert_eq!(inner.show("b"), disk.show("in/b"));
    assert_eq!(inner.list("").unwrap().len(), 2);
    drop(inner.lock("lock").unwrap());
    inner.open("b").unwrap();
    inner.open_to_write("b").unwrap();
    inner.remove("b").unwrap();
    inner.remove_folder("").unwrap();
    assert_eq!(
        inner.space().unwrap().total_bytes,
        disk.space().unwrap().total_bytes
    );
}
