use narthex_storage::Steps;
use narthex_storeapi::Endpoint;
use narthex_storeapi::message::Label;
use narthex_storeapi::message::evaluation::{EvaluationInfo, VERSION};
use narthex_storeapi::message::info::InfoResponse;

use super::*;

/// The label sets that a member has.
type Sets<'a> = &'a [&'a [(&'a str, &'a str)]];

/// Members with these label sets, who evaluate in this version.
fn members(all: &[(Sets<'_>, u32)]) -> Vec<Asked> {
    let asked = all.iter().enumerate().map(|(at, (sets, version))| {
        let sets = sets.iter().map(|pairs| {
            let labels = Labels::from_pairs(pairs.iter().copied());
            LabelSet::of(&labels)
        });
        let info = InfoResponse {
            label_sets: sets.collect(),
            evaluation: Some(EvaluationInfo { version: *version }),
            ..InfoResponse::default()
        };
        let endpoint = Endpoint::connect(&format!("127.0.0.1:{}", 10_000 + at), None);
        let member = Member::new(endpoint.unwrap(), false, 0);
        (Arc::new(member), Arc::new(Known::new(info)))
    });
    asked.collect()
}

#[tokio::test]
async fn only_who_has_series_that_nobody_else_has_is_asked() {
    let replica: &[String] = &["replica".to_owned()];
    let none: &[String] = &[];
    let [eu_a, eu_b, us_a]: [Sets<'_>; 3] = [
        &[&[("region", "eu"), ("replica", "a")]],
        &[&[("region", "eu"), ("replica", "b")]],
        &[&[("region", "us"), ("replica", "a")]],
    ];
    let store: Sets<'_> = &[&[("region", "us")], &[("region", "asia")]];
    let pair: Sets<'_> = &[
        &[("region", "eu"), ("replica", "a")],
        &[("region", "eu"), ("replica", "b")],
    ];
    let zone: Sets<'_> = &[&[("zone", "1")]];
    let unknown: Sets<'_> = &[];
    let named: [Sets<'_>; 2] = [&[&[("__name__", "a")]], &[&[("__name__", "b")]]];
    for (all, without, expected) in [
        (vec![(eu_a, VERSION)], replica, vec![true]),
        (
            vec![(eu_a, VERSION), (us_a, VERSION)],
            replica,
            vec![true; 2],
        ),
        // Replicas of each other are made one first.
        (
            vec![(eu_a, VERSION), (eu_b, VERSION), (us_a, VERSION)],
            replica,
            vec![false, false, true],
        ),
        // Where they are not made one, each has its own.
        (vec![(eu_a, VERSION), (eu_b, VERSION)], none, vec![true; 2]),
        // A store has series of several servers.
        (
            vec![(eu_a, VERSION), (store, VERSION)],
            replica,
            vec![true; 2],
        ),
        // They are made one before they are aggregated, where they are replicas.
        (
            vec![(us_a, VERSION), (pair, VERSION)],
            replica,
            vec![true, false],
        ),
        (vec![(pair, VERSION)], none, vec![true]),
        // Who does not evaluate, or means something else by it.
        (
            vec![(eu_a, VERSION), (store, VERSION + 1)],
            replica,
            vec![true, false],
        ),
        (
            vec![(eu_a, VERSION), (us_a, VERSION + 1)],
            replica,
            vec![true, false],
        ),
        (
            vec![(us_a, VERSION), (store, VERSION)],
            replica,
            vec![false; 2],
        ),
        // A series of the one may have the label of the other by itself.
        (
            vec![(eu_a, VERSION), (zone, VERSION)],
            replica,
            vec![false; 2],
        ),
        // One that tells nothing of its series may have all of them.
        (
            vec![(eu_a, VERSION), (unknown, VERSION)],
            replica,
            vec![false; 2],
        ),
        // Functions take these away.
        (
            vec![(named[0], VERSION), (named[1], VERSION)],
            replica,
            vec![false; 2],
        ),
        (vec![], replica, vec![]),
    ] {
        let said = format!("{all:?} without {without:?}");
        assert_eq!(apart(&members(&all), without), expected, "{said}");
    }
}

fn part(with_counts: bool) -> Part {
    Part {
        query: "avg(x)".to_owned(),
        start: 0,
        end: 6,
        query_start_ms: 0,
        query_end_ms: 20,
        query_step_ms: 10,
        steps: Steps {
            start_ms: 0,
            step_ms: 10,
            count: 3,
        },
        lookback_ms: 5,
        subquery_step_ms: 5,
        max_resolution_ms: None,
        with_counts,
    }
}

fn sent(job: &str, times: &[i64]) -> store::Series {
    let values: Vec<f64> = times.iter().map(|_| 1.0).collect();
    let labels = Labels::from_pairs([("job", job)]);
    let series = Series::of_numbers(labels.clone(), times.to_vec(), values);
    let chunks = narthex_promblock::write_chunks(&series).map(|written| store::AggrChunk {
        min_time: written.range.start_ms,
        max_time: written.range.end_ms,
        raw: Some(store::Chunk {
            r#type: i32::from(written.encoding) - 1,
            data: written.data.into(),
            hash: 0,
        }),
        ..store::AggrChunk::default()
    });
    store::Series {
        labels: Label::of(&labels),
        chunks: chunks.collect(),
    }
}

#[test]
fn results_that_are_none_are_not_taken() {
    let of = |values: Vec<store::Series>, counts: Vec<store::Series>| EvaluateResponse {
        values,
        counts,
        infos: Vec::new(),
    };
    let times = [0, 20];
    for (frame, with_counts, fault) in [
        (of(vec![], vec![]), true, ""),
        (
            of(vec![sent("a", &times), sent("b", &[10])], vec![]),
            false,
            "",
        ),
        (
            of(vec![sent("a", &times)], vec![sent("a", &times)]),
            true,
            "",
        ),
        (
            of(vec![sent("b", &times), sent("a", &times)], vec![]),
            false,
            "not sorted",
        ),
        (
            of(vec![sent("a", &[0]), sent("a", &[10])], vec![]),
            false,
            "there twice",
        ),
        (of(vec![sent("a", &times)], vec![]), true, "do not belong"),
        (
            of(vec![sent("a", &times)], vec![sent("b", &times)]),
            true,
            "do not belong",
        ),
        (
            of(vec![sent("a", &times)], vec![sent("a", &[0])]),
            true,
            "do not belong",
        ),
        (
            of(vec![sent("a", &times)], vec![sent("a", &times)]),
            false,
            "do not belong",
        ),
        (of(vec![sent("a", &[5])], vec![]), false, "not asked for"),
        (of(vec![sent("a", &[30])], vec![]), false, "no series"),
        (of(vec![sent("a", &[])], vec![]), false, "no series"),
    ] {
        let part = part(with_counts);
        let mut results = Results::default();
        let taken = results.take(frame.clone(), &part);
        let found = taken.and_then(|()| results.finish(&part));
        match fault {
            "" => assert_eq!(found.unwrap().values.len(), frame.values.len()),
            fault => {
                let error = found.unwrap_err();
                assert!(error.contains(fault), "{error} for {frame:?}");
            }
        }
    }
}

#[test]
fn results_are_bounded() {
    let frame = EvaluateResponse {
        infos: vec!["i".repeat(RESULTS_BYTES_MAX / 2); 1],
        ..EvaluateResponse::default()
    };
    let mut results = Results::default();
    assert!(results.take(frame.clone(), &part(false)).is_ok());
    assert!(results.take(frame.clone(), &part(false)).is_ok());
    let error = results.take(frame, &part(false)).unwrap_err();
    assert!(error.contains("more than"), "{error}");
    let many = EvaluateResponse {
        infos: vec![String::new(); INFOS_MAX + 1],
        ..EvaluateResponse::default()
    };
    let error = Results::default().take(many, &part(false)).unwrap_err();
    assert!(error.contains("remarks"), "{error}");
}

#[test]
fn a_few_bytes_that_say_they_are_many_samples_are_not_unpacked() {
    let mut series = sent("a", &[0]);
    let chunk = series.chunks[0].raw.as_mut().unwrap();
    chunk.data = vec![0xff_u8; 4].into();
    let frame = EvaluateResponse {
        values: vec![series],
        ..EvaluateResponse::default()
    };
    let error = Results::default().take(frame, &part(false)).unwrap_err();
    assert!(error.contains("more samples than"), "{error}");
}

#[test]
fn samples_count_as_what_they_take_when_they_are_unpacked() {
    let times: Vec<i64> = (0..100_000).map(|step| step * 10).collect();
    let mut long = part(false);
    long.steps.count = times.len();
    let frame = EvaluateResponse {
        values: vec![sent("a", &times)],
        ..EvaluateResponse::default()
    };
    let unpacked = times.len() * BYTES_A_SAMPLE;
    assert!(series_len(&frame.values[0]) < unpacked / 2);
    let mut results = Results::default();
    let fits = RESULTS_BYTES_MAX / unpacked;
    let refused = (0..=fits).find_map(|_| results.take(frame.clone(), &long).err());
    assert!(refused.unwrap().contains("more than"));
    assert!(results.partial.values.len() < fits);
}
