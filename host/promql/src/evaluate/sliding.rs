//! What windows that slide over a series have in common: each sample is taken in once and let go
//! once, however much the windows overlap, and nothing is ever subtracted, so that no digit is
//! lost on the way.

/// A summary of neighbouring samples that can be made of two halves.
pub(crate) trait Summary: Copy {
    /// Of no sample.
    const NONE: Self;

    /// Of the samples of both; `later` come behind these.
    #[must_use]
    fn then(self, later: Self) -> Self;
}

/// The summary of a window whose two ends only move forward.
///
/// It keeps two halves. Of the older one it knows the summary from each sample on to the half's
/// end, so that samples leave in front; of the younger one it knows the summary of all, so that
/// samples come in behind. When the older half is used up, the younger one takes its place.
#[derive(Debug)]
pub(crate) struct Sliding<S> {
    /// From the last sample of the older half on, from the one before it on, and so on.
    older: Vec<S>,
    /// Where the older half ends.
    middle: usize,
    younger: S,
    /// Where the younger half ends.
    end: usize,
}

impl<S: Summary> Sliding<S> {
    /// Before the first window.
    pub(crate) fn new() -> Self {
        Self {
            older: Vec::new(),
            middle: 0,
            younger: S::NONE,
            end: 0,
        }
    }

    /// The summary of the places `low..high`, neither of which is less than before; `of` gives
    /// that of one place.
    #[inline]
    pub(crate) fn window(&mut self, low: usize, high: usize, of: impl Fn(usize) -> S) -> S {
        if low >= self.middle {
            self.older.clear();
            let mut summary = S::NONE;
            for at in (low..high).rev() {
                summary = of(at).then(summary);
                self.older.push(summary);
            }
            (self.middle, self.end, self.younger) = (high, high, S::NONE);
        }
        for at in self.end..high {
            self.younger = self.younger.then(of(at));
        }
        self.end = high;
        // Empty where the window is.
        let older = self.middle.checked_sub(low + 1);
        let older = older.and_then(|at| self.older.get(at));
        older.map_or(self.younger, |older| older.then(self.younger))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places themselves, as digits.
    #[derive(Clone, Copy, PartialEq, Debug)]
    struct Places {
        first: usize,
        last: usize,
        count: usize,
    }

    impl Summary for Places {
        const NONE: Self = Self {
            first: 0,
            last: 0,
            count: 0,
        };

        fn then(self, later: Self) -> Self {
            match (self.count, later.count) {
                (0, _) => later,
                (_, 0) => self,
                _ => {
                    assert_eq!(self.last + 1, later.first);
                    Self {
                        first: self.first,
                        last: later.last,
                        count: self.count + later.count,
                    }
                }
            }
        }
    }

    #[test]
    fn each_window_has_its_samples_in_order() {
        for (stride, length) in [(1, 1), (1, 7), (3, 7), (7, 3), (2, 100), (5, 5)] {
            let mut sliding = Sliding::new();
            for step in 0..60 {
                let low = step * stride;
                // Windows of changing length; both ends ascend.
                let high = low + length + step % 2;
                let summary = sliding.window(low, high, |at| Places {
                    first: at,
                    last: at,
                    count: 1,
                });
                let expected = Places {
                    first: low,
                    last: high - 1,
                    count: high - low,
                };
                assert_eq!(summary, expected, "{stride} {length} {step}");
            }
        }
    }

    #[test]
    fn a_window_without_samples_has_no_summary() {
        let mut sliding = Sliding::<Places>::new();
        assert_eq!(sliding.window(0, 0, |_| Places::NONE), Places::NONE);
        assert_eq!(sliding.window(5, 5, |_| Places::NONE), Places::NONE);
    }
}
