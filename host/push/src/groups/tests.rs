//! Pushes, and the page that they make.

use narthex_disk::{CrashDisk, Fault};
use narthex_model::SimulatedClock;

use super::*;
use crate::body::{BodyError, PUSH_BYTES_MAX, parse};
use crate::key;

const NOW_MS: i64 = 1_700_000_000_500;

fn groups() -> Groups {
    over(Arc::new(CrashDisk::new(1)))
}

fn over(disk: Arc<CrashDisk>) -> Groups {
    Groups::open(disk, Arc::new(SimulatedClock::at(NOW_MS))).unwrap()
}

fn send(groups: &Groups, method: &str, path: &str, body: &str) -> Result<(), String> {
    let key = key::parse(path).unwrap();
    let pushed = parse("", "", body.as_bytes()).map_err(|error| error.to_string())?;
    let pushed = groups.push(key, pushed, method == "PUT");
    pushed.map_err(|error| error.to_string())
}

/// The page without the times of pushes.
fn shown(groups: &Groups) -> Vec<String> {
    let page = groups.page();
    let lines = page.lines().filter(|line| !line.contains("push_"));
    lines.map(str::to_owned).collect()
}

#[test]
fn put_replaces_a_group_and_post_adds_to_it() {
    let groups = groups();
    send(&groups, "PUT", "job/a", "x 1\ny{l=\"1\"} 2\n").unwrap();
    send(
        &groups,
        "POST",
        "job/a",
        "# TYPE z gauge\n# HELP z Some \\n help\nz 3\ny 4\n",
    )
    .unwrap();
    let page = [
        "# TYPE x untyped",
        "x{instance=\"\",job=\"a\"} 1",
        "# TYPE y untyped",
        "y{instance=\"\",job=\"a\"} 4",
        "# HELP z Some \\n help",
        "# TYPE z gauge",
        "z{instance=\"\",job=\"a\"} 3",
    ];
    assert_eq!(shown(&groups), page);
    send(
        &groups,
        "PUT",
        "job/a/instance/i",
        "x{job=\"other\",l=\"v\"} -0\n",
    )
    .unwrap();
    send(&groups, "PUT", "job/a", "x NaN\n").unwrap();
    let page = [
        "# TYPE x untyped",
        "x{instance=\"\",job=\"a\"} NaN",
        "x{instance=\"i\",job=\"a\",l=\"v\"} 0",
    ];
    assert_eq!(shown(&groups), page);
    groups.delete(&key::parse("job/a").unwrap()).unwrap();
    groups.delete(&key::parse("job/a").unwrap()).unwrap();
    assert_eq!(shown(&groups), [page[0], page[2]]);
    groups.wipe().unwrap();
    assert_eq!(groups.page(), "");
}

#[test]
fn histograms_and_summaries_are_made_whole() {
    let groups = groups();
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"5e6\"} 3\nh_sum 4\nh_count 4\n\
                # TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 3\nother_sum 1\n";
    send(&groups, "PUT", "job/a", body).unwrap();
    let page = [
        "# TYPE h histogram",
        "h_bucket{instance=\"\",job=\"a\",le=\"1\"} 1",
        "h_bucket{instance=\"\",job=\"a\",le=\"5e+06\"} 3",
        "h_bucket{instance=\"\",job=\"a\",le=\"+Inf\"} 4",
        "h_sum{instance=\"\",job=\"a\"} 4",
        "h_count{instance=\"\",job=\"a\"} 4",
        "# TYPE other_sum untyped",
        "other_sum{instance=\"\",job=\"a\"} 1",
        "# TYPE s summary",
        "s{instance=\"\",job=\"a\",quantile=\"0.5\"} 1",
        "s_sum{instance=\"\",job=\"a\"} 3",
        "s_count{instance=\"\",job=\"a\"} 0",
    ];
    assert_eq!(shown(&groups), page);
}

