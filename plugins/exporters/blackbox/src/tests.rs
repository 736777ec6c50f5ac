//! Probes of a network of our own making; real servers are probed by the tests that cross crates.

use narthex_sdk::fake::Host;
use narthex_sdk::icmp::Reply;
use narthex_sdk::tcp::TlsSession;

use super::*;

fn probe(config: &str, target: &str) -> Result<String, Error> {
    let config = serde_json::from_str(config).unwrap();
    let target = Target {
        address: target.to_owned(),
        labels: vec![],
        params: vec![],
    };
    let mut batch = Batch::new();
    Blackbox::init(config)?.collect(&target, &mut batch)?;
    Ok(batch.to_text())
}

fn network() -> Host {
    Host::new()
        .name("web", &["10.0.0.1"])
        .name("other", &["10.0.0.2"])
}

#[track_caller]
fn assert_lines(text: &str, lines: &[&str]) {
    for line in lines {
        let is_there = text.lines().any(|have| have == *line);
        assert!(is_there, "{line} is missing in\n{text}");
    }
}

#[test]
fn a_page_that_is_there() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\
                  Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\nhello";
    network().dialogue("web:80", answer).install();
    let text = probe(r#"{"prober": "http"}"#, "web:0").unwrap();
    let expected = "probe_failed_due_to_regex 0\n\
        probe_http_duration_seconds{phase=\"resolve\"} 0\n\
        probe_http_duration_seconds{phase=\"connect\"} 0\n\
        probe_http_duration_seconds{phase=\"tls\"} 0\n\
        probe_http_duration_seconds{phase=\"processing\"} 0\n\
        probe_http_duration_seconds{phase=\"transfer\"} 0\n\
        probe_http_content_length 5\nprobe_http_redirects 0\nprobe_http_ssl 0\n\
        probe_http_status_code 200\nprobe_http_uncompressed_body_length 5\n\
        probe_http_version 1.1\nprobe_http_last_modified_timestamp_seconds 1445412480\n\
        probe_dns_lookup_time_seconds 0\nprobe_ip_protocol 4\nprobe_ip_addr_hash 1817209388\n\
        probe_duration_seconds 0\nprobe_success 1\n";
    assert_eq!(text, expected);
    let sent = String::from_utf8(Host::written()).unwrap();
    let expected =
        "GET / HTTP/1.1\r\nHost: web\r\nUser-Agent: Narthex\r\nConnection: close\r\n\r\n";
    assert_eq!(sent, expected);
}

