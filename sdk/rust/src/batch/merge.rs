//! Samples that fall together once some of their labels are gone: their values are added up.

use super::symbols::hash;
use super::{Batch, NAME};

/// A slot without a sample.
const FREE: u32 = u32::MAX;

/// How full the table gets, in slots per sample: at least this many.
const SLOTS_PER_SAMPLE: usize = 2;

/// Which sample of a batch has which labels, for those that were written through it. It belongs
/// to one batch.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// Numbers of `starts`, at the place of their hash or behind it. A power of two of them, or
    /// none.
    slots: Vec<u32>,
    /// The sample, where its labels begin, and its hash.
    samples: Vec<(usize, usize, usize)>,
    /// Pairs of the sample under way: indexes of symbols.
    pairs: Vec<[u32; 2]>,
}

impl Batch {
    /// Adds a sample to the last family, or its value to the sample that has the same name and
    /// labels already. Tells whether it was added to one.
    pub(crate) fn merge<'t>(
        &mut self,
        merged: &mut Merged,
        name: Option<&str>,
        labels: impl Iterator<Item = (&'t str, &'t str)>,
        value: f64,
    ) -> bool {
        merged.pairs.clear();
        let own = self.families.last().map_or(0, |family| family.name);
        let own = match name {
            Some(name) => self.symbols.number(name),
            None => own,
        };
        merged.pairs.push([self.symbols.number(NAME), own]);
        for (key, value) in labels {
            let pair = [self.symbols.number(key), self.symbols.number(value)];
            merged.pairs.push(pair);
        }
        // The same labels in another order are the same series.
        merged.pairs.sort_unstable();
        let key = hash_pairs(&merged.pairs);
        if let Some(sample) = self.find(merged, key) {
            if let Some(sum) = self.values.get_mut(sample) {
                *sum += value;
            }
            return true;
        }
        merged.insert(self.values.len(), self.labels.len(), key);
        self.labels.extend(merged.pairs.iter().flatten());
        let count = u32::try_from(merged.pairs.len()).unwrap_or(u32::MAX);
        self.finish_sample(count, value, None);
        false
    }

    fn find(&self, merged: &Merged, key: usize) -> Option<usize> {
        let mask = merged.slots.len().checked_sub(1)?;
        let mut at = key & mask;
        loop {
            let number = *merged.slots.get(at).filter(|slot| **slot != FREE)?;
            let (sample, start, hash) = *merged.samples.get(number as usize)?;
            let wanted = merged.pairs.iter().flatten();
            if hash == key
                && self.label_counts.get(sample).map(|count| *count as usize)
                    == Some(merged.pairs.len())
                && self
                    .labels
                    .iter()
                    .skip(start)
                    .take(2 * merged.pairs.len())
                    .eq(wanted)
            {
                return Some(sample);
            }
            at = (at + 1) & mask;
        }
    }
}

impl Merged {
    fn insert(&mut self, sample: usize, start: usize, key: usize) {
        self.samples.push((sample, start, key));
        if self.samples.len() * SLOTS_PER_SAMPLE <= self.slots.len() {
            self.place(self.samples.len() - 1, key);
            return;
        }
        let slots = (self.slots.len() * 2).max(64);
        self.slots.clear();
        self.slots.resize(slots, FREE);
        for number in 0..self.samples.len() {
            let key = self.samples.get(number).map_or(0, |(_, _, key)| *key);
            self.place(number, key);
        }
    }

    fn place(&mut self, number: usize, key: usize) {
        let mask = self.slots.len() - 1;
        let mut at = key & mask;
        while self.slots.get(at).is_some_and(|slot| *slot != FREE) {
            at = (at + 1) & mask;
        }
        if let (Some(slot), Ok(number)) = (self.slots.get_mut(at), u32::try_from(number)) {
            *slot = number;
        }
    }
}

fn hash_pairs(pairs: &[[u32; 2]]) -> usize {
    let mut key = pairs.len();
    for pair in pairs {
        let mut bytes = [0; 16];
        for (to, word) in bytes
            .chunks_exact_mut(8)
            .zip([key as u64, u64::from(pair[0]) << 32 | u64::from(pair[1])])
        {
            to.copy_from_slice(&word.to_le_bytes());
        }
        key = hash(&bytes);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_with_the_same_labels_in_any_order_are_added_up() {
        let (mut batch, mut merged) = (Batch::new(), Merged::default());
        batch.counter("hits_total", "");
        let series: [(&[(&str, &str)], f64); 4] = [
            (&[("a", "1"), ("b", "2")], 1.0),
            (&[("b", "2"), ("a", "1")], 10.0),
            (&[("a", "1")], 100.0),
            (&[], 1000.0),
        ];
        for (labels, value) in series {
            batch.merge(&mut merged, None, labels.iter().copied(), value);
        }
        batch.merge(&mut merged, Some("hits_other"), std::iter::empty(), 5.0);
        let text = batch.to_text();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        let expected = [
            "hits_other 5",
            "hits_total 1000",
            "hits_total{a=\"1\",b=\"2\"} 11",
            "hits_total{a=\"1\"} 100",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn many_series_are_each_found_again() {
        let (mut batch, mut merged) = (Batch::new(), Merged::default());
        batch.counter("hits_total", "");
        for round in 0..3 {
            for n in 0..5_000 {
                let n = n.to_string();
                let labels = [("n", n.as_str())].into_iter();
                assert_eq!(batch.merge(&mut merged, None, labels, 1.0), round > 0);
            }
        }
        assert_eq!(batch.len(), 5_000);
        assert!(batch.into_parts().values.iter().all(|value| *value == 3.0));
    }
}
