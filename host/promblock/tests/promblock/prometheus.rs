//! A block that Debian's Prometheus writes of what it scrapes: native histograms of integers and
//! floats, and staleness markers.

use narthex_model::FloatHistogram;
use narthex_model::sample::{HISTOGRAM_BITS, STALE_NAN_BITS};
use narthex_promblock::PromBlock;

use crate::live::{self, RESET_AT, SCRAPES, buckets, total};

fn expected(histogram: &FloatHistogram, factor: f64) {
    let scrape = (0..SCRAPES).find(|scrape| *scrape as f64 == histogram.sum * 4.0);
    let scrape = scrape.unwrap();
    let (positive, negative) = buckets(scrape);
    let scaled = |count: u64| count as f64 * factor;
    assert_eq!(
        (histogram.schema, histogram.zero_threshold),
        (1, 2.0_f64.powi(-128))
    );
    assert_eq!(
        (histogram.count, histogram.zero_count),
        (scaled(total(scrape)), 5.0 * factor)
    );
    let filled = histogram.positive.iter().filter(|(_, count)| *count != 0.0);
    let positive = positive.into_iter().filter(|(_, count)| *count != 0);
    let positive: Vec<_> = positive
        .map(|(index, count)| (index, scaled(count)))
        .collect();
    assert_eq!(filled.collect::<Vec<_>>(), positive, "scrape {scrape}");
    assert_eq!(
        histogram.negative.iter().collect::<Vec<_>>(),
        [(0, scaled(negative))]
    );
}

#[test]
fn native_histograms_and_staleness_markers_of_prometheus_itself() {
    let folder = tempfile::tempdir().unwrap();
    let block = PromBlock::open(live::block(folder.path())).unwrap();
    let series: Result<Vec<_>, _> = block.series().collect();
    let series = series.unwrap();
    let find = |name: &str| {
        series
            .iter()
            .find(|series| series.labels.metric_name() == name)
            .unwrap()
    };
    let numbers = find("scrape_number");
    let is_stale = |value: &f64| value.to_bits() == STALE_NAN_BITS;
    assert!(numbers.values.last().is_some_and(is_stale));
    let newest = numbers.values.iter().rfind(|value| !is_stale(value));
    assert!(
        newest.is_some_and(|newest| *newest > RESET_AT as f64),
        "{newest:?}"
    );
    for (name, factor) in [("sizes", 1.0), ("weights", 0.5)] {
        let read = find(name);
        assert_eq!(read.timestamps, numbers.timestamps, "{name}");
        let histograms = read.histograms.as_ref().unwrap();
        for (place, number) in numbers.values.iter().enumerate() {
            let value = read.values[place];
            // On a busy machine a scrape in between may run out of time and end the series, too.
            if is_stale(number) {
                assert!(is_stale(&value) && histograms[place].is_none());
                continue;
            }
            assert_eq!(value.to_bits(), HISTOGRAM_BITS);
            let histogram = histograms[place].as_deref().unwrap();
            assert_eq!(histogram.sum * 4.0, *number, "{name}");
            expected(histogram, factor);
        }
    }
}
