//! What must hold for whatever lies in the log's folder. The fuzzer calls it with what it thinks
//! of, and an ordinary test with what is kept in `corpus`.

#![allow(
    dead_code,
    clippy::panic,
    clippy::unwrap_used,
    reason = "it ends where something does not hold, and each target calls a part of it"
)]

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::executor::block_on;
use narthex_disk::{CrashDisk, Disk};
use narthex_head::{Head, HeadOptions, ReplayReport, SyncMode};
use narthex_model::{Labels, Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, Queryable, SelectRequest, TimeRange, contract};

/// All samples by labels, values as bits.
type Contents = BTreeMap<String, Vec<(i64, u64)>>;

/// A frame of the fuzzer's is not longer: two bytes of it say how long.
const FRAME_BYTES_MAX: usize = u16::MAX as usize;

/// Reads a segment of any bytes.
pub(crate) fn segment(bytes: &[u8]) {
    let disk = CrashDisk::new(0);
    disk.create("00000001.wal").unwrap().append(bytes).unwrap();
    let (found, report) = read(&disk);
    assert!(found.len() as u64 <= report.series);
    let lost: u64 = report.damage.iter().map(|damage| damage.bytes).sum();
    assert!(report.torn_bytes + lost <= bytes.len() as u64);
    // What was read once is read again, and nothing is torn any more.
    let (again, second) = read(&disk.kill());
    assert_eq!(again, found);
    assert_eq!(second.torn_bytes, 0);
    assert_eq!(second.damage, report.damage);
}

/// Reads a segment whose header and checksums are right, of frames as [`guarded`] takes them.
pub(crate) fn frames(bytes: &[u8]) {
    let mut file = b"NXWAL\0\0\x01\x01\0\0\0".to_vec();
    file.extend(crc32c::crc32c(&file).to_le_bytes());
    file.extend(guarded(bytes));
    segment(&file);
}

/// Reads a snapshot whose checksums are right, of frames as [`guarded`] takes them, beside a log
/// without a segment. What it makes of it is whole: it is read, added to, cut, and closed again.
pub(crate) fn snapshot(bytes: &[u8]) {
    let mut file = b"NXSNAP\0\x01".to_vec();
    file.extend(guarded(bytes));
    let disk = CrashDisk::new(0);
    disk.create("chunk_snapshot")
        .unwrap()
        .append(&file)
        .unwrap();
    let options = HeadOptions {
        sync: SyncMode::EachAppend,
        snapshot_on_close: true,
        exemplars_max: 10,
        ..HeadOptions::on(std::sync::Arc::new(disk.clone()))
    };
    let (head, report) = Head::open(options.clone()).unwrap();
    assert!(report.samples_of_snapshot == 0 || report.snapshot_error.is_none());
    let request = SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    };
    // Bytes of a cell need not be one; then it says so.
    let labels: Vec<Labels> = block_on(async {
        let found = head.select(&request).await.unwrap();
        let found = found.filter_map(|series| async { series.ok() });
        found.map(|series| series.labels.clone()).collect().await
    });
    let sample = |labels: &Labels| Sample {
        series: SeriesRef::UNKNOWN,
        labels: labels.clone(),
        timestamp_ms: i64::MAX - 1,
        value: 1.0,
    };
    let samples: Vec<Sample> = labels.iter().take(100).map(sample).collect();
    head.append(&WriteBatch::from(samples)).unwrap();
    let (oldest, newest) = (head.min_time(), head.max_time());
    head.close().unwrap();
    drop(head);
    let (head, _) = Head::open(options).unwrap();
    assert_eq!((head.min_time(), head.max_time()), (oldest, newest));
    let before_ms = oldest.map_or(0, |oldest| oldest.saturating_add(1));
    head.truncate(before_ms).unwrap();
}

/// Frames with the right checksums. The input is type and flags a byte each, the length two, then
/// so many bytes.
fn guarded(mut bytes: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut seq = 0_u64;
    while let [kind, flags, low, high, rest @ ..] = bytes {
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (payload, rest) = rest.split_at(len.min(FRAME_BYTES_MAX));
        bytes = rest;
        seq += 1;
        let stored = match flags & 1 {
            0 => payload.to_vec(),
            // The fuzzer would not come upon what zstd takes.
            _ => {
                let mut stored = u32::try_from(len)
                    .unwrap_or_default()
                    .to_le_bytes()
                    .to_vec();
                stored.extend(zstd::bulk::compress(payload, 1).unwrap());
                stored
            }
        };
        let mut guarded = vec![*kind, *flags];
        guarded.extend(seq.to_le_bytes());
        guarded.extend(&stored);
        file.extend(
            u32::try_from(stored.len())
                .unwrap_or_default()
                .to_le_bytes(),
        );
        file.extend(crc32c::crc32c(&guarded).to_le_bytes());
        file.extend(guarded);
    }
    file
}

fn read(disk: &CrashDisk) -> (Contents, ReplayReport) {
    let options = HeadOptions {
        sync: SyncMode::EachAppend,
        ..HeadOptions::on(std::sync::Arc::new(disk.clone()))
    };
    let (head, report) = Head::open(options).unwrap();
    let found = block_on(contract::samples(&head, vec![], TimeRange::ALL));
    for samples in found.values() {
        assert!(samples.is_sorted_by(|a, b| a.0 < b.0), "{samples:?}");
    }
    (found, report)
}
