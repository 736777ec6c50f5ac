//! Windows of samples in a fleet: which members have such, what they are asked for them, and what
//! those are that Thanos has.
//!
//! Stores of Thanos make other aggregates of their windows than ours: averages where we have the
//! newest sample, and counters from which resets are taken out (see [`crate::counter`]). Whether
//! they have windows at all they do not say.

use std::sync::Arc;

use narthex_model::sample;
use narthex_storage::{Aggregate, Place, Series, TimeRange, Wanted};
use narthex_storeapi::message::store::{Aggr, SeriesRequest};

use crate::member::Known;

/// Nobody has shorter windows.
const RESOLUTION_MIN_MS: i64 = 300_000;

/// Thanos has no longer windows.
const THANOS_RESOLUTION_MAX_MS: i64 = 3_600_000;

/// The request as a member is asked it.
pub(crate) fn asked(request: SeriesRequest, known: &Known, wanted: Wanted) -> SeriesRequest {
    let Wanted::Windows {
        aggregate,
        max_resolution_ms,
    } = wanted
    else {
        return request;
    };
    let aggregates = match (known.coarsest_ms, aggregate) {
        (Some(0), _) => return request,
        (None, _) if coarsest(known) == 0 => return request,
        (None, Aggregate::Newest) => vec![Aggr::Count as i32, Aggr::Sum as i32],
        _ => vec![aggr_of(aggregate) as i32],
    };
    SeriesRequest {
        // 0 would ask for samples, of windows too that have no others.
        max_resolution_window: max_resolution_ms.max(1),
        aggregates,
        ..request
    }
}

/// How long windows may be that a member has, as far as is known; 0 where it has samples alone.
fn coarsest(known: &Known) -> i64 {
    let of_thanos = || match known.kind.as_str() {
        // What asks others may ask such a store.
        "store" | "query" => THANOS_RESOLUTION_MAX_MS,
        _ => 0,
    };
    known.coarsest_ms.unwrap_or_else(of_thanos)
}

/// How long windows may be that are read of these members in a range. Who of them has longer ones
/// and shorter ones is not known; but of lengths between the two nobody has any, and what is no
/// multiple of five minutes is not to be taken for one. Where a member has nothing finer left, they
/// are as long as its own.
pub(crate) fn resolution_ms(
    known: impl Iterator<Item = Arc<Known>>,
    range: TimeRange,
    max_resolution_ms: i64,
) -> i64 {
    let mut coarsest_ms = 0;
    let mut left_ms = 0;
    for known in known.filter(|known| known.range.is_some_and(|own| own.overlaps(range))) {
        coarsest_ms = coarsest(&known).max(coarsest_ms);
        let (own_ms, until_ms) = known.left;
        if until_ms > range.start_ms {
            left_ms = own_ms.max(left_ms);
        }
    }
    let allowed_ms = match coarsest_ms {
        _ if max_resolution_ms < RESOLUTION_MIN_MS => 0,
        coarsest_ms if coarsest_ms <= max_resolution_ms => coarsest_ms,
        _ if max_resolution_ms >= THANOS_RESOLUTION_MAX_MS => THANOS_RESOLUTION_MAX_MS,
        _ => RESOLUTION_MIN_MS,
    };
    left_ms.max(allowed_ms)
}

/// The averages of windows, of their sums and counts, where there are both; `None` where there are
/// none.
pub(crate) fn averages(sums: Series, counts: &Series) -> Option<Series> {
    let place = |time_ms: &i64| counts.timestamps.binary_search(time_ms).ok();
    let both = sums.timestamps.iter().enumerate();
    let both = both.filter_map(|(at, time_ms)| Some(((0, at), counts.values[place(time_ms)?])));
    let (places, by): (Vec<Place>, Vec<f64>) = both.unzip();
    if places.is_empty() {
        return None;
    }
    let mut averages = Series::gather(&[sums], &places)?;
    let values = averages.values.iter().zip(&by);
    averages.values = values
        .map(|(sum, count)| match sample::is_histogram(*sum) {
            true => *sum,
            false => sum / count,
        })
        .collect();
    if let Some(histograms) = &averages.histograms {
        let divided = histograms.iter().zip(&by).map(|(histogram, count)| {
            let mut histogram = Arc::clone(histogram.as_ref()?);
            Arc::make_mut(&mut histogram).divide(*count);
            Some(histogram)
        });
        averages.histograms = Some(divided.collect());
    }
    Some(averages)
}

/// How an aggregate is called on the way. Together with a resolution, samples are the newest of
/// each window.
fn aggr_of(aggregate: Aggregate) -> Aggr {
    match aggregate {
        Aggregate::Newest => Aggr::Raw,
        Aggregate::Growth => Aggr::Counter,
        Aggregate::Count => Aggr::Count,
        Aggregate::Sum => Aggr::Sum,
        Aggregate::Min => Aggr::Min,
        Aggregate::Max => Aggr::Max,
    }
}

#[cfg(test)]
mod tests {
    use narthex_storeapi::message::info::{InfoResponse, StoreInfo, WindowsInfo};

    use super::*;

    fn known(coarsest_ms: i64) -> Arc<Known> {
        of_kind("sidecar", Some(coarsest_ms))
    }

