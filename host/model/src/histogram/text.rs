//! Histograms as Prometheus prints them: `{count:3, sum:4, [-1,-0.5):1, (1,2]:2}`.

use std::fmt;

use super::{Bucket, FloatHistogram};
use crate::float_text;

impl fmt::Display for FloatHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, sum) = (float_text(self.count), float_text(self.sum));
        write!(f, "{{count:{count}, sum:{sum}")?;
        let zero = (self.zero_count != 0.0).then(|| self.zero_bucket());
        let buckets = self.negative_buckets().rev().chain(zero);
        let buckets = buckets.chain(self.positive_buckets());
        for bucket in buckets.filter(|bucket| bucket.count != 0.0) {
            write!(f, ", {bucket}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lower, upper) = (float_text(self.lower), float_text(self.upper));
        let opening = if self.lower_inclusive { '[' } else { '(' };
        let closing = if self.upper_inclusive { ']' } else { ')' };
        let count = float_text(self.count);
        write!(f, "{opening}{lower},{upper}{closing}:{count}")
    }
}
