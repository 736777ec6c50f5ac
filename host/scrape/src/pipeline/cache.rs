//! What is remembered of a target from scrape to scrape: which series a line of its page means,
//! and which series had a sample last time.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use narthex_model::{AppendReport, Labels, SeriesRef};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Failed scrapes may leave this many entries more than twice the last good one had; then what
/// the last good one did not have is forgotten. The numbers are Prometheus'.
const EXTRA_ENTRIES_MAX: usize = 1000;

/// A place in [`SeriesCache`].
pub(super) type EntryId = u32;

/// The samples of a batch that no entry stands behind: stale marks and report series.
pub(super) const NO_ENTRY: EntryId = EntryId::MAX;

/// Tells an exemplar from others of its series: a hash of its labels, and the bits of its value.
type ExemplarKey = (u64, u64);

/// The memory of one target.
#[derive(Debug)]
pub(crate) struct SeriesCache {
    /// Where the entries are, by their lines.
    ids: HashTable<EntryId>,
    entries: Vec<Entry>,
    free: Vec<EntryId>,
    /// Makes the hashes of lines, and is not for targets to know.
    seed: u64,
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
    /// When the counting of series began, where a zero was written for it.
    starts: HashMap<EntryId, i64>,
    /// The exemplars without a time of their own that came last: a target says the same one again
    /// until it has another.
    exemplars: HashMap<EntryId, ExemplarKey>,
    /// What this scrape makes of that; none: the last one has a time of its own.
    next_exemplars: Vec<(EntryId, Option<ExemplarKey>)>,
    /// Counts from 1 on.
    scrape: u32,
}

/// A line of a page, as it is told from others: 128 bits of a hash. The lines themselves would
/// take more memory than all else that is here, and would have to be fetched to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    low: u64,
    high: u64,
}

/// A series that had a sample and has none now.
pub(super) type Stale = (SeriesRef, Labels);

