//! What is remembered of a target from scrape to scrape: which series a line of its page means,
//! and which series had a sample last time.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use narthex_model::{AppendReport, Labels, SeriesRef};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Failed scrapes may leave this many entries more than twice the last good one had; then what
/// the last good one did not have is forgotten. The numbers are Prometheus'.
const EXTRA_ENTRIES_MAX: usize = 1000;

/// A place in [`SeriesCache`].
pub(super) type EntryId = u32;

/// The samples of a batch that no entry stands behind: stale marks and report series.
pub(super) const NO_ENTRY: EntryId = EntryId::MAX;

/// The memory of one target.
#[derive(Debug)]
pub(crate) struct SeriesCache {
    ids: HashMap<Arc<[u8]>, EntryId, Seeded>,
    entries: Vec<Option<Entry>>,
    free: Vec<EntryId>,
    /// The entries of the last good scrape in the page's order. A page hardly ever changes its
    /// order, so the next line is nearly always the next entry and no hash is needed.
    order: Vec<EntryId>,
    cursor: usize,
    next_order: Vec<EntryId>,
    /// The entries that get a stale mark when they vanish.
    tracked: Vec<EntryId>,
    next_tracked: Vec<EntryId>,
    /// Series written under rules that are no longer in force.
    orphans: Vec<Stale>,
    scrape: u64,
}

/// A series that had a sample and has none now.
pub(super) type Stale = (SeriesRef, Labels);

#[derive(Debug)]
struct Entry {
    key: Arc<[u8]>,
    /// `None`: relabelling dropped it.
    series: Option<Stale>,
    seen_at: u64,
    tracked_at: u64,
    order_at: usize,
}

/// What the cache knows of a line.
pub(super) enum Known {
    /// Nothing.
    No,
    /// Relabelling dropped it.
    Dropped,
    /// A series; `again` if the page had this line before.
    Series { id: EntryId, again: bool },
}

impl SeriesCache {
    /// An empty cache.
    pub(crate) fn new() -> Self {
        Self {
            ids: HashMap::with_hasher(Seeded::random()),
            entries: Vec::new(),
            free: Vec::new(),
            order: Vec::new(),
            cursor: 0,
            next_order: Vec::new(),
            tracked: Vec::new(),
            next_tracked: Vec::new(),
            orphans: Vec::new(),
            scrape: 0,
        }
    }

    /// Forgets what lines mean, because the rules changed, and remembers what to mark stale.
    pub(crate) fn change_rules(&mut self) {
        *self = Self {
            orphans: self.take_tracked(),
            scrape: self.scrape,
            ..Self::new()
        };
    }

    pub(super) fn begin(&mut self) {
        self.scrape += 1;
        self.cursor = 0;
        self.next_order.clear();
        self.next_tracked.clear();
    }

    /// Looks a line up.
    pub(super) fn find(&mut self, key: &[u8]) -> Known {
        let predicted = self.order.get(self.cursor).copied();
        let is_it = |id: &EntryId| self.entry(*id).is_some_and(|entry| *entry.key == *key);
        let Some(id) = predicted
            .filter(is_it)
            .or_else(|| self.ids.get(key).copied())
        else {
            return Known::No;
        };
        let (scrape, place) = (self.scrape, self.next_order.len());
        let Some(entry) = self.entries.get_mut(id as usize).and_then(Option::as_mut) else {
            return Known::No;
        };
        let again = entry.seen_at == scrape;
        self.cursor = entry.order_at.saturating_add(1);
        entry.seen_at = scrape;
        let is_series = entry.series.is_some();
        if !again {
            self.next_order.push(id);
            // Where it will stand once this scrape is the last good one; until then the place
            // in the old order is only a hint, and a wrong hint costs one look-up.
            entry.order_at = place;
        }
        match is_series {
            true => Known::Series { id, again },
            false => Known::Dropped,
        }
    }

