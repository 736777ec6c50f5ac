use super::*;

fn object(key: &str, version: &str) -> Object {
    Object {
        key: key.into(),
        version: version.into(),
        text: format!("{key}@{version}").into(),
    }
}

fn told(store: &Store, listener: u64) -> Vec<String> {
    let news = store.news(listener).into_iter().map(|(change, object)| {
        let sign = match change {
            Change::Added => '+',
            Change::Modified => '~',
            Change::Deleted => '-',
        };
        format!("{sign}{}", object.text)
    });
    news.collect()
}

#[test]
fn each_listener_hears_of_each_change_once_and_of_the_last_one_only() {
    let store = Store::default();
    assert_eq!(store.put(object("a", "1")), Some(Change::Added));
    assert_eq!(store.put(object("b", "1")), Some(Change::Added));
    let (early, _) = store.listen(None);
    assert_eq!(told(&store, early), ["+a@1", "+b@1"]);
    assert_eq!(told(&store, early), [""; 0]);
    assert_eq!(store.put(object("a", "1")), None);
    assert_eq!(told(&store, early), [""; 0]);
    assert_eq!(store.put(object("a", "2")), Some(Change::Modified));
    assert_eq!(store.put(object("c", "1")), Some(Change::Added));
    assert_eq!(store.put(object("a", "3")), Some(Change::Modified));
    assert!(store.remove("b"));
    assert!(!store.remove("b"));
    let (late, _) = store.listen(None);
    assert_eq!(told(&store, late), ["+c@1", "+a@3"]);
    assert_eq!(told(&store, early), ["+c@1", "~a@3", "-b@1"]);
    // What comes and goes between two looks is not told; what goes and comes is told as both.
    store.put(object("d", "1"));
    store.remove("d");
    store.remove("a");
    store.put(object("a", "4"));
    for listener in [early, late] {
        assert_eq!(told(&store, listener), ["-a@3", "+a@4"]);
    }
    assert_eq!(store.get("a").unwrap().text.as_ref(), "a@4");
    assert!(store.get("b").is_none());
}

#[test]
fn a_list_takes_away_what_is_not_in_it() {
    let store = Store::default();
    let (listener, _) = store.listen(None);
    assert!(!store.is_synced());
    for (listed, expected) in [
        (vec![("a", "1"), ("b", "1")], vec!["+a@1", "+b@1"]),
        (vec![("a", "1"), ("b", "1")], vec![]),
        (vec![("b", "2"), ("c", "1")], vec!["~b@2", "+c@1", "-a@1"]),
        (vec![], vec!["-b@2", "-c@1"]),
    ] {
        let keys = listed.iter().map(|(key, _)| Arc::from(*key)).collect();
        for (key, version) in listed {
            store.put(object(key, version));
        }
        store.keep(&keys);
        assert!(store.is_synced());
        assert_eq!(told(&store, listener), expected);
    }
}

#[test]
fn the_dead_are_kept_for_those_who_have_not_heard_and_no_longer() {
    let store = Store::default();
    store.put(object("a", "1"));
    let (one, _) = store.listen(None);
    let (other, _) = store.listen(None);
    told(&store, one);
    told(&store, other);
    store.remove("a");
    assert_eq!(told(&store, one), ["-a@1"]);
    assert_eq!(store.lock().graves.len(), 1);
    assert_eq!(told(&store, other), ["-a@1"]);
    assert_eq!(store.lock().graves.len(), 0);
    // One that never asked needs none.
    let (_idle, _) = store.listen(None);
    store.put(object("b", "1"));
    told(&store, one);
    store.remove("b");
    store.leave(other);
    assert_eq!(told(&store, one), ["-b@1"]);
    assert_eq!(store.lock().graves.len(), 0);
}

#[test]
fn a_listener_that_is_too_far_behind_is_lost_and_the_others_are_not() {
    let store = Store::default();
    store.put(object("first", "1"));
    let (slow, _) = store.listen(None);
    let (fast, _) = store.listen(None);
    told(&store, slow);
    told(&store, fast);
    for number in 0..=GRAVES_MAX {
        let key = format!("k{number}");
        store.put(object(&key, "1"));
        store.remove(&key);
        told(&store, fast);
    }
    assert!(store.lock().graves.len() <= GRAVES_MAX);
    assert!(store.is_lost(slow));
    told(&store, slow);
    assert!(store.is_lost(slow), "it does not find its way back");
    assert!(!store.is_lost(fast));
    let (new, _) = store.listen(None);
    assert!(!store.is_lost(new));
    assert_eq!(told(&store, new), ["+first@1"]);
}

#[test]
fn listeners_are_woken_by_what_changes() {
    let store = Store::default();
    let (_, changed) = store.listen(None);
    let is_woken = || {
        let mut waiting = Box::pin(changed.notified());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        waiting.as_mut().poll(&mut context).is_ready()
    };
    assert!(!is_woken());
    store.put(object("a", "1"));
    assert!(is_woken());
    assert!(!is_woken());
    store.put(object("a", "1"));
    assert!(!is_woken());
    store.keep(&HashSet::new());
    assert!(is_woken());
    let (_, late) = store.listen(None);
    let mut waiting = Box::pin(late.notified());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_ready());
}

#[test]
fn a_listener_to_one_namespace_hears_of_no_other() {
    let store = Store::default();
    store.put(object("a/0", "1"));
    let (of_a, changed) = store.listen(Some("a"));
    let (of_ab, _) = store.listen(Some("ab"));
    let is_woken = || {
        let mut waiting = Box::pin(changed.notified());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        waiting.as_mut().poll(&mut context).is_ready()
    };
    assert!(is_woken());
    assert_eq!(told(&store, of_a), ["+a/0@1"]);
    assert_eq!(told(&store, of_ab), [""; 0]);
    store.put(object("ab/1", "1"));
    assert!(!is_woken());
    assert_eq!(told(&store, of_ab), ["+ab/1@1"]);
    // However much happens elsewhere, nothing is missed for it.
    for number in 0..=GRAVES_MAX {
        let key = format!("ab/k{number}");
        store.put(object(&key, "1"));
        store.remove(&key);
    }
    assert!(!store.is_lost(of_a) && store.is_lost(of_ab));
    store.remove("a/0");
    assert!(is_woken());
    assert_eq!(told(&store, of_a), ["-a/0@1"]);
}
