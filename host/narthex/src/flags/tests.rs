//! What command lines mean, and what is said of those that mean nothing.

use std::time::Duration;

use super::*;

pub(super) fn parsed(args: &[&str]) -> Result<CommandLine, String> {
    let args = std::iter::once("narthex").chain(args.iter().copied());
    parse(args.map(str::to_owned)).map_err(|error| error.to_string())
}

#[test]
fn no_flags_are_prometheus_defaults() {
    let line = parsed(&[]).unwrap();
    for (name, value) in [
        ("config.file", ""),
        ("storage.tsdb.path", "data/"),
        ("web.listen-address", "0.0.0.0:9090"),
        ("web.enable-lifecycle", "false"),
        ("web.enable-admin-api", "false"),
        ("web.enable-remote-write-receiver", "false"),
        (
            "web.remote-write-receiver.accepted-protobuf-messages",
            "prometheus.WriteRequest",
        ),
        ("web.read-timeout", "5m"),
        ("web.max-connections", "512"),
        ("web.cors.origin", ".*"),
        ("scrape.shard", ""),
        ("web.dashboards-dir", ""),
        ("web.console.templates", "consoles"),
        ("web.console.libraries", "console_libraries"),
        ("web.max-notifications-subscribers", "16"),
        ("query.lookback-delta", "5m"),
        ("query.timeout", "2m"),
        ("query.max-concurrency", "20"),
        ("query.max-samples", "50000000"),
        ("query.max-bytes", "2GB"),
        ("query-range.split-interval", "1d"),
        ("query-range.max-query-parallelism", "4"),
        ("query-range.cache-size", "64MB"),
        ("query-range.response-cache-max-freshness", "10m"),
        ("query-range.cache-max-age", "10m"),
        ("query-range.response-cache-config-file", ""),
        ("storage.tsdb.page-cache-size", "128MB"),
        ("storage.tsdb.retention.time", ""),
        ("storage.object-store.config", ""),
        ("rules.alert.for-outage-tolerance", "1h"),
        ("rules.alert.for-grace-period", "10m"),
        ("rules.alert.resend-delay", "1m"),
        ("rules.max-concurrent-evals", "4"),
        ("alertmanager.notification-queue-capacity", "10000"),
        ("alertmanager.notification-batch-size", "256"),
        ("alertmanager.drain-notification-queue-on-shutdown", "true"),
        ("log.level", "info"),
        ("log.format", "logfmt"),
    ] {
        assert_eq!(
            line.values.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    assert!(line.notes.is_empty(), "{:?}", line.notes);
}

#[test]
fn the_alertmanagers_files_are_not_those_of_the_server() {
    let line = parsed(&[
        "--config.file=a.yml",
        "--alertmanager.config.file=b.yml",
        "--alertmanager.storage.path=/tmp/b",
    ])
    .unwrap();
    let shown = |name: &str| line.values.get(name).map(String::as_str);
    assert_eq!(shown("config.file"), Some("a.yml"));
    assert_eq!(shown("alertmanager.config.file"), Some("b.yml"));
    assert_eq!(shown("storage.tsdb.path"), Some("data/"));
    assert_eq!(shown("alertmanager.storage.path"), Some("/tmp/b"));
    assert_eq!(line.flags.config_file, Some("a.yml".into()));
    assert_eq!(line.flags.alertmanager.config_file, Some("b.yml".into()));
}

#[test]
fn flags_are_written_as_kingpin_takes_them() {
    let line = parsed(&[
        "--config.file=a.yml",
        "--storage.tsdb.path",
        "/tmp/x",
        "--web.listen-address=:1",
        "--web.listen-address=127.0.0.1:2",
        "--web.enable-lifecycle",
        "--no-web.enable-lifecycle",
        "--web.enable-admin-api",
        "--no-storage.tsdb.wal-compression",
        "--log.format=json",
    ])
    .unwrap();
    assert_eq!(line.flags.config_file, Some("a.yml".into()));
    assert_eq!(line.flags.storage_path, PathBuf::from("/tmp/x"));
    assert_eq!(line.flags.listen_addresses, [":1", "127.0.0.1:2"]);
    assert!(!line.flags.is_lifecycle_enabled);
    assert!(line.flags.is_admin_enabled);
    assert_eq!(line.flags.log_format, LogFormat::Json);
    assert_eq!(line.values["web.listen-address"], ":1,127.0.0.1:2");
    let line = parsed(&["--no-web.enable-lifecycle", "--web.enable-lifecycle"]).unwrap();
    assert!(line.flags.is_lifecycle_enabled);
}

#[test]
fn a_flag_without_effect_is_told_and_not_hidden() {
    let line = parsed(&[
        "--storage.tsdb.samples-per-chunk=240",
        "--web.page-title=x",
        "--no-scrape.adjust-timestamps",
        "--enable-feature=promql-experimental-functions,native-histograms",
    ])
    .unwrap();
    assert_eq!(
        line.notes,
        [
            "--storage.tsdb.samples-per-chunk has no effect yet",
            "--web.page-title has no effect yet",
            "--enable-feature=native-histograms has no effect",
        ]
    );
    assert!(line.features.parse.experimental_functions);
    assert_eq!(line.values["storage.tsdb.samples-per-chunk"], "240");
    assert_eq!(line.values["web.page-title"], "x");
}

#[test]
fn what_is_kept_is_fifteen_days_unless_something_is_said() {
    for (args, kept) in [
        (vec![], "15d"),
        (vec!["--storage.tsdb.retention.time=36h"], "36h"),
        (vec!["--storage.tsdb.retention.size=512MB"], "512MiB"),
        (
            vec![
                "--storage.tsdb.retention.time=1y",
                "--storage.tsdb.retention.size=2GB",
            ],
            "1y or 2GiB",
        ),
    ] {
        let line = parsed(&args).unwrap();
        let retention = line.flags.retention(&StorageConfig::default());
        assert_eq!(retention.to_string(), kept, "{args:?}");
        assert!(line.notes.is_empty(), "{:?}", line.notes);
    }
}

#[test]
fn what_cannot_be_taken_names_the_flag() {
    for (args, named) in [
        (vec!["--storage.tsdb.pth=x"], "--storage.tsdb.pth"),
        (
            vec!["--config.auto-reload-interval=often"],
            "--config.auto-reload-interval",
        ),
        (
            vec!["--kubernetes.config-map=a/b/c"],
            "--kubernetes.config-map",
        ),
        (
            vec![
                "--grpc.config.file=a",
                "--grpc-server-tls-cert=b",
                "--grpc-server-tls-key=c",
            ],
            "--grpc.config.file",
        ),
        (vec!["--query.timeout=2x"], "--query.timeout"),
        (vec!["--query.max-samples=many"], "--query.max-samples"),
        (vec!["--query.max-bytes=2XB"], "--query.max-bytes"),
        (vec!["--log.level=loud"], "--log.level"),
        (
            vec!["--web.remote-write-receiver.accepted-protobuf-messages=x"],
            "unknown type for remote write protobuf message x",
        ),
        (vec!["--web.cors.origin=("], "--web.cors.origin"),
        (vec!["--web.external-url=ftp://x"], "--web.external-url"),
        (
            vec!["--storage.tsdb.retention.size=5XB"],
            "--storage.tsdb.retention.size",
        ),
        (
            vec!["--storage.tsdb.retention.time=5"],
            "--storage.tsdb.retention.time",
        ),
        (vec!["--config.file"], "--config.file"),
        (vec!["serve"], "serve"),
        (vec!["test", "promql"], "FILE"),
        (vec!["tsdb", "import"], "DIR"),
        (vec!["tsdb", "create-blocks-from", "openmetrics"], "FILE"),
        (vec!["block", "export", "x"], "--to"),
        (vec!["tsdb", "dump", "--min-time=now"], "--min-time"),
    ] {
        let error = parsed(&args).unwrap_err();
        assert!(error.contains(named), "{args:?}: {error}");
    }
}

#[test]
fn a_config_is_followed_by_a_flag_or_a_feature_and_no_more_often_than_each_second() {
    let off = parsed(&["--config.auto-reload", "--no-config.auto-reload"]).unwrap();
    assert!(!off.features.auto_reload_config);
    let interval = |line: &CommandLine| line.flags.config_follow.auto_reload_interval();
    assert_eq!(interval(&off), Duration::from_secs(30));
    for (flag, seconds) in [("100ms", 1), ("1m", 60)] {
        let flag = format!("--config.auto-reload-interval={flag}");
        for on in [
            "--config.auto-reload",
            "--enable-feature=auto-reload-config",
        ] {
            let line = parsed(&[on, &flag]).unwrap();
            assert!(line.features.auto_reload_config);
            assert_eq!(interval(&line), Duration::from_secs(seconds));
            assert!(line.notes.is_empty(), "{:?}", line.notes);
        }
    }
}

#[test]
fn an_agent_has_flags_of_its_own_and_not_those_of_a_server() {
    let line = parsed(&["--agent"]).unwrap();
    assert_eq!(line.flags.data_path(), Path::new("data-agent/"));
    assert_eq!(line.values["agent"], "true");
    assert_eq!(line.values["storage.agent.retention.min-time"], "5m");
    assert_eq!(line.values["storage.agent.retention.max-time"], "4h");
    let line = parsed(&[
        "--agent",
        "--storage.agent.path=x",
        "--storage.agent.retention.max-time=1d",
        "--storage.agent.no-lockfile",
        "--no-storage.agent.wal-compression",
        "--storage.remote.flush-deadline=1s",
        "--web.enable-remote-write-receiver",
    ])
    .unwrap();
    assert_eq!(line.flags.data_path(), Path::new("x"));
    assert_eq!(line.flags.max_wal_time, PromDuration::from_secs(86_400));
    assert_eq!(
        line.notes,
        ["--storage.agent.no-lockfile has no effect yet"]
    );
    let in_agent = "The following flag(s) can not be used in agent mode: ";
    let in_server = "The following flag(s) can only be used in agent mode: ";
    for (args, expected) in [
        (
            vec!["--agent", "--storage.tsdb.path=x", "--query.timeout=1m"],
            format!("{in_agent}[\"--storage.tsdb.path\" \"--query.timeout\"]"),
        ),
        (
            vec!["--agent", "--rules.max-concurrent-evals=1"],
            format!("{in_agent}[\"--rules.max-concurrent-evals\"]"),
        ),
        (
            vec!["--agent", "--query-range.cache-size=0"],
            format!("{in_agent}[\"--query-range.cache-size\"]"),
        ),
        (
            vec!["--query-range.response-cache-config-file=x"],
            "can only be used by query serve: [\"--query-range.response-cache-config-file\"]"
                .to_owned(),
        ),
        (
            vec!["--agent", "--storage.remote.read-sample-limit=1"],
            format!("{in_agent}[\"--storage.remote.read-sample-limit\"]"),
        ),
        (
            vec!["--storage.agent.path=x"],
            format!("{in_server}[\"--storage.agent.path\"]"),
        ),
        (
            vec!["--agent", "--no-agent", "--storage.agent.no-lockfile"],
            format!("{in_server}[\"--storage.agent.no-lockfile\"]"),
        ),
    ] {
        let error = parsed(&args).unwrap_err();
        assert!(error.contains(&expected), "{args:?}: {error}");
    }
}

#[test]
fn a_store_has_thanos_flags_and_none_of_who_keeps_samples() {
    let line = parsed(&["store", "--objstore.config-file=b.yml"]).unwrap();
    let store = &line.flags.bucket_store;
    assert!(store.is_on && line.flags.command.is_none() && line.flags.has_no_config());
    assert_eq!(line.flags.data_path(), Path::new("./data"));
    assert_eq!(line.flags.listen_addresses, ["0.0.0.0:10902"]);
    assert_eq!(line.values["web.listen-address"], "0.0.0.0:10902");
    let grpc = line.flags.grpc.grpc_listen_address.as_deref();
    assert_eq!(grpc, Some("0.0.0.0:10901"));
    assert_eq!(line.values["ignore-deletion-marks-delay"], "24h");
    let line = parsed(&[
        "store",
        "--objstore.config=type: FILESYSTEM",
        "--data-dir=x",
        "--http-address=:1",
        "--grpc-address=:2",
        "--sync-block-duration=15m",
        "--consistency-delay=30m",
        "--min-time=-6w",
        "--max-time",
        "-2h",
        "--selector.relabel-config=[]",
        "--store.index-cache-size=1GB",
        "--store.limits.request-series=5",
        "--query.timeout=1m",
    ])
    .unwrap();
    let store = &line.flags.bucket_store;
    // There may be keys in it, and everybody sees the flags.
    assert_eq!(line.values["objstore.config"], "<secret>");
    assert_eq!(line.flags.data_path(), Path::new("x"));
    assert_eq!(line.flags.listen_addresses, [":1"]);
    assert_eq!(line.flags.grpc.grpc_listen_address.as_deref(), Some(":2"));
    assert_eq!(store.consistency_delay, PromDuration::from_secs(1_800));
    assert!(store.store_min_time.is_some() && store.store_max_time.is_some());
    assert_eq!(store.index_cache_size.to_string(), "1GiB");
    // A server leaves what is older to a store.
    let server = parsed(&["--min-time=-2w"]).unwrap();
    assert!(server.flags.bucket_store.store_min_time.is_some());
    for (args, expected) in [
        (
            vec!["store", "--config.file=a.yml", "--storage.tsdb.path=x"],
            "can not be used by store: [\"--config.file\" \"--storage.tsdb.path\"]",
        ),
        (
            vec!["store", "--web.enable-remote-write-receiver"],
            "can not be used by store: [\"--web.enable-remote-write-receiver\"]",
        ),
        (
            vec!["store", "--query.replica-label=a"],
            "can only be used by query serve: [\"--query.replica-label\"]",
        ),
        (
            vec!["--max-time=-2h"],
            "can only be used by store: [\"--max-time\"]",
        ),
        (
            vec!["query", "serve", "--min-time=-2h"],
            "can not be used by query serve: [\"--min-time\"]",
        ),
        (
            vec!["query", "serve", "--data-dir=x"],
            "can only be used by store: [\"--data-dir\"]",
        ),
        (vec!["store", "--min-time=soon"], "--min-time"),
    ] {
        let error = parsed(&args).unwrap_err();
        assert!(error.contains(expected), "{args:?}: {error}");
    }
}

#[test]
fn a_querier_has_aggregations_evaluated_elsewhere_unless_told_otherwise() {
    let on = |more: &[&str]| {
        let args = [&["query", "serve", "--endpoint=a:1"][..], more].concat();
        parsed(&args).unwrap().flags.querier.pushes_down()
    };
    assert!(on(&[]));
    assert!(!on(&["--no-query.pushdown"]));
    assert!(on(&["--no-query.pushdown", "--query.pushdown"]));
    let error = parsed(&["--no-query.pushdown"]).unwrap_err();
    assert!(error.contains("can only be used by query serve"), "{error}");
}

#[test]
fn scripts_are_tested_by_a_subcommand() {
    let line = parsed(&["test", "promql", "a.test", "b.test"]).unwrap();
    let Some(Command::Test {
        what: TestCommand::Promql { files, .. },
        junit: None,
    }) = line.flags.command
    else {
        panic!("no subcommand")
    };
    assert_eq!(files.len(), 2);
    assert!(
        parsed(&["--version"])
            .unwrap_err()
            .contains(PROMETHEUS_VERSION)
    );
}

/// Two fields of one name were one flag: each took the other's value.
#[test]
fn no_two_flags_share_an_id() {
    let command = command();
    let mut ids: Vec<&str> = command
        .get_arguments()
        .map(|a| a.get_id().as_str())
        .collect();
    ids.sort_unstable();
    let twice: Vec<_> = ids.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn the_command_is_sound() {
    command().debug_assert();
}

#[test]
fn what_waits_for_alertmanagers_is_sent_before_the_end_unless_told_otherwise() {
    const DRAIN: &str = "alertmanager.drain-notification-queue-on-shutdown";
    let (yes, no) = (format!("--{DRAIN}"), format!("--no-{DRAIN}"));
    for (args, drains) in [
        (vec![], true),
        (vec![yes.as_str()], true),
        (vec![no.as_str()], false),
        (vec![yes.as_str(), no.as_str()], false),
        (vec![no.as_str(), yes.as_str()], true),
    ] {
        let line = parsed(&args).unwrap();
        let options = line.flags.notifier_options();
        assert_eq!(options.drains_on_shutdown, drains, "{args:?}");
    }
}

#[test]
fn commands_are_written_as_those_of_promtool_and_amtool() {
    for args in [
        &["test", "rules", "--junit", "x.xml", "--diff", "a.yml"][..],
        &[
            "test",
            "--junit=x.xml",
            "rules",
            "--run=a",
            "--run=b",
            "a.yml",
        ],
        &["check", "rules", "--ignore-unknown-fields", "a.yml"],
        &["alerts", "route", "show", "--config.file=a.yml"],
        &[
            "alerts",
            "route",
            "test",
            "--alertmanager.url=http://a",
            "--tree",
            "a=b",
        ],
        &[
            "alerts",
            "query",
            "--alertmanager.url=http://a",
            "-s",
            "-o",
            "json",
            "a",
        ],
        &["alerts", "add", "--alertmanager.url=http://a", "a", "b=c"],
        &[
            "silence",
            "add",
            "--alertmanager.url=http://a",
            "-c",
            "x",
            "-d",
            "2h",
            "a",
        ],
        &[
            "silence",
            "query",
            "--alertmanager.url=http://a",
            "--within=1h",
        ],
        &["silence", "import", "--alertmanager.url=http://a", "-f"],
    ] {
        assert!(parsed(args).unwrap().flags.command.is_some(), "{args:?}");
    }
    // The URL of these may stand in a file of amtool's.
    assert!(parsed(&["alerts", "route", "show"]).is_ok());
    assert!(parsed(&["silence", "expire"]).is_err());
}
