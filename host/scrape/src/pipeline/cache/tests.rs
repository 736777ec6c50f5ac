//! The cache against what it has to remember, over pages that change in every way.

use std::collections::{BTreeMap, BTreeSet};

use narthex_model::{METRIC_NAME, Rejection};

use super::*;

/// What a scrape of a page finds.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    New,
    Old(SeriesRef),
    Again,
}

/// A cache, and the references that a store gives to its lines.
struct World {
    cache: SeriesCache,
    references: BTreeMap<String, SeriesRef>,
    last_reference: u64,
}

impl World {
    fn new() -> Self {
        Self {
            cache: SeriesCache::new(),
            references: BTreeMap::new(),
            last_reference: 0,
        }
    }

    /// Reads a page, checks that each line means its own series, and says what was found.
    fn read(&mut self, page: &[String]) -> (Vec<EntryId>, Vec<Found>) {
        let (mut owners, mut found) = (Vec::new(), Vec::new());
        self.cache.begin();
        for line in page {
            let labels = Labels::from_pairs([(METRIC_NAME, line)]);
            let (id, what) = match self.cache.find(line.as_bytes()) {
                Known::No => {
                    let id = self.cache.insert(line.as_bytes(), Some(labels.clone()));
                    (id, Found::New)
                }
                Known::Series { id, again: true } => (id, Found::Again),
                Known::Series { id, .. } => {
                    let (reference, _) = self.cache.series(id).unwrap();
                    (id, Found::Old(*reference))
                }
                Known::Dropped => panic!("{line} was dropped"),
            };
            assert_eq!(self.cache.series(id).unwrap().1, labels);
            self.cache.track(id);
            owners.push(id);
            found.push(what);
        }
        (owners, found)
    }

    /// A good scrape: what was found, and what vanished.
    fn good(&mut self, page: &[String]) -> (Vec<Found>, BTreeSet<String>) {
        let (owners, found) = self.read(page);
        let vanished = names(self.cache.commit());
        for line in page {
            self.last_reference += 1;
            let reference = SeriesRef(self.last_reference);
            self.references.entry(line.clone()).or_insert(reference);
        }
        let report = AppendReport {
            series: page.iter().map(|line| self.references[line]).collect(),
            ..AppendReport::default()
        };
        self.cache.learn(&owners, &[], &report);
        (found, vanished)
    }

    /// A scrape that fails once the page was read.
    fn bad(&mut self, page: &[String]) -> (Vec<Found>, BTreeSet<String>) {
        let (_, found) = self.read(page);
        let (vanished, is_over) = self.cache.abort();
        assert!(!is_over);
        (found, names(vanished))
    }
}

fn names(series: Vec<Stale>) -> BTreeSet<String> {
    let count = series.len();
    let names = series.iter().map(|(_, labels)| labels.get(METRIC_NAME));
    let names: BTreeSet<String> = names.map(|name| name.unwrap().to_owned()).collect();
    assert_eq!(names.len(), count);
    names
}

fn lines(names: impl IntoIterator<Item = usize>) -> Vec<String> {
    let names = names.into_iter();
    names.map(|name| format!("line_{name}")).collect()
}

/// Numbers that look as if they came by chance, and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// Changes a page a little or a lot: lines come, go, change places, or come twice.
    fn change(&mut self, page: &mut Vec<String>) {
        let changes = match self.below(4) {
            0 => 0,
            1 => 30,
            _ => self.below(3),
        };
        for _ in 0..changes {
            let count = page.len();
            match self.below(5) {
                0 | 1 if count > 1 => {
                    page.remove(self.below(count));
                }
                2 if count > 1 => page.swap(self.below(count), self.below(count)),
                _ => {
                    let line = lines([self.below(60)]).remove(0);
                    page.insert(self.below(count + 1), line);
                }
            }
        }
    }
}

