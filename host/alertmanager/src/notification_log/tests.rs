use super::*;

fn key() -> LogKey {
    LogKey {
        group: "{}:{}".to_owned(),
        receiver: "r".to_owned(),
        integration: "webhook".to_owned(),
        index: 0,
    }
}

fn set(numbers: &[u64]) -> BTreeSet<Fingerprint> {
    numbers.iter().copied().map(Fingerprint).collect()
}

const REPEAT_MS: i64 = 10_000;

fn wish<'a>(
    firing: &'a BTreeSet<Fingerprint>,
    resolved: &'a BTreeSet<Fingerprint>,
    sends_resolved: bool,
) -> Wish<'a> {
    Wish {
        firing,
        resolved,
        sends_resolved,
        repeat_interval_ms: REPEAT_MS,
    }
}

#[test]
fn an_integration_is_told_what_it_does_not_know() {
    // What it was told at 0: firing and resolved. What is there now, and when: whether it is told,
    // with `send_resolved` and without.
    type Told<'a> = Option<(&'a [u64], &'a [u64])>;
    type Case<'a> = (Told<'a>, &'a [u64], &'a [u64], i64, bool, bool);
    let cases: &[Case<'_>] = &[
        (None, &[1], &[], 1, true, true),
        (None, &[], &[1], 1, false, false),
        (None, &[], &[], 1, false, false),
        (Some((&[1], &[])), &[1], &[], 1, false, false),
        (Some((&[1], &[])), &[1, 2], &[], 1, true, true),
        (Some((&[1, 2], &[])), &[1], &[], 1, false, false),
        (Some((&[1, 2], &[])), &[1], &[2], 1, true, false),
        (Some((&[1], &[2])), &[1], &[2], 1, false, false),
        (Some((&[1], &[])), &[], &[1], 1, true, true),
        (Some((&[1], &[])), &[], &[], 1, true, true),
        (Some((&[], &[1])), &[], &[1], 1, false, false),
        (Some((&[], &[1])), &[], &[1, 2], 1, false, false),
        (Some((&[], &[1])), &[1], &[], 1, true, true),
        (Some((&[1], &[])), &[1], &[], REPEAT_MS, false, false),
        (Some((&[1], &[])), &[1], &[], REPEAT_MS + 1, true, true),
        (Some((&[], &[1])), &[], &[1], REPEAT_MS + 1, false, false),
        // Forgotten after twice the interval.
        (Some((&[1], &[])), &[], &[1], 2 * REPEAT_MS, false, false),
    ];
    for (told, firing, resolved, now_ms, with, without) in cases {
        let mut log = NotificationLog::new(1_000_000, Vec::new());
        if let Some((firing, resolved)) = told {
            log.add(key(), wish(&set(firing), &set(resolved), true), 0);
        }
        let (fires, over) = (set(firing), set(resolved));
        for (sends_resolved, expected) in [(true, with), (false, without)] {
            let needs = log.needs(&key(), wish(&fires, &over, sends_resolved), *now_ms);
            assert_eq!(
                needs, *expected,
                "{told:?} {firing:?} {resolved:?} {now_ms} {sends_resolved}"
            );
        }
    }
}

#[test]
fn entries_expire_are_kept_and_come_back() {
    let mut log = NotificationLog::new(5_000, Vec::new());
    let (firing, resolved) = (set(&[1, u64::MAX]), set(&[]));
    let wish = Wish {
        firing: &firing,
        resolved: &resolved,
        sends_resolved: true,
        repeat_interval_ms: REPEAT_MS,
    };
    log.add(key(), wish, 1_000);
    // An older answer that comes late does not count.
    log.add(key(), wish, 500);
    let text = serde_json::to_string(&log.all()).unwrap();
    let read: Vec<(LogKey, LogEntry)> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, log.all());
    assert_eq!(read[0].1.at_ms, 1_000);
    let mut log = NotificationLog::new(5_000, read);
    assert!(!log.needs(&key(), wish, 2_000));
    // The retention is shorter than twice the interval here.
    log.clean(5_999);
    assert_eq!(log.len(), 1);
    log.merge(
        vec![(
            key(),
            LogEntry {
                at_ms: 1_001,
                ..log.all()[0].1.clone()
            },
        )],
        5_999,
    );
    log.clean(6_000);
    // What is forgotten need not be written any more.
    assert_eq!((log.len(), log.take_changed()), (0, vec![]));
}

#[test]
fn of_each_key_the_newest_entry_stays_in_whatever_order_they_come() {
    let entry = |at_ms: i64, firing: &[u64]| LogEntry {
        at_ms,
        firing: set(firing),
        resolved: set(&[]),
        expires_at_ms: at_ms + 20_000,
    };
    let (old, new, same_time) = (entry(1_000, &[1]), entry(2_000, &[1]), entry(2_000, &[2]));
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let entries = [&old, &new, &same_time];
        let others = order.map(|at| (key(), entries[at].clone())).to_vec();
        let mut at_once = NotificationLog::new(REPEAT_MS, Vec::new());
        assert!(!at_once.merge(others.clone(), 3_000).is_empty());
        let mut one_by_one = NotificationLog::new(REPEAT_MS, Vec::new());
        for other in others.clone() {
            one_by_one.merge(vec![other], 3_000);
        }
        let expected = vec![(key(), same_time.clone())];
        assert_eq!(
            (at_once.all(), one_by_one.all()),
            (expected.clone(), expected)
        );
        // It is written down once; the same again is nothing new.
        assert_eq!(at_once.take_changed(), at_once.all());
        assert_eq!(
            (at_once.merge(others.clone(), 3_000), at_once.take_changed()),
            (vec![], vec![])
        );
        // What lies on the disk may be in any order, too.
        let read = NotificationLog::new(REPEAT_MS, others);
        assert_eq!(read.all(), at_once.all());
    }
    // What was told by another one is not told again.
    let mut log = NotificationLog::new(REPEAT_MS, Vec::new());
    assert!(log.needs(&key(), wish(&set(&[1]), &set(&[]), true), 3_000));
    log.merge(vec![(key(), new)], 3_000);
    assert!(!log.needs(&key(), wish(&set(&[1]), &set(&[]), true), 3_000));
    // What has expired does not come back.
    assert_eq!(
        log.merge(vec![(key(), entry(1_000_000, &[3]))], 1_020_000),
        []
    );
}

#[test]
fn what_is_told_counts_where_an_entry_has_a_time_that_is_still_to_come() {
    // A peer's clock is an hour ahead, or this one was set back.
    let (ahead_ms, now_ms) = (3_600_000, 1_000);
    let (one, both, none) = (set(&[1]), set(&[1, 2]), set(&[]));
    let mut log = NotificationLog::new(1_000_000, Vec::new());
    log.add(key(), wish(&one, &none, true), ahead_ms);
    for (firing, resolved) in [(&both, &none), (&one, &set(&[2])), (&none, &both)] {
        let wish = wish(firing, resolved, true);
        assert!(log.needs(&key(), wish, now_ms));
        let (_, told) = log.add(key(), wish, now_ms).unwrap();
        assert!(!log.needs(&key(), wish, now_ms + 1), "{firing:?}");
        // Peers take it for the newer one.
        assert!(told.at_ms > ahead_ms);
    }
    // What was told before somebody told more is no news.
    log.add(key(), wish(&both, &none, true), now_ms);
    assert_eq!(log.add(key(), wish(&one, &none, true), now_ms), None);
}