#[derive(Debug)]
struct Entry {
    line: Line,
    /// `None`: relabelling dropped it.
    series: Option<Stale>,
    /// 0 where the entry is free.
    seen_at: u32,
    tracked_at: u32,
    order_at: u32,
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
            ids: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            seed: RandomState::new().hash_one(0),
            order: Vec::new(),
            cursor: 0,
            next_order: Vec::new(),
            tracked: Vec::new(),
            next_tracked: Vec::new(),
            orphans: Vec::new(),
            starts: HashMap::new(),
            exemplars: HashMap::new(),
            next_exemplars: Vec::new(),
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
        // A page has about as many lines as the one before; lists that double would lie half empty.
        for (next, last) in [
            (&mut self.next_order, &self.order),
            (&mut self.next_tracked, &self.tracked),
        ] {
            next.clear();
            next.shrink_to(last.len());
            next.reserve_exact(last.len());
        }
    }

    /// Looks a line up.
    pub(super) fn find(&mut self, text: &[u8]) -> Known {
        let line = self.line(text);
        let predicted = self.order.get(self.cursor).copied();
        let is_it = |id: &EntryId| self.entry(*id).is_some_and(|entry| entry.line == line);
        let found = predicted
            .filter(is_it)
            .or_else(|| self.ids.find(line.low, is_it).copied());
        let (scrape, place) = (self.scrape, self.next_order.len());
        let Some((id, entry)) = found.and_then(|id| Some((id, self.entry_mut(id)?))) else {
            return Known::No;
        };
        let again = entry.seen_at == scrape;
        let after = entry.order_at as usize + 1;
        entry.seen_at = scrape;
        let is_series = entry.series.is_some();
        if !again {
            // Where it will stand once this scrape is the last good one; until then the place
            // in the old order is only a hint, and a wrong hint costs one look-up.
            entry.order_at = number(place);
            self.next_order.push(id);
        }
        self.cursor = after;
        match is_series {
            true => Known::Series { id, again },
            false => Known::Dropped,
        }
    }

    /// Remembers a line that [`Self::find`] did not know. `None`: relabelling dropped it.
    pub(super) fn insert(&mut self, text: &[u8], labels: Option<Labels>) -> EntryId {
        let entry = Entry {
            line: self.line(text),
            series: labels.map(|labels| (SeriesRef::UNKNOWN, labels)),
            seen_at: self.scrape,
            tracked_at: 0,
            order_at: number(self.next_order.len()),
        };
        // A page of 64 MB has not half as many lines as this type has numbers; with no limit at
        // all, lines past them are not remembered.
        let id = self.free.pop().unwrap_or(number(self.entries.len()));
        if id == NO_ENTRY {
            return id;
        }
        let hash = entry.line.low;
        match self.entries.get_mut(id as usize) {
            Some(free) => *free = entry,
            None => self.entries.push(entry),
        }
        let entries = &self.entries;
        let rehash = |id: &EntryId| entries[*id as usize].line.low;
        self.ids.insert_unique(hash, id, rehash);
        self.next_order.push(id);
        id
    }

    /// The series behind an entry.
    pub(super) fn series(&self, id: EntryId) -> Option<&Stale> {
        self.entry(id)?.series.as_ref()
    }

    /// From now on the series gets a stale mark when it vanishes.
    pub(super) fn track(&mut self, id: EntryId) {
        let scrape = self.scrape;
        if let Some(entry) = self.entry_mut(id)
            && entry.tracked_at != scrape
        {
            entry.tracked_at = scrape;
            self.next_tracked.push(id);
        }
    }

    /// Whether this is not the start that the series had before; from now on it is.
    pub(super) fn is_new_start(&mut self, id: EntryId, start_ms: i64) -> bool {
        self.starts.insert(id, start_ms) != Some(start_ms)
    }

    /// Whether an exemplar is another than the one that came last. `own_ms` is its time, where it
    /// has one of its own: two of those are the store's to compare.
    pub(super) fn is_new_exemplar(
        &mut self,
        id: EntryId,
        labels: &Labels,
        value: f64,
        own_ms: Option<i64>,
    ) -> bool {
        let key = match own_ms {
            None => Some((labels.stable_hash(), value.to_bits())),
            Some(_) => None,
        };
        let is_new = key.is_none() || self.exemplars.get(&id) != key.as_ref();
        if is_new {
            self.next_exemplars.push((id, key));
        }
        is_new
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
        for (id, key) in self.next_exemplars.drain(..) {
            match key {
                Some(key) => self.exemplars.insert(id, key),
                None => self.exemplars.remove(&id),
            };
        }
        std::mem::swap(&mut self.order, &mut self.next_order);
        if self.entries.capacity() > self.entries.len() + self.entries.len() / 8 {
            self.entries.shrink_to_fit();
        }
        std::mem::swap(&mut self.tracked, &mut self.next_tracked);
        if self.order.len() < self.ids.len() {
            let scrape = self.scrape;
            self.forget(|_, entry| entry.seen_at == scrape);
        }
        vanished
    }

    /// The scrape failed or was empty: gives everything that the last good one had. `true`: the cache had
    /// grown over its bound and was cut back to the last good scrape.
    pub(super) fn abort(&mut self) -> (Vec<Stale>, bool) {
        let vanished = self.take_tracked();
        // Zeros of this scrape were not written. A store refuses those that it has.
        self.starts.clear();
        self.next_exemplars.clear();
        for (place, id) in self.order.iter().enumerate() {
            if let Some(entry) = self.entries.get_mut(*id as usize) {
                entry.order_at = number(place);
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
    /// none. The owners are those of its samples and of its native histograms.
    pub(super) fn learn(
        &mut self,
        owners: &[EntryId],
        histogram_owners: &[EntryId],
        report: &AppendReport,
    ) {
        let AppendReport {
            series,
            rejected,
            histogram_series,
            rejected_histograms,
            ..
        } = report;
        let lists = [
            (owners, series, rejected),
            (histogram_owners, histogram_series, rejected_histograms),
        ];
        let mut lost = HashSet::new();
        for (owners, series, rejected) in lists {
            for (id, series) in owners.iter().zip(series) {
                if let Some(entry) = self.entry_mut(*id)
                    && let Some((held, _)) = &mut entry.series
                {
                    *held = *series;
                }
            }
            let rejected = rejected.iter();
            lost.extend(rejected.filter_map(|(index, _)| owners.get(*index).copied()));
        }
        if !lost.is_empty() {
            self.tracked.retain(|id| !lost.contains(id));
        }
    }

    /// Every series that would get a stale mark if the target went away.
    pub(super) fn take_tracked(&mut self) -> Vec<Stale> {
        let mut series = std::mem::take(&mut self.orphans);
        let tracked = std::mem::take(&mut self.tracked);
        series.extend(tracked.iter().filter_map(|id| self.series(*id)).cloned());
        series
    }

    fn line(&self, text: &[u8]) -> Line {
        let hash = xxh3_128_with_seed(text, self.seed).to_le_bytes();
        let (low, high) = hash.split_at(8);
        let half = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        Line {
            low: half(low),
            high: half(high),
        }
    }

    fn entry(&self, id: EntryId) -> Option<&Entry> {
        let entry = self.entries.get(id as usize)?;
        (entry.seen_at > 0).then_some(entry)
    }

    fn entry_mut(&mut self, id: EntryId) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(id as usize)?;
        (entry.seen_at > 0).then_some(entry)
    }

    fn forget(&mut self, keep: impl Fn(EntryId, &Entry) -> bool) {
        for (id, entry) in (0..).zip(self.entries.iter_mut()) {
            if entry.seen_at == 0 || keep(id, entry) {
                continue;
            }
            if let Ok(found) = self.ids.find_entry(entry.line.low, |found| *found == id) {
                found.remove();
            }
            entry.series = None;
            entry.seen_at = 0;
            self.starts.remove(&id);
            self.exemplars.remove(&id);
            self.free.push(id);
        }
    }
}

/// A count as a place in a list, the last one where there are no more.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(NO_ENTRY)
}
