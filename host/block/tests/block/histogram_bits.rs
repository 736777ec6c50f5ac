//! What tells one native histogram from another: all of its bits. The crate's own tests take this
//! file too.

use narthex_model::FloatHistogram;
use narthex_model::histogram::Buckets;

/// All bits of a histogram.
pub(crate) fn histogram_bits(histogram: &FloatHistogram) -> Vec<u64> {
    let side = |buckets: &Buckets| {
        let pairs = buckets.iter();
        let pairs = pairs.flat_map(|(index, count)| [i64::from(index) as u64, count.to_bits()]);
        [vec![buckets.len() as u64], pairs.collect()].concat()
    };
    let fields = [
        histogram.counter_reset_hint as u64,
        i64::from(histogram.schema) as u64,
        histogram.zero_threshold.to_bits(),
        histogram.zero_count.to_bits(),
        histogram.count.to_bits(),
        histogram.sum.to_bits(),
    ];
    let bounds = histogram.custom_bounds.iter().map(|bound| bound.to_bits());
    let sides = [side(&histogram.positive), side(&histogram.negative)].concat();
    [fields.to_vec(), sides, bounds.collect()].concat()
}
