//! Labels that are put on top of others: what a rule that records does to each series of an answer.
//!
//! It is not: a builder; the labels are known before and the same each time.

use std::collections::BTreeMap;

use narthex_model::Labels;

/// The labels, sorted by name. An empty value takes a label away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overlay(Vec<(String, String)>);

impl Overlay {
    /// Of two labels with the same name the last one counts.
    pub(crate) fn new<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let labels = labels.into_iter();
        let labels: BTreeMap<&str, &str> = labels.collect();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(labels.into_iter().map(owned).collect())
    }

    /// These on top of others, which are sorted as well: both are walked through once.
    pub(crate) fn on(&self, base: &Labels) -> Labels {
        let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(self.0.len() + base.len());
        let over = self.0.iter();
        let mut over = over
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .peekable();
        for (name, value) in base {
            while let Some(before) = over.next_if(|(own, _)| *own < name) {
                pairs.push(before);
            }
            let same = over.next_if(|(own, _)| *own == name);
            pairs.push(same.unwrap_or((name, value)));
        }
        pairs.extend(over);
        pairs.retain(|(_, value)| !value.is_empty());
        let sorted = Labels::from_sorted(pairs.iter().copied());
        sorted.unwrap_or_else(|_| Labels::from_pairs(pairs))
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::LabelsBuilder;

    use super::*;

    #[test]
    fn labels_are_put_on_top_as_a_builder_does() {
        let sets: [&[(&str, &str)]; 7] = [
            &[],
            &[("a", "1")],
            &[("c", "1")],
            &[("a", "1"), ("b", "2"), ("c", "3")],
            &[("b", "")],
            &[("c", "9"), ("a", "8"), ("c", "7")],
            &[("z", "1"), ("__name__", "x"), ("b", "")],
        ];
        for base in sets {
            for over in sets {
                let base = Labels::from_pairs(base.iter().copied());
                let mut builder = LabelsBuilder::from_labels(&base);
                for (name, value) in over {
                    builder.set(name, value);
                }
                let made = Overlay::new(over.iter().copied()).on(&base);
                assert_eq!(made, builder.build(), "{base} {over:?}");
            }
        }
    }
}