#[test]
fn a_server_that_is_gone_is_a_failed_probe_and_no_failed_scrape() {
    network().install();
    for (config, target) in [
        (r#"{"prober": "http"}"#, "http://web:81/"),
        (r#"{"prober": "http"}"#, "http://nowhere/"),
        (r#"{"prober": "tcp"}"#, "web:81"),
        (
            r#"{"prober": "dns", "dns": {"query_name": "a", "transport_protocol": "tcp"}}"#,
            "web",
        ),
        (r#"{"prober": "icmp"}"#, "web"),
    ] {
        let text = probe(config, target).unwrap();
        assert_lines(&text, &["probe_success 0"]);
    }
    let logged = Host::logged();
    assert_eq!(logged.len(), 5);
    assert!(
        logged[0].contains("web:81: connection refused"),
        "{logged:?}"
    );
}

#[test]
fn redirects_are_followed_and_credentials_are_not_taken_along() {
    network()
        .dialogue(
            "web:80",
            "HTTP/1.1 302 Found\r\nLocation: //other:81/x\r\nContent-Length: 0\r\n\r\n",
        )
        .dialogue("other:81", "HTTP/1.0 200 OK\r\n\r\nbody")
        .secret("token", "s3")
        .install();
    let config = r#"{"prober": "http", "http":
        {"method": "POST", "body": "ask", "bearer_token_secret": "token"}}"#;
    let text = probe(config, "http://web/up").unwrap();
    assert_lines(
        &text,
        &[
            "probe_http_redirects 1",
            "probe_http_content_length -1",
            "probe_http_uncompressed_body_length 4",
            "probe_http_version 1",
            "probe_success 1",
        ],
    );
    let sent = String::from_utf8(Host::written()).unwrap();
    let expected = "POST /up HTTP/1.1\r\nHost: web\r\nUser-Agent: Narthex\r\nContent-Length: 3\r\n\
                    Connection: close\r\nAuthorization: Bearer s3\r\n\r\nask\
                    GET /x HTTP/1.1\r\nHost: other:81\r\nUser-Agent: Narthex\r\n\
                    Connection: close\r\n\r\n";
    assert_eq!(sent, expected);

    let config = r#"{"prober": "http", "http": {"follow_redirects": false}}"#;
    let text = probe(config, "http://web/up").unwrap();
    assert_lines(
        &text,
        &[
            "probe_http_redirects 0",
            "probe_http_status_code 302",
            "probe_success 0",
        ],
    );
}

#[test]
fn redirects_have_an_end() {
    let answer = "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    network().dialogue("web:80", answer).install();
    let text = probe(r#"{"prober": "http"}"#, "http://web/").unwrap();
    assert_lines(&text, &["probe_http_redirects 10", "probe_success 0"]);
}

#[test]
fn what_an_answer_must_and_must_not_be() {
    let answer = "HTTP/1.1 200 OK\r\nX-Kind: one\r\nX-Kind: two\r\n\r\nhello world";
    network().dialogue("web:80", answer).install();
    for (http, success, by_expression) in [
        (r#"{"valid_status_codes": [404]}"#, 0, 0),
        (r#"{"valid_status_codes": [404, 200]}"#, 1, 0),
        (r#"{"valid_http_versions": ["HTTP/2.0"]}"#, 0, 0),
        (r#"{"valid_http_versions": ["HTTP/1.1"]}"#, 1, 0),
        (r#"{"fail_if_body_matches_regexp": ["x", "wo.ld"]}"#, 0, 1),
        (
            r#"{"fail_if_body_not_matches_regexp": ["hello", "x"]}"#,
            0,
            1,
        ),
        (
            r#"{"fail_if_body_not_matches_regexp": ["(?i)HELLO"]}"#,
            1,
            0,
        ),
        (
            r#"{"fail_if_header_matches": [{"header": "x-kind", "regexp": "^two$"}]}"#,
            0,
            1,
        ),
        (
            r#"{"fail_if_header_not_matches": [{"header": "x-kind", "regexp": "two"}]}"#,
            1,
            0,
        ),
        (
            r#"{"fail_if_header_not_matches": [{"header": "y", "regexp": "."}]}"#,
            0,
            1,
        ),
        (
            r#"{"fail_if_header_not_matches": [{"header": "y", "regexp": ".", "allow_missing": true}]}"#,
            1,
            0,
        ),
        (r#"{"fail_if_ssl": true}"#, 1, 0),
        (r#"{"fail_if_not_ssl": true}"#, 0, 0),
    ] {
        let config = format!(r#"{{"prober": "http", "http": {http}}}"#);
        let text = probe(&config, "http://web/").unwrap();
        let lines = [
            format!("probe_success {success}"),
            format!("probe_failed_due_to_regex {by_expression}"),
        ];
        assert_lines(&text, &[&lines[0], &lines[1]]);
    }
}

fn session() -> TlsSession {
    TlsSession {
        version: "TLS 1.3".to_owned(),
        cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
        certificates: vec![certificate::tests::der()],
    }
}

#[test]
fn certificates_tell_when_they_expire() {
    network()
        .dialogue("web:443", "HTTP/1.1 204 No Content\r\n\r\n")
        .session("web:443", session())
        .dialogue("web:853", "")
        .session("web:853", session())
        .install();
    let expiry = certificate::tests::EXPIRY;
    let lines = [
        format!("probe_ssl_earliest_cert_expiry {expiry}"),
        format!("probe_ssl_last_chain_expiry_timestamp_seconds {expiry}"),
        "probe_tls_version_info{version=\"TLS 1.3\"} 1".to_owned(),
        "probe_success 1".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let text = probe(r#"{"prober": "http"}"#, "https://web/").unwrap();
    assert_lines(&text, &lines);
    assert_lines(&text, &["probe_http_ssl 1"]);
    assert!(
        text.contains("subjectalternative=\"a.example,*.b.example\""),
        "{text}"
    );
    let text = probe(r#"{"prober": "tcp", "tcp": {"tls": true}}"#, "web:853").unwrap();
    assert_lines(&text, &lines);
}

#[test]
fn a_dialogue_of_lines_with_tls_in_its_middle() {
    let config = r#"{"prober": "tcp", "tcp": {"query_response": [
        {"expect": "^220 ([a-z]+)", "send": "EHLO ${1}"},
        {"expect": "^250-STARTTLS"},
        {"expect": "^250 ", "send": "STARTTLS"},
        {"starttls": true},
        {"send": "QUIT"}]}}"#;
    let greeting = "220 mail ESMTP\r\n";
    let lines = [
        ("EHLO mail\n", "250-SIZE\r\n250-STARTTLS\r\n250 HELP\r\n"),
        ("STARTTLS\n", ""),
        ("QUIT\n", ""),
    ];
    network()
        .dialogue("web:25", greeting)
        .answers("web:25", move |written| {
            let written = String::from_utf8_lossy(written).into_owned();
            let line = lines.iter().find(|(line, _)| *line == written);
            line.map(|(_, answer)| answer.as_bytes().to_vec()).unwrap()
        })
        .session("web:25", session())
        .install();
    let text = probe(config, "web:25").unwrap();
    let version = "probe_tls_version_info{version=\"TLS 1.3\"} 1";
    assert_lines(
        &text,
        &["probe_success 1", "probe_failed_due_to_regex 0", version],
    );
    assert_eq!(Host::written(), b"EHLO mail\nSTARTTLS\nQUIT\n");

    let config = r#"{"prober": "tcp", "tcp": {"query_response": [{"expect": "^SSH-2.0-"}]}}"#;
    let text = probe(config, "web:25").unwrap();
    assert_lines(&text, &["probe_success 0", "probe_failed_due_to_regex 1"]);
}

#[test]
fn a_query_over_datagrams() {
    use dns::records::tests::{answered, record};

    let answers = |written: &[u8]| {
        let records = [record(1, &[10, 1, 2, 3]), record(1, &[10, 1, 2, 4])].concat();
        Some(answered(written, 0, [2, 0, 0], &records))
    };
    network().datagrams("web:53", answers).install();
    for (dns, success) in [
        ("", 1),
        (r#", "valid_rcodes": ["NXDOMAIN"]"#, 0),
        (
            r#", "validate_answer_rrs": {"fail_if_matches_regexp": ["\\.4$"]}"#,
            0,
        ),
        (
            r#", "validate_answer_rrs": {"fail_if_not_matches_regexp": ["\\.4$"]}"#,
            0,
        ),
        (
            r#", "validate_answer_rrs": {"fail_if_not_matches_regexp": ["\tA\t10"]}"#,
            1,
        ),
        (
            r#", "validate_answer_rrs": {"fail_if_all_match_regexp": ["10\\.1"]}"#,
            0,
        ),
        (
            r#", "validate_answer_rrs": {"fail_if_all_match_regexp": ["\\.4$"]}"#,
            1,
        ),
        (
            r#", "validate_answer_rrs": {"fail_if_none_matches_regexp": ["\\.4$"]}"#,
            1,
        ),
        (
            r#", "validate_answer_rrs": {"fail_if_none_matches_regexp": ["\\.5$"]}"#,
            0,
        ),
        (
            r#", "validate_authority_rrs": {"fail_if_not_matches_regexp": ["x"]}"#,
            0,
        ),
    ] {
        let dns = dns.replace('\t', "\\t");
        let config = format!(
            r#"{{"prober": "dns", "dns": {{"query_name": "a.example", "query_type": "A"{dns}}}}}"#
        );
        let text = probe(&config, "web:0").unwrap();
        let success = format!("probe_success {success}");
        let lines = [
            &success,
            "probe_dns_answer_rrs 2",
            "probe_dns_query_succeeded 1",
        ];
        assert_lines(&text, &lines);
    }
}

#[test]
fn a_query_over_a_connection_tells_the_serial_of_a_zone() {
    use dns::records::tests::{answered, record};

    network()
        .answers("web:5353", |written| {
            let soa = [&[0, 0][..], &[0, 0, 1, 0], &[0; 16]].concat();
            let answer = answered(&written[2..], 0, [1, 0, 0], &record(6, &soa));
            let length = u16::try_from(answer.len()).unwrap();
            [&length.to_be_bytes()[..], &answer].concat()
        })
        .install();
    let config = r#"{"prober": "dns", "dns":
        {"query_name": "a.example", "query_type": "SOA", "transport_protocol": "tcp"}}"#;
    let text = probe(config, "web:5353").unwrap();
    assert_lines(&text, &["probe_dns_serial 256", "probe_success 1"]);
}

#[test]
fn an_echo() {
    let reply = Reply {
        address: "10.0.0.1".to_owned(),
        nanoseconds: 1_500_000,
    };
    network().echo("web", reply).install();
    let text = probe(r#"{"prober": "icmp"}"#, "web").unwrap();
    let trip = "probe_icmp_duration_seconds{phase=\"rtt\"} 0.0015";
    assert_lines(&text, &[trip, "probe_success 1", "probe_ip_protocol 4"]);
}

#[test]
fn a_version_of_ip_that_is_not_there_fails_the_probe() {
    network().dialogue("web:1", "").install();
    let config = r#"{"prober": "tcp", "tcp": {"ip_protocol_fallback": false}}"#;
    assert_lines(&probe(config, "web:1").unwrap(), &["probe_success 0"]);
    let config = r#"{"prober": "tcp", "tcp": {"preferred_ip_protocol": "ip4"}}"#;
    assert_lines(&probe(config, "web:1").unwrap(), &["probe_success 1"]);
}

#[test]
fn a_parameter_names_what_is_probed_in_place_of_the_address() {
    network().dialogue("web:1", "").install();
    let config = serde_json::from_str(r#"{"prober": "tcp"}"#).unwrap();
    let target = Target {
        address: "elsewhere:2".to_owned(),
        labels: vec![],
        params: vec![("target".to_owned(), "web:1".to_owned())],
    };
    let mut batch = Batch::new();
    let mut blackbox = Blackbox::init(config).unwrap();
    blackbox.collect(&target, &mut batch).unwrap();
    assert_lines(&batch.to_text(), &["probe_success 1"]);
}

#[test]
fn what_the_operator_has_to_mend_is_an_error() {
    network().install();
    for (config, target, word) in [
        (r#"{"prober": "http"}"#, "ftp://web/", "no URL"),
        (r#"{"prober": "tcp"}"#, "web:0", "no port"),
        (r#"{"prober": "dns"}"#, "web", "query_name"),
        (
            r#"{"prober": "dns", "dns": {"query_name": "a..b"}}"#,
            "web",
            "no name",
        ),
        (
            r#"{"prober": "dns", "dns": {"query_name": "a", "query_type": "B"}}"#,
            "web",
            "query_type",
        ),
        (
            r#"{"prober": "dns", "dns": {"query_name": "a", "dns_over_tls": true}}"#,
            "web",
            "transport_protocol",
        ),
        (
            r#"{"prober": "http", "http": {"bearer_token": "x", "bearer_token_secret": "y"}}"#,
            "web",
            "at most one",
        ),
        (
            r#"{"prober": "http", "http": {"headers": {"a": "b\r\nc: d"}}}"#,
            "web",
            "end of a line",
        ),
        (
            r#"{"prober": "tcp", "tcp": {"tls": true, "query_response": [{"starttls": true}]}}"#,
            "web:1",
            "once",
        ),
    ] {
        let error = probe(config, target).unwrap_err();
        let found = matches!(&error, Error::Config(text) if text.contains(word));
        assert!(found, "{config} {target}: {error:?}");
    }
    // Without a grant.
    let config = r#"{"prober": "dns", "dns": {"query_name": "a"}}"#;
    assert!(matches!(probe(config, "web"), Err(Error::Denied(_))));
}
