//! Native histograms, sound ones and others.

use narthex_model::CounterResetHint;

use super::request::{Request, custom, integers, series, span, stale};
use super::*;
use crate::wire::message::{Message, zigzag};

#[test]
fn histograms_of_both_kinds_come_whole() {
    for kind in MessageKind::ALL {
        let bench = Bench::new();
        let request = Request::new(kind)
            .with(series([("__name__", "integers")]).histogram(integers(-1)))
            .with(
                series([("__name__", "custom")])
                    .histogram(custom(-1))
                    .metadata(3),
            );
        assert_eq!(bench.send(&request), Ok(written(0, 2, 0)), "{kind}");
        let stored = bench.stored();
        let histogram = |at: usize| stored[at].histograms.as_ref().unwrap()[0].clone().unwrap();
        let (custom, integers) = (histogram(0), histogram(1));
        assert_eq!(integers.schema, 1);
        assert_eq!(
            (integers.count, integers.sum, integers.zero_count),
            (10.0, 25.5, 1.0)
        );
        assert_eq!(integers.zero_threshold, 0.001);
        assert_eq!(integers.positive.indexes(), [0, 1, 5]);
        assert_eq!(integers.positive.counts(), [3.0, 4.0, 0.0]);
        assert_eq!(integers.negative.indexes(), [-1]);
        assert_eq!(integers.negative.counts(), [2.0]);
        assert!(custom.has_custom_buckets());
        assert_eq!(*custom.custom_bounds, [0.5, 5.0]);
        assert_eq!(custom.positive.indexes(), [1, 2]);
        assert_eq!(custom.positive.counts(), [1.5, 2.0]);
        assert_eq!(custom.counter_reset_hint, CounterResetHint::Unknown);
    }
}

#[test]
fn a_series_of_histograms_ends_with_the_mark_for_all_series() {
    let bench = Bench::new();
    let first = series([("__name__", "h")]).histogram(integers(-3));
    let mark = series([("__name__", "h")]).histogram(stale(-1));
    for sent in [first, mark] {
        let request = Request::new(MessageKind::V2).with(sent);
        assert_eq!(bench.send(&request), Ok(written(0, 1, 0)));
    }
    let shown = bench.shown();
    assert!(shown[0].ends_with("stale@-1"), "{shown:?}");
}

#[test]
fn a_histogram_and_its_stale_mark_in_one_request_are_taken_in_the_order_of_time() {
    for kind in MessageKind::ALL {
        // In one message of the request, and in several, as senders write them.
        let whole = series([("__name__", "h")])
            .histogram(integers(-2))
            .histogram(stale(-1))
            .histogram(integers(0));
        let one = Request::new(kind).with(whole);
        let parts = [integers(-2), stale(-1), integers(0)];
        let parts = parts.map(|part| series([("__name__", "h")]).histogram(part));
        let several = parts.into_iter().fold(Request::new(kind), Request::with);
        for request in [one, several] {
            let bench = Bench::new();
            assert_eq!(bench.send(&request), Ok(written(0, 3, 0)), "{kind}");
            let stored = bench.stored();
            let times: Vec<i64> = stored[0].timestamps.to_vec();
            assert_eq!(times, [NOW_MS - 2000, NOW_MS - 1000, NOW_MS]);
            let histograms = stored[0].histograms.as_ref().unwrap();
            let has_one: Vec<bool> = histograms.iter().map(Option::is_some).collect();
            assert_eq!(has_one, [true, false, true]);
        }
    }
}

#[test]
fn a_histogram_that_is_none_costs_only_itself() {
    type Change = fn(&mut Message);
    let cases: [(&str, Change); 11] = [
        ("native histogram schema 9 is unknown", |h| h.zigzag(4, 9)),
        ("native histogram schema -5 is unknown", |h| h.zigzag(4, -5)),
        (
            "11 observations found in buckets, but the Count field is 10",
            |h| h.number(6, 2),
        ),
        ("positive side: spans need 4 buckets, have 3 buckets", |h| {
            span(h, 11, 0, 1)
        }),
        (
            "positive side: spans need 4294967298 buckets, have 3 buckets",
            |h| span(h, 11, 0, u64::from(u32::MAX)),
        ),
        ("negative side: spans need 1 buckets, have 2 buckets", |h| {
            h.packed(9, [zigzag(0)])
        }),
        ("negative side: a bucket has a negative count", |h| {
            h.packed(9, [zigzag(-5)]);
            span(h, 8, 0, 1);
        }),
        (
            "positive side: a span begins before the one before it ends",
            |h| span(h, 11, -2, 0),
        ),
        (
            "positive side: a span begins before the one before it ends",
            |h| {
                span(h, 11, i64::from(i32::MAX), 1);
                h.packed(12, [zigzag(0)]);
            },
        ),
        ("exponential buckets: must not have custom bounds", |h| {
            h.packed_doubles(16, &[1.0]);
        }),
        ("proto: field 1 has the wrong wire type", |h| {
            h.double(1, 1.0)
        }),
    ];
    for (expected, change) in cases {
        for kind in MessageKind::ALL {
            let bench = Bench::new();
            let mut broken = integers(-1);
            change(&mut broken);
            let request = Request::new(kind)
                .with(series([("__name__", "broken")]).histogram(broken))
                .with(series([("__name__", "sound")]).histogram(integers(-1)));
            let refusal = bench.send(&request).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::BadRequest, "{expected}");
            assert!(refusal.message.contains(expected), "{}", refusal.message);
            assert_eq!(refusal.written, written(0, 1, 0), "{expected}");
        }
    }
}

#[test]
fn custom_buckets_have_rules_of_their_own() {
    type Change = fn(&mut Message);
    let cases: [(&str, Change); 4] = [
        (
            "custom buckets: bounds must be finite and in ascending order",
            |h| {
                h.packed_doubles(16, &[4.0]);
            },
        ),
        (
            "custom buckets: bounds must be finite and in ascending order",
            |h| {
                h.packed_doubles(16, &[f64::INFINITY]);
            },
        ),
        ("custom buckets: must not have negative buckets", |h| {
            h.double_always(7, 1.0)
        }),
        (
            "custom buckets: only 2 custom bounds defined which is insufficient",
            |h| {
                span(h, 11, 0, 1);
                h.packed_doubles(13, &[1.0]);
            },
        ),
    ];
    for (expected, change) in cases {
        let bench = Bench::new();
        let mut broken = custom(-1);
        change(&mut broken);
        let sent = series([("__name__", "broken")]).histogram(broken);
        let refusal = bench
            .send(&Request::new(MessageKind::V2).with(sent))
            .unwrap_err();
        assert!(refusal.message.contains(expected), "{}", refusal.message);
        assert_eq!(refusal.written, Written::default());
    }
}
