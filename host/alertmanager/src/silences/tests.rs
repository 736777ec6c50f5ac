use narthex_model::Labels;

use super::*;
use crate::matchers::MatcherMode;

const LIMITS: SilenceLimits = SilenceLimits {
    silences_max: 0,
    silence_bytes_max: 0,
    retention_ms: 10_000,
};

fn silence(id: &str, matchers: &str, starts_at_ms: i64, ends_at_ms: i64) -> Silence {
    let matchers = MatcherMode::Classic.parse(matchers).unwrap();
    Silence {
        id: id.to_owned(),
        matchers: matchers.iter().map(MatcherFields::of).collect(),
        starts_at_ms,
        ends_at_ms,
        updated_at_ms: 0,
        created_by: "me".to_owned(),
        comment: "why".to_owned(),
    }
}

fn empty() -> Silences {
    Silences::new(LIMITS, Vec::new()).0
}

fn labels(name: &str, value: &str) -> Labels {
    Labels::from_pairs([(name, value)])
}

#[test]
fn a_silence_mutes_from_its_start_to_its_end() {
    let mut silences = empty();
    let id = silences
        .set(silence("", "a=~x|y,b!=z", 5_000, 9_000), 1_000)
        .unwrap();
    assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'));
    for (now_ms, state, is_muted) in [
        (1_000, SilenceState::Pending, false),
        (4_999, SilenceState::Pending, false),
        (5_000, SilenceState::Active, true),
        (8_999, SilenceState::Active, true),
        (9_000, SilenceState::Expired, false),
    ] {
        assert_eq!(silences.get(&id).unwrap().state(now_ms), state);
        let muting = silences.active(now_ms).muting(&labels("a", "y"));
        assert_eq!(muting == [id.clone()], is_muted, "{now_ms}");
    }
    let active = silences.active(5_000);
    assert!(active.muting(&labels("a", "z")).is_empty());
    assert!(active.muting(&labels("b", "z")).is_empty());
}

#[test]
fn what_can_be_changed_keeps_its_name() {
    // At 2 s there is a silence; what it becomes, and whether it keeps its name.
    for (old, new, keeps_name) in [
        // Active: its end moves.
        ((1_000, 9_000, "a=b"), (1_000, 5_000, "a=b"), true),
        ((1_000, 9_000, "a=b"), (1_999, 50_000, "a=b"), true),
        ((1_000, 9_000, "a=b"), (3_000, 9_000, "a=b"), false),
        ((1_000, 9_000, "a=b"), (1_000, 9_000, "a=c"), false),
        // Pending: as long as it still begins later.
        ((5_000, 9_000, "a=b"), (6_000, 9_000, "a=b"), true),
        ((5_000, 9_000, "a=b"), (1_000, 9_000, "a=b"), false),
        // Expired: never.
        ((500, 1_500, "a=b"), (500, 9_000, "a=b"), false),
    ] {
        let mut silences = empty();
        let first = silence("", old.2, old.0, old.1);
        let id = silences.set(first, old.0.min(1_000)).unwrap();
        let changed = silences
            .set(silence(&id, new.2, new.0, new.1), 2_000)
            .unwrap();
        assert_eq!(changed == id, keeps_name, "{old:?} {new:?}");
        let kept = silences.get(&changed).unwrap();
        let starts = if keeps_name { new.0 } else { new.0.max(2_000) };
        assert_eq!((kept.starts_at_ms, kept.ends_at_ms), (starts, new.1));
        if !keeps_name {
            assert_eq!(
                silences.get(&id).unwrap().state(2_000),
                SilenceState::Expired
            );
        }
    }
}

#[test]
fn expiring_ends_a_silence_at_once() {
    let mut silences = empty();
    let active = silences
        .set(silence("", "a=b", 1_000, 9_000), 1_000)
        .unwrap();
    let pending = silences
        .set(silence("", "a=b", 5_000, 9_000), 1_000)
        .unwrap();
    for id in [&active, &pending] {
        silences.expire(id, 2_000).unwrap();
        assert_eq!(
            silences.get(id).unwrap().state(2_000),
            SilenceState::Expired
        );
        // Once more changes nothing.
        silences.expire(id, 3_000).unwrap();
        assert_eq!(silences.get(id).unwrap().ends_at_ms, 2_000);
    }
    assert_eq!(silences.expire("x", 2_000), Err(SilenceError::NotFound));
    assert!(!silences.clean(11_999));
    assert!(silences.clean(12_000));
    assert_eq!(silences.all().count(), 0);
}