#[test]
fn times_of_pushes_are_on_the_page() {
    let groups = groups();
    send(&groups, "PUT", "job/good", "push_time_seconds 5\n").unwrap();
    send(&groups, "PUT", "job/bad", "x 1 1000\n").unwrap_err();
    let expected = "\
# HELP push_failure_time_seconds Last Unix time when changing this group in the Pushgateway failed.
# TYPE push_failure_time_seconds gauge
push_failure_time_seconds{instance=\"\",job=\"bad\"} 1.7000000005e+09
push_failure_time_seconds{instance=\"\",job=\"good\"} 0
# HELP push_time_seconds Last Unix time when changing this group in the Pushgateway succeeded.
# TYPE push_time_seconds gauge
push_time_seconds{instance=\"\",job=\"bad\"} 0
push_time_seconds{instance=\"\",job=\"good\"} 1.7000000005e+09
";
    assert_eq!(groups.page(), expected);
    let all = groups.all();
    let successful: Vec<bool> = all.iter().map(Group::is_last_push_successful).collect();
    assert_eq!(successful, [false, true]);
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_what_was_there() {
    let groups = groups();
    send(&groups, "PUT", "job/a", "x 1\n").unwrap();
    send(&groups, "PUT", "job/c/i/1", "x 1\n").unwrap();
    let before = shown(&groups);
    for (path, body, part) in [
        (
            "job/a",
            "x 2 1000\n",
            "pushed metrics must not have timestamps",
        ),
        (
            "job/a",
            "x 2\nx 3\n",
            "was collected before with the same name",
        ),
        (
            "job/b",
            "# TYPE x gauge\nx 2\n",
            "is of type gauge, and of type unknown",
        ),
        (
            "job/c",
            "x{i=\"1\"} 2\n",
            "was collected before with the same name",
        ),
        ("job/a", "x 2", "in line 1: unexpected end of input stream"),
        ("job/a", "x y z\n", "text format parsing error"),
        (
            "job/a",
            "# TYPE y gauge\n# TYPE y gauge\n",
            "second TYPE line",
        ),
        (
            "job/a",
            "x 1\n# TYPE x gauge\n",
            "TYPE reported after samples",
        ),
        ("job/a", "# HELP y a\n# HELP y b\n", "second HELP line"),
        ("job/a", "x{a=\"1\",a=\"2\"} 1\n", "duplicate label names"),
        (
            "job/a",
            "# TYPE h histogram\nh_bucket 1\n",
            "expected float as value for \"le\"",
        ),
    ] {
        let error = send(&groups, "PUT", path, body).unwrap_err();
        assert!(error.contains(part), "{body}: {error}");
        assert_eq!(shown(&groups), before, "{body}");
    }
}

#[test]
fn groups_outlive_the_process() {
    let body = "# TYPE h histogram\nh_bucket{le=\"+Inf\"} NaN\nh_sum -Inf\n# HELP x ü\nx 0.1\n";
    let disk = Arc::new(CrashDisk::new(7));
    let groups = over(disk.clone());
    send(&groups, "PUT", "job/a", body).unwrap();
    send(&groups, "POST", "job/b", "y 1\n").unwrap();
    send(&groups, "POST", "job/b", "y 2\n").unwrap();
    let page = groups.page();
    drop(groups);
    let again = over(disk);
    assert_eq!(again.page(), page);
    again.wipe().unwrap();
    assert_eq!(again.page(), "");
}

/// Pushes one after the other, as long as they are acknowledged; how many were.
fn push_all(groups: &Groups, look: &mut dyn FnMut(&Groups)) -> usize {
    let pushes = [
        ("PUT", "job/a", "x 1\n"),
        ("POST", "job/b", "y 1\n"),
        ("POST", "job/b", "z 2\n"),
        ("PUT", "job/a", "x 3\n"),
    ];
    look(groups);
    for (done, (method, path, body)) in pushes.into_iter().enumerate() {
        if send(groups, method, path, body).is_err() {
            return done;
        }
        look(groups);
    }
    if groups.delete(&key::parse("job/a").unwrap()).is_err() {
        return pushes.len();
    }
    look(groups);
    pushes.len() + 1
}

#[test]
fn what_was_acknowledged_is_there_after_a_death_at_any_operation_of_the_disk() {
    // The pages between two steps, where nothing goes wrong.
    let mut pages = Vec::new();
    push_all(&groups(), &mut |groups| pages.push(groups.page()));
    for cuts_power in [false, true] {
        for at in 0.. {
            let disk = CrashDisk::new(at);
            disk.fault_at(at, Fault::Kill);
            let clock = Arc::new(SimulatedClock::at(NOW_MS));
            let opened = Groups::open(Arc::new(disk.clone()), clock);
            let done = opened.map_or(0, |groups| push_all(&groups, &mut |_| {}));
            if !disk.is_dead() {
                assert!(at > 20, "{at} operations");
                break;
            }
            let disk = match cuts_power {
                true => disk.cut_power(),
                false => disk.kill(),
            };
            let page = over(Arc::new(disk)).page();
            let expected = &pages[done..(done + 2).min(pages.len())];
            assert!(
                expected.contains(&page),
                "dead at {at}, power cut: {cuts_power}, {done} done:\n{page}"
            );
        }
    }
}

#[test]
fn bodies_come_packed_and_in_protobuf() {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"x 1\n").unwrap();
    let packed = packed.finish().unwrap();
    let plain = parse("", "", b"x 1\n").unwrap();
    assert_eq!(parse("", "gzip", &packed).unwrap(), plain);
    // MetricFamily{name: "x", type: UNTYPED, metric: [{label: [{a, b}], untyped: {value: 1}}]}
    let metric = b"\x0a\x06\x0a\x01a\x12\x01b\x2a\x09\x09\x00\x00\x00\x00\x00\x00\xf0\x3f";
    let mut family = b"\x0a\x01x\x18\x03\x22".to_vec();
    family.push(u8::try_from(metric.len()).unwrap());
    family.extend_from_slice(metric);
    let mut body = vec![u8::try_from(family.len()).unwrap()];
    body.extend(family);
    let protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                    encoding=delimited";
    let labelled = parse("", "", b"x{a=\"b\"} 1\n").unwrap();
    assert_eq!(parse(protobuf, "", &body).unwrap(), labelled);
    assert!(parse(protobuf, "", b"\x05").is_err());
    assert!(parse("", "gzip", b"x 1\n").is_err());
    assert!(parse("", "br", b"x 1\n").is_err());
    let large = vec![b'\n'; PUSH_BYTES_MAX + 1];
    assert_eq!(parse("", "", &large), Err(BodyError::TooLarge));
}
