//! Windows of samples in a fleet: which members have such, and what they are asked for them.
//!
//! Stores of Thanos make other aggregates of their windows than ours: averages where we have the
//! newest sample, and counters from which resets are taken out. So they are asked for samples, as
//! long as they have any.

use std::sync::Arc;

use narthex_storage::{Aggregate, TimeRange, Wanted};
use narthex_storeapi::message::store::{Aggr, SeriesRequest};

use crate::member::Known;

/// Nobody has shorter windows.
const RESOLUTION_MIN_MS: i64 = 300_000;

/// The request as a member is asked it.
pub(crate) fn asked(request: SeriesRequest, known: &Known, wanted: Wanted) -> SeriesRequest {
    match wanted {
        Wanted::Windows {
            aggregate,
            max_resolution_ms,
        } if known.coarsest_ms > 0 => SeriesRequest {
            max_resolution_window: max_resolution_ms,
            aggregates: vec![aggr_of(aggregate) as i32],
            ..request
        },
        _ => request,
    }
}

/// How long windows may be that are read of these members in a range. Who of them has longer ones
/// and shorter ones is not known.
pub(crate) fn resolution_ms(
    known: impl Iterator<Item = Arc<Known>>,
    range: TimeRange,
    max_resolution_ms: i64,
) -> i64 {
    if max_resolution_ms < RESOLUTION_MIN_MS {
        return 0;
    }
    let there = known.filter(|known| known.range.is_some_and(|own| own.overlaps(range)));
    let coarsest_ms = there.map(|known| known.coarsest_ms).max();
    coarsest_ms.unwrap_or_default().min(max_resolution_ms)
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
        Arc::new(Known::new(InfoResponse {
            store: Some(StoreInfo {
                max_time: 1_000,
                ..StoreInfo::default()
            }),
            windows: (coarsest_ms > 0).then_some(WindowsInfo { coarsest_ms }),
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
        assert_eq!(at(0, 400_000), 400_000);
        assert_eq!(at(0, 299_999), 0);
        assert_eq!(at(2_000, i64::MAX), 0);
        assert_eq!(
            resolution_ms([known(0)].into_iter(), TimeRange::ALL, i64::MAX),
            0
        );
    }
}
