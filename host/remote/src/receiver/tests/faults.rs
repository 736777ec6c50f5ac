//! What is wrong with a request, or with the store.

use std::sync::Mutex;

use narthex_model::{
    AppendReport, EXEMPLAR_CHARS_MAX, ExemplarRejection, Rejection, SeriesRef, WriteBatch,
};

use super::request::{Request, integers, packed, series};
use super::*;

#[test]
fn one_bad_sample_costs_itself_and_is_named() {
    let up = || series([("__name__", "up"), ("job", "a")]);
    let cases = [
        (
            up().sample(9.0, -5),
            "out of order sample for series {__name__=\"up\", job=\"a\"}",
        ),
        (
            up().sample(9.0, 0),
            "duplicate sample for timestamp for series",
        ),
        (
            up().sample(9.0, 601),
            "out of bounds: timestamp is too far in the future",
        ),
        (
            series([("job", "b")]).sample(1.0, 0),
            "no metric name for series {job=\"b\"}",
        ),
        (series([]).sample(1.0, 0), "no metric name for series {}"),
        (series([("__name__", "")]).sample(1.0, 0), "no metric name"),
        (
            series([("__name__", "a"), ("x", "1"), ("x", "2")]).sample(1.0, 0),
            "duplicated label x for series {__name__=\"a\", x=\"1\", x=\"2\"}",
        ),
        (
            series([("__name__", "a"), ("", "1")]).sample(1.0, 0),
            "an empty name",
        ),
    ];
    for (bad, expected) in cases {
        for kind in MessageKind::ALL {
            let bench = Bench::new();
            bench
                .send(&Request::new(kind).with(up().sample(1.0, 0)))
                .unwrap();
            let request = Request::new(kind)
                .with(series([("__name__", "first")]).sample(1.0, 0))
                .with(bad.clone())
                .with(series([("__name__", "last")]).sample(1.0, 0).sample(2.0, 1));
            let refusal = bench.send(&request).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::BadRequest, "{expected}");
            assert!(refusal.message.contains(expected), "{}", refusal.message);
            assert_eq!(refusal.written, written(3, 0, 0), "{expected}");
            let names: Vec<String> = bench
                .stored()
                .iter()
                .map(|series| series.labels.metric_name().to_owned())
                .collect();
            assert_eq!(names, ["first", "last", "up"], "{expected}");
        }
    }
}

#[test]
fn the_same_sample_again_is_fine() {
    for kind in MessageKind::ALL {
        let bench = Bench::new();
        let request = Request::new(kind).with(series([("__name__", "up")]).sample(1.0, 0));
        for _ in 0..2 {
            assert_eq!(
                bench.send(&request),
                Ok(written(1, 0, 0)),
                "a retry of {kind}"
            );
        }
    }
}

#[test]
fn a_request_with_many_faults_has_a_short_answer() {
    let bench = Bench::new();
    let long = "x".repeat(100_000);
    let many = (0..1000).fold(Request::new(MessageKind::V2), |request, _| {
        request.with(series([("long", &long)]).sample(1.0, 0))
    });
    let refusal = bench.send(&many).unwrap_err();
    assert!(
        refusal.message.ends_with("and 990 more like these"),
        "{}",
        refusal.message
    );
    assert!(refusal.message.len() < 10_000);
}

#[test]
fn references_that_lead_nowhere_cost_their_series() {
    for (references, expected) in [
        (vec![2, 3, 2], "an odd number of label references: 3"),
        (
            vec![2, 99],
            "label reference 99 is outside of the table of 5 symbols",
        ),
        (
            vec![2, u64::from(u32::MAX)],
            "label reference 4294967295 is outside",
        ),
    ] {
        let bench = Bench::new();
        let request = Request::new(MessageKind::V2)
            .with(
                series([("__name__", "bad")])
                    .sample(1.0, 0)
                    .references(&references),
            )
            .with(series([("__name__", "good")]).sample(1.0, 0));
        let refusal = bench.send(&request).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::BadRequest);
        assert!(refusal.message.contains(expected), "{}", refusal.message);
        assert_eq!(refusal.written, written(1, 0, 0));
    }
}

#[test]
fn a_body_that_is_damaged_anywhere_stores_nothing_or_what_it_says() {
    for kind in MessageKind::ALL {
        let request = Request::new(kind)
            .with(
                series([("__name__", "a")])
                    .sample(1.5, -1)
                    .exemplar(&[("id", "1")], 1.0, -1),
            )
            .with(series([("__name__", "b")]).histogram(integers(-1)));
        let message = request.message();
        for end in 0..message.len() {
            let bench = Bench::new();
            // Cut off between two fields, what is left is a request; else nothing is stored.
            if let Err(refusal) = bench.receiver.receive(kind, &packed(&message[..end])) {
                assert_eq!(refusal.kind, RefusalKind::BadRequest);
                assert!(!refusal.message.is_empty());
            }
        }
        for at in 0..message.len() {
            for bits in [0x01, 0x80, 0xff] {
                let mut changed = message.clone();
                changed[at] ^= bits;
                // Whatever it is then, it ends.
                let _ = Bench::new().receiver.receive(kind, &packed(&changed));
            }
        }
        let body = request.body();
        for at in 0..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 0xff;
            let _ = Bench::new().receiver.receive(kind, &changed);
        }
        let refusal = Bench::new().receiver.receive(kind, b"0").unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::BadRequest);
    }
}

#[test]
fn a_message_of_the_other_version_is_an_empty_one() {
    for (sent, read) in [
        (MessageKind::V1, MessageKind::V2),
        (MessageKind::V2, MessageKind::V1),
    ] {
        let bench = Bench::new();
        let request = Request::new(sent).with(series([("__name__", "up")]).sample(1.0, 0));
        let answer = bench.receiver.receive(read, &request.body());
        assert_eq!(answer, Ok(Written::default()));
        assert!(bench.stored().is_empty());
    }
}

