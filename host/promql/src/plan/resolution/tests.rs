//! What is read of a store that has windows.

use futures::future::BoxFuture;
use narthex_storage::{MemoryStore, SelectRequest, SeriesStream, StorageError, TimeRange, Wanted};

use super::*;
use crate::plan::{NodeKind, PlanOptions, QueryTimes, plan_over};

const MINUTE: i64 = 60_000;
const FIVE_MINUTES: i64 = 300_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Says that it has windows of five minutes and of an hour, of which the finer ones are gone
/// before a time.
struct Windowed {
    samples: MemoryStore,
    coarse_only_before_ms: i64,
}

impl Queryable for Windowed {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.samples.select(request)
    }

    fn resolution_ms(&self, range: TimeRange, max_resolution_ms: i64) -> i64 {
        match max_resolution_ms {
            _ if range.end_ms < self.coarse_only_before_ms => HOUR,
            HOUR.. => HOUR,
            FIVE_MINUTES.. => FIVE_MINUTES,
            _ => 0,
        }
    }
}

/// What is read: the aggregate and how coarse it may be, or how raw samples are looked at; and how
/// far it reaches back before the first time of the query.
fn read(
    query: &str,
    (start_ms, end_ms, step_ms): (i64, i64, i64),
    max: MaxSourceResolution,
    coarse_only_before_ms: i64,
) -> Vec<(String, i64)> {
    let expr = crate::parse(query, &crate::ParseOptions::all()).unwrap();
    let times = QueryTimes {
        start_ms,
        end_ms,
        step_ms,
    };
    let options = PlanOptions {
        lookback_ms: FIVE_MINUTES,
        subquery_step_ms: MINUTE,
    };
    let resolutions = Resolutions {
        storage: Some(Arc::new(Windowed {
            samples: MemoryStore::default(),
            coarse_only_before_ms,
        })),
        max,
    };
    let plan = plan_over(&expr, times, options, resolutions).unwrap();
    let described = plan.requests.iter().map(|request| {
        let wanted = match request.wanted {
            Wanted::Windows {
                aggregate,
                max_resolution_ms,
            } => format!("{aggregate:?} {}m", max_resolution_ms / MINUTE),
            raw => format!("{raw:?}"),
        };
        let range = request.select.range;
        (wanted, start_ms + 1 - range.start_ms)
    });
    described.collect()
}

/// A range query of a day on the hour.
fn check(query: &str, step_ms: i64, expected: &[(&str, i64)]) {
    let found = read(query, (DAY, 2 * DAY, step_ms), MaxSourceResolution::Auto, 0);
    let expected = expected.iter().map(|(text, ms)| ((*text).to_owned(), *ms));
    assert_eq!(found, expected.collect::<Vec<_>>(), "{query} {step_ms}");
}

#[test]
fn each_function_reads_the_aggregate_that_it_is_made_of() {
    let step = 30 * MINUTE;
    for (query, expected) in [
        ("min_over_time(x[1h])", &[("Min 6m", HOUR)][..]),
        ("max_over_time(x[1h])", &[("Max 6m", HOUR)][..]),
        ("sum_over_time(x[1h])", &[("Sum 6m", HOUR)][..]),
        ("count_over_time(x[1h])", &[("Count 6m", HOUR)][..]),
        (
            "avg_over_time(x[1h])",
            &[("Sum 6m", HOUR), ("Count 6m", HOUR)][..],
        ),
        ("present_over_time(x[1h])", &[("Count 6m", HOUR)][..]),
        ("absent_over_time(x[1h])", &[("Count 6m", HOUR)][..]),
        ("last_over_time(x[1h])", &[("Newest 6m", HOUR)][..]),
        // The growth of the first window begins with the sample before it.
        ("rate(x[1h])", &[("Growth 6m", HOUR + FIVE_MINUTES)][..]),
        ("increase(x[1h])", &[("Growth 6m", HOUR + FIVE_MINUTES)][..]),
        ("x", &[("Newest 6m", FIVE_MINUTES)][..]),
        (
            "info(x)",
            &[("Newest 6m", FIVE_MINUTES), ("Newest 6m", FIVE_MINUTES)][..],
        ),
        // No window says what these look at.
        ("irate(x[1h])", &[("Growth", HOUR)][..]),
        ("delta(x[1h])", &[("Samples", HOUR)][..]),
        ("stddev_over_time(x[1h])", &[("Samples", HOUR)][..]),
        ("quantile_over_time(0.5, x[1h])", &[("Samples", HOUR)][..]),
        (
            "rate(x[1h] anchored)",
            &[("Growth", HOUR + FIVE_MINUTES)][..],
        ),
    ] {
        check(query, step, expected);
    }
}

