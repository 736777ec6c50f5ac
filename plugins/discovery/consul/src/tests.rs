//! Services of an agent that answers from a script.

use narthex_sdk::fake::Host;
use narthex_sdk::http::Response;

use super::*;

const BASE: &str = "http://localhost:8500";

const INSTANCE: &str = r#"[{"Node": {"Node": "n1", "Address": "10.0.0.1",
        "TaggedAddresses": {"lan": "10.0.0.1", "wan-v4": "1.2.3.4"}, "Meta": {"rack.id": "7"}},
    "Service": {"ID": "web-1", "Tags": ["a", "b"], "Address": "", "Port": 80,
        "Meta": {"version": "2"}, "Namespace": "default"},
    "Checks": [{"CheckID": "serfHealth", "Status": "passing"}, {"Status": "warning"}]},
   {"Node": {"Node": "n2", "Address": "10.0.0.2", "TaggedAddresses": null, "Meta": null},
    "Service": {"ID": "web-2", "Tags": null, "Address": "fd00::2", "Port": 81}}]"#;

fn respond(host: Host, path: &str, index: u64, body: &str) -> Host {
    let response = Response {
        status: 200,
        headers: vec![("X-Consul-Index".to_owned(), index.to_string())],
        body: body.as_bytes().to_vec(),
    };
    host.respond(&format!("{BASE}{path}"), response)
}

fn agent() -> Host {
    respond(
        Host::new(),
        "/v1/agent/self",
        0,
        r#"{"Config": {"Datacenter": "dc1"}}"#,
    )
}

fn made(config: &str) -> Consul {
    Consul::init(serde_json::from_str(config).unwrap()).unwrap()
}

/// Each group as `SERVICE: ADDRESS ADDRESS`.
fn found(consul: &mut Consul) -> Vec<String> {
    let groups = consul.refresh().unwrap();
    let shown = groups.iter().map(|group| {
        let addresses = group.targets.iter().map(|target| target[0].1.as_str());
        let addresses = addresses.collect::<Vec<_>>().join(" ");
        format!("{}: {addresses}", group.source)
    });
    shown.collect()
}

/// The paths that were asked for, less the server.
fn asked() -> Vec<String> {
    let requests = Host::requests();
    let paths = requests.iter().map(|request| request.url.replace(BASE, ""));
    paths.collect()
}

