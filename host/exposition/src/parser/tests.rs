//! The short cut against the whole grammar.

use super::*;

/// Pages whose damage reaches every branch of both.
const PROMETHEUS_PAGE: &str = "# HELP up Is it \\\\ up?\n# TYPE up gauge\nup 1\n\
    up{a=\"b\",c=\"\\\"d\\\\\\n\",} -12.5e-3 1700000000123\n# TYPE h histogram\n\
    h_bucket{le=\"+Inf\"} 4e+06\n\n# comment\n { \"q.n\" , x=\"y\\\\\" }\tNaN\n\
    # HELP \"q.n\" Größe\nlong_name:sum{device=\"/dev/sda\"} 123456789012345678\nend 0";
const OPEN_METRICS_PAGE: &str = "# TYPE up gauge\n# UNIT up_seconds seconds\n# HELP up a\\\"b\n\
    up{a=\"b\",c=\"\\\"d\\\\\\n\"} -12.5e-3\nup{a=\"\"} 1 17.5\n{\"q.n\",x=\"y\"} NaN 1\n\
    hits_total{} 17 # {id=\"x\",\"i.d\"=\"\\n\"} 0.5 1.25\nb 4e+06 # {} 1\n# EOF\n";

/// What a page is read as when no line takes the short cut.
fn read_exactly(body: &[u8], format: Format) -> Vec<Result<Entry<'_>, ParseError>> {
    let mut parser = Parser::new(body, format);
    let mut entries = Vec::new();
    while !parser.finished
        && let Some(entry) = parser.exact()
    {
        if let Ok(Entry::Type { kind, .. }) = &entry {
            parser.kind = *kind;
        }
        entries.push(entry);
    }
    entries
}

fn check(body: &[u8], format: Format) {
    let mut entries = Parser::new(body, format);
    for exact in read_exactly(body, format) {
        let entry = entries.next();
        assert_eq!(bits(&entry), bits(&Some(exact.clone())));
        // A NaN is not equal to itself, but its text is.
        let (entry, exact) = (format!("{entry:?}"), format!("{:?}", Some(exact)));
        assert_eq!(entry, exact, "{:?}", String::from_utf8_lossy(body));
    }
    assert_eq!(entries.next(), None);
    for series in Parser::new(body, format).filter_map(Result::ok) {
        if let Entry::Series(series) = series {
            let _ = series.labels();
            assert!(series.label_pairs().any(|(name, _)| name == "__name__"));
            let _ = series.exemplar.map(|exemplar| exemplar.labels());
        }
    }
}

fn bits(entry: &Option<Result<Entry<'_>, ParseError>>) -> Option<u64> {
    match entry {
        Some(Ok(Entry::Series(series))) => Some(series.value.to_bits()),
        _ => None,
    }
}

fn pages() -> [(&'static str, Format); 2] {
    [
        (PROMETHEUS_PAGE, Format::PrometheusText),
        (OPEN_METRICS_PAGE, Format::OpenMetrics),
    ]
}

#[test]
fn the_pages_are_whole() {
    for (page, format) in pages() {
        let fault = Parser::new(page.as_bytes(), format).find_map(Result::err);
        assert_eq!(fault, None);
        check(page.as_bytes(), format);
    }
}

#[test]
fn a_page_cut_anywhere_is_read_the_same_both_ways() {
    for (page, format) in pages() {
        for end in 0..page.len() {
            check(&page.as_bytes()[..end], format);
        }
    }
}

#[test]
fn a_page_with_any_byte_changed_is_read_the_same_both_ways() {
    for (page, format) in pages() {
        let mut body = page.as_bytes().to_vec();
        for at in 0..body.len() {
            let whole = body[at];
            for flipped in 1..=u8::MAX {
                body[at] = whole ^ flipped;
                // Every bit alone, and every byte that means something.
                if flipped.is_power_of_two() || b"\n\t \0\"\\{}=,#_:09e.-N\xff".contains(&body[at])
                {
                    check(&body, format);
                }
            }
            body[at] = whole;
        }
    }
}

#[test]
fn a_page_of_random_pieces_is_read_the_same_both_ways() {
    const PIECES: [&str; 34] = [
        "a",
        "b9",
        "_",
        ":",
        "{",
        "}",
        "=",
        "\"",
        "\\",
        ",",
        " ",
        "\t",
        "\n",
        "\0",
        "#",
        "# HELP ",
        "# TYPE ",
        "# UNIT ",
        "# EOF",
        "gauge",
        "1",
        "-2.5e3",
        "NaN",
        " +Inf",
        " 0.12345678901234567\n",
        " 1\n",
        "{x=\"y\"}",
        " # {",
        "\"} ",
        "le=\"1\"",
        "é",
        "_total",
        "a 1\n",
        "\"q.n\"",
    ];
    let mut seed = 42_u64;
    let mut next = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % bound
    };
    for _ in 0..40_000 {
        let length = 1 + next(14);
        let body: String = (0..length).map(|_| PIECES[next(PIECES.len())]).collect();
        for (_, format) in pages() {
            check(body.as_bytes(), format);
        }
    }
}

#[test]
fn a_page_in_parts_says_what_the_whole_says() {
    let page = "# TYPE h histogram\nh_bucket{le=\"1\"} 1 1\nh_bucket{le=\"+Inf\"} 2 1\n# EOF\n";
    let labels = |parser: &mut Parser<'_>| -> Vec<String> {
        let entries = parser.map(Result::unwrap).filter_map(|entry| match entry {
            Entry::Series(series) => Some(series.labels().unwrap().to_string()),
            _ => None,
        });
        entries.collect()
    };
    let whole = labels(&mut Parser::new(page.as_bytes(), Format::OpenMetrics));
    assert!(whole[0].contains("\"1.0\""), "{whole:?}");
    for (cut, _) in page.match_indices('\n') {
        let (first, rest) = page.split_at(cut + 1);
        let first = match rest {
            "" => first.to_owned(),
            _ => format!("{first}# EOF\n"),
        };
        let mut parser = Parser::new(first.as_bytes(), Format::OpenMetrics);
        let mut found = labels(&mut parser);
        let kind = parser.kind();
        if !rest.is_empty() {
            let mut parser = Parser::after(kind, rest.as_bytes(), Format::OpenMetrics);
            found.extend(labels(&mut parser));
        }
        assert_eq!(found, whole);
    }
}
