use narthex_model::{MatchOp, Matcher};
use narthex_storeapi::message::info::StoreInfo;

use super::*;

const MINUTES_5: Duration = Duration::from_secs(300);

fn set(pairs: &[(&str, &str)]) -> LabelSet {
    LabelSet::of(&Labels::from_pairs(pairs.iter().copied()))
}

fn info(label_sets: Vec<LabelSet>, [min_time, max_time]: [i64; 2]) -> InfoResponse {
    InfoResponse {
        label_sets,
        component_type: "sidecar".to_owned(),
        store: Some(StoreInfo {
            min_time,
            max_time,
            ..StoreInfo::default()
        }),
        ..InfoResponse::default()
    }
}

fn member(is_strict: bool) -> Member {
    let endpoint = Endpoint::connect("127.0.0.1:10901", None).unwrap();
    Member::new(endpoint, is_strict, 0)
}

fn refused() -> EndpointError {
    EndpointError::Unreachable {
        address: "127.0.0.1:10901".to_owned(),
        reason: "connection refused".to_owned(),
    }
}

/// `asked`, `missed` or `forgotten`.
fn standing(member: &Member, now_ms: i64) -> &'static str {
    match member.standing(now_ms, MINUTES_5) {
        Standing::Asked(_) => "asked",
        Standing::Missed(..) => "missed",
        Standing::Forgotten => "forgotten",
    }
}

#[tokio::test]
async fn who_does_not_answer_is_missed_and_then_forgotten_and_a_strict_one_never() {
    for (is_strict, after) in [(false, ["missed", "forgotten"]), (true, ["asked", "asked"])] {
        let member = member(is_strict);
        assert_eq!(standing(&member, 1_000), "missed");
        member.take(Ok(info(vec![set(&[("host", "a")])], [0, i64::MAX])), 2_000);
        assert_eq!(standing(&member, 900_000), "asked");
        member.take(Err(refused()), 1_000_000);
        member.take(Err(refused()), 1_200_000);
        assert_eq!(standing(&member, 1_299_999), after[0]);
        assert_eq!(standing(&member, 1_300_000), after[1]);
        let status = member.status();
        assert_eq!(status.checked_ms, Some(1_200_000));
        assert!(status.error.unwrap().contains("connection refused"));
        member.take(Ok(info(vec![], [0, 1])), 1_400_000);
        assert_eq!(standing(&member, 1_400_000), "asked");
        assert_eq!(member.status().error, None);
    }
}

#[tokio::test]
async fn one_that_never_answered_is_missed_for_a_while_and_a_strict_one_always() {
    for (is_strict, later) in [(false, "forgotten"), (true, "missed")] {
        let member = member(is_strict);
        member.take(Err(refused()), 100);
        assert_eq!(standing(&member, 299_999), "missed");
        assert_eq!(standing(&member, 300_000), later);
    }
}

#[tokio::test]
async fn who_works_for_long_is_told_from_who_is_gone() {
    let member = member(false);
    assert!(!member.has_answered_since(0));
    member.take(Ok(info(vec![], [0, 1])), 1_000);
    assert!(member.has_answered_since(999));
    assert!(!member.has_answered_since(1_000));
    member.take(Err(refused()), 2_000);
    assert!(!member.has_answered_since(999));
}

#[test]
fn only_who_may_have_the_series_is_asked() {
    let sets = vec![
        set(&[("region", "eu"), ("replica", "a")]),
        set(&[("region", "us"), ("replica", "a")]),
    ];
    let known = Known::new(info(sets, [1_000, 2_000]));
    let range = |start_ms, end_ms| TimeRange { start_ms, end_ms };
    let equal = |name: &str, value: &str| Matcher::equal(name, value);
    let not = |name: &str, value: &str| Matcher::new(name, MatchOp::NotEqual, value).unwrap();
    let cases = [
        (vec![equal("job", "x")], range(0, 5_000), true),
        (vec![equal("region", "eu")], range(0, 5_000), true),
        (vec![equal("region", "asia")], range(0, 5_000), false),
        (
            vec![equal("region", "eu"), equal("replica", "b")],
            range(0, 5_000),
            false,
        ),
        (vec![not("region", "eu")], range(0, 5_000), true),
        (vec![not("replica", "a")], range(0, 5_000), false),
        (vec![], range(0, 999), false),
        (vec![], range(2_000, 3_000), true),
        (vec![], range(2_001, 3_000), false),
    ];
    for (matchers, range, expected) in cases {
        assert_eq!(
            known.may_have(&matchers, range),
            expected,
            "{matchers:?} {range:?}"
        );
    }
    let no_store = Known::new(InfoResponse::default());
    assert!(!no_store.may_have(&[], TimeRange::ALL));
}

#[tokio::test]
async fn members_are_selected_by_their_labels_and_their_address() {
    let member = member(false);
    member.take(Ok(info(vec![set(&[("region", "eu")])], [0, 1])), 0);
    let equal = |name: &str, value: &str| vec![Matcher::equal(name, value)];
    assert!(member.is_selected(&[]));
    assert!(member.is_selected(&[equal("region", "us"), equal("region", "eu")]));
    assert!(!member.is_selected(&[equal("region", "us")]));
    assert!(member.is_selected(&[equal("__address__", "127.0.0.1:10901")]));
    assert!(!member.is_selected(&[equal("__address__", "127.0.0.1:1")]));
}

#[test]
fn what_a_store_lacked_while_it_began_is_not_taken_for_all_that_it_has() {
    let range = |start_ms, end_ms| TimeRange { start_ms, end_ms };
    let stamp = |times, asked| Known::new(info(vec![set(&[("host", "a")])], times)).stamp(asked);
    let old = range(1_000, 2_000);
    let complete = stamp([0, 5_000], old);
    assert!(complete.is_some());
    // Thanos' store says this as long as it has not looked at its bucket.
    assert_eq!(stamp([i64::MAX, i64::MIN], old), None);
    assert_ne!(stamp([0, 1_500], old), complete);
    assert_ne!(stamp([1_500, 5_000], old), complete);
    // What comes and goes elsewhere is not looked at.
    assert_eq!(stamp([500, i64::MAX], old), complete);
    let other = Known::new(info(vec![set(&[("host", "b")])], [0, 5_000]));
    assert_ne!(other.stamp(old), complete);
}