    /// Remembers a line that [`Self::find`] did not know. `None`: relabelling dropped it.
    pub(super) fn insert(&mut self, key: &[u8], labels: Option<Labels>) -> EntryId {
        let key: Arc<[u8]> = Arc::from(key);
        let entry = Entry {
            key: Arc::clone(&key),
            series: labels.map(|labels| (SeriesRef::UNKNOWN, labels)),
            seen_at: self.scrape,
            tracked_at: 0,
            order_at: self.next_order.len(),
        };
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                self.entries.push(None);
                // A page of 64 MB has not half as many lines as this type has numbers; with no
                // limit at all, lines past them are not remembered.
                EntryId::try_from(self.entries.len() - 1).unwrap_or(NO_ENTRY)
            }
        };
        if let Some(place) = self.entries.get_mut(id as usize) {
            *place = Some(entry);
            self.ids.insert(key, id);
            self.next_order.push(id);
        }
        id
    }

    /// The series behind an entry.
    pub(super) fn series(&self, id: EntryId) -> Option<&Stale> {
        self.entry(id)?.series.as_ref()
    }

    /// From now on the series gets a stale mark when it vanishes.
    pub(super) fn track(&mut self, id: EntryId) {
        let scrape = self.scrape;
        if let Some(entry) = self.entries.get_mut(id as usize).and_then(Option::as_mut)
            && entry.tracked_at != scrape
        {
            entry.tracked_at = scrape;
            self.next_tracked.push(id);
        }
    }

    /// The scrape was good: gives what vanished since the last good one and forgets its lines.
    pub(super) fn commit(&mut self) -> Vec<Stale> {
        let mut vanished = std::mem::take(&mut self.orphans);
        let before = self.tracked.iter().filter_map(|id| self.entry(*id));
        let gone = before.filter(|entry| entry.tracked_at != self.scrape);
        vanished.extend(gone.filter_map(|entry| entry.series.clone()));
        if !vanished.is_empty() {
            // One series can stand behind two lines, of which one is still there.
            let current = self.next_tracked.iter().filter_map(|id| self.series(*id));
            let current: HashSet<&Labels> = current.map(|(_, labels)| labels).collect();
            vanished.retain(|(_, labels)| !current.contains(labels));
        }
        std::mem::swap(&mut self.order, &mut self.next_order);
        std::mem::swap(&mut self.tracked, &mut self.next_tracked);
        if self.order.len() < self.ids.len() {
            let scrape = self.scrape;
            self.forget(|_, entry| entry.seen_at == scrape);
        }
        vanished
    }

    /// The scrape failed: gives everything that the last good one had. `true`: the cache had
    /// grown over its bound and was cut back to the last good scrape.
    pub(super) fn abort(&mut self) -> (Vec<Stale>, bool) {
        let vanished = self.take_tracked();
        for (place, id) in self.order.iter().enumerate() {
            if let Some(entry) = self.entries.get_mut(*id as usize).and_then(Option::as_mut) {
                entry.order_at = place;
            }
        }
        let is_over = self.ids.len() > self.order.len() * 2 + EXTRA_ENTRIES_MAX;
        if is_over {
            let kept: HashSet<EntryId> = self.order.iter().copied().collect();
            self.forget(|id, _| kept.contains(&id));
        }
        (vanished, is_over)
    }

    /// Takes over what the store says of a batch: the references, and that a rejected sample is
    /// none.
    pub(super) fn learn(&mut self, owners: &[EntryId], report: &AppendReport) {
        for (id, series) in owners.iter().zip(&report.series) {
            if let Some(entry) = self.entries.get_mut(*id as usize).and_then(Option::as_mut)
                && let Some((held, _)) = &mut entry.series
            {
                *held = *series;
            }
        }
        if !report.rejected.is_empty() {
            let rejected = report.rejected.iter();
            let rejected: HashSet<EntryId> = rejected
                .filter_map(|(index, _)| owners.get(*index).copied())
                .collect();
            self.tracked.retain(|id| !rejected.contains(id));
        }
    }

    /// Every series that would get a stale mark if the target went away.
    pub(super) fn take_tracked(&mut self) -> Vec<Stale> {
        let mut series = std::mem::take(&mut self.orphans);
        let tracked = std::mem::take(&mut self.tracked);
        series.extend(tracked.iter().filter_map(|id| self.series(*id)).cloned());
        series
    }

    fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.entries.get(id as usize)?.as_ref()
    }

    fn forget(&mut self, keep: impl Fn(EntryId, &Entry) -> bool) {
        for (id, place) in (0..).zip(self.entries.iter_mut()) {
            if place.as_ref().is_some_and(|entry| !keep(id, entry))
                && let Some(entry) = place.take()
            {
                self.ids.remove(&entry.key);
                self.free.push(id);
            }
        }
    }
}

/// A fast hash with a seed that targets cannot know.
#[derive(Debug, Clone)]
struct Seeded(u64);

impl Seeded {
    fn random() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for Seeded {
    type Hasher = Xxh3;

    fn build_hasher(&self) -> Xxh3 {
        Xxh3(self.0)
    }
}

struct Xxh3(u64);

impl Hasher for Xxh3 {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn write_usize(&mut self, number: usize) {
        self.0 ^= number as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