#[test]
fn windows_fit_five_times_in_the_step_and_in_the_range() {
    for (query, step, expected) in [
        ("x", MINUTE, ("Samples", FIVE_MINUTES)),
        ("x", 24 * MINUTE, ("Samples", FIVE_MINUTES)),
        ("x", 25 * MINUTE, ("Newest 5m", FIVE_MINUTES)),
        ("x", 5 * HOUR, ("Newest 60m", FIVE_MINUTES)),
        ("max_over_time(x[10m])", DAY, ("Samples", 10 * MINUTE)),
        ("max_over_time(x[1d])", HOUR, ("Max 12m", DAY)),
        ("max_over_time(x[1d])", MINUTE, ("Samples", DAY)),
        // The step of a subquery is that of what is inside; it looks a step less far back.
        (
            "max_over_time(x[1d:1m])",
            DAY,
            ("Samples", DAY + 4 * MINUTE),
        ),
        (
            "max_over_time(x[1d:30m])",
            DAY,
            ("Newest 6m", DAY - 25 * MINUTE),
        ),
    ] {
        check(query, step, &[expected]);
    }
}

#[test]
fn where_times_are_no_multiples_of_windows_the_newest_may_be_a_window_older() {
    for (query, expected) in [
        ("x offset 10m", ("Newest 6m", 15 * MINUTE)),
        ("x offset 7m", ("Newest 6m", 17 * MINUTE)),
        ("rate(x[62m])", ("Growth 6m", 72 * MINUTE)),
        // A window at an edge counts wholly or not, and of an hour five minutes are too much.
        ("max_over_time(x[62m])", ("Samples", 62 * MINUTE)),
        ("sum_over_time(x[62m])", ("Samples", 62 * MINUTE)),
        ("avg_over_time(x[62m])", ("Samples", 62 * MINUTE)),
        ("count_over_time(x[502m])", ("Count 6m", 502 * MINUTE)),
    ] {
        check(query, 30 * MINUTE, &[expected]);
    }
    // Of hours that do not fit the five minutes do.
    check(
        "sum_over_time(x[305m])",
        5 * HOUR,
        &[("Sum 59m", 305 * MINUTE)],
    );
    check("x", 31 * MINUTE, &[("Newest 6m", 10 * MINUTE)]);
}

#[test]
fn a_query_may_say_how_coarse_samples_may_be() {
    use MaxSourceResolution::{AtMost, Auto};
    let (range, instant) = ((DAY, 2 * DAY, MINUTE), (2 * DAY, 2 * DAY, 0));
    for (query, times, max, expected) in [
        ("x", range, AtMost(HOUR), "Newest 60m"),
        ("x", range, AtMost(0), "Samples"),
        ("rate(x[1h])", range, AtMost(HOUR), "Growth 12m"),
        ("rate(x[1d])", (DAY, 2 * DAY, DAY), AtMost(0), "Growth"),
        // Only its range says how coarse an instant query may be.
        ("rate(x[1d])", instant, Auto, "Growth 288m"),
        ("rate(x[1d])", instant, AtMost(FIVE_MINUTES), "Growth 5m"),
        ("rate(x[5m])", instant, Auto, "Growth"),
        ("x", instant, Auto, "Samples"),
        ("x", instant, AtMost(HOUR), "Samples"),
        ("max_over_time(x[1d:1h])", instant, Auto, "Newest 12m"),
    ] {
        let found = read(query, times, max, 0);
        assert_eq!(found.len(), 1, "{query}");
        assert_eq!(found[0].0, expected, "{query} {max:?}");
    }
}

#[test]
fn what_is_left_is_read_where_nothing_finer_is() {
    let of_old = |query: &str| {
        read(
            query,
            (DAY, 2 * DAY, MINUTE),
            MaxSourceResolution::Auto,
            i64::MAX,
        )
    };
    let described = |query: &str| of_old(query).into_iter().map(|(text, _)| text);
    assert!(described("avg_over_time(x[10m])").eq(["Sum 0m", "Count 0m"]));
    assert_eq!(of_old("x"), [("Newest 0m".to_owned(), FIVE_MINUTES + HOUR)]);
    assert!(described("deriv(x[10m])").eq(["Samples"]));
}

#[test]
fn counting_windows_adds_up_and_an_average_is_a_quotient() {
    let resolutions = || Resolutions {
        storage: Some(Arc::new(Windowed {
            samples: MemoryStore::default(),
            coarse_only_before_ms: 0,
        })),
        max: MaxSourceResolution::Auto,
    };
    let times = QueryTimes {
        start_ms: 0,
        end_ms: DAY,
        step_ms: HOUR,
    };
    let options = PlanOptions {
        lookback_ms: FIVE_MINUTES,
        subquery_step_ms: MINUTE,
    };
    let root = |query: &str| {
        let expr = crate::parse(query, &crate::ParseOptions::all()).unwrap();
        plan_over(&expr, times, options, resolutions())
            .unwrap()
            .root
            .kind
    };
    let is_sum =
        |kind: &NodeKind| matches!(kind, NodeKind::Call(f, _) if f.name == "sum_over_time");
    assert!(is_sum(&root("count_over_time(x[1h])")));
    let NodeKind::Binary(quotient) = root("avg_over_time(x[1h])") else {
        panic!("no quotient");
    };
    assert!(is_sum(&quotient.lhs.kind) && is_sum(&quotient.rhs.kind));
}
