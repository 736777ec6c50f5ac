//! What command lines mean, and what is said of those that mean nothing.

use super::*;

fn parsed(args: &[&str]) -> Result<CommandLine, String> {
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
        ("query.lookback-delta", "5m"),
        ("query.timeout", "2m"),
        ("query.max-concurrency", "20"),
        ("query.max-samples", "50000000"),
        ("query.max-bytes", "2GB"),
        ("storage.tsdb.page-cache-size", "128MB"),
        ("storage.tsdb.retention.time", ""),
        ("storage.object-store.config", ""),
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
        "--rules.max-concurrent-evals=4",
        "--enable-feature=promql-experimental-functions,native-histograms",
    ])
    .unwrap();
    assert_eq!(
        line.notes,
        [
            "--rules.max-concurrent-evals has no effect yet",
            "--storage.tsdb.samples-per-chunk has no effect yet",
            "--enable-feature=native-histograms has no effect",
        ]
    );
    assert!(line.features.parse.experimental_functions);
    assert_eq!(line.values["storage.tsdb.samples-per-chunk"], "240");
    assert_eq!(line.values["rules.max-concurrent-evals"], "4");
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
            vec!["--storage.agent.path=x"],
            "--storage.agent.path is not supported yet",
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
fn scripts_are_tested_by_a_subcommand() {
    let line = parsed(&["test", "promql", "a.test", "b.test"]).unwrap();
    let Some(Command::Test {
        what: TestCommand::Promql { files },
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

#[test]
fn the_command_is_sound() {
    command().debug_assert();
}
