//! A disk that is full, and then is not: the same process goes on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use narthex_tests::{Narthex, NarthexBuilder, Target, http, until};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

/// Room for the store: a few segments of the log and a few blocks.
const DISK_BYTES: u64 = 24 << 20;

/// Blocks this short become due while the disk is full.
const BLOCK_DURATION: &str = "4s";

/// Series of the target beside the running number: few where blocks are cut, and so many that
/// the log comes to [`FILE_BYTES_MAX`] within seconds where none is.
const FEW: usize = 200;
const MANY: usize = 2_000;

/// The process may write no file beyond this where no small disk can be mounted.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A small file system of our own, or nothing where this user may not mount one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={DISK_BYTES}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "narthex-test"]);
        let mounted = mount.arg(folder.path()).output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| Self(folder))
    }

    /// Writes a file until nothing more fits.
    fn fill(&self) {
        let mut file = File::create(self.0.path().join("filler")).unwrap();
        for bytes in [1 << 16, 1 << 10, 1] {
            while file.write_all(&vec![7; bytes]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Each scrape serves its running number, and noise that does not compress.
fn target(series: usize) -> Target {
    let scrapes = AtomicU64::new(0);
    Target::serve_text(move || {
        let number = scrapes.fetch_add(1, Ordering::SeqCst);
        let mut noise = StdRng::seed_from_u64(number);
        let lines = (0..series).map(|series| {
            let value: f64 = noise.random();
            format!("noise{{series=\"{series}\"}} {value}\n")
        });
        lines.chain([format!("number {number}\n")]).collect()
    })
}

fn builder(target: &Target) -> NarthexBuilder {
    let address = target.address();
    let config = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         scrape_configs:\n- job_name: load\n  static_configs: [{{targets: ['{address}']}}]\n"
    );
    Narthex::builder().config(config)
}

/// What is stored of the running number: by time, its value.
fn numbers(narthex: &Narthex) -> Result<BTreeMap<String, String>, String> {
    let data = narthex.api("query?query=number%5B1h%5D")?;
    let series = data["result"].as_array().ok_or("no result")?.first();
    let points = series.and_then(|series| series["values"].as_array());
    let points = points.ok_or("no sample yet")?.iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    Ok(points.map(|p| (p[0].to_string(), text(&p[1]))).collect())
}

fn holds_at_least(narthex: &Narthex, count: usize) -> Result<BTreeMap<String, String>, String> {
    let found = numbers(narthex)?;
    match found.len() >= count {
        true => Ok(found),
        false => Err(format!("{} samples of {count}", found.len())),
    }
}

/// Waits until no sample came for some time; queries answer all the while.
fn until_nothing_comes(narthex: &mut Narthex) -> BTreeMap<String, String> {
    let mut before = numbers(narthex).unwrap();
    let mut same = 0;
    until(120, "the disk to be full", || {
        narthex.process().check_running()?;
        let now = numbers(narthex)?;
        same = if now.len() == before.len() {
            same + 1
        } else {
            0
        };
        before = now;
        match same {
            0..50 => Err(format!("{} samples", before.len())),
            _ => Ok(()),
        }
    });
    before
}

/// The rest of the story: it was full, there is room now.
fn goes_on(narthex: &mut Narthex, before: &BTreeMap<String, String>) {
    let after = until(120, "samples after there is room", || {
        narthex.process().check_running()?;
        holds_at_least(narthex, before.len() + 30)
    });
    for (time, value) in before {
        assert_eq!(after.get(time), Some(value), "{time} was stored");
    }
    narthex.restart();
    let again = numbers(narthex).unwrap();
    for (time, value) in &after {
        assert_eq!(
            again.get(time),
            Some(value),
            "{time} was stored before the kill"
        );
    }
}

#[test]
fn on_a_full_disk_queries_go_on_and_writes_follow_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        println!("this user may not mount a file system");
        return;
    };
    let target = target(FEW);
    let mut narthex = builder(&target)
        .flag(format!(
            "--storage.tsdb.min-block-duration={BLOCK_DURATION}"
        ))
        .data(disk.0.path().join("data"))
        .start();
    until(120, "the first samples", || holds_at_least(&narthex, 80));
    disk.fill();
    until(120, "the disk to be told to be full", || {
        let log = narthex.process().log();
        match log.contains("the disk is full: make room") {
            true => Ok(()),
            false => Err(log),
        }
    });
    let before = until_nothing_comes(&mut narthex);
    let (status, _) = http::get(&format!("{}/-/ready", narthex.url())).unwrap();
    assert_eq!(status, 200);
    disk.make_room();
    goes_on(&mut narthex, &before);
    let blocks = std::fs::read_dir(narthex.data()).unwrap().flatten();
    let has_meta = |entry: &std::fs::DirEntry| entry.path().join("meta.json").exists();
    assert!(blocks.filter(has_meta).count() > 0, "no block was cut");
    drop(narthex);
}

#[test]
fn a_process_that_may_write_no_larger_file_goes_on_once_it_may() {
    let target = target(MANY);
    let mut narthex = builder(&target).start();
    until(120, "the first samples", || holds_at_least(&narthex, 20));
    limit(narthex.pid(), Some(FILE_BYTES_MAX));
    let before = until_nothing_comes(&mut narthex);
    limit(narthex.pid(), None);
    goes_on(&mut narthex, &before);
}

/// Lets a process write files up to a length, which the system enforces from then on.
fn limit(pid: u32, bytes_max: Option<u64>) {
    let limit = bytes_max.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
    let pid = pid.to_string();
    let limited = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--fsize={limit}:")])
        .status();
    assert!(
        limited.is_ok_and(|status| status.success()),
        "prlimit (run tests/run)"
    );
}
