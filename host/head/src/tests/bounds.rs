//! What is too large is refused and leaves no trace.

use narthex_model::{Labels, Sample, SeriesRef, WriteBatch};
use narthex_storage::{AppendError, Appendable};
use tempfile::TempDir;

use super::journal::{Journal, contents, options};
use crate::{BATCH_BYTES_MAX, Head, LABELS_BYTES_MAX};

fn sample(value_bytes: usize) -> Sample {
    let value = "x".repeat(value_bytes);
    Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", "m"), ("long", value.as_str())]),
        timestamp_ms: i64::MAX,
        value: 1.0,
    }
}

fn refusal(head: &Head, samples: Vec<Sample>) -> String {
    match head.append(&WriteBatch::from(samples)) {
        Err(AppendError::TooLarge(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn batches_over_a_bound_are_refused_and_leave_no_trace() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    let mut journal = Journal::new(1);
    journal.run(&head, 3, 5);
    let (before, segments) = (contents(&head), head.segment_count());
    let why = refusal(&head, vec![sample(LABELS_BYTES_MAX)]);
    assert!(why.starts_with("a label set takes 10485"), "{why}");
    let half = sample(LABELS_BYTES_MAX / 2);
    let why = refusal(&head, vec![half; 2 * BATCH_BYTES_MAX / LABELS_BYTES_MAX]);
    assert!(why.starts_with("the batch takes 2684"), "{why}");
    assert_eq!((contents(&head), head.segment_count()), (before, segments));
    journal.run(&head, 3, 5);
}

#[test]
fn the_longest_label_set_is_taken_and_replayed() {
    let dir = TempDir::new().unwrap();
    let (head, _) = Head::open(options(dir.path())).unwrap();
    let samples = vec![sample(LABELS_BYTES_MAX - 64)];
    head.append(&WriteBatch::from(samples)).unwrap();
    let before = contents(&head);
    drop(head);
    let (head, _) = Head::open(options(dir.path())).unwrap();
    assert_eq!(contents(&head), before);
}