#[test]
fn every_line_means_its_series_however_a_page_changes() {
    for seed in 0..20 {
        let (mut world, mut dice) = (World::new(), Dice(seed));
        let mut page = lines(0..20);
        // What is remembered, and what gets a stale mark when it vanishes.
        let mut known = BTreeSet::new();
        let mut tracked = BTreeSet::new();
        for _ in 0..200 {
            dice.change(&mut page);
            let mut seen = BTreeSet::new();
            let expected: Vec<Found> = page
                .iter()
                .map(|line| match (seen.insert(line), known.contains(line)) {
                    (false, _) => Found::Again,
                    (true, false) => Found::New,
                    (true, true) => {
                        let reference = world.references.get(line);
                        Found::Old(reference.copied().unwrap_or_default())
                    }
                })
                .collect();
            let now: BTreeSet<String> = page.iter().cloned().collect();
            if dice.below(5) == 0 {
                assert_eq!(world.bad(&page), (expected, tracked));
                // The store says nothing of lines that came with a failed scrape.
                for line in now.difference(&known) {
                    world.references.remove(line);
                }
                known.extend(now);
                tracked = BTreeSet::new();
            } else {
                for line in now.difference(&known) {
                    world.references.remove(line);
                }
                let vanished = tracked.difference(&now).cloned().collect();
                assert_eq!(world.good(&page), (expected, vanished));
                (known, tracked) = (now.clone(), now);
            }
        }
    }
}

#[test]
fn a_page_that_stays_as_it_is_holds_its_entries_and_nothing_else() {
    let mut world = World::new();
    let is_bare = |world: &World| {
        let cache = &world.cache;
        let is_empty = cache.order.is_none() && cache.seen.is_empty() && cache.added.is_empty();
        is_empty && cache.ids.is_none() && cache.free.capacity() == 0
    };
    let mut page = lines(0..500);
    world.good(&page);
    world.good(&page);
    assert!(is_bare(&world));
    assert!(world.cache.entries.capacity() <= 500 + 500 / 8);
    // A line that came into its midst, and one that went away, have their place two scrapes later.
    page.insert(250, "new".to_owned());
    page.remove(100);
    for _ in 0..3 {
        world.good(&page);
    }
    assert!(is_bare(&world));
    assert_eq!(world.cache.misses, 0);
    assert_eq!(world.cache.entries.len(), 500);
}

#[test]
fn a_page_whose_lines_change_places_each_time_is_not_put_in_order_each_time() {
    let (mut world, mut ordered) = (World::new(), 0);
    let mut page = lines(0..20);
    for _ in 0..50 {
        world.good(&page);
        ordered += usize::from(world.cache.order.is_some());
        page.rotate_left(7);
        page.swap(0, 1);
    }
    assert_eq!(ordered, 1);
    // Once it keeps an order, it gets it.
    for _ in 0..=SHUFFLED_SCRAPES + 2 {
        world.good(&page);
    }
    assert_eq!(world.cache.misses, 0);
}

#[test]
fn a_page_that_was_large_once_holds_no_places_for_it_though_it_never_rests() {
    let mut world = World::new();
    world.good(&lines(0..1000));
    for round in 0..3 {
        let mut page = lines(0..99);
        page.push(format!("new_{round}"));
        world.good(&page);
    }
    assert!(world.cache.entries.len() < 200);
}

#[test]
fn what_is_known_of_an_entry_goes_with_it_to_its_new_place() {
    let mut world = World::new();
    let mut page = lines(0..4);
    world.good(&page);
    page.reverse();
    let exemplar = Labels::from_pairs([("trace_id", "1")]);
    let last = |cache: &mut SeriesCache| match cache.find(b"line_3") {
        Known::Series { id, .. } => id,
        _ => panic!("line_3 is not known"),
    };
    world.read(&page);
    let id = last(&mut world.cache);
    assert!(world.cache.is_new_start(id, 7));
    assert!(world.cache.is_new_exemplar(id, &exemplar, 1.0, None));
    world.cache.commit();
    assert!(world.cache.order.is_some());
    world.read(&page);
    let moved = last(&mut world.cache);
    assert_ne!(moved, id);
    assert!(!world.cache.is_new_start(moved, 7));
    assert!(!world.cache.is_new_exemplar(moved, &exemplar, 1.0, None));
    world.cache.commit();
}

#[test]
fn a_rejected_sample_gets_no_stale_mark() {
    let mut world = World::new();
    let page = lines(0..3);
    let (owners, _) = world.read(&page);
    world.cache.commit();
    let report = AppendReport {
        series: vec![SeriesRef(1), SeriesRef(2), SeriesRef(3)],
        rejected: vec![(1, Rejection::OutOfOrder)],
        ..AppendReport::default()
    };
    world.cache.learn(&owners, &[], &report);
    let stale = names(world.cache.take_tracked());
    assert_eq!(stale.into_iter().collect::<Vec<_>>(), ["line_0", "line_2"]);
}
