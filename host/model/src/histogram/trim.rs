//! Trimming: only the observations below or above a value are kept (`</` and `>/`).

use super::{Bucket, Buckets, FloatHistogram};

/// Which observations are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// Those below the value (`</`).
    KeepBelow,
    /// Those above the value (`>/`).
    KeepAbove,
}

/// The observations that are kept of a bucket, and the value that stands for them.
#[derive(Debug, Clone, Copy)]
struct Kept {
    count: f64,
    middle: f64,
}

impl FloatHistogram {
    /// The observations on one side of a value. The bucket that the value is in is cut; count
    /// and sum are estimated from what is left of the buckets. Where nothing is cut nothing
    /// changes.
    #[must_use]
    pub fn trimmed(&self, trim: Trim, value: f64) -> Self {
        let mut trimmed = self.clone();
        let mut total = Total::default();
        let positive = self.positive_buckets().map(|bucket| (bucket, true));
        let has_positive = total.trim_side(self, trim, value, positive, &mut trimmed.positive);
        let negative = self.negative_buckets().map(|bucket| (bucket, false));
        let has_negative = total.trim_side(self, trim, value, negative, &mut trimmed.negative);
        if self.zero_count > 0.0 {
            let mut bucket = self.zero_bucket();
            if has_negative && !has_positive {
                bucket.upper = 0.0;
            }
            if has_positive && !has_negative {
                bucket.lower = 0.0;
            }
            let kept = trimmed_zero_bucket(&bucket, trim, value);
            total.add(kept, bucket.count);
            trimmed.zero_count = kept.count;
        }
        if !total.is_cut {
            return self.clone();
        }
        trimmed.count = total.count;
        trimmed.sum = total.sum;
        trimmed.compact();
        trimmed
    }
}

/// What is kept in all.
#[derive(Debug, Default)]
struct Total {
    count: f64,
    sum: f64,
    is_cut: bool,
}

impl Total {
    fn add(&mut self, kept: Kept, before: f64) {
        self.count += kept.count;
        self.sum += kept.middle * kept.count;
        self.is_cut |= kept.count != before;
    }

    /// Trims the buckets of one side; says whether one of them had an observation.
    fn trim_side(
        &mut self,
        histogram: &FloatHistogram,
        trim: Trim,
        value: f64,
        buckets: impl Iterator<Item = (Bucket, bool)>,
        counts: &mut Buckets,
    ) -> bool {
        let mut has_any = false;
        let is_linear = histogram.has_custom_buckets();
        for ((bucket, is_positive), count) in buckets.zip(counts.counts_mut()) {
            if bucket.count == 0.0 {
                continue;
            }
            has_any = true;
            let scale = Scale {
                is_positive,
                is_linear,
            };
            match scale.trimmed(&bucket, trim, value) {
                Some(kept) => {
                    self.add(kept, bucket.count);
                    *count = kept.count;
                }
                None => {
                    self.is_cut = true;
                    *count = 0.0;
                }
            }
        }
        has_any
    }
}

/// How observations are spread inside of a bucket.
#[derive(Debug, Clone, Copy)]
struct Scale {
    is_positive: bool,
    is_linear: bool,
}

impl Scale {
    /// What is kept of a bucket; `None` where nothing of it is on the right side.
    fn trimmed(self, bucket: &Bucket, trim: Trim, value: f64) -> Option<Kept> {
        let Bucket {
            lower,
            upper,
            count,
            ..
        } = *bucket;
        let (is_whole, is_cut) = match trim {
            Trim::KeepBelow => (upper <= value, lower < value),
            Trim::KeepAbove => (lower >= value, upper > value),
        };
        if is_whole {
            let middle = self.middle(lower, upper);
            return Some(Kept { count, middle });
        }
        if !is_cut {
            return None;
        }
        if lower == f64::NEG_INFINITY {
            return Some(trimmed_lowest(bucket, trim, value));
        }
        if upper == f64::INFINITY {
            // Where in the bucket the observations are is not known.
            let is_kept = trim == Trim::KeepAbove && value >= lower;
            return Some(match is_kept {
                true => Kept {
                    count,
                    middle: value,
                },
                false => Kept {
                    count: 0.0,
                    middle: lower,
                },
            });
        }
        let below = count * self.share_below(lower, upper, value);
        Some(match trim {
            Trim::KeepBelow => Kept {
                count: below,
                middle: self.middle(lower, value),
            },
            Trim::KeepAbove => Kept {
                count: count - below,
                middle: self.middle(value, upper),
            },
        })
    }

    /// The share of a bucket's observations below a value that is in it.
    fn share_below(self, lower: f64, upper: f64, value: f64) -> f64 {
        if self.is_linear {
            return (value - lower) / (upper - lower);
        }
        let (lower, upper) = (lower.abs().log2(), upper.abs().log2());
        let value = value.abs().log2();
        if self.is_positive {
            (value - lower) / (upper - lower)
        } else {
            1.0 - (value - upper) / (lower - upper)
        }
    }

    /// The value that stands for all between two bounds.
    fn middle(self, lower: f64, upper: f64) -> f64 {
        match (lower.is_infinite(), upper.is_infinite()) {
            (true, true) => 0.0,
            (true, false) if upper > 0.0 => upper / 2.0,
            (true, false) => upper,
            (false, true) => lower,
            (false, false) if self.is_linear => (lower + upper) / 2.0,
            (false, false) => {
                let middle = (lower * upper).abs().sqrt();
                if self.is_positive { middle } else { -middle }
            }
        }
    }
}

/// What is kept of a custom bucket that has no lower bound and that the value is in. One that
/// ends above zero is taken to start there.
fn trimmed_lowest(bucket: &Bucket, trim: Trim, value: f64) -> Kept {
    let Bucket { upper, count, .. } = *bucket;
    let starts_at_zero = upper > 0.0 && upper.is_finite();
    let nothing = Kept {
        count: 0.0,
        middle: if upper.is_finite() { upper } else { 0.0 },
    };
    match trim {
        Trim::KeepBelow if value > 0.0 && starts_at_zero => Kept {
            count: count * value / upper,
            middle: value / 2.0,
        },
        Trim::KeepBelow if upper <= 0.0 => Kept {
            count,
            middle: value,
        },
        Trim::KeepAbove if value >= 0.0 && starts_at_zero => Kept {
            count: count * (1.0 - value / upper),
            middle: f64::midpoint(value, upper),
        },
        Trim::KeepAbove if value == f64::NEG_INFINITY => Kept { count, middle: 0.0 },
        _ => nothing,
    }
}

fn trimmed_zero_bucket(bucket: &Bucket, trim: Trim, value: f64) -> Kept {
    let Bucket {
        lower,
        upper,
        count,
        ..
    } = *bucket;
    let whole = Kept {
        count,
        middle: f64::midpoint(lower, upper),
    };
    let nothing = Kept {
        count: 0.0,
        middle: 0.0,
    };
    let width = upper - lower;
    match trim {
        Trim::KeepBelow if value <= lower => nothing,
        Trim::KeepBelow if value >= upper => whole,
        Trim::KeepBelow => Kept {
            count: count * ((value - lower) / width),
            middle: f64::midpoint(lower, value),
        },
        Trim::KeepAbove if value <= lower => whole,
        Trim::KeepAbove if value >= upper => nothing,
        Trim::KeepAbove => Kept {
            count: count * ((upper - value) / width),
            middle: f64::midpoint(value, upper),
        },
    }
}
