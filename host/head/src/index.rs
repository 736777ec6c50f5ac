//! Which series have which label: names to values to slots, and matchers to slots.

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use narthex_model::{Labels, MatchOp, Matcher};
use roaring::RoaringBitmap;

/// Label names and values of all series. Slots number the series; they are small and dense.
#[derive(Debug, Default)]
pub(crate) struct LabelIndex {
    all: RoaringBitmap,
    names: HashMap<Box<str>, NameIndex>,
    pairs: usize,
}

/// The values of one name.
#[derive(Debug, Default)]
pub(crate) struct NameIndex {
    present: RoaringBitmap,
    values: HashMap<Box<str>, Postings>,
}

/// The series with one label pair. Many pairs have one series only.
#[derive(Debug)]
pub(crate) enum Postings {
    One(u32),
    Many(Box<RoaringBitmap>),
}

/// Some series. What the index holds is not copied to be looked at.
enum Slots<'a> {
    One(u32),
    Held(&'a RoaringBitmap),
    Made(RoaringBitmap),
}

impl Slots<'_> {
    fn len(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Held(slots) => slots.len(),
            Self::Made(slots) => slots.len(),
        }
    }

    fn into_bitmap(self) -> RoaringBitmap {
        match self {
            Self::One(slot) => [slot].into_iter().collect(),
            Self::Held(slots) => slots.clone(),
            Self::Made(slots) => slots,
        }
    }

    /// Those of the others that are among them.
    fn within(&self, mut others: RoaringBitmap) -> RoaringBitmap {
        match self {
            Self::One(slot) if others.contains(*slot) => [*slot].into_iter().collect(),
            Self::One(_) => RoaringBitmap::new(),
            Self::Held(slots) => {
                others &= *slots;
                others
            }
            Self::Made(slots) => {
                others &= slots;
                others
            }
        }
    }
}

impl LabelIndex {
    pub(crate) fn insert(&mut self, slot: u32, labels: &Labels) {
        self.all.insert(slot);
        for (name, value) in labels {
            let index = self.names.entry_ref(name).or_default();
            index.present.insert(slot);
            match index.values.entry_ref(value) {
                EntryRef::Occupied(mut postings) => postings.get_mut().insert(slot),
                EntryRef::Vacant(free) => {
                    free.insert(Postings::One(slot));
                    self.pairs += 1;
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, slot: u32, labels: &Labels) {
        self.all.remove(slot);
        for (name, value) in labels {
            let Some(index) = self.names.get_mut(name) else {
                continue;
            };
            index.present.remove(slot);
            if index
                .values
                .get_mut(value)
                .is_some_and(|postings| postings.remove(slot))
            {
                index.values.remove(value);
                self.pairs -= 1;
            }
            if index.values.is_empty() {
                self.names.remove(name);
            }
        }
    }

    /// The series for which all matchers hold.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> RoaringBitmap {
        let (excluding, including): (Vec<_>, Vec<_>) =
            matchers.iter().partition(|matcher| matcher.matches(""));
        // Values that are looked up come first, and of those the rarest: only that one is copied.
        let (listed, searched): (Vec<&Matcher>, Vec<&Matcher>) = including
            .into_iter()
            .partition(|matcher| matcher.literals().is_some());
        let mut listed: Vec<Slots<'_>> = listed.into_iter().map(|m| self.accepted(m)).collect();
        listed.sort_by_key(Slots::len);
        let searched = searched.into_iter().map(|matcher| self.accepted(matcher));
        let mut found: Option<RoaringBitmap> = None;
        for accepted in listed.into_iter().chain(searched) {
            let narrowed = match found {
                None => accepted.into_bitmap(),
                Some(found) => accepted.within(found),
            };
            if narrowed.is_empty() {
                return narrowed;
            }
            found = Some(narrowed);
        }
        let mut found = found.unwrap_or_else(|| self.all.clone());
        for matcher in excluding {
            found -= self.refused(matcher);
        }
        found
    }

    /// The series that have the label, with a value that the matcher takes. The matcher does not
    /// take "", so no other series can match.
    fn accepted(&self, matcher: &Matcher) -> Slots<'_> {
        let Some(index) = self.names.get(matcher.name()) else {
            return Slots::Made(RoaringBitmap::new());
        };
        match (matcher.op(), matcher.literals()) {
            (MatchOp::Equal | MatchOp::Regex, Some([value])) => index.of_value(value),
            (MatchOp::Equal | MatchOp::Regex, Some(values)) => Slots::Made(index.union_of(values)),
            (MatchOp::NotEqual, _) if matcher.value().is_empty() => Slots::Held(&index.present),
            (MatchOp::Regex, None) if matcher.value() == ".+" => Slots::Held(&index.present),
            _ => Slots::Made(index.union(|value| matcher.matches(value))),
        }
    }

    /// The series that have the label, with a value that the matcher refuses. The matcher takes
    /// "", so every other series matches.
    fn refused(&self, matcher: &Matcher) -> RoaringBitmap {
        let Some(index) = self.names.get(matcher.name()) else {
            return RoaringBitmap::new();
        };
        match (matcher.op(), matcher.literals()) {
            (MatchOp::NotEqual | MatchOp::NotRegex, Some(values)) => index.union_of(values),
            (MatchOp::Equal, _) => index.present.clone(),
            (MatchOp::Regex, None) if matcher.value() == ".*" => RoaringBitmap::new(),
            _ => index.union(|value| !matcher.matches(value)),
        }
    }

    /// The names in use, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &NameIndex)> {
        self.names.iter().map(|(name, index)| (&**name, index))
    }

