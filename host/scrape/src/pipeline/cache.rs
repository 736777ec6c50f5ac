//! What is remembered of a target from scrape to scrape: which series a line of its page means,
//! and which series had a sample last time.

mod entry;
mod sequence;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use narthex_model::{AppendReport, Labels, SeriesRef};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use self::entry::{Entry, Line, Mark};
use self::sequence::Sequence;

/// Failed scrapes may leave this many entries more than twice the last good one had; then what
/// the last good one did not have is forgotten. The numbers are Prometheus'.
const EXTRA_ENTRIES_MAX: usize = 1000;

/// Where a page changes all the time, its entries are put in its order anew once one line in so
/// many was not the entry that was expected.
const LINES_PER_MISS_MIN: usize = 8;

/// Where the lines of a page have another order each time, nobody puts its entries in one for so
/// many good scrapes.
const SHUFFLED_SCRAPES: u32 = 100;

/// A place in [`SeriesCache`], until the next scrape begins.
pub(super) type EntryId = u32;

/// The samples of a batch that no entry stands behind: stale marks and report series.
pub(super) const NO_ENTRY: EntryId = EntryId::MAX;

/// Tells an exemplar from others of its series: a hash of its labels, and the bits of its value.
type ExemplarKey = (u64, u64);

/// The memory of one target. Between two scrapes of a page that stays as it is, the entries are all
/// that it holds.
#[derive(Debug)]
pub(crate) struct SeriesCache {
    /// In the order of the last good scrape's page, where that has kept its order. It hardly ever
    /// changes, so the next line is nearly always the next entry and no hash is needed; where it is
    /// not, that costs one look-up.
    entries: Vec<Entry>,
    free: Vec<EntryId>,
    /// Where the entries are, by their lines. `None`: the last good scrape did not need it.
    ids: Option<HashTable<EntryId>>,
    /// Makes the hashes of lines, and is not for targets to know.
    seed: u64,
    /// The entry that is expected to be the next line's.
    cursor: EntryId,
    /// How often another line came in this scrape.
    misses: usize,
    /// The entries that this scrape has, in the page's order.
    seen: Sequence,
    /// The entries that came since the last good scrape.
    added: Sequence,
    /// The order in which the entries are put before the next scrape begins.
    order: Option<Sequence>,
    /// Whether they were put so just before this scrape.
    is_just_ordered: bool,
    /// For so many good scrapes it would be in vain.
    shuffled_for: u32,
    /// Series written under rules that are no longer in force.
    orphans: Vec<Stale>,
    /// When the counting of series began, where a zero was written for it.
    starts: HashMap<EntryId, i64>,
    /// The exemplars without a time of their own that came last: a target says the same one again
    /// until it has another.
    exemplars: HashMap<EntryId, ExemplarKey>,
    /// What this scrape makes of that; none: the last one has a time of its own.
    next_exemplars: Vec<(EntryId, Option<ExemplarKey>)>,
}

