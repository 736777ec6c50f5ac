use super::*;

#[test]
fn every_text_is_stored_once() {
    let mut batch = Batch::new();
    batch
        .gauge("disk_used", "Used.")
        .sample(&[("disk", "a")], 1.0)
        .sample(&[("disk", "b")], 2.5);
    batch.counter("disk_used_total", "Used.").sample(&[], 3.0);
    let text = "disk_used{disk=\"a\"} 1\ndisk_used{disk=\"b\"} 2.5\ndisk_used_total 3\n";
    assert_eq!(batch.to_text(), text);
    let inner = batch.into_parts();
    let symbols = [
        "",
        "disk_used",
        "Used.",
        "disk",
        "a",
        "b",
        "disk_used_total",
    ];
    assert_eq!(inner.symbols, symbols);
    assert_eq!(inner.label_counts, [1, 1, 0]);
    assert_eq!(inner.labels, [3, 4, 3, 5]);
    assert_eq!(inner.families[0].samples, 2);
    assert_eq!(inner.families[1].samples, 1);
    assert!(inner.timestamps.is_empty());
}

#[test]
fn the_parts_of_a_summary_have_names_of_their_own() {
    let mut batch = Batch::new();
    batch
        .family(MetricKind::Summary, "latency", "")
        .sample(&[("quantile", "0.5")], 1.0)
        .suffixed("_sum", &[("cmd", "get")], 7.0)
        .suffixed("_count", &[], 3.0);
    let text = "latency{quantile=\"0.5\"} 1\nlatency_sum{cmd=\"get\"} 7\nlatency_count 3\n";
    assert_eq!(batch.to_text(), text);
}

#[test]
fn times_are_for_all_samples_or_for_none() {
    let mut batch = Batch::new();
    batch.gauge("a", "").sample(&[], 1.0);
    batch
        .gauge("b", "")
        .unit("bytes")
        .sample_at(&[], 2.0, 1_000)
        .sample_at(&[("x", "y")], 3.0, 4_000)
        .sample(&[], 5.0);
    assert_eq!(batch.to_text(), "a 1\nb 2 1000\nb{x=\"y\"} 3 4000\nb 5\n");
    let inner = batch.into_parts();
    assert_eq!(inner.timestamps, [4_000, 1_000, 4_000, 4_000]);
    assert_eq!(inner.symbols[inner.families[1].unit as usize], "bytes");
}
