//! Containers of a daemon that answers from a script.

use narthex_sdk::fake::Host;

use super::*;

const CONTAINERS: &str = r#"[
    {"Id": "web", "Names": ["/web"], "Labels": {"com.example/team": "a"},
     "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
               {"PrivatePort": 443, "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"}],
     "HostConfig": {"NetworkMode": "front"},
     "NetworkSettings": {"Networks": {
        "front": {"IPAddress": "10.0.0.2", "NetworkID": "n1"},
        "back": {"IPAddress": "10.0.1.2", "NetworkID": "n2"}, "absent": null}}},
    {"Id": "side", "Names": ["/side"], "Labels": null, "Ports": null,
     "HostConfig": {"NetworkMode": "container:web"}, "NetworkSettings": {"Networks": null}},
    {"Id": "node", "Names": ["/node"], "HostConfig": {"NetworkMode": "host"},
     "NetworkSettings": {"Networks": {"host": {"IPAddress": "", "NetworkID": "n3"}}}},
    {"Id": "six", "Names": ["/six"], "Ports": [{"PrivatePort": 9, "Type": "tcp"}],
     "NetworkSettings": {"Networks": {"front": {"IPAddress": "fd00::2", "NetworkID": "n1"}}}},
    {"Id": "nameless", "Names": []},
    {"Id": "loop", "Names": ["/loop"], "HostConfig": {"NetworkMode": "container:loop"}}]"#;

const NETWORKS: &str = r#"[
    {"Id": "n1", "Name": "front", "Scope": "local", "Internal": false, "Ingress": false,
     "Labels": {"zone": "x"}},
    {"Id": "n2", "Name": "back", "Scope": "local", "Internal": true, "Ingress": false}]"#;

fn refresh(config: &str) -> Vec<Vec<(String, String)>> {
    let config = serde_json::from_str(config).unwrap();
    let mut groups = Docker::init(config).unwrap().refresh().unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].source, "Docker");
    groups.remove(0).targets
}

/// `CONTAINER ADDRESS` of each target.
fn addresses(config: &str) -> Vec<String> {
    let label = |target: &[(String, String)], name: &str| {
        let found = target.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let shown = refresh(config).into_iter().map(|target| {
        let name = label(&target, "__meta_docker_container_name");
        format!("{name} {}", label(&target, "__address__"))
    });
    shown.collect()
}

fn host(base: &str, query: &str) -> Host {
    Host::new()
        .response(&format!("{base}/containers/json{query}"), 200, CONTAINERS)
        .response(&format!("{base}/networks"), 200, NETWORKS)
}

#[test]
fn each_port_of_each_container_is_a_target() {
    host("http://localhost", "").install();
    let first = r#"{"host": "unix:///var/run/docker.sock"}"#;
    let back = ["/web 10.0.1.2:80", "/web 10.0.1.2:443", "/side 10.0.1.2:80"];
    let rest = ["/node localhost", "/six [fd00::2]:9"];
    assert_eq!(addresses(first), [&back[..], &rest].concat());
    let all = r#"{"host": "unix:///d", "match_first_network": false, "port": 81,
        "host_networking_host": "h:1"}"#;
    assert_eq!(
        addresses(all),
        [
            "/web 10.0.1.2:80",
            "/web 10.0.1.2:443",
            "/web 10.0.0.2:80",
            "/web 10.0.0.2:443",
            "/side 10.0.1.2:81",
            "/side 10.0.0.2:81",
            "/node h:1",
            "/six [fd00::2]:9",
        ]
    );
}

#[test]
fn a_target_has_the_labels_of_its_container_its_network_and_its_port() {
    host("http://d:2375", "").install();
    let config = r#"{"host": "tcp://d:2375/", "match_first_network": false}"#;
    let web = &refresh(config)[2];
    let expected = [
        ("__address__", "10.0.0.2:80"),
        ("__meta_docker_container_id", "web"),
        ("__meta_docker_container_label_com_example_team", "a"),
        ("__meta_docker_container_name", "/web"),
        ("__meta_docker_container_network_mode", "front"),
        ("__meta_docker_network_id", "n1"),
        ("__meta_docker_network_ingress", "false"),
        ("__meta_docker_network_internal", "false"),
        ("__meta_docker_network_ip", "10.0.0.2"),
        ("__meta_docker_network_label_zone", "x"),
        ("__meta_docker_network_name", "front"),
        ("__meta_docker_network_scope", "local"),
        ("__meta_docker_port_private", "80"),
        ("__meta_docker_port_public", "8080"),
        ("__meta_docker_port_public_ip", "0.0.0.0"),
    ];
    let found: Vec<_> = web
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn filters_are_the_daemons_to_apply() {
    let query = "?filters=%7B%22label%22%3A%7B%22a%22%3Atrue%2C%22b%22%3Atrue%7D%7D";
    host("https://d:2376", query).install();
    let config = r#"{"host": "tcp://d:2376", "tls": true,
        "filters": [{"name": "label", "values": ["a", "b"]}]}"#;
    assert_eq!(refresh(config).len(), 5);
}

#[test]
fn what_the_daemon_refuses_is_an_error() {
    Host::new()
        .response("http://d/containers/json", 500, "no")
        .install();
    let config = serde_json::from_str(r#"{"host": "http://d"}"#).unwrap();
    let error = Docker::init(config).unwrap().refresh().unwrap_err();
    let text = "error while listing containers: http://d/containers/json: status 500: no";
    assert_eq!(error.message(), text);
    let config = serde_json::from_str(r#"{"host": "ssh://d"}"#).unwrap();
    assert!(Docker::init(config).is_err());
}
