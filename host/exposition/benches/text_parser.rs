//! How fast a page is read: the entries alone (a scrape whose cache knows every series), and
//! with every label set built (a first scrape), beside a pass that only looks for line breaks.
//!
//! The page is the file that `NARTHEX_BENCH_PAGE` names, else one made here that looks like a
//! node exporter's. `NARTHEX_BENCH_PAGE_FORMAT=openmetrics` reads the file as OpenMetrics.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narthex_exposition::write::TextWriter;
use narthex_exposition::{Entry, FamilyMeta, Format, MetricType, Parser};

fn text_parser(criterion: &mut Criterion) {
    let page = match std::env::var_os("NARTHEX_BENCH_PAGE") {
        Some(path) => std::fs::read(path).expect("the page can be read"),
        None => node_exporter_page().into_bytes(),
    };
    let open_metrics = std::env::var("NARTHEX_BENCH_PAGE_FORMAT");
    let format = match open_metrics.as_deref() {
        Ok("openmetrics") => Format::OpenMetrics,
        _ => Format::PrometheusText,
    };
    let mut group = criterion.benchmark_group("text_parser");
    group.throughput(Throughput::BytesDecimal(page.len() as u64));
    group.bench_function("line breaks by memchr", |bencher| {
        bencher.iter(|| memchr::memchr_iter(b'\n', black_box(&page)).fold(0, |sum, at| sum ^ at));
    });
    group.bench_function("entries", |bencher| {
        bencher.iter(|| {
            let mut sum = (0, 0.0);
            for entry in Parser::new(black_box(&page), format) {
                if let Entry::Series(series) = entry.expect("the page is well-formed") {
                    sum = (sum.0 + series.text.len(), sum.1 + series.value);
                }
            }
            sum
        });
    });
    group.bench_function("entries and label sets", |bencher| {
        bencher.iter(|| {
            for entry in Parser::new(black_box(&page), format) {
                if let Entry::Series(series) = entry.expect("the page is well-formed") {
                    black_box(series.labels().expect("no label comes twice"));
                }
            }
        });
    });
    group.finish();
}

/// About 60 kB in the proportions of a node exporter's page: two thirds of it metadata, most names
/// of 20 to 40 bytes, no label or one or two, and numbers of all lengths.
fn node_exporter_page() -> String {
    let mut page = TextWriter::new(Format::PrometheusText);
    let mut state = 1_u64;
    let mut number = |bits: u32| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> (64 - bits)) as f64
    };
    let cpu_seconds = "node_cpu_seconds_total";
    family(&mut page, cpu_seconds, MetricType::Counter);
    for cpu in ["0", "1", "2", "3"] {
        for mode in [
            "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user",
        ] {
            let labels = [("cpu", cpu), ("mode", mode)];
            page.sample(cpu_seconds, labels, number(24) / 100.0, None);
        }
    }
    for field in 0..250 {
        let name = format!("node_memory_statistic_{field}_bytes");
        family(&mut page, &name, MetricType::Gauge);
        page.sample(&name, [], number(4 + field % 30), None);
    }
    for statistic in [
        "receive_bytes",
        "receive_packets",
        "transmit_bytes",
        "transmit_errs",
    ] {
        let name = format!("node_network_{statistic}_total");
        family(&mut page, &name, MetricType::Counter);
        for device in ["eth0", "eth1", "lo", "docker0", "wlp3s0", "veth3fa1b2c"] {
            page.sample(&name, [("device", device)], number(20), None);
        }
    }
    for statistic in ["avail_bytes", "size_bytes", "files", "readonly"] {
        let name = format!("node_filesystem_{statistic}");
        family(&mut page, &name, MetricType::Gauge);
        for mountpoint in [
            "/",
            "/boot/efi",
            "/var/lib/containers",
            "/run/user/1000",
            "/home",
        ] {
            let labels = [
                ("device", "/dev/mapper/root"),
                ("fstype", "ext4"),
                ("mountpoint", mountpoint),
            ];
            page.sample(&name, labels, number(30), None);
        }
    }
    page.finish()
}

fn family(page: &mut TextWriter, name: &str, kind: MetricType) {
    let help = format!("Statistic of this machine, as the kernel reports it in the field {name}.");
    page.family(&FamilyMeta {
        name,
        help: &help,
        unit: "",
        kind,
    });
}

criterion_group!(benches, text_parser);
criterion_main!(benches);