    pub(crate) fn name(&self, name: &str) -> Option<&NameIndex> {
        self.names.get(name)
    }

    /// How many series there are.
    pub(crate) fn series(&self) -> u64 {
        self.all.len()
    }

    /// How many distinct label pairs there are.
    pub(crate) fn pairs(&self) -> usize {
        self.pairs
    }
}

impl NameIndex {
    /// The series with a value.
    fn of_value(&self, value: &str) -> Slots<'_> {
        match self.values.get(value) {
            None => Slots::Made(RoaringBitmap::new()),
            Some(Postings::One(slot)) => Slots::One(*slot),
            Some(Postings::Many(slots)) => Slots::Held(slots),
        }
    }

    fn union_of(&self, values: &[String]) -> RoaringBitmap {
        let mut union = RoaringBitmap::new();
        for value in values {
            if let Some(postings) = self.values.get(value.as_str()) {
                postings.add_to(&mut union);
            }
        }
        union
    }

    fn union(&self, mut takes: impl FnMut(&str) -> bool) -> RoaringBitmap {
        let mut union = RoaringBitmap::new();
        for (_, postings) in self.values.iter().filter(|(value, _)| takes(value)) {
            postings.add_to(&mut union);
        }
        union
    }

    /// The values in use and their series, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &Postings)> {
        self.values.iter().map(|(value, of)| (&**value, of))
    }

    /// Whether one of the series has the name.
    pub(crate) fn is_in(&self, series: &RoaringBitmap) -> bool {
        !self.present.is_disjoint(series)
    }
}

impl Postings {
    fn insert(&mut self, slot: u32) {
        match self {
            Self::One(first) if *first == slot => {}
            Self::One(first) => *self = Self::Many(Box::new([*first, slot].into_iter().collect())),
            Self::Many(slots) => {
                slots.insert(slot);
            }
        }
    }

    /// Takes a series out and says whether none is left.
    fn remove(&mut self, slot: u32) -> bool {
        match self {
            Self::One(only) => *only == slot,
            Self::Many(slots) => {
                slots.remove(slot);
                slots.is_empty()
            }
        }
    }

    fn add_to(&self, union: &mut RoaringBitmap) {
        match self {
            Self::One(slot) => {
                union.insert(*slot);
            }
            Self::Many(slots) => *union |= &**slots,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Many(slots) => slots.len(),
        }
    }

    /// Whether one of the series is among them.
    pub(crate) fn is_in(&self, series: &RoaringBitmap) -> bool {
        match self {
            Self::One(slot) => series.contains(*slot),
            Self::Many(slots) => !slots.is_disjoint(series),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_select_what_they_match_series_by_series() {
        let values = ["", "a", "b", "ab", "x\ny"];
        let mut index = LabelIndex::default();
        let mut series = Vec::new();
        for (slot, (one, two)) in
            (0..).zip(values.iter().flat_map(|one| values.map(|two| (*one, two))))
        {
            let labels = Labels::from_pairs([("one", one), ("two", two)]);
            index.insert(slot, &labels);
            series.push((slot, labels));
        }
        let ops = [
            MatchOp::Equal,
            MatchOp::NotEqual,
            MatchOp::Regex,
            MatchOp::NotRegex,
        ];
        let patterns = [
            "", "a", "none", "a|b", "a|", ".*", ".+", "a.*", "[ab]?", "x.y",
        ];
        let matchers: Vec<Matcher> = ["one", "two", "absent"]
            .iter()
            .flat_map(|name| ops.map(|op| patterns.map(|p| Matcher::new(*name, op, p).unwrap())))
            .flatten()
            .collect();
        let check = |matchers: &[Matcher]| {
            let takes = |labels: &Labels| {
                let mut matchers = matchers.iter();
                matchers.all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or("")))
            };
            let held = series.iter().filter(|(_, labels)| takes(labels));
            let held: RoaringBitmap = held.map(|(slot, _)| *slot).collect();
            assert_eq!(index.select(matchers), held, "{matchers:?}");
        };
        for one in &matchers {
            check(std::slice::from_ref(one));
            for two in &matchers {
                check(&[one.clone(), two.clone()]);
            }
        }
        // The rarest value is looked at first, wherever it stands.
        let of = |text: &str| Matcher::new("one", MatchOp::Equal, text).unwrap();
        let rare = Matcher::equal("two", "x\ny");
        let some = Matcher::new("two", MatchOp::Regex, "x.y").unwrap();
        for matchers in [
            [of("a"), rare.clone(), some.clone()],
            [rare.clone(), some.clone(), of("a")],
            [some, of("a"), rare],
        ] {
            check(&matchers);
        }
    }

    #[test]
    fn what_is_removed_leaves_nothing() {
        let mut index = LabelIndex::default();
        let labels = |i: u32| Labels::from_pairs([("a", "same"), ("b", &(i % 3).to_string())]);
        for slot in 0..9 {
            index.insert(slot, &labels(slot));
        }
        assert_eq!((index.series(), index.pairs()), (9, 4));
        for slot in 0..9 {
            index.remove(slot, &labels(slot));
        }
        assert_eq!(
            (index.series(), index.pairs(), index.names().count()),
            (0, 0, 0)
        );
    }
}
