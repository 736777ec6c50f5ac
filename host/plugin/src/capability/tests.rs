//! What is covered by requests and grants together.

use super::*;

fn request() -> GrantList {
    GrantList {
        files: vec!["/proc/net".to_owned()],
        tcp: vec![
            "${target.host}:${target.port}".to_owned(),
            "db:1".to_owned(),
        ],
        http: vec!["169.254.169.254:80".to_owned(), "${config.api}".to_owned()],
        icmp: vec!["${target.host}".to_owned(), "gateway".to_owned()],
        secrets: vec!["${config.modules.secret}".to_owned(), "fixed".to_owned()],
        tls: vec!["${config.tls}".to_owned()],
        kubernetes: vec!["apps/v1/Deployment".to_owned()],
        file_systems: vec!["/".to_owned()],
        state: true,
        ..GrantList::default()
    }
}

fn capabilities(grant: Option<Grant>, is_own: bool) -> Capabilities {
    Capabilities::new("x", &request(), grant.as_ref(), is_own).unwrap()
}

fn tcp(capabilities: &Capabilities, address: &str) -> Result<(), String> {
    let target = Endpoint::parse("redis:6379", None);
    let endpoint = Endpoint::parse(address, None).unwrap();
    capabilities
        .endpoint(Network::Tcp, &endpoint, target.as_ref())
        .map_err(|denied| denied.message)
}

#[test]
fn without_a_grant_only_the_target_is_reached() {
    let folder = capabilities(None, false);
    assert_eq!(tcp(&folder, "redis:6379"), Ok(()));
    let message = tcp(&folder, "db:1").unwrap_err();
    assert!(message.contains("{grants: {x: as-requested}}"), "{message}");
    let message = tcp(&folder, "other:1").unwrap_err();
    assert!(
        message.contains("add \"other:1\" to plugins.grants.x.tcp"),
        "{message}"
    );
    assert!(folder.lexical_file(Path::new("/proc/net/dev")).is_err());
}

#[test]
fn own_plugins_and_granted_ones_have_what_they_ask_for() {
    for all in [
        capabilities(None, true),
        capabilities(Some(Grant::AsRequested), false),
    ] {
        assert_eq!(tcp(&all, "redis:6379"), Ok(()));
        assert_eq!(tcp(&all, "db:1"), Ok(()));
        assert!(tcp(&all, "db:2").is_err());
        assert!(all.lexical_file(Path::new("/proc/net/dev")).is_ok());
        for other in [
            "/proc/network",
            "/proc",
            "proc/net/dev",
            "/proc/net/../1/environ",
        ] {
            assert!(all.lexical_file(Path::new(other)).is_err(), "{other}");
        }
    }
}

#[test]
fn an_exact_grant_is_exact() {
    let grant = Grant::Exactly(GrantList {
        tcp: vec!["cache:7".to_owned()],
        ..GrantList::default()
    });
    let exact = capabilities(Some(grant), true);
    assert_eq!(tcp(&exact, "redis:6379"), Ok(()));
    assert_eq!(tcp(&exact, "cache:7"), Ok(()));
    assert!(tcp(&exact, "db:1").is_err());
    assert!(exact.lexical_file(Path::new("/proc/net/dev")).is_err());
}

#[test]
fn link_local_addresses_are_granted_literally_or_not_at_all() {
    let own = capabilities(None, true);
    let metadata: IpAddr = "169.254.169.254".parse().unwrap();
    assert!(own.address(Network::Http, metadata).is_ok());
    let message = own.address(Network::Tcp, metadata).unwrap_err().message;
    assert!(message.contains("plugins.grants.x.tcp"), "{message}");
    let target = Endpoint::parse("[::ffff:169.254.169.254]:80", None);
    let denied = own.endpoint(Network::Tcp, target.as_ref().unwrap(), target.as_ref());
    assert!(denied.is_err());
}

#[test]
fn a_grant_that_is_none_says_where_it_stands() {
    let grant = Grant::Exactly(GrantList {
        tcp: vec!["nonsense".to_owned()],
        ..GrantList::default()
    });
    let error = Capabilities::new("x", &request(), Some(&grant), false).unwrap_err();
    assert!(
        error.starts_with("plugins.grants.x: \"nonsense\""),
        "{error}"
    );
}

#[test]
fn what_a_job_s_configuration_names_needs_no_grant() {
    let config = serde_json::json!({
        "api": ["https://api.example/v1", "other.example:8080"],
        "modules": [{"secret": "one"}, {"secret": "two"}],
        "tls": "internal",
        "unasked": "three",
    });
    let job = Arc::new(capabilities(None, false)).for_job(&config);
    let http = |address: &str| {
        let endpoint = Endpoint::parse(address, None).unwrap();
        job.endpoint(Network::Http, &endpoint, None).is_ok()
    };
    assert!(http("api.example:443") && http("other.example:8080"));
    assert!(!http("api.example:80") && !http("other.example:443"));
    assert!(job.secret("one").is_ok() && job.secret("two").is_ok());
    assert!(job.secret("three").is_err() && job.secret("${config.modules.secret}").is_err());
    assert!(job.tls("internal").is_ok() && job.tls("").is_ok() && job.tls("x").is_err());
    // What the manifest has in so many words is the operator's to grant.
    let message = job.secret("fixed").unwrap_err().message;
    assert!(message.contains("its manifest asks for it"), "{message}");
    let same = Arc::new(capabilities(None, false));
    assert!(Arc::ptr_eq(&same, &same.for_job(&serde_json::json!({}))));
}

#[test]
fn hosts_kinds_state_and_room_are_granted_each_for_itself() {
    let target = Endpoint::parse("redis:6379", None);
    let (nothing, all) = (capabilities(None, false), capabilities(None, true));
    for (capabilities, granted) in [(&nothing, false), (&all, true)] {
        let icmp = |host: &str| capabilities.host(Network::Icmp, host, target.as_ref());
        assert!(icmp("redis").is_ok());
        assert_eq!(icmp("gateway").is_ok(), granted);
        assert!(icmp("other").is_err());
        assert_eq!(
            capabilities.kubernetes("apps/v1/Deployment").is_ok(),
            granted
        );
        assert!(capabilities.kubernetes("v1/Secret").is_err());
        assert_eq!(capabilities.state().is_ok(), granted);
        assert_eq!(
            capabilities.file_system(Path::new("/boot")).is_ok(),
            granted
        );
        assert!(capabilities.lexical_file(Path::new("/boot")).is_err());
        assert!(capabilities.file_system(Path::new("/a/../b")).is_err());
    }
    let message = Capabilities::default().state().unwrap_err().message;
    assert!(
        message.contains("write true at plugins.grants"),
        "{message}"
    );
}