/// A store that says what it was told to.
struct Told {
    answer: Mutex<Option<Result<AppendReport, AppendError>>>,
}

impl Appendable for Told {
    fn append(&self, _: &WriteBatch) -> Result<AppendReport, AppendError> {
        self.answer.lock().unwrap().take().unwrap()
    }
}

fn told(answer: Result<AppendReport, AppendError>) -> Receiver {
    let options = ReceiverOptions {
        store: Arc::new(Told {
            answer: Mutex::new(Some(answer)),
        }),
        clock: Arc::new(SimulatedClock::at(NOW_MS)),
        accepted: MessageKind::ALL.to_vec(),
        metadata: Arc::new(ReceivedMetadata::new(&mut Registry::default())),
    };
    Receiver::new(options, &mut Registry::default())
}

#[test]
fn a_store_that_fails_asks_for_the_request_again() {
    let full = || AppendError::Log(std::io::Error::other("no space left on device"));
    for (error, expected, message) in [
        (
            full(),
            RefusalKind::Internal,
            "the write-ahead log failed: no space left on device",
        ),
        (
            AppendError::Closed,
            RefusalKind::Unavailable,
            "the store is closed",
        ),
        (
            AppendError::TooLarge("a label set takes 9 bytes".to_owned()),
            RefusalKind::BadRequest,
            "a label set takes 9 bytes",
        ),
    ] {
        let request = Request::new(MessageKind::V2)
            .with(series([("__name__", "up")]).sample(1.0, 0))
            .with(series([("__name__", "broken"), ("", "")]).sample(1.0, 0));
        let refusal = told(Err(error)).receive(MessageKind::V2, &request.body());
        let refusal = refusal.unwrap_err();
        assert_eq!(refusal.kind, expected);
        assert_eq!(refusal.message, message);
        assert_eq!(refusal.written, Written::default());
    }
}

#[test]
fn what_the_store_refuses_is_counted_by_what_it_is() {
    let report = || AppendReport {
        series: vec![SeriesRef(1), SeriesRef(2)],
        rejected: vec![(1, Rejection::OutOfBounds)],
        histogram_series: vec![SeriesRef(3)],
        rejected_histograms: vec![(0, Rejection::InvalidHistogram)],
        rejected_exemplars: vec![
            (0, ExemplarRejection::Duplicate),
            (1, ExemplarRejection::OutOfOrder),
            (2, ExemplarRejection::LongLabels),
        ],
        created: 0,
    };
    let request = |kind| {
        let long = "x".repeat(EXEMPLAR_CHARS_MAX);
        Request::new(kind)
            .with(series([("__name__", "a")]).sample(1.0, 0).sample(2.0, 1))
            .with(series([("__name__", "b")]).histogram(integers(-1)))
            .with(
                series([("__name__", "c")])
                    .exemplar(&[("id", "1")], 1.0, 0)
                    .exemplar(&[("id", "2")], 1.0, -1)
                    .exemplar(&[("id", &long)], 1.0, 1),
            )
    };
    for (kind, lines) in [
        (
            MessageKind::V2,
            vec![
                "out of bounds",
                "invalid native histogram",
                "out of order exemplar",
            ],
        ),
        // Prometheus does not fail a request of 1.0 for its exemplars.
        (
            MessageKind::V1,
            vec!["out of bounds", "invalid native histogram"],
        ),
    ] {
        let refusal = told(Ok(report()))
            .receive(kind, &request(kind).body())
            .unwrap_err();
        assert_eq!(refusal.written, written(1, 0, 1), "{kind}");
        let found: Vec<&str> = refusal
            .message
            .lines()
            .filter_map(|line| line.split(" for series ").next())
            .collect();
        assert_eq!(found, lines, "{kind}");
    }
}

#[test]
fn an_exemplar_that_is_none_costs_only_itself() {
    for kind in MessageKind::ALL {
        let bench = Bench::new();
        let sent = series([("__name__", "up")])
            .sample(1.0, 0)
            .exemplar(&[], 1.0, 0)
            .exemplar(&[("a", "1"), ("a", "2")], 1.0, 0)
            .exemplar(&[("a", "1")], 1.0, 700);
        let refusal = bench.send(&Request::new(kind).with(sent)).unwrap_err();
        assert_eq!(refusal.written, written(1, 0, 1), "{kind}");
        let lines: Vec<&str> = refusal.message.lines().collect();
        assert_eq!(
            lines,
            [
                "exemplar: invalid labels for series: duplicated label a for series {__name__=\"up\"}",
                "exemplar: out of bounds: timestamp is too far in the future for series {__name__=\"up\"}",
            ],
            "{kind}"
        );
    }
}

#[test]
fn more_than_the_bounds_is_refused() {
    let samples = crate::wire::SAMPLES_MAX + 1;
    let mut one = crate::wire::message::Message::new();
    one.message(1, |series| {
        for _ in 0..samples {
            series.bytes(2, &[]);
        }
    });
    let answer = Bench::new()
        .receiver
        .receive(MessageKind::V1, &packed(one.as_bytes()));
    assert_eq!(answer.unwrap_err().message, "more than 2097152 samples");
    let mut labels = crate::wire::message::Message::new();
    labels.message(1, |series| {
        for _ in 0..=crate::wire::LABELS_MAX {
            series.bytes(1, &[]);
        }
        series.bytes(2, &[]);
    });
    let answer = Bench::new()
        .receiver
        .receive(MessageKind::V1, &packed(labels.as_bytes()));
    let refusal = answer.unwrap_err();
    assert!(
        refusal
            .message
            .contains("more than 16384 labels of a series")
    );
}
