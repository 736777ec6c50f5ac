//! Sample values that mean more than a number.

/// The bits of the NaN that says "this series ended here" (Prometheus `value.StaleNaN`).
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The bits of the NaN that scrapes and evaluations store for any other NaN
/// (Prometheus `value.NormalNaN`).
pub const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// The bits that stand in a column of values where the sample is a native histogram, which is
/// in a column beside it. No arithmetic makes them, and no format that we read has them.
pub const HISTOGRAM_BITS: u64 = 0x7ff0_0000_0000_0003;

/// Stands for a native histogram in a column of values.
pub const HISTOGRAM: f64 = f64::from_bits(HISTOGRAM_BITS);

/// The bits that a number is stored with: its own, or those of a normal NaN where they would
/// stand for a native histogram.
#[inline]
pub fn stored_bits(value: f64) -> u64 {
    match value.to_bits() {
        HISTOGRAM_BITS => NORMAL_NAN_BITS,
        bits => bits,
    }
}

/// Whether `value` stands for a native histogram.
#[inline]
pub fn is_histogram(value: f64) -> bool {
    value.to_bits() == HISTOGRAM_BITS
}

/// The staleness marker.
pub const STALE_NAN: f64 = f64::from_bits(STALE_NAN_BITS);

/// Whether `value` is the staleness marker; other NaNs are ordinary values.
pub fn is_stale_nan(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}
