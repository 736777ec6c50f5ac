//! Files that are cut or have other bytes: an error that names the file, or the same data.

use std::path::{Path, PathBuf};

use narthex_promblock::{Fault, PromBlock};

use crate::chunks::{floats, integers, xor, xor2};
use crate::handmade::{Line, read, write};

/// The files whose bytes are under test.
const FILES: [&str; 3] = ["index", "chunks/000001", "tombstones"];

/// How many bytes are changed, one after the other.
const FLIPS: u64 = 5_000;

fn block(folder: &Path, version: u8) {
    let line = |labels, chunks| Line { labels, chunks };
    let lines = [
        line(
            vec![("__name__", "a"), ("pod", "1")],
            vec![xor(), integers(2_000_000)],
        ),
        line(vec![("__name__", "a"), ("pod", "2")], vec![floats()]),
        line(vec![("__name__", "b"), ("ort", "Küche")], vec![xor2()]),
        line(vec![("job", "x")], vec![xor()]),
    ];
    write(
        folder,
        version,
        &lines,
        &[(0, 40_000, 50_000), (3, 0, 1_000)],
    );
}

/// Numbers that look random and are the same in each run.
fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    }
}

fn names_the_file(path: &Path, folder: &Path) {
    assert!(
        path.starts_with(folder) && path != folder,
        "{}",
        path.display()
    );
}

#[test]
fn each_truncation_of_each_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for version in [1, 2] {
        block(folder.path(), version);
        assert_eq!(read(folder.path()).unwrap().len(), 4);
        for file in FILES {
            let path = folder.path().join(file);
            let whole = std::fs::read(&path).unwrap();
            for len in 0..whole.len() {
                std::fs::write(&path, &whole[..len]).unwrap();
                let error = read(folder.path()).expect_err(file);
                names_the_file(&error.path, folder.path());
            }
            std::fs::write(&path, &whole).unwrap();
        }
    }
}

#[test]
fn a_changed_byte_is_an_error_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = numbers(18);
    let mut errors = 0;
    for version in [1, 2] {
        block(folder.path(), version);
        let sound = read(folder.path()).unwrap();
        let files = FILES.map(|file| {
            let path: PathBuf = folder.path().join(file);
            let bytes = std::fs::read(&path).unwrap();
            (path, bytes)
        });
        for _ in 0..FLIPS / 2 {
            let (path, bytes) = &files[number(FILES.len())];
            let mut damaged = bytes.clone();
            let at = number(damaged.len());
            damaged[at] ^= u8::try_from(1 + number(255)).unwrap();
            std::fs::write(path, &damaged).unwrap();
            match read(folder.path()) {
                Ok(data) => assert_eq!(data, sound, "{} at {at}", path.display()),
                Err(error) => {
                    errors += 1;
                    names_the_file(&error.path, folder.path());
                }
            }
            std::fs::write(path, bytes).unwrap();
        }
    }
    assert!(errors > FLIPS * 9 / 10, "{errors} of {FLIPS}");
}

#[test]
fn a_damaged_chunk_costs_its_series_only() {
    let folder = tempfile::tempdir().unwrap();
    block(folder.path(), 2);
    let path = folder.path().join("chunks/000001");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let block = PromBlock::open(folder.path()).unwrap();
    let series: Vec<_> = block.series().collect();
    assert_eq!(series.len(), 4);
    let error = series[0].as_ref().unwrap_err();
    assert!(matches!(error.fault, Fault::Checksum));
    assert_eq!((&error.path, error.offset), (&path, Some(8)));
    assert!(series[1..].iter().all(Result::is_ok));
}

#[test]
fn a_missing_part_is_an_error_but_tombstones_need_not_be() {
    for (part, needed) in [
        ("meta.json", true),
        ("index", true),
        ("chunks", true),
        ("tombstones", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        block(folder.path(), 2);
        let path = folder.path().join(part);
        if path.is_dir() {
            std::fs::remove_dir_all(&path).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        match read(folder.path()) {
            Ok(_) => assert!(!needed, "{part}"),
            Err(error) => assert!(needed && error.path == path, "{error}"),
        }
    }
}

#[test]
fn other_versions_are_refused_by_their_number() {
    for (file, at) in [("index", 4), ("chunks/000001", 4), ("tombstones", 4)] {
        let folder = tempfile::tempdir().unwrap();
        block(folder.path(), 2);
        let path = folder.path().join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[at] = 7;
        std::fs::write(&path, bytes).unwrap();
        let error = read(folder.path()).unwrap_err();
        assert!(
            matches!(error.fault, Fault::Version { found: 7, .. }),
            "{error}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    block(folder.path(), 2);
    let path = folder.path().join("meta.json");
    let meta = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, meta.replace("\"version\": 1", "\"version\": 3")).unwrap();
    let error = PromBlock::open(folder.path()).unwrap_err();
    assert!(
        matches!(error.fault, Fault::Version { found: 3, .. }),
        "{error}"
    );
}