    fn of_kind(kind: &str, coarsest_ms: Option<i64>) -> Arc<Known> {
        Arc::new(Known::new(InfoResponse {
            component_type: kind.to_owned(),
            store: Some(StoreInfo {
                max_time: 1_000,
                ..StoreInfo::default()
            }),
            windows: coarsest_ms.map(|coarsest_ms| WindowsInfo {
                coarsest_ms,
                ..WindowsInfo::default()
            }),
            ..InfoResponse::default()
        }))
    }

    const COUNT: Wanted = Wanted::Windows {
        aggregate: Aggregate::Count,
        max_resolution_ms: 3_600_000,
    };

    #[test]
    fn who_has_windows_is_asked_for_them_and_others_for_samples() {
        let samples = SeriesRequest {
            aggregates: vec![Aggr::Raw as i32],
            ..SeriesRequest::default()
        };
        let of_windows = asked(samples.clone(), &known(300_000), COUNT);
        assert_eq!(of_windows.max_resolution_window, 3_600_000);
        assert_eq!(of_windows.aggregates, [Aggr::Count as i32]);
        assert_eq!(asked(samples.clone(), &known(0), COUNT), samples);
        for wanted in [Wanted::Samples, Wanted::Growth] {
            assert_eq!(asked(samples.clone(), &known(300_000), wanted), samples);
        }
    }

    #[test]
    fn windows_are_as_long_as_any_member_of_that_time_has_them_and_as_allowed() {
        let at = |start_ms: i64, max_resolution_ms: i64| {
            let members = [known(0), known(300_000), known(3_600_000)];
            let range = TimeRange {
                start_ms,
                end_ms: start_ms + 10,
            };
            resolution_ms(members.into_iter(), range, max_resolution_ms)
        };
        assert_eq!(at(0, i64::MAX), 3_600_000);
        assert_eq!(at(0, 400_000), 300_000);
        assert_eq!(at(0, 3_600_001), 3_600_000);
        assert_eq!(at(0, 299_999), 0);
        assert_eq!(at(2_000, i64::MAX), 0);
        assert_eq!(
            resolution_ms([known(0)].into_iter(), TimeRange::ALL, i64::MAX),
            0
        );
    }

    #[test]
    fn where_a_member_has_nothing_but_windows_left_these_are_read_whatever_is_allowed() {
        let retired = Arc::new(Known::new(InfoResponse {
            windows: Some(WindowsInfo {
                coarsest_ms: 3_600_000,
                left_ms: 300_000,
                left_until_ms: 500,
            }),
            store: Some(StoreInfo {
                max_time: 1_000,
                ..StoreInfo::default()
            }),
            ..InfoResponse::default()
        }));
        let at = |start_ms: i64, max_resolution_ms: i64| {
            let members = [Arc::clone(&retired), known(0)].into_iter();
            let range = TimeRange {
                start_ms,
                end_ms: start_ms + 10,
            };
            resolution_ms(members, range, max_resolution_ms)
        };
        assert_eq!((at(0, 0), at(0, 299_999)), (300_000, 300_000));
        assert_eq!((at(500, 0), at(2_000, 0)), (0, 0));
        assert_eq!(at(0, 3_600_000), 3_600_000);
        let wanted = Wanted::Windows {
            aggregate: Aggregate::Count,
            max_resolution_ms: 0,
        };
        let request = asked(SeriesRequest::default(), &retired, wanted);
        assert_eq!(request.max_resolution_window, 1);
        assert_eq!(request.aggregates, [Aggr::Count as i32]);
    }

    #[test]
    fn a_store_of_thanos_is_asked_as_thanos_asks_it() {
        let request = SeriesRequest::default();
        let wanted = |aggregate| Wanted::Windows {
            aggregate,
            max_resolution_ms: 300_000,
        };
        let aggregates = |kind, aggregate| {
            let known = of_kind(kind, None);
            asked(request.clone(), &known, wanted(aggregate)).aggregates
        };
        let counts_and_sums = [Aggr::Count as i32, Aggr::Sum as i32];
        assert_eq!(aggregates("store", Aggregate::Newest), counts_and_sums);
        assert_eq!(
            aggregates("query", Aggregate::Growth),
            [Aggr::Counter as i32]
        );
        assert!(aggregates("sidecar", Aggregate::Newest).is_empty());
        let read = |kind| {
            let members = [of_kind(kind, None)].into_iter();
            resolution_ms(members, TimeRange::ALL, i64::MAX)
        };
        assert_eq!((read("store"), read("sidecar")), (3_600_000, 0));
    }

    #[test]
    fn averages_are_of_windows_that_have_a_sum_and_a_count() {
        let series = |samples: &[(i64, f64)]| {
            let (times, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
            Series::of_numbers(narthex_model::Labels::empty(), times, values)
        };
        let sums = series(&[(1, 10.0), (2, 9.0), (4, 8.0)]);
        let found = averages(sums, &series(&[(1, 5.0), (3, 1.0), (4, 2.0)])).unwrap();
        assert_eq!(found.timestamps[..], [1, 4]);
        assert_eq!(found.values[..], [2.0, 4.0]);
        assert!(averages(series(&[(1, 1.0)]), &series(&[(2, 1.0)])).is_none());
    }
}
