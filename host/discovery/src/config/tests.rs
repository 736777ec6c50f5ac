//! What entries say, as they are read and as plugins are told.

use serde_json::json;

use super::*;

fn entry(field: &str, value: Value) -> SdConfig {
    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }
    match field {
        "plugin" => SdConfig::Plugin(read(value)),
        "file" => SdConfig::File(read(value)),
        "consul" => SdConfig::Consul(read(value)),
        "dns" => SdConfig::Dns(read(value)),
        "http" => SdConfig::Http(read(value)),
        "docker" => SdConfig::Docker(read(value)),
        _ => SdConfig::Kubernetes(read(value)),
    }
}

#[test]
fn each_entry_says_what_is_wrong_with_it_as_prometheus_does() {
    for (kind, value, expected) in [
        (
            "plugin",
            json!({"refresh_interval": "0s"}),
            vec![
                "plugin is empty in an entry of plugin_sd_configs",
                "refresh_interval is 0 in an entry of plugin_sd_configs",
            ],
        ),
        (
            "file",
            json!({}),
            vec!["file service discovery config must contain at least one path name"],
        ),
        (
            "file",
            json!({"files": ["a.json", "b.txt"]}),
            vec!["path name \"b.txt\" is not valid for file discovery"],
        ),
        ("consul", json!({}), vec![]),
        (
            "consul",
            json!({"server": " "}),
            vec!["consul SD configuration requires a server address"],
        ),
        (
            "consul",
            json!({"token": "t", "oauth2": {"client_id": "i", "token_url": "http://t"}}),
            vec!["at most one of consul SD token, authorization, or oauth2 can be configured"],
        ),
        (
            "consul",
            json!({"password": "p", "basic_auth": {}}),
            vec![
                "at most one of consul SD configuration username and password and basic auth can be configured",
            ],
        ),
        ("dns", json!({"names": ["a"]}), vec![]),
        (
            "dns",
            json!({}),
            vec!["DNS-SD config must contain at least one SRV record name"],
        ),
        (
            "dns",
            json!({"names": ["a"], "type": "mx"}),
            vec!["a port is required in DNS-SD configs for all record types except SRV"],
        ),
        (
            "dns",
            json!({"names": ["a"], "type": "TXT"}),
            vec!["invalid DNS-SD records type TXT"],
        ),
        ("http", json!({}), vec!["URL is missing"]),
        (
            "http",
            json!({"url": "ftp://a"}),
            vec!["URL scheme must be 'http' or 'https'"],
        ),
        (
            "http",
            json!({"url": "http:///a"}),
            vec!["host is missing in URL"],
        ),
        (
            "http",
            json!({"url": "http://a", "no_proxy": "b"}),
            vec!["if no_proxy is configured, proxy_url must also be configured"],
        ),
        ("docker", json!({}), vec!["host missing"]),
        (
            "docker",
            json!({"host": "a"}),
            vec!["unable to parse docker host `a`"],
        ),
        ("kubernetes", json!({"role": "pod"}), vec![]),
        (
            "kubernetes",
            json!({}),
            vec!["role missing (one of: pod, service, endpoints, endpointslice, node, ingress)"],
        ),
        (
            "kubernetes",
            json!({"role": "node", "bearer_token": "x"}),
            vec![
                "to use custom HTTP client configuration please provide the 'api_server' URL explicitly",
            ],
        ),
        (
            "kubernetes",
            json!({"role": "pod", "api_server": "http://a", "kubeconfig_file": "f",
            "namespaces": {"own_namespace": true}}),
            vec![
                "cannot use 'kubeconfig_file' and 'api_server' simultaneously",
                "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously",
                "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously",
            ],
        ),
        (
            "kubernetes",
            json!({"role": "pod", "selectors": [
            {"role": "pod"}, {"role": "pod", "label": "a=b"}, {"role": "node"}]}),
            vec![
                "duplicated selector role: pod",
                "pod role supports only pod selectors",
            ],
        ),
        (
            "kubernetes",
            json!({"role": "pod", "attach_metadata": {"node": true, "deployment": true, "job": true,
                "cronjob": true},
            "selectors": [{"role": "node"}]}),
            vec![],
        ),
    ] {
        assert_eq!(
            entry(kind, value.clone()).faults(),
            expected,
            "{kind}: {value}"
        );
    }
}

