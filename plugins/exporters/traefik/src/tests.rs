use narthex_sdk::fake::Host;

use super::*;

const METRICS: &str = include_str!("../fixtures/metrics-3.6.txt");

fn target() -> Target {
    Target {
        address: "proxy:8080".to_owned(),
        labels: vec![],
        params: vec![],
    }
}

fn host(api: &str) -> Host {
    Host::new()
        .response("http://proxy:8080/metrics", 200, METRICS)
        .response(
            &format!("{api}/api/version"),
            200,
            include_str!("../fixtures/version.json"),
        )
        .response(
            &format!("{api}/api/overview"),
            200,
            include_str!("../fixtures/overview.json"),
        )
        .response(
            &format!("{api}/api/entrypoints"),
            200,
            include_str!("../fixtures/entrypoints.json"),
        )
        .response(
            &format!("{api}/api/rawdata"),
            200,
            include_str!("../fixtures/rawdata.json"),
        )
}

fn collect(config: &str) -> Result<String, Error> {
    let config = serde_json::from_str(config).unwrap();
    let mut batch = Batch::new();
    Traefik::init(config)?.collect(&target(), &mut batch)?;
    Ok(batch.to_text())
}

#[test]
fn its_own_metrics_and_the_state_of_its_objects() {
    host("http://proxy:8080").install();
    let text = collect("{}").unwrap();
    let own = METRICS.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(
        own.count(),
        text.lines()
            .filter(|line| !line.starts_with("traefik_api_"))
            .count()
    );
    let derived: String = text
        .lines()
        .filter(|line| line.starts_with("traefik_api_"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(derived, include_str!("../fixtures/expected.txt"));
}

#[test]
fn the_api_may_be_elsewhere_and_behind_a_password() {
    host("https://admin.example/traefik")
        .secret("admin", "s3")
        .install();
    let text = collect(
        r#"{"api_url": "https://admin.example/", "api_base_path": "/traefik",
            "username": "me", "password_secret": "admin", "tls": "internal"}"#,
    )
    .unwrap();
    assert!(text.contains("traefik_api_up 1"), "{:?}", Host::logged());
    for sent in Host::requests() {
        assert_eq!(sent.headers[0].1, "Basic me:s3");
        assert_eq!(sent.tls.as_deref(), Some("internal"));
    }
}

#[test]
fn without_its_api_the_metrics_are_worth_having() {
    Host::new()
        .response("http://proxy:8080/metrics", 200, METRICS)
        .response("http://proxy:8080/api/version", 404, "404 page not found")
        .install();
    let text = collect("{}").unwrap();
    assert!(text.contains("traefik_config_reloads_total 4"));
    assert!(text.ends_with("traefik_api_up 0\n"));
    assert!(Host::logged()[0].contains("status 404"));
}

#[test]
fn metrics_alone_stay_with_the_host_unless_a_filter_is_set() {
    Host::new()
        .response("http://proxy:8080/metrics", 200, METRICS)
        .install();
    let payload = |config: &str| {
        let mut traefik = Traefik::init(serde_json::from_str(config).unwrap()).unwrap();
        traefik.payload(&target()).unwrap()
    };
    match payload(r#"{"api": false}"#) {
        Payload::Response(handle) => {
            assert_eq!(Host::stored(handle).unwrap(), METRICS.as_bytes());
        }
        other => panic!("{other:?}"),
    }
    let filtered = r#"{"api": false, "metrics": {"keep": ["traefik_open_connections"]}}"#;
    match payload(filtered) {
        Payload::Batch(batch) => assert_eq!(batch.values, [1.0, 2.0]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn objects_with_faults_are_named_first() {
    host("http://proxy:8080").install();
    let text = collect(r#"{"objects_max": 2}"#).unwrap();
    let named: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("traefik_api_router_status"))
        .collect();
    assert_eq!(named.len(), 2);
    assert!(
        named
            .iter()
            .all(|line| !line.contains("status=\"enabled\"")),
        "{named:#?}"
    );
    assert!(text.contains("traefik_api_objects_unnamed{kind=\"router\"} 4"));
    // The counts know all of them.
    assert!(text.contains(
        "traefik_api_routers{protocol=\"http\",provider=\"docker\",status=\"enabled\"} 1"
    ));
}

#[test]
fn faults_say_what_is_wrong() {
    Host::new()
        .response("http://proxy:8080/metrics", 502, "bad gateway")
        .install();
    let text = |config: &str| collect(config).unwrap_err().message().to_owned();
    assert_eq!(
        text("{}"),
        "http://proxy:8080/metrics: status 502: bad gateway"
    );
    assert!(text(r#"{"path": "x"}"#).contains("does not begin with /"));
    assert!(text(r#"{"username": "me"}"#).contains("password_secret"));
}
