use narthex_sdk::fake::Host;

use super::*;

fn target() -> Target {
    Target {
        address: "web:8080".to_owned(),
        labels: vec![],
        params: vec![],
    }
}

fn collect(config: &str) -> Result<String, Error> {
    let config = serde_json::from_str(config).unwrap();
    let mut batch = Batch::new();
    Nginx::init(config)?.collect(&target(), &mut batch)?;
    Ok(batch.to_text())
}

#[test]
fn the_page_of_stub_status() {
    let page = "Active connections: 3 \nserver accepts handled requests\n 7 7 12 \n\
                Reading: 0 Writing: 1 Waiting: 2 \n";
    Host::new()
        .secret("web", "s3")
        .response("https://web:8080/status", 200, page)
        .install();
    let text = collect(
        r#"{"path": "/status", "scheme": "https", "tls": "internal", "username": "me", "password_secret": "web"}"#,
    )
    .unwrap();
    let expected = "nginx_connections_accepted 7\nnginx_connections_handled 7\n\
                    nginx_http_requests_total 12\nnginx_connections_active 3\n\
                    nginx_connections_reading 0\nnginx_connections_writing 1\n\
                    nginx_connections_waiting 2\nnginx_up 1\n";
    assert_eq!(text, expected);
    let sent = &Host::requests()[0];
    assert_eq!(sent.tls.as_deref(), Some("internal"));
    assert_eq!(sent.headers[0].1, "Basic me:s3");
}

#[test]
fn a_server_that_does_not_answer_is_down_and_the_exporter_is_not() {
    Host::new()
        .response("http://web:8080/stub_status", 404, "<html>not found</html>")
        .response("http://web:8080/page", 200, "<html>hello</html>")
        .install();
    for (config, reason) in [
        (
            "{}",
            "http://web:8080/stub_status: status 404: <html>not found</html>",
        ),
        (
            r#"{"path": "/page"}"#,
            "http://web:8080/page: not a page of stub_status",
        ),
    ] {
        assert_eq!(collect(config).unwrap(), "nginx_up 0\n");
        let last = Host::logged().pop().unwrap();
        assert!(last.contains(reason), "{last}");
    }
}

