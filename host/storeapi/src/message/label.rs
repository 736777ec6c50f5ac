//! `thanos.Label` and `thanos.ZLabelSet`: what both the store and its description name.

use narthex_model::Labels;

/// `thanos.Label`
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Message)]
pub struct Label {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// `thanos.ZLabelSet`, and `thanos.LabelSet`, which is the same on the wire.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LabelSet {
    /// Sorted by name.
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
}

impl Label {
    /// A label set as it travels: sorted by name.
    pub fn of(labels: &Labels) -> Vec<Self> {
        let pairs = labels.iter().map(|(name, value)| Self {
            name: name.to_owned(),
            value: value.to_owned(),
        });
        pairs.collect()
    }
}

impl LabelSet {
    /// A label set as it travels.
    pub fn of(labels: &Labels) -> Self {
        Self {
            labels: Label::of(labels),
        }
    }
}