#[test]
fn what_is_no_silence_says_why() {
    let mut silences = empty();
    for (silence, expected) in [
        (
            silence("", "", 1_000, 2_000),
            "invalid silence: at least one matcher required",
        ),
        (
            silence("", "a=~x*,b!=c", 1_000, 2_000),
            "invalid silence: at least one matcher must not match the empty string",
        ),
        (
            silence("", "a=b", 3_000, 2_000),
            "invalid silence: end time must not be before start time",
        ),
        (silence("x", "a=b", 1_000, 2_000), "silence not found"),
    ] {
        let error = silences.set(silence, 1_000).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let mut bad = silence("", "a=b", 1_000, 2_000);
    bad.matchers[0].is_regex = true;
    bad.matchers[0].value = "(".to_owned();
    let error = silences.set(bad, 1_000).unwrap_err().to_string();
    assert!(
        error.starts_with("invalid silence: invalid label matcher 0: "),
        "{error}"
    );
    let mut many = silence("", "a=b", 1_000, 2_000);
    many.matchers = vec![many.matchers[0].clone(); MATCHERS_MAX + 1];
    assert!(silences.set(many, 1_000).is_err());
}

#[test]
fn limits_hold_and_a_change_needs_no_room() {
    let limits = SilenceLimits {
        silences_max: 1,
        silence_bytes_max: 400,
        ..LIMITS
    };
    let mut silences = Silences::new(limits, Vec::new()).0;
    let id = silences
        .set(silence("", "a=b", 1_000, 9_000), 1_000)
        .unwrap();
    let error = silences
        .set(silence("", "a=c", 1_000, 9_000), 1_000)
        .unwrap_err();
    assert_eq!(error, SilenceError::TooMany { count: 2, max: 1 });
    assert_eq!(
        silences.set(silence(&id, "a=b", 1_000, 5_000), 2_000),
        Ok(id.clone())
    );
    let mut large = silence(&id, "a=b", 1_000, 5_000);
    large.comment = "x".repeat(400);
    let error = silences.set(large, 2_000).unwrap_err();
    assert!(
        matches!(error, SilenceError::TooLarge { max: 400, .. }),
        "{error}"
    );
    // What was refused changed nothing.
    assert_eq!(
        silences.get(&id).unwrap().state(2_000),
        SilenceState::Active
    );
}

#[test]
fn what_was_kept_is_read_back_and_the_rest_is_told() {
    let good = silence("1", "a=b", 1_000, 9_000);
    let mut bad = silence("2", "a=b", 1_000, 9_000);
    bad.matchers.clear();
    let (silences, faults) = Silences::new(LIMITS, vec![good.clone(), bad]);
    assert_eq!(silences.all().collect::<Vec<_>>(), [&good]);
    assert_eq!(faults, ["2: at least one matcher required"]);
}

#[test]
fn of_each_silence_the_newest_version_stays_in_whatever_order_they_come() {
    let mut at_one = empty();
    let id = at_one.set(silence("", "a=b", 1_000, 9_000), 1_000).unwrap();
    let first = at_one.get(&id).unwrap().clone();
    let mut other = empty();
    let (new, faults) = other.merge(vec![first.clone()], 1_000);
    assert_eq!((new.as_slice(), faults.len()), (&[first.clone()][..], 0));
    // The clock of the other one is behind; it is told of the change all the same.
    other.expire(&id, 500).unwrap();
    let second = other.get(&id).unwrap().clone();
    assert_eq!(second.updated_at_ms, 1_001);
    for order in [[&first, &second], [&second, &first]] {
        let mut merged = empty();
        for version in order {
            merged.merge(vec![version.clone()], 1_500);
        }
        assert_eq!(merged.get(&id), Some(&second));
        assert_eq!(
            merged.merge(vec![first.clone(), second.clone()], 1_500).0,
            []
        );
    }
    // Two that were made in the same millisecond: all agree on one.
    let mut longer = first.clone();
    longer.ends_at_ms += 1;
    for order in [[&first, &longer], [&longer, &first]] {
        let mut merged = empty();
        merged.merge(order.map(Clone::clone).to_vec(), 1_500);
        assert_eq!(merged.get(&id), Some(&longer));
    }
}

#[test]
fn what_a_peer_has_that_cannot_be_is_told_and_what_is_long_over_does_not_come_back() {
    let mut silences = empty();
    let nameless = silence("", "a=b", 1_000, 9_000);
    let mut empty_matchers = silence("x", "a=b", 1_000, 9_000);
    empty_matchers.matchers.clear();
    let good = silence("y", "a=b", 1_000, 9_000);
    let (new, faults) = silences.merge(vec![nameless, empty_matchers, good.clone()], 2_000);
    assert_eq!((new, faults.len()), (vec![good.clone()], 2));
    // The retention is 10 s.
    assert!(silences.clean(19_000));
    assert_eq!(silences.merge(vec![good], 19_000).0, []);
    assert_eq!(silences.all().count(), 0);
}

#[test]
fn what_a_change_did_is_found() {
    let mut silences = empty();
    let id = silences
        .set(silence("", "a=b", 1_000, 9_000), 1_000)
        .unwrap();
    let before = silences.clone();
    assert_eq!(silences.changed_since(&before), []);
    // Other matchers: the old one ends, and a new one begins.
    silences
        .set(silence(&id, "a=c", 1_000, 9_000), 2_000)
        .unwrap();
    assert_eq!(silences.changed_since(&before).len(), 2);
}
