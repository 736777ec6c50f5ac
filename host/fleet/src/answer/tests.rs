use bytes::Bytes;
use narthex_promblock::write_chunks;
use narthex_storage::Wanted;

use super::*;
use crate::Dedup;

/// What a member has of a series that is scraped every 15 s, from one time to another in seconds.
fn group(times_s: std::ops::Range<i64>) -> Group {
    let labels = Labels::from_pairs([("__name__", "m")]);
    let times: Vec<i64> = times_s.step_by(15).map(|time_s| time_s * 1_000).collect();
    let values = vec![1.0; times.len()];
    let series = Series::of_numbers(labels.clone(), times, values);
    let chunks = write_chunks(&series).map(|chunk| AggrChunk {
        min_time: chunk.range.start_ms,
        max_time: chunk.range.end_ms,
        raw: Some(store::Chunk {
            r#type: i32::from(chunk.encoding) - 1,
            data: Bytes::from(chunk.data),
            hash: 0,
        }),
        ..AggrChunk::default()
    });
    Group::new(labels, chunks.collect())
}

fn lengths(group: Group) -> Vec<usize> {
    let series = group.series(TimeRange::ALL, Wanted::Samples).series;
    series
        .iter()
        .map(|series| series.timestamps.len())
        .collect()
}

#[test]
fn chunks_that_overlap_are_of_different_replicas() {
    assert_eq!(lengths(group(0..3_600)), [240]);
    // The same chunk twice is one.
    let mut twice = group(0..3_600);
    twice.chunks.extend(group(0..3_600).chunks);
    assert_eq!(lengths(twice), [240]);
    let mut two = group(0..3_600);
    two.chunks.extend(group(7..3_607).chunks);
    assert_eq!(lengths(two), [240, 240]);
    // A part of a chunk that another store has as well.
    let mut overlapping = group(0..3_600);
    overlapping.chunks.extend(group(3_000..5_400).chunks);
    assert_eq!(lengths(overlapping).iter().sum::<usize>(), 240 + 160);
}

#[test]
fn a_replica_that_ends_and_one_that_begins_then_leave_no_gap_for_penalty() {
    // Thanos issue 2890: the second one would have to wait for twice the interval.
    let groups = Group::joined(vec![group(0..600), group(600..1_200)]);
    let [joined] = <[Group; 1]>::try_from(groups).unwrap();
    let replicas = joined.series(TimeRange::ALL, Wanted::Samples).series;
    assert_eq!(replicas.len(), 1);
    let merged = Dedup::Penalty.apply(replicas, Wanted::Samples).unwrap();
    assert_eq!(merged.timestamps.len(), 80);
}

#[test]
fn a_chunk_that_cannot_be_read_costs_itself_and_names_its_series() {
    let mut broken = group(0..3_600);
    let count = broken.chunks.len();
    broken.chunks[0].raw = Some(store::Chunk {
        r#type: 7,
        data: Bytes::from_static(b"x"),
        hash: 0,
    });
    let read = broken.series(TimeRange::ALL, Wanted::Samples);
    assert_eq!((count, read.series.len()), (2, 1));
    assert_eq!(read.series[0].timestamps.len(), 120);
    let [fault] = <[String; 1]>::try_from(read.faults).unwrap();
    assert!(fault.contains("a chunk of {__name__=\"m\"}"), "{fault}");
    let mut aggregated = group(0..60);
    aggregated
        .chunks
        .iter_mut()
        .for_each(|chunk| chunk.raw = None);
    let read = aggregated.series(TimeRange::ALL, Wanted::Samples);
    assert!(read.series.is_empty() && read.faults[0].contains("only aggregates"));
}

#[test]
fn the_aggregate_that_is_wanted_is_read_and_where_there_are_samples_each_counts_once() {
    let wanted = Wanted::Windows {
        aggregate: Aggregate::Count,
        max_resolution_ms: 300_000,
    };
    let samples = group(0..60).series(TimeRange::ALL, Wanted::Samples).series;
    let mut downsampled = group(0..60);
    let times = samples[0].timestamps.clone();
    let counts = Series::of_numbers(Labels::empty(), times, vec![3.0; 4]);
    let counts = write_chunks(&counts).next().unwrap();
    downsampled.chunks[0].raw = None;
    downsampled.chunks[0].count = Some(store::Chunk {
        r#type: 0,
        data: Bytes::from(counts.data),
        hash: 0,
    });
    let windows = downsampled.series(TimeRange::ALL, wanted).series;
    assert_eq!(windows[0].values[..], [3.0; 4]);
    let counted = group(0..60).series(TimeRange::ALL, wanted).series;
    assert!(counted[0].values.iter().all(|value| *value == 1.0));
    assert_eq!(counted[0].timestamps[..], samples[0].timestamps[..]);
}