#[test]
fn a_plugin_is_told_all_but_the_credentials() {
    let consul = json!({"server": "c:1", "token": "hunter2", "username": "u", "password": "hunter2",
        "services": ["a"], "bearer_token_file": "/hunter2", "refresh_interval": "1m30s"});
    for (kind, value, expected) in [
        (
            "consul",
            consul,
            json!({"server": "c:1", "services": ["a"], "tag_separator": ",",
            "scheme": "http", "allow_stale": true, "refresh_interval_seconds": 90.0}),
        ),
        (
            "dns",
            json!({"names": ["a"]}),
            json!({"names": ["a"], "type": "SRV", "port": 0, "refresh_interval_seconds": 30.0}),
        ),
        (
            "http",
            json!({"url": "http://a", "authorization": {"credentials": "hunter2"}}),
            json!({"url": "http://a", "refresh_interval_seconds": 60.0}),
        ),
        (
            "docker",
            json!({"host": "unix:///d", "filters": [{"name": "a", "values": ["b"]}]}),
            json!({"host": "unix:///d", "port": 80, "filters": [{"name": "a", "values": ["b"]}],
                "host_networking_host": "localhost", "match_first_network": true,
                "refresh_interval_seconds": 60.0}),
        ),
        (
            "kubernetes",
            json!({"role": "endpointslice", "namespaces": {"names": ["x"]}}),
            json!({"role": "endpointslice", "namespaces": {"own_namespace": false, "names": ["x"]}}),
        ),
        (
            "plugin",
            json!({"plugin": "p", "config": {"password": "p"}}),
            json!({"password": "p"}),
        ),
        ("plugin", json!({"plugin": "p"}), Value::Null),
    ] {
        assert_eq!(entry(kind, value).settings(), expected, "{kind}");
    }
}

#[test]
fn requests_go_where_the_entry_says() {
    let url = |text: &str| Origin::Url(text.to_owned());
    let socket = |text: &str| Origin::Socket(text.into());
    for (kind, value, expected) in [
        ("consul", json!({}), url("http://localhost:8500")),
        (
            "consul",
            json!({"scheme": "https", "server": "c:1"}),
            url("https://c:1"),
        ),
        (
            "consul",
            json!({"server": "https://c:1"}),
            url("https://c:1"),
        ),
        ("consul", json!({"server": "unix:///c"}), socket("/c")),
        ("http", json!({"url": "http://a/b"}), url("http://a/b")),
        (
            "docker",
            json!({"host": "unix:///var/run/docker.sock"}),
            socket("/var/run/docker.sock"),
        ),
        (
            "docker",
            json!({"host": "tcp://d:2375"}),
            url("http://d:2375"),
        ),
        (
            "docker",
            json!({"host": "tcp://d:2376", "tls_config": {}}),
            url("https://d:2376"),
        ),
    ] {
        let (_, origin) = entry(kind, value.clone()).client().unwrap();
        assert_eq!(origin, expected, "{value}");
    }
}

#[test]
fn a_token_of_consul_is_a_header_and_its_user_an_authentication() {
    let value = json!({"token": "t", "username": "u", "password": "p"});
    let (config, _) = entry("consul", value).client().unwrap();
    assert_eq!(
        config.http_headers["X-Consul-Token"].secrets[0].expose(),
        "t"
    );
    let basic = config.basic_auth.unwrap();
    assert_eq!((&*basic.username, basic.password.expose()), ("u", "p"));
}
