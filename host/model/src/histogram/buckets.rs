//! The buckets on one side of a histogram: which ones there are, and their counts.

use std::sync::Arc;

/// Buckets by ascending index. Samples of a series mostly have the same buckets, so the indexes
/// are shared and equal ones are found by their address.
#[derive(Debug, Clone, Default)]
pub struct Buckets {
    indexes: Arc<[i32]>,
    counts: Vec<f64>,
}

/// Consecutive buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The index of the first one.
    pub first: i32,
    /// How many.
    pub len: usize,
}

impl Buckets {
    /// Buckets of these indexes; `None` where the indexes do not ascend or are not as many as
    /// the counts.
    pub fn new(indexes: impl Into<Arc<[i32]>>, counts: Vec<f64>) -> Option<Self> {
        let indexes = indexes.into();
        let ascends = indexes.is_sorted_by(|a, b| a < b);
        (ascends && indexes.len() == counts.len()).then_some(Self { indexes, counts })
    }

    /// Consecutive buckets from an index on; `None` where an index would not fit.
    pub fn consecutive(first: i32, counts: Vec<f64>) -> Option<Self> {
        let len = i32::try_from(counts.len()).ok()?;
        first.checked_add(len)?;
        let indexes: Arc<[i32]> = (first..first + len).collect();
        Some(Self { indexes, counts })
    }

    /// For code of this module that makes indexes and counts in step and in order.
    pub(super) fn from_parts(indexes: Vec<i32>, counts: Vec<f64>) -> Self {
        debug_assert!(indexes.len() == counts.len() && indexes.is_sorted_by(|a, b| a < b));
        Self {
            indexes: indexes.into(),
            counts,
        }
    }

    /// The same buckets with other counts, of which there are as many.
    pub(super) fn with_counts(&self, counts: Vec<f64>) -> Self {
        debug_assert_eq!(self.indexes.len(), counts.len());
        Self {
            indexes: Arc::clone(&self.indexes),
            counts,
        }
    }

    /// How many buckets, empty ones included.
    #[inline]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there is no bucket, not even an empty one.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The indexes, ascending.
    #[inline]
    pub fn indexes(&self) -> &[i32] {
        &self.indexes
    }

    /// The counts, in the order of the indexes.
    #[inline]
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// The counts, to be changed.
    #[inline]
    pub fn counts_mut(&mut self) -> &mut [f64] {
        &mut self.counts
    }

    /// Indexes and counts.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, f64)> + ExactSizeIterator + '_ {
        let counts = self.counts.iter().copied();
        self.indexes.iter().copied().zip(counts)
    }

    /// Whether both have buckets of the same indexes.
    #[inline]
    pub fn has_layout_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.indexes, &other.indexes) || self.indexes == other.indexes
    }

    /// Takes over the indexes of `other` where they are the same, so that they are in memory
    /// once.
    pub fn share_layout(&mut self, other: &Self) {
        if self.indexes == other.indexes {
            self.indexes = Arc::clone(&other.indexes);
        }
    }

    /// The runs of consecutive indexes.
    pub fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        let runs = self.indexes.chunk_by(|a, b| a.checked_add(1) == Some(*b));
        runs.filter_map(|run| {
            let first = *run.first()?;
            Some(Span {
                first,
                len: run.len(),
            })
        })
    }

    /// Leaves empty buckets out.
    pub(super) fn compact(&mut self) {
        if self.counts.iter().all(|count| *count != 0.0) {
            return;
        }
        let (indexes, counts): (Vec<i32>, Vec<f64>) =
            self.iter().filter(|(_, count)| *count != 0.0).unzip();
        *self = Self::from_parts(indexes, counts);
    }
}

impl PartialEq for Buckets {
    fn eq(&self, other: &Self) -> bool {
        let mut counts = self.counts.iter().zip(&other.counts);
        self.has_layout_of(other) && counts.all(|(a, b)| a.to_bits() == b.to_bits())
    }
}
