//! `google.protobuf.Timestamp`.

/// `google.protobuf.Timestamp`
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Timestamp {
    /// Seconds since the epoch.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds after them, from 0 to a second.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl Timestamp {
    /// Of milliseconds since the epoch.
    pub fn of_ms(milliseconds: i64) -> Self {
        let nanos = milliseconds.rem_euclid(1_000) * 1_000_000;
        Self {
            seconds: milliseconds.div_euclid(1_000),
            nanos: i32::try_from(nanos).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_second_is_never_negative() {
        for (milliseconds, seconds, nanos) in [
            (0, 0, 0),
            (1_999, 1, 999_000_000),
            (-1, -1, 999_000_000),
            (i64::MIN, -9_223_372_036_854_776, 192_000_000),
        ] {
            let made = Timestamp::of_ms(milliseconds);
            assert_eq!((made.seconds, made.nanos), (seconds, nanos));
        }
    }
}
