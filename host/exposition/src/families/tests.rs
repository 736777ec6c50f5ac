use super::*;

fn symbols(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn family(name: u32, samples: u32) -> Family {
    Family {
        name,
        help: 0,
        unit: 0,
        kind: MetricType::Gauge,
        samples,
    }
}

#[test]
fn a_batch_is_read_back() {
    let words = symbols(&[
        "",
        "up",
        "Whether it is up.",
        "job",
        "a",
        "hits",
        "__name__",
        "hits_total",
        "b",
    ]);
    let mut up = family(1, 1);
    up.help = 2;
    let mut hits = family(5, 2);
    hits.kind = MetricType::Counter;
    let labels = vec![3, 4, 6, 7, 3, 8];
    let batch = Families::new(
        words,
        vec![up, family(4, 0), hits],
        vec![1, 2, 0],
        labels,
        vec![1.0, 2.0, 3.0],
        vec![],
    )
    .unwrap();
    let read: Vec<String> = batch
        .iter()
        .flat_map(|(meta, samples)| {
            samples.map(move |sample| {
                let labels = sample.labels().unwrap();
                format!("{} {:?} {labels} {}", meta.name, meta.kind, sample.value)
            })
        })
        .collect();
    let expected = [
        r#"up Gauge {__name__="up", job="a"} 1"#,
        r#"hits Counter {__name__="hits_total", job="b"} 2"#,
        r#"hits Counter {__name__="hits"} 3"#,
    ];
    assert_eq!(read, expected);
    let (meta, mut samples) = batch.iter().next().unwrap();
    assert_eq!(meta.help, "Whether it is up.");
    let sample = samples.next().unwrap();
    assert_eq!((sample.name(), sample.timestamp_ms), ("up", None));
    assert_eq!(batch.sample_count(), 3);
}

#[test]
fn times_belong_to_their_samples() {
    let words = symbols(&["", "up"]);
    let batch = Families::new(
        words,
        vec![family(1, 2)],
        vec![0, 0],
        vec![],
        vec![1.0, 2.0],
        vec![5, -6],
    );
    let batch = batch.unwrap();
    let times: Vec<_> = batch
        .iter()
        .flat_map(|(_, samples)| samples.map(|sample| sample.timestamp_ms))
        .collect();
    assert_eq!(times, [Some(5), Some(-6)]);
}

#[test]
fn a_label_that_comes_twice_is_an_error_of_its_sample() {
    let words = symbols(&["", "up", "job", "a", "b"]);
    let labels = vec![2, 3, 2, 4];
    let batch = Families::new(
        words,
        vec![family(1, 1)],
        vec![2],
        labels,
        vec![1.0],
        vec![],
    );
    let batch = batch.unwrap();
    let (_, mut samples) = batch.iter().next().unwrap();
    let error = samples.next().unwrap().labels().unwrap_err().to_string();
    assert_eq!(error, r#"label name "job" is not unique: invalid sample"#);
}

#[test]
fn an_empty_batch_is_one() {
    let batch = Families::new(vec![], vec![], vec![], vec![], vec![], vec![]).unwrap();
    assert_eq!(batch.iter().count(), 0);
}

#[test]
fn a_batch_that_contradicts_itself_is_refused() {
    let words = || symbols(&["", "up", "job", "a"]);
    type Case<'a> = (&'a str, Vec<Family>, Vec<u32>, Vec<u32>, Vec<f64>, Vec<i64>);
    let cases: Vec<Case<'_>> = vec![
        (
            "batch has 1 values, expected 2",
            vec![family(1, 2)],
            vec![0, 0],
            vec![],
            vec![1.0],
            vec![],
        ),
        (
            "batch has 1 label counts, expected 0",
            vec![],
            vec![0],
            vec![],
            vec![],
            vec![],
        ),
        (
            "batch has 1 label symbols, expected 2",
            vec![family(1, 1)],
            vec![1],
            vec![2],
            vec![1.0],
            vec![],
        ),
        (
            "batch has 3 label symbols, expected 2",
            vec![family(1, 1)],
            vec![1],
            vec![2, 3, 2],
            vec![1.0],
            vec![],
        ),
        (
            "batch has 2 timestamps, expected 1",
            vec![family(1, 1)],
            vec![0],
            vec![],
            vec![1.0],
            vec![1, 2],
        ),
        (
            "a family's name refers to symbol 9 of 4",
            vec![family(9, 0)],
            vec![],
            vec![],
            vec![],
            vec![],
        ),
        (
            "a label refers to symbol 4 of 4",
            vec![family(1, 1)],
            vec![1],
            vec![2, 4],
            vec![1.0],
            vec![],
        ),
        (
            "family 0 has no name",
            vec![family(0, 0)],
            vec![],
            vec![],
            vec![],
            vec![],
        ),
        (
            "a label of family \"up\" has no name",
            vec![family(1, 1)],
            vec![1],
            vec![0, 3],
            vec![1.0],
            vec![],
        ),
        (
            "batch has 1 values, expected 8589934590",
            vec![family(1, u32::MAX), family(1, u32::MAX)],
            vec![0],
            vec![],
            vec![1.0],
            vec![],
        ),
    ];
    for (error, families, counts, labels, values, times) in cases {
        let batch = Families::new(words(), families, counts, labels, values, times);
        assert_eq!(batch.map(|_| ()).unwrap_err().to_string(), error);
    }
    let first = Families::new(symbols(&["up"]), vec![], vec![], vec![], vec![], vec![]);
    assert_eq!(first.unwrap_err(), FamiliesError::FirstSymbol);
}

#[test]
fn a_batch_beyond_a_bound_is_refused() {
    let many = vec![String::new(); Families::SYMBOLS_MAX + 1];
    let error = Families::new(many, vec![], vec![], vec![], vec![], vec![]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "batch has 1048577 symbols, more than 1048576"
    );
    let values = vec![0.0; Families::SAMPLES_MAX + 1];
    let error = Families::new(vec![], vec![], vec![], vec![], values, vec![]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "batch has 4194305 samples, more than 4194304"
    );
}

#[test]
fn bounds_are_stored_as_those_of_a_page_are() {
    let words = symbols(&["", "size", "le", "1", "+Inf", "quantile", "99", "zone", "x"]);
    let of = |kind| {
        let mut size = family(1, 4);
        size.kind = kind;
        let labels = vec![2, 3, 2, 4, 5, 6, 2, 8];
        let counts = vec![1; 4];
        let batch = Families::new(
            words.clone(),
            vec![size],
            counts,
            labels,
            vec![0.0; 4],
            vec![],
        );
        let batch = batch.unwrap();
        let (_, samples) = batch.iter().next().unwrap();
        let read = samples.map(|sample| sample.labels().unwrap().to_string());
        read.collect::<Vec<_>>()
    };
    for (kind, expected) in [
        (
            MetricType::Histogram,
            [
                r#"le="1.0""#,
                r#"le="+Inf""#,
                r#"quantile="99""#,
                r#"le="x""#,
            ],
        ),
        (
            MetricType::Summary,
            [
                r#"le="1""#,
                r#"le="+Inf""#,
                r#"quantile="99.0""#,
                r#"le="x""#,
            ],
        ),
        (
            MetricType::Gauge,
            [r#"le="1""#, r#"le="+Inf""#, r#"quantile="99""#, r#"le="x""#],
        ),
    ] {
        let expected = expected.map(|label| format!(r#"{{__name__="size", {label}}}"#));
        assert_eq!(of(kind), expected, "{kind:?}");
    }
}
