//! What an endpoint of a store is: one that has blocks of several servers, whose series have the
//! external labels of theirs already.

use narthex_model::Labels;
use narthex_storage::TimeRange;

use crate::message::LabelSet;
use crate::message::info::{InfoResponse, StoreInfo, TsdbInfo};

/// `thanos.info.InfoResponse.ComponentType`: what has blocks of a bucket.
const COMPONENT: &str = "store";

/// Tells the external labels of each server that there are series of, with the time from its first
/// to its last sample.
pub type HoldingsOf = dyn Fn() -> Vec<(Labels, TimeRange)> + Send + Sync;

/// What such an endpoint says of itself. Where there is nothing, it has samples of no time.
pub(super) fn info(held: &[(Labels, TimeRange)]) -> InfoResponse {
    let min_time = held.iter().map(|(_, range)| range.start_ms).min();
    let max_time = held.iter().map(|(_, range)| range.end_ms).max();
    let tsdb_infos = held.iter().map(|(labels, range)| TsdbInfo {
        labels: Some(LabelSet::of(labels)),
        min_time: range.start_ms,
        max_time: range.end_ms,
    });
    let store = StoreInfo {
        min_time: min_time.unwrap_or(i64::MAX),
        max_time: max_time.unwrap_or(i64::MIN),
        supports_sharding: true,
        supports_without_replica_labels: true,
        tsdb_infos: tsdb_infos.collect(),
    };
    InfoResponse {
        label_sets: held
            .iter()
            .map(|(labels, _)| LabelSet::of(labels))
            .collect(),
        component_type: COMPONENT.to_owned(),
        store: Some(store),
        ..InfoResponse::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_told_with_its_time() {
        let range = |start_ms, end_ms| TimeRange { start_ms, end_ms };
        let held = [
            (Labels::from_pairs([("replica", "a")]), range(10, 50)),
            (Labels::from_pairs([("replica", "b")]), range(20, 90)),
        ];
        let told = info(&held);
        assert_eq!(
            (told.component_type.as_str(), told.label_sets.len()),
            ("store", 2)
        );
        let store = told.store.unwrap();
        assert_eq!((store.min_time, store.max_time), (10, 90));
        let own: Vec<_> = store
            .tsdb_infos
            .iter()
            .map(|i| (i.min_time, i.max_time))
            .collect();
        assert_eq!(own, [(10, 50), (20, 90)]);
    }

    #[test]
    fn nothing_has_no_time() {
        let store = info(&[]).store.unwrap();
        assert!(store.min_time > store.max_time);
    }
}
