//! What the series of the log are called where they are sent.

use hashbrown::HashMap;
use narthex_model::relabel::{self, RelabelConfig};
use narthex_model::{Labels, LabelsBuilder};

/// The series that a segment declares, by their numbers, with the labels that the receiver gets.
///
/// Each segment declares its series anew. What was worked out for the segment before is taken
/// over, so that rules are applied once a series and its labels are in memory once.
#[derive(Debug)]
pub(super) struct SeriesTable {
    rules: Vec<RelabelConfig>,
    external: Labels,
    by_number: Vec<Sent>,
    /// By the labels that the series has here.
    known: HashMap<Labels, Sent>,
    /// What was known of the segment before.
    before: HashMap<Labels, Sent>,
}

/// The labels that the receiver gets; `None` where the series is not sent.
type Sent = Option<Labels>;

impl SeriesTable {
    pub(super) fn new(rules: Vec<RelabelConfig>, external: Labels) -> Self {
        Self {
            rules,
            external,
            by_number: Vec::new(),
            known: HashMap::new(),
            before: HashMap::new(),
        }
    }

    /// A segment begins.
    pub(super) fn begin(&mut self) {
        self.by_number.clear();
        self.before = std::mem::take(&mut self.known);
    }

    /// The next number of the segment is for a series.
    pub(super) fn declare(&mut self, labels: Labels) {
        let (labels, sent) = match self.before.remove_entry(&labels) {
            Some(known) => known,
            None => {
                let sent = self.work_out(&labels);
                (labels, sent)
            }
        };
        self.by_number.push(sent.clone());
        self.known.insert(labels, sent);
    }

    /// What the series of a number is called.
    pub(super) fn get(&self, number: u32) -> Option<&Labels> {
        self.by_number.get(number as usize)?.as_ref()
    }

    /// What a series is called that may not be declared.
    pub(super) fn find(&self, labels: &Labels) -> Sent {
        match self.known.get(labels) {
            Some(sent) => sent.clone(),
            None => self.work_out(labels),
        }
    }

    fn work_out(&self, labels: &Labels) -> Sent {
        if self.rules.is_empty() && self.external.is_empty() {
            return Some(labels.clone());
        }
        let mut builder = LabelsBuilder::from_labels(labels);
        for (name, value) in &self.external {
            if labels.get(name).is_none() {
                builder.set(name, value);
            }
        }
        let is_kept = relabel::apply(&self.rules, &mut builder);
        let sent = is_kept.then(|| builder.build());
        // Rules that took nothing away leave the labels that are in memory already.
        let sent = sent.map(|sent| match sent == *labels {
            true => labels.clone(),
            false => sent,
        });
        sent.filter(|sent| !sent.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_labels_come_first_and_rules_see_them() {
        let rules = r#"[
            {"source_labels": ["job"], "regex": "secret", "action": "drop"},
            {"source_labels": ["region"], "target_label": "zone"}
        ]"#;
        let rules: Vec<RelabelConfig> = serde_json::from_str(rules).unwrap();
        let external = Labels::from_pairs([("region", "eu"), ("job", "never")]);
        let mut table = SeriesTable::new(rules, external);
        let of = |job: &str| Labels::from_pairs([("__name__", "up"), ("job", job)]);
        for _ in 0..3 {
            table.begin();
            table.declare(of("a"));
            table.declare(of("secret"));
            let expected = Labels::from_pairs([
                ("__name__", "up"),
                ("job", "a"),
                ("region", "eu"),
                ("zone", "eu"),
            ]);
            assert_eq!(table.get(0), Some(&expected));
            assert_eq!(table.get(1), None);
            assert_eq!(table.get(2), None);
            assert_eq!(table.find(&of("a")), Some(expected));
            assert_eq!(table.find(&of("b")).unwrap().get("zone"), Some("eu"));
        }
    }
}
