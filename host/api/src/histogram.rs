//! Native histograms as JSON: `{"count":"3","sum":"4","buckets":[[0,"1","2","3"]]}`.

use narthex_model::FloatHistogram;
use narthex_model::histogram::Bucket;

use crate::json;

/// Appends `[timestamp,{...}]`.
pub(crate) fn push_point(out: &mut Vec<u8>, timestamp_ms: i64, histogram: &FloatHistogram) {
    out.push(b'[');
    json::push_timestamp(out, timestamp_ms);
    out.push(b',');
    push_histogram(out, histogram);
    out.push(b']');
}

/// Buckets without an observation are left out.
fn push_histogram(out: &mut Vec<u8>, histogram: &FloatHistogram) {
    out.extend_from_slice(br#"{"count":"#);
    push_number(out, histogram.count);
    out.extend_from_slice(br#","sum":"#);
    push_number(out, histogram.sum);
    let buckets = histogram.all_buckets().filter(|bucket| bucket.count != 0.0);
    let mut opening: &[u8] = br#","buckets":["#;
    for bucket in buckets {
        out.extend_from_slice(opening);
        push_bucket(out, &bucket);
        opening = b",";
    }
    if opening == b"," {
        out.push(b']');
    }
    out.push(b'}');
}

/// A bucket says which of its bounds are in it: 0 the upper one, 1 the lower one, 2 neither,
/// 3 both.
fn push_bucket(out: &mut Vec<u8>, bucket: &Bucket) {
    out.push(b'[');
    out.push(match (bucket.lower_inclusive, bucket.upper_inclusive) {
        (false, true) => b'0',
        (true, false) => b'1',
        (false, false) => b'2',
        (true, true) => b'3',
    });
    for value in [bucket.lower, bucket.upper, bucket.count] {
        out.push(b',');
        push_number(out, value);
    }
    out.push(b']');
}

fn push_number(out: &mut Vec<u8>, value: f64) {
    out.push(b'"');
    json::push_sample_value(out, value);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use narthex_model::histogram::Buckets;

    use super::*;

    #[test]
    fn buckets_come_from_the_lowest_on_with_their_bounds() {
        let histogram = FloatHistogram {
            zero_threshold: 0.25,
            zero_count: 1.0,
            count: 7.5,
            sum: 1e22,
            positive: Buckets::consecutive(1, vec![2.0, 0.0, 3.5]).unwrap(),
            negative: Buckets::consecutive(1, vec![1.0]).unwrap(),
            ..FloatHistogram::default()
        };
        let mut out = Vec::new();
        push_point(&mut out, 1_500, &histogram);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"[1.500,{"count":"7.5","sum":"1e+22","buckets":[[1,"-2","-1","1"],[3,"-0.25","0.25","1"],[0,"1","2","2"],[0,"4","8","3.5"]]}]"#
        );
        let mut out = Vec::new();
        push_histogram(&mut out, &FloatHistogram::default());
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"count":"0","sum":"0"}"#
        );
    }
}
