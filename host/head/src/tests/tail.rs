//! Who reads the log while it grows.

use std::ops::ControlFlow;
use std::sync::Arc;

use narthex_disk::{CrashDisk, Disk};
use narthex_model::{Labels, Sample, SeriesRef, WriteBatch, sample};
use narthex_storage::Appendable;

use crate::{Head, HeadOptions, LogEvent, LogPlace, LogTail};

fn open(disk: &Arc<dyn Disk>, segment_bytes: u64) -> Head {
    let options = HeadOptions {
        segment_bytes,
        sync: crate::SyncMode::EachAppend,
        ..HeadOptions::on(Arc::clone(disk))
    };
    Head::open(options).unwrap().0
}

fn disk() -> Arc<dyn Disk> {
    Arc::new(CrashDisk::new(7))
}

/// One record: the samples of three series at a time.
fn append(head: &Head, timestamp_ms: i64) {
    let samples = ["a", "b", "c"].map(|name| Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", name)]),
        timestamp_ms,
        value: timestamp_ms as f64 * 0.5,
    });
    head.append(&WriteBatch::from(samples.to_vec())).unwrap();
}

/// What a reader finds, a text an event; series by their names.
fn found(tail: &mut LogTail, names: &mut Vec<String>) -> Vec<String> {
    let mut events = Vec::new();
    let read = tail.read(|event| {
        match event {
            LogEvent::Segment(number) => {
                names.clear();
                events.push(format!("segment {number}"));
            }
            LogEvent::Record(record) => {
                let declared = record.declared.iter();
                names.extend(declared.map(|labels| labels.metric_name().to_owned()));
                let samples = record.samples.iter().map(|sample| {
                    let name = &names[sample.series as usize];
                    format!("{name}={}@{}", sample.value, sample.timestamp_ms)
                });
                let samples: Vec<String> = samples.collect();
                events.push(format!("{}: {}", record.seq, samples.join(" ")));
            }
            LogEvent::Lost {
                segment, records, ..
            } => events.push(format!("lost {records:?} of {segment}")),
        }
        ControlFlow::Continue(())
    });
    read.unwrap();
    events
}

#[test]
fn a_reader_from_the_end_sees_what_comes_then() {
    let disk = disk();
    let head = open(&disk, 1 << 20);
    append(&head, 1);
    let mut tail = head.log_tail(None);
    let mut names = Vec::new();
    // What was there is known; its series are named all the same.
    assert_eq!(found(&mut tail, &mut names), ["segment 1", "1: "]);
    assert!(found(&mut tail, &mut names).is_empty());
    append(&head, 2);
    append(&head, 3);
    let expected = ["2: a=1@2 b=1@2 c=1@2", "3: a=1.5@3 b=1.5@3 c=1.5@3"];
    assert_eq!(found(&mut tail, &mut names), expected);
    assert!(found(&mut tail, &mut names).is_empty());
}

#[test]
fn a_reader_of_an_empty_log_waits_for_its_first_segment() {
    let disk = disk();
    let head = open(&disk, 1 << 20);
    let mut tail = head.log_tail(None);
    let mut names = Vec::new();
    assert!(found(&mut tail, &mut names).is_empty());
    append(&head, 1);
    let expected = ["segment 1", "1: a=0.5@1 b=0.5@1 c=0.5@1"];
    assert_eq!(found(&mut tail, &mut names), expected);
}

#[test]
fn segments_are_read_one_after_the_other_and_each_alone() {
    let disk = disk();
    let head = open(&disk, 1);
    let mut tail = head.log_tail(None);
    let mut names = Vec::new();
    for timestamp_ms in 1..=3 {
        append(&head, timestamp_ms);
    }
    let expected = [
        "segment 1",
        "1: a=0.5@1 b=0.5@1 c=0.5@1",
        "segment 2",
        "2: a=1@2 b=1@2 c=1@2",
        "segment 3",
        "3: a=1.5@3 b=1.5@3 c=1.5@3",
    ];
    assert_eq!(found(&mut tail, &mut names), expected);
    assert_eq!(tail.place(), LogPlace { segment: 3, seq: 3 });
}

#[test]
fn a_reader_goes_on_where_an_earlier_process_was() {
    let disk = disk();
    let head = open(&disk, 1 << 20);
    let mut names = Vec::new();
    for timestamp_ms in 1..=3 {
        append(&head, timestamp_ms);
    }
    head.close().unwrap();
    drop(head);
    let head = open(&disk, 1 << 20);
    append(&head, 4);
    let mut tail = head.log_tail(Some(LogPlace { segment: 1, seq: 2 }));
    let expected = [
        "segment 1",
        "1: ",
        "2: ",
        "3: a=1.5@3 b=1.5@3 c=1.5@3",
        "segment 2",
        "4: a=2@4 b=2@4 c=2@4",
    ];
    assert_eq!(found(&mut tail, &mut names), expected);
}

#[test]
fn what_was_removed_before_it_was_read_is_counted() {
    let disk = disk();
    let head = open(&disk, 1);
    let mut tail = head.log_tail(None);
    let mut names = Vec::new();
    for timestamp_ms in 1..=4 {
        append(&head, timestamp_ms);
    }
    head.truncate(3).unwrap();
    let expected = [
        "segment 3",
        "lost Some(2) of 3",
        "3: a=1.5@3 b=1.5@3 c=1.5@3",
        "segment 4",
        "4: a=2@4 b=2@4 c=2@4",
    ];
    assert_eq!(found(&mut tail, &mut names), expected);
}

#[test]
fn a_segment_is_held_for_its_reader() {
    let disk = disk();
    let head = open(&disk, 1);
    let mut tail = head.log_tail(None);
    head.hold_log_from(Some(2));
    let mut names = Vec::new();
    for timestamp_ms in 1..=4 {
        append(&head, timestamp_ms);
    }
    head.truncate(4).unwrap();
    let events = found(&mut tail, &mut names);
    assert_eq!(events[..2], ["segment 2", "lost Some(1) of 2"]);
    assert_eq!(head.min_time(), Some(4));
    head.hold_log_from(None);
    append(&head, 5);
    head.truncate(4).unwrap();
    assert_eq!(
        crate::log::segment::list(disk.as_ref()).unwrap()[0].number,
        4
    );
}

#[test]
fn a_reader_that_has_enough_goes_on_behind_it() {
    let disk = disk();
    let head = open(&disk, 1 << 20);
    let mut tail = head.log_tail(None);
    for timestamp_ms in 1..=3 {
        append(&head, timestamp_ms);
    }
    let mut seen = Vec::new();
    for _ in 0..5 {
        tail.read(|event| match event {
            LogEvent::Record(record) => {
                seen.push(record.seq);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        })
        .unwrap();
    }
    assert_eq!(seen, [1, 2, 3]);
}

#[test]
fn a_mark_that_a_series_ended_is_read_with_its_bits() {
    let disk = disk();
    let head = open(&disk, 1 << 20);
    let mut tail = head.log_tail(None);
    append(&head, 1);
    let stale = Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", "a")]),
        timestamp_ms: 2,
        value: sample::STALE_NAN,
    };
    head.append(&WriteBatch::from(vec![stale])).unwrap();
    let mut last = None;
    tail.read(|event| {
        if let LogEvent::Record(record) = event {
            last = record.samples.last().copied();
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(sample::is_stale_nan(last.unwrap().value));
}