/// A series that had a sample and has none now.
pub(super) type Stale = (SeriesRef, Labels);

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
            entries: Vec::new(),
            free: Vec::new(),
            ids: None,
            seed: RandomState::new().hash_one(0),
            cursor: 0,
            misses: 0,
            seen: Sequence::default(),
            added: Sequence::default(),
            order: None,
            is_just_ordered: false,
            shuffled_for: 0,
            orphans: Vec::new(),
            starts: HashMap::new(),
            exemplars: HashMap::new(),
            next_exemplars: Vec::new(),
        }
    }

    /// Forgets what lines mean, because the rules changed, and remembers what to mark stale.
    pub(crate) fn change_rules(&mut self) {
        *self = Self {
            orphans: self.take_tracked(),
            ..Self::new()
        };
    }

    pub(super) fn begin(&mut self) {
        let order = self.order.take();
        self.is_just_ordered = order.is_some();
        if let Some(order) = order {
            self.put_in_order(&order);
        }
        self.cursor = 0;
        self.misses = 0;
    }

    /// Looks a line up.
    pub(super) fn find(&mut self, text: &[u8]) -> Known {
        let line = self.line(text);
        let expected = self.entries.get(self.cursor as usize);
        let id = match expected.is_some_and(|entry| entry.is_of(line)) {
            true => Some(self.cursor),
            false => self.look_up(line),
        };
        let Some((id, entry)) = id.and_then(|id| Some((id, self.entries.get_mut(id as usize)?)))
        else {
            return Known::No;
        };
        let again = entry.has(Mark::SEEN);
        let is_series = entry.series.is_some();
        if !again {
            entry.set(Mark::SEEN);
            self.seen.push(id);
            self.cursor = id.saturating_add(1);
        }
        match is_series {
            true => Known::Series { id, again },
            false => Known::Dropped,
        }
    }

    /// Remembers a line that [`Self::find`] did not know. `None`: relabelling dropped it.
    pub(super) fn insert(&mut self, text: &[u8], labels: Option<Labels>) -> EntryId {
        let line = self.line(text);
        // A page of 64 MB has not half as many lines as this type has numbers; with no limit at
        // all, lines past them are not remembered.
        let id = self.free.pop().unwrap_or(number(self.entries.len()));
        if id == NO_ENTRY {
            return id;
        }
        let series = labels.map(|labels| (SeriesRef::UNKNOWN, labels));
        let entry = Entry::new(line, series);
        match self.entries.get_mut(id as usize) {
            Some(free) => *free = entry,
            None => self.entries.push(entry),
        }
        if let Some(ids) = &mut self.ids {
            let entries = &self.entries;
            let rehash = |id: &EntryId| entries[*id as usize].key();
            ids.insert_unique(line.key(), id, rehash);
        }
        self.seen.push(id);
        self.added.push(id);
        id
    }

    /// The series behind an entry.
    pub(super) fn series(&self, id: EntryId) -> Option<&Stale> {
        self.entries.get(id as usize)?.series.as_ref()
    }

    /// From now on the series gets a stale mark when it vanishes.
    pub(super) fn track(&mut self, id: EntryId) {
        if let Some(entry) = self.entries.get_mut(id as usize) {
            entry.set(Mark::TRACKS);
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
        let vanished = self.vanished();
        for (id, key) in self.next_exemplars.drain(..) {
            match key {
                Some(key) => self.exemplars.insert(id, key),
                None => self.exemplars.remove(&id),
            };
        }
        let has_forgotten = self.seen.len() < self.len();
        if has_forgotten {
            let unseen = self.ids_of(|entry| !entry.has(Mark::SEEN));
            unseen.into_iter().for_each(|id| self.forget(id));
        }
        self.entries.iter_mut().for_each(Entry::settle);
        let seen = std::mem::take(&mut self.seen);
        let added = std::mem::take(&mut self.added);
        let in_order = seen.is_counted() && seen.len() == self.entries.len();
        // What changes now and then is put in order when it has come to rest.
        let is_at_rest = !has_forgotten && added.is_empty();
        let misses_often = self.misses * LINES_PER_MISS_MIN > seen.len();
        self.shuffled_for = match is_at_rest {
            true if self.is_just_ordered && !in_order => SHUFFLED_SCRAPES,
            true => self.shuffled_for.saturating_sub(1),
            false => 0,
        };
        let helps = self.shuffled_for == 0 && (is_at_rest || misses_often);
        // A page that had many more lines once does not hold the places of all of them for ever.
        let is_sparse = self.free.len() > self.len();
        self.order = (!in_order && (helps || is_sparse)).then_some(seen);
        if self.misses == 0 {
            self.ids = None;
        }
        if self.entries.capacity() > self.entries.len() + self.entries.len() / 8 {
            self.entries.shrink_to_fit();
        }
        vanished
    }

    /// What the last good scrape had and this one has not.
    fn vanished(&mut self) -> Vec<Stale> {
        let mut vanished = std::mem::take(&mut self.orphans);
        let is_gone = |entry: &&Entry| entry.has(Mark::TRACKED) && !entry.has(Mark::TRACKS);
        let gone = self.entries.iter().filter(is_gone);
        vanished.extend(gone.filter_map(|entry| entry.series.clone()));
        if !vanished.is_empty() {
            // One series can stand behind two lines, of which one is still there.
            let current = self.entries.iter().filter(|entry| entry.has(Mark::TRACKS));
            let current = current.filter_map(|entry| entry.series.as_ref());
            let current: HashSet<&Labels> = current.map(|(_, labels)| labels).collect();
            vanished.retain(|(_, labels)| !current.contains(labels));
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
        if !self.seen.is_empty() {
            self.entries.iter_mut().for_each(Entry::undo);
            self.seen = Sequence::default();
        }
        let good = self.len() - self.added.len();
        let is_over = self.len() > good * 2 + EXTRA_ENTRIES_MAX;
        if is_over {
            let added = std::mem::take(&mut self.added);
            added.iter().for_each(|id| self.forget(id));
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
        for (owners, series, rejected) in lists {
            for (id, series) in owners.iter().zip(series) {
                if let Some(entry) = self.entries.get_mut(*id as usize)
                    && let Some((held, _)) = &mut entry.series
                {
                    *held = *series;
                }
            }
            for (index, _) in rejected {
                if let Some(id) = owners.get(*index)
                    && let Some(entry) = self.entries.get_mut(*id as usize)
                {
                    entry.clear(Mark::TRACKED);
                }
            }
        }
    }

    /// Every series that would get a stale mark if the target went away.
    pub(super) fn take_tracked(&mut self) -> Vec<Stale> {
        let mut series = std::mem::take(&mut self.orphans);
        for entry in &mut self.entries {
            if entry.has(Mark::TRACKED) {
                entry.clear(Mark::TRACKED);
                series.extend(entry.series.clone());
            }
        }
        series
    }

    fn line(&self, text: &[u8]) -> Line {
        Line::of(xxh3_128_with_seed(text, self.seed))
    }

    /// How many lines are remembered.
    fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Finds a line that is not the expected one.
    fn look_up(&mut self, line: Line) -> Option<EntryId> {
        self.misses += 1;
        let entries = &self.entries;
        let key = |id: &EntryId| entries[*id as usize].key();
        let ids = self.ids.get_or_insert_with(|| {
            let mut ids = HashTable::with_capacity(entries.len());
            for (id, entry) in (0..).zip(entries) {
                if entry.is_live() {
                    ids.insert_unique(entry.key(), id, key);
                }
            }
            ids
        });
        let is_it = |id: &EntryId| entries[*id as usize].is_of(line);
        ids.find(line.key(), is_it).copied()
    }

    /// The entries of lines that are such.
    fn ids_of(&self, is_such: impl Fn(&Entry) -> bool) -> Vec<EntryId> {
        let all = (0..).zip(&self.entries);
        let such = all.filter(|(_, entry)| entry.is_live() && is_such(entry));
        such.map(|(id, _)| id).collect()
    }

    fn forget(&mut self, id: EntryId) {
        let live = self.entries.get_mut(id as usize);
        let Some(entry) = live.filter(|entry| entry.is_live()) else {
            return;
        };
        if let Some(ids) = &mut self.ids
            && let Ok(found) = ids.find_entry(entry.key(), |found| *found == id)
        {
            found.remove();
        }
        *entry = Entry::FREE;
        self.starts.remove(&id);
        self.exemplars.remove(&id);
        self.free.push(id);
    }

    /// Gives each entry the place that its line has in the page. No scrape is under way, so nobody
    /// else knows where it was.
    fn put_in_order(&mut self, order: &Sequence) {
        let mut places = vec![NO_ENTRY; self.entries.len()];
        let mut ordered = Vec::with_capacity(self.len());
        let rest = self.ids_of(|_| true);
        for id in order.iter().chain(rest) {
            if let Some(entry) = self.entries.get_mut(id as usize)
                && entry.is_live()
            {
                places[id as usize] = number(ordered.len());
                ordered.push(std::mem::replace(entry, Entry::FREE));
            }
        }
        let place = |id: EntryId| places.get(id as usize).copied();
        let starts = std::mem::take(&mut self.starts).into_iter();
        let starts = starts.filter_map(|(id, start)| Some((place(id)?, start)));
        self.starts = starts.collect();
        let exemplars = std::mem::take(&mut self.exemplars).into_iter();
        let exemplars = exemplars.filter_map(|(id, key)| Some((place(id)?, key)));
        self.exemplars = exemplars.collect();
        self.entries = ordered;
        self.free = Vec::new();
        self.ids = None;
    }
}

/// A count as a place in a list, the last one where there are no more.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(NO_ENTRY)
}

#[cfg(test)]
mod tests;