#[test]
fn an_instance_has_the_labels_of_its_node_and_of_its_service() {
    let host = respond(agent(), "/v1/health/service/web?stale=", 5, INSTANCE);
    host.install();
    let groups = made(r#"{"services": ["web"], "tag_separator": ";"}"#)
        .refresh()
        .unwrap();
    let group = &groups[0];
    let pairs = |labels: &[(String, String)]| -> Vec<String> {
        let labels = labels.iter();
        labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    };
    assert_eq!(
        pairs(&group.labels),
        ["__meta_consul_service=web", "__meta_consul_dc=dc1"]
    );
    assert_eq!(
        pairs(&group.targets[0]),
        [
            "__address__=10.0.0.1:80",
            "__meta_consul_address=10.0.0.1",
            "__meta_consul_node=n1",
            "__meta_consul_namespace=default",
            "__meta_consul_partition=",
            "__meta_consul_tags=;a;b;",
            "__meta_consul_service_address=",
            "__meta_consul_service_port=80",
            "__meta_consul_service_id=web-1",
            "__meta_consul_health=warning",
            "__meta_consul_metadata_rack_id=7",
            "__meta_consul_service_metadata_version=2",
            "__meta_consul_tagged_address_lan=10.0.0.1",
            "__meta_consul_tagged_address_wan_v4=1.2.3.4",
        ]
    );
    assert_eq!(group.targets[1][0].1, "[fd00::2]:81");
}

#[test]
fn the_catalog_says_which_services_there_are() {
    let services = "/v1/catalog/services?stale=";
    let health = |name: &str| format!("/v1/health/service/{name}?stale=&tag=x");
    let mut host = respond(
        agent(),
        services,
        7,
        r#"{"a": ["x"], "b": ["y", "x"], "c": null}"#,
    );
    for name in ["a", "b"] {
        host = respond(host, &health(name), 7, INSTANCE);
    }
    host.install();
    let mut consul = made(r#"{"tags": ["x"], "refresh_interval_seconds": 0.001}"#);
    let both = ["a: 10.0.0.1:80 [fd00::2]:81", "b: 10.0.0.1:80 [fd00::2]:81"];
    assert_eq!(found(&mut consul), both);
    assert_eq!(asked().len(), 5);
    // The next waits for another state, and not beyond the interval. A service that is gone from
    // the catalog is gone; one that cannot be looked at stays.
    let waiting = "/v1/catalog/services?stale=&index=7&wait=1ms";
    respond(agent(), waiting, 9, r#"{"b": ["x"]}"#).install();
    assert_eq!(found(&mut consul), [both[1]]);
    // A catalog that cannot be looked at is an error, and then what was found stays.
    agent().install();
    assert!(consul.refresh().is_err());
    // One that goes back is asked for without waiting.
    let waiting = "/v1/catalog/services?stale=&index=9&wait=1ms";
    let host = respond(agent(), waiting, 3, r#"{"b": ["x"]}"#);
    host.install();
    assert_eq!(found(&mut consul), [both[1]]);
    respond(agent(), services, 3, "{}").install();
    assert_eq!(found(&mut consul), Vec::<String>::new());
}

/// All checks, less the checks.
const CHECKS: &str = "/v1/health/state/any?stale=&filter=Status%20%3D%3D%20none";

#[test]
fn a_change_of_health_alone_is_seen_at_once() {
    let catalog = "/v1/catalog/services?stale=";
    let service = "/v1/health/service/a?stale=";
    let host = respond(agent(), CHECKS, 5, "[]");
    let host = respond(host, catalog, 7, r#"{"a": []}"#);
    respond(host, service, 5, INSTANCE).install();
    let mut consul = made(r#"{"refresh_interval_seconds": 0.001}"#);
    assert_eq!(found(&mut consul), ["a: 10.0.0.1:80 [fd00::2]:81"]);
    // The checks were asked before the service: what changes after that is waited for.
    let places = [CHECKS, catalog, service].map(|path| {
        let asked = asked();
        asked.iter().position(|found| found == path).unwrap()
    });
    assert!(places.is_sorted(), "{:?}", asked());
    // The checks change, the catalog does not.
    let waiting = format!("{CHECKS}&index=5&wait=1ms");
    let host = respond(agent(), &waiting, 6, "[]");
    let host = respond(host, catalog, 7, r#"{"a": []}"#);
    respond(host, service, 6, "[]").install();
    assert_eq!(found(&mut consul), ["a: "]);
    // The catalog changes, and the checks do not.
    let host = respond(agent(), &format!("{CHECKS}&index=6&wait=1ms"), 6, "[]");
    let waiting = format!("{catalog}&index=7&wait=1ms");
    let host = respond(host, &waiting, 8, r#"{"a": [], "b": []}"#);
    let host = respond(host, service, 6, "[]");
    let host = respond(host, "/v1/health/service/b?stale=", 8, INSTANCE);
    host.install();
    assert_eq!(found(&mut consul).len(), 2);
    // Where nobody says the state of the checks, the catalog waits alone.
    let host = respond(agent(), &format!("{catalog}&index=8&wait=1ms"), 9, "{}");
    host.install();
    assert_eq!(found(&mut consul), Vec::<String>::new());
}

#[test]
fn several_named_services_are_waited_for_together() {
    let services = ["a", "b"].map(|name| format!("/v1/health/service/{name}?stale="));
    let all = |host: Host| {
        let each = services.iter();
        each.fold(host, |host, path| respond(host, path, 5, INSTANCE))
    };
    all(respond(agent(), CHECKS, 5, "[]")).install();
    let mut consul = made(r#"{"services": ["a", "b"], "refresh_interval_seconds": 0.003}"#);
    assert_eq!(found(&mut consul).len(), 2);
    let waiting = format!("{CHECKS}&index=5&wait=3ms");
    all(respond(agent(), &waiting, 6, "[]")).install();
    assert_eq!(found(&mut consul).len(), 2);
    assert!(asked().contains(&waiting), "{:?}", asked());
    assert!(!asked().iter().any(|path| path.contains("catalog")));
}

#[test]
fn a_single_service_is_waited_for() {
    let path = "/v1/health/service/web";
    respond(agent(), &format!("{path}?stale="), 5, INSTANCE).install();
    let mut consul = made(r#"{"services": ["web"], "refresh_interval_seconds": 0.001}"#);
    assert_eq!(found(&mut consul).len(), 1);
    let waiting = format!("{path}?stale=&index=5&wait=1ms");
    respond(agent(), &waiting, 6, "[]").install();
    assert_eq!(found(&mut consul), ["web: "]);
}

#[test]
fn what_is_configured_goes_with_every_query() {
    let query = "?dc=east&ns=n&partition=p&node-meta=rack%3A7";
    let health = format!("/v1/health/service/a%20b{query}&filter=Checks%20is%20empty");
    respond(Host::new(), &format!("/consul{health}"), 1, "[]").install();
    let mut consul = made(
        r#"{"path_prefix": "/consul/", "datacenter": "east", "namespace": "n", "partition": "p",
            "allow_stale": false, "node_meta": {"rack": "7"}, "services": ["a b"],
            "health_filter": "Checks is empty", "filter": "unused"}"#,
    );
    assert_eq!(found(&mut consul), ["a b: "]);
    assert_eq!(asked(), [format!("/consul{health}")]);
}

#[test]
fn nothing_known_of_any_service_is_an_error() {
    agent().install();
    assert!(made(r#"{"services": ["web"]}"#).refresh().is_err());
    let no_agent = made(r#"{"server": "https://consul"}"#)
        .refresh()
        .unwrap_err();
    assert!(no_agent.message().contains("datacenter"), "{no_agent:?}");
    let config = serde_json::from_str(r#"{"server": "ftp://consul"}"#).unwrap();
    assert!(Consul::init(config).is_err());
}