#[test]
fn an_api_that_breaks_off_leaves_nothing_but_that_it_is_down() {
    Host::new()
        .response("http://web:8080/api/", 200, "[9]")
        .response("http://web:8080/api/9/connections", 500, "oops")
        .install();
    let text = collect(r#"{"plus_api": "/api"}"#).unwrap();
    assert_eq!(text, "nginxplus_up 0\n");
}

#[test]
fn what_the_operator_has_to_mend_is_an_error() {
    let error = collect(r#"{"path": "status"}"#).unwrap_err();
    assert!(matches!(error, Error::Config(_)));
}

/// As the reference of the API shows the answers of its version 9.
fn plus() -> Host {
    Host::new()
        .response("http://web:8080/api/", 200, "[1,2,3,4,5,6,7,8,9,10]")
        .response(
            "http://web:8080/api/9/connections",
            200,
            r#"{"accepted":4968119,"dropped":0,"active":5,"idle":117}"#,
        )
        .response(
            "http://web:8080/api/9/ssl",
            200,
            r#"{"handshakes":79572,"handshakes_failed":21025,"session_reuses":15762,"no_common_protocol":4,"verify_failures":{"no_cert":0}}"#,
        )
        .response(
            "http://web:8080/api/9/http/requests",
            200,
            r#"{"total":10624511,"current":4}"#,
        )
        .response(
            "http://web:8080/api/9/http/server_zones",
            200,
            r#"{"site1":{"processing":2,"requests":736395,"responses":{"1xx":0,"2xx":727290,"3xx":4614,"4xx":934,"5xx":1535,"codes":{"200":727270,"404":930},"total":734373},"discarded":2020,"received":180157219,"sent":20183175459}}"#,
        )
        .response(
            "http://web:8080/api/9/http/upstreams",
            200,
            r#"{"trac":{"peers":[{"id":0,"server":"10.0.0.1:8088","name":"10.0.0.1:8088","backup":false,"weight":5,"state":"up","active":0,"max_conns":20,"requests":667231,"header_time":20,"response_time":36,"responses":{"1xx":0,"2xx":666310,"3xx":0,"4xx":915,"5xx":6,"codes":{},"total":667231},"sent":251946292,"received":19222475454,"fails":0,"unavail":0,"health_checks":{"checks":26214,"fails":0,"unhealthy":0,"last_passed":true},"downtime":0},{"id":1,"server":"10.0.0.1:8089","state":"unhealthy","active":0,"requests":0,"responses":{"2xx":0},"sent":0,"received":0,"fails":1,"unavail":1,"health_checks":{"checks":26284,"fails":26284,"unhealthy":1}}],"keepalive":0,"zombies":1,"zone":"trac"}}"#,
        )
        .response(
            "http://web:8080/api/9/http/caches",
            200,
            r#"{"http_cache":{"size":530915328,"max_size":536870912,"cold":false,"hit":{"responses":254032,"bytes":6685627875},"miss":{"responses":1619201,"bytes":53841943822,"responses_written":1619201,"bytes_written":53841943822}}}"#,
        )
        .response(
            "http://web:8080/api/9/stream/server_zones",
            404,
            r#"{"error":{"status":404,"text":"path not found","code":"PathNotFound"}}"#,
        )
}

/// The parts that `plus` does not answer are not there either.
fn without_the_rest(mut host: Host) -> Host {
    for path in [
        "http/location_zones",
        "http/limit_reqs",
        "http/limit_conns",
        "stream/upstreams",
        "resolvers",
    ] {
        host = host.response(&format!("http://web:8080/api/9/{path}"), 404, "{}");
    }
    host
}

#[test]
fn the_api_of_nginx_plus() {
    without_the_rest(plus()).install();
    let text = collect(r#"{"plus_api": "/api/"}"#).unwrap();
    for line in [
        "nginxplus_connections_accepted 4968119",
        "nginxplus_connections_idle 117",
        "nginxplus_ssl_handshakes_failed 21025",
        "nginxplus_http_requests_total 10624511",
        "nginxplus_http_requests_current 4",
        "nginxplus_server_zone_processing{server_zone=\"site1\"} 2",
        "nginxplus_server_zone_responses{server_zone=\"site1\",code=\"2xx\"} 727290",
        "nginxplus_server_zone_sent{server_zone=\"site1\"} 20183175459",
        "nginxplus_upstream_zombies{upstream=\"trac\"} 1",
        "nginxplus_upstream_server_state{upstream=\"trac\",server=\"10.0.0.1:8088\"} 1",
        "nginxplus_upstream_server_state{upstream=\"trac\",server=\"10.0.0.1:8089\"} 6",
        "nginxplus_upstream_server_limit{upstream=\"trac\",server=\"10.0.0.1:8088\"} 20",
        "nginxplus_upstream_server_responses{upstream=\"trac\",server=\"10.0.0.1:8088\",code=\"4xx\"} 915",
        "nginxplus_upstream_server_health_checks_fails{upstream=\"trac\",server=\"10.0.0.1:8089\"} 26284",
        "nginxplus_cache_cold{cache=\"http_cache\"} 0",
        "nginxplus_cache_miss_bytes_written{cache=\"http_cache\"} 53841943822",
        "nginxplus_up 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(!text.contains("code=\"total\""));
    assert!(!text.contains("nginxplus_stream"));
}

#[test]
fn an_api_of_the_future_is_refused() {
    Host::new()
        .response("http://web:8080/api/", 200, "[10]")
        .install();
    let text = collect(r#"{"plus_api": "/api"}"#).unwrap();
    assert_eq!(text, "nginxplus_up 0\n");
    let last = Host::logged().pop().unwrap();
    assert!(last.contains("knows 5 to 9"), "{last}");
}
