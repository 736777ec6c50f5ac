//! How many things of a kind have which size, drawn as promtool draws it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};

/// The narrowest bar, and the width from which on bars do not become wider.
const WIDTHS: std::ops::RangeInclusive<u64> = 10..=10_000;

/// About so many bars are drawn.
const BARS: u64 = 10;

/// How many things have which size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Distribution {
    counts: BTreeMap<u64, u64>,
}

/// Things whose sizes are from the one bound to below the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bar {
    low: u64,
    high: u64,
    count: u64,
}

impl Distribution {
    /// One thing more.
    pub(crate) fn add(&mut self, size: u64) {
        *self.counts.entry(size).or_default() += 1;
    }

    /// How many things.
    pub(crate) fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The least, the usual and the greatest size, and the bars; `None` where there is nothing.
    fn bars(&self) -> Option<([u64; 3], Vec<Bar>)> {
        let (least, _) = self.counts.first_key_value()?;
        let (greatest, _) = self.counts.last_key_value()?;
        let wanted = (greatest - least) / BARS;
        let mut width = *WIDTHS.start();
        while width < wanted && width <= *WIDTHS.end() {
            width *= 10;
        }
        let first = least - least % width;
        let mut bars: Vec<Bar> = (first / width..=greatest / width + 1)
            .map(|number| Bar {
                low: number * width,
                high: (number + 1) * width,
                count: 0,
            })
            .collect();
        let mut sum = 0;
        for (size, count) in &self.counts {
            sum += size * count;
            let place = usize::try_from((size - first) / width).unwrap_or(usize::MAX);
            if let Some(bar) = bars.get_mut(place) {
                bar.count += count;
            }
        }
        Some(([*least, sum / self.count().max(1), *greatest], bars))
    }

    /// Writes it: a line with the sizes, and one for each bar, as long as its part of `total` in
    /// percent. A bar is named by its bounds with one more than the lower one, as promtool does.
    pub(crate) fn draw(&self, name: &str, total: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(([least, usual, greatest], bars)) = self.bars() else {
            return writeln!(f, "{name}: N/A\n");
        };
        writeln!(f, "{name} (min/avg/max): {least}/{usual}/{greatest}")?;
        let digits = |number: u64| number.to_string().len();
        let last = bars.last().map_or((0, 0), |bar| (bar.low, bar.high));
        let (left, right) = (digits(last.0), digits(last.1));
        let most = digits(bars.iter().map(|bar| bar.count).max().unwrap_or(0));
        for Bar { low, high, count } in bars {
            let percent = usize::try_from(100 * count / total.max(1)).unwrap_or(100);
            let from = low + 1;
            let bar = "#".repeat(percent);
            writeln!(f, "[{from:left$}, {high:right$}]: {count:most$} {bar}")?;
        }
        writeln!(f)
    }
}

impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ([min, avg, max], bars) = self.bars().unwrap_or_default();
        let bars: Vec<[u64; 3]> = bars
            .iter()
            .map(|bar| [bar.low, bar.high, bar.count])
            .collect();
        let mut shown = serializer.serialize_struct("Distribution", 5)?;
        shown.serialize_field("count", &self.count())?;
        shown.serialize_field("min", &min)?;
        shown.serialize_field("avg", &avg)?;
        shown.serialize_field("max", &max)?;
        shown.serialize_field("bars", &bars)?;
        shown.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Drawn(Distribution, u64);

    impl fmt::Display for Drawn {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.draw("samples per float chunk", self.1, f)
        }
    }

    fn drawn(sizes: &[u64], total: u64) -> String {
        let mut distribution = Distribution::default();
        for size in sizes {
            distribution.add(*size);
        }
        Drawn(distribution, total).to_string()
    }

    #[test]
    fn sizes_are_drawn_as_promtool_draws_them() {
        assert_eq!(drawn(&[], 0), "samples per float chunk: N/A\n\n");
        assert_eq!(
            drawn(&[3, 12, 12, 15], 8),
            "samples per float chunk (min/avg/max): 3/10/15\n\
             [ 1, 10]: 1 ############\n\
             [11, 20]: 3 #####################################\n\
             [21, 30]: 0 \n\n"
        );
    }

    #[test]
    fn bars_become_wider_with_the_sizes() {
        let mut distribution = Distribution::default();
        distribution.add(5);
        distribution.add(1_005);
        let (sizes, bars) = distribution.bars().unwrap();
        assert_eq!(sizes, [5, 505, 1_005]);
        assert_eq!(bars.len(), 12);
        assert_eq!((bars[0].count, bars[10].count, bars[11].count), (1, 1, 0));
    }
}
