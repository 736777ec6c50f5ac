//! Both disks keep the contract, and the one in memory crashes as it says.

#![allow(clippy::unwrap_used, reason = "a test may end")]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

use narthex_disk::{CrashDisk, Disk, DiskExt, Fault, SystemDisk, contract};

#[test]
fn a_folder_of_the_machine_keeps_the_contract() {
    let dir = tempfile::TempDir::new().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(SystemDisk::new(dir.path()));
    contract::check(&disk);
}

#[test]
fn a_disk_in_memory_keeps_the_contract() {
    let disk: Arc<dyn Disk> = Arc::new(CrashDisk::new(1));
    contract::check(&disk);
}

/// Writes 4 KiB of a byte to a new file.
fn write(disk: &CrashDisk, path: &str, byte: u8) {
    disk.create(path).unwrap().append(&[byte; 4096]).unwrap();
}

#[test]
fn a_killed_process_leaves_all_that_it_did_and_a_power_cut_what_was_forced() {
    let mut left = BTreeSet::new();
    for seed in 0..200 {
        let disk = CrashDisk::new(seed);
        write(&disk, "forced", 1);
        disk.open_to_write("forced").unwrap().sync().unwrap();
        disk.sync_folder("").unwrap();
        write(&disk, "named", 2);
        disk.sync_folder("").unwrap();
        write(&disk, "neither", 3);
        let killed = disk.kill();
        assert_eq!(disk.read("forced").unwrap_err().kind(), ErrorKind::Other);
        assert_eq!(killed.read("neither").unwrap(), [3; 4096]);
        let after = killed.cut_power();
        assert_eq!(after.read("forced").unwrap(), [1; 4096], "seed {seed}");
        let named = after.read("named").unwrap();
        assert!(named.len() <= 4096);
        for sector in named.chunks(512) {
            let byte = sector[0];
            assert!(byte == 2 || byte == 0, "seed {seed}: {byte}");
            assert!(
                sector.iter().all(|b| *b == byte),
                "seed {seed}: torn inside"
            );
        }
        left.insert((named.len() / 512, after.exists("neither")));
    }
    assert!(left.len() > 10, "{left:?}");
}

#[test]
fn a_rename_reaches_the_disk_wholly_or_not_at_all() {
    let mut seen = BTreeSet::new();
    for seed in 0..60 {
        let disk = CrashDisk::new(seed);
        disk.create_folder("new").unwrap();
        write(&disk, "new/file", 1);
        disk.sync_folder("new").unwrap();
        disk.sync_folder("").unwrap();
        disk.rename("new", "done").unwrap();
        let after = disk.cut_power();
        let names = (after.exists("new/file"), after.exists("done/file"));
        assert!(names.0 != names.1, "seed {seed}");
        seen.insert(names.1);
        let disk = after.cut_power();
        assert_eq!(disk.exists("done"), names.1, "it was on the disk already");
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_sync_that_fails_is_not_made_up_for_by_the_next() {
    let mut lost = 0;
    for seed in 0..60 {
        let disk = CrashDisk::new(seed);
        let file = disk.create("a").unwrap();
        disk.sync_folder("").unwrap();
        file.append(&[7; 4096]).unwrap();
        disk.fault_at(disk.operations(), Fault::Once(ErrorKind::Other));
        file.sync().unwrap_err();
        file.sync().unwrap();
        let after = disk.cut_power().read("a").unwrap();
        lost += usize::from(after != [7; 4096]);
    }
    assert!((10..60).contains(&lost), "{lost}");
}

#[test]
fn operations_are_counted_and_the_one_that_is_asked_for_fails() {
    let run = |disk: &CrashDisk| -> std::io::Result<()> {
        disk.create_folder("f")?;
        let file = disk.create("f/a")?;
        file.append(&[1; 100])?;
        file.sync()?;
        disk.sync_folder("f")?;
        disk.rename("f/a", "f/b")?;
        disk.link("f/b", "f/c")?;
        file.set_len(50)?;
        disk.remove("f/c")?;
        disk.remove_folder("f")
    };
    let disk = CrashDisk::new(0);
    run(&disk).unwrap();
    let all = disk.operations();
    assert_eq!(all, 11);
    for at in 0..all {
        let disk = CrashDisk::new(at);
        disk.fault_at(at, Fault::Once(ErrorKind::Other));
        run(&disk).unwrap_err();
        assert_eq!(disk.operations(), at + 1);
        disk.space().unwrap();
        let disk = CrashDisk::new(at);
        disk.fault_at(at, Fault::Kill);
        run(&disk).unwrap_err();
        assert!(disk.is_dead());
        assert!(disk.space().is_err());
        disk.kill().space().unwrap();
    }
    let disk = CrashDisk::new(0);
    disk.fault_at(1, Fault::FromThen(ErrorKind::StorageFull));
    disk.create_folder("f").unwrap();
    for _ in 0..2 {
        let error = disk.create("f/a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
    disk.heal();
    disk.create("f/a").unwrap();
}

#[test]
fn a_full_disk_takes_what_fits_and_more_once_there_is_room() {
    let disk = CrashDisk::new(0);
    disk.limit(Some(5_000));
    write(&disk, "a", 1);
    let file = disk.create("b").unwrap();
    let error = file.append(&[2; 1_000]).unwrap_err();
    assert!(narthex_disk::is_full(&error), "{error}");
    assert_eq!(file.len().unwrap(), 5_000 - 4_096);
    assert_eq!(disk.space().unwrap().free_bytes, 0);
    disk.remove("a").unwrap();
    assert_eq!(disk.used(), 5_000 - 4_096);
    file.append(&[2; 1_000]).unwrap();
}

#[test]
fn a_lock_ends_with_its_process() {
    let disk = CrashDisk::new(0);
    let held = disk.lock("lock").unwrap();
    let next = disk.kill();
    let ours = next.lock("lock").unwrap();
    drop(held);
    assert_eq!(next.lock("lock").unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(ours);
    next.lock("lock").unwrap();
}
