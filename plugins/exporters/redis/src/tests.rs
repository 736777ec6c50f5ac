//! Dialogues of our own making, and the samples they become.

use narthex_sdk::fake::Host;

use super::*;

mod named;

const INFO: &str = "# Server\r\nredis_version:7.2.4\r\nredis_mode:standalone\r\nos:Linux\r\n\
process_id:12\r\nrun_id:abc\r\ntcp_port:6379\r\nuptime_in_seconds:100\r\n\
# Memory\r\nused_memory:1000\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n\
mem_fragmentation_ratio:1.25\r\nused_memory_human:1K\r\n\
# Persistence\r\nloading:0\r\nrdb_last_bgsave_status:ok\r\naof_last_write_status:err\r\n\
# Stats\r\ntotal_connections_received:5\r\nlatest_fork_usec:250000\r\n\
# Replication\r\nrole:master\r\nconnected_slaves:1\r\n\
slave0:ip=10.0.0.2,port=6380,state=online,offset=14,lag=1\r\nslave_expires_tracked_keys:0\r\n\
# Commandstats\r\ncmdstat_config|get:calls=3,usec=6,usec_per_call=2.00,rejected_calls=1,failed_calls=0\r\n\
cmdstat_get:calls=2,usec=8\r\n\
# Errorstats\r\nerrorstat_ERR:count=4\r\n\
# Latencystats\r\nlatency_percentiles_usec_get:p50=3.007,p99.9=5.023\r\n\
# Cluster\r\ncluster_enabled:0\r\n\
# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=998978\r\n";

const REPLICA: &str = "redis_version:7.0.0\r\nrole:slave\r\nmaster_host:10.0.0.1\r\n\
master_port:6379\r\nmaster_link_status:up\r\nmaster_last_io_seconds_ago:3\r\n\
master_sync_in_progress:0\r\nslave_repl_offset:77\r\nslave_priority:100\r\nslave_read_only:1\r\n";

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn setting_reply(name: &str, value: &str) -> String {
    format!("*2\r\n{}{}", bulk(name), bulk(value))
}

/// The answers to the one batch of commands, as a friendly server gives them.
fn friendly(info: &str) -> String {
    [
        bulk(info),
        setting_reply("databases", "2"),
        setting_reply("io-threads", "1"),
        setting_reply("maxclients", "10000"),
        setting_reply("maxmemory", "0"),
        ":3\r\n".to_owned(),
        "*1\r\n*4\r\n:9\r\n:1700000000\r\n:15000\r\n*1\r\n$3\r\nGET\r\n".to_owned(),
        "*1\r\n*4\r\n$4\r\nfork\r\n:1700000001\r\n:20\r\n:30\r\n".to_owned(),
    ]
    .concat()
}

/// The same from a server that lets its user do nothing but INFO.
fn strict(info: &str) -> String {
    let denied = "-NOPERM this user has no permissions\r\n";
    format!("{}{}", bulk(info), denied.repeat(7))
}

fn collect(config: Config, dialogue: &str) -> Result<String, Error> {
    Host::new()
        .at(1_700_000_500_900)
        .dialogue("10.1.1.1:6379", dialogue)
        .install();
    run(config)
}

fn run(config: Config) -> Result<String, Error> {
    let target = Target {
        address: "10.1.1.1:6379".to_owned(),
        labels: vec![],
        params: vec![],
    };
    let mut batch = Batch::new();
    Redis::init(config)?.collect(&target, &mut batch)?;
    Ok(batch.to_text())
}

fn assert_lines(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(
            text.lines().any(|have| have == *line),
            "{line} is missing in\n{text}"
        );
    }
}

#[test]
fn a_server_becomes_samples_under_redis_exporters_names() {
    let text = collect(Config::default(), &friendly(INFO)).unwrap();
    assert_lines(
        &text,
        &[
            "redis_up 1",
            "redis_uptime_in_seconds 100",
            "redis_start_time_seconds 1700000400",
            "redis_memory_used_bytes 1000",
            "redis_memory_max_bytes 0",
            "redis_mem_fragmentation_ratio 1.25",
            "redis_memory_fragmentation_ratio 1.25",
            "redis_rdb_last_bgsave_status 1",
            "redis_aof_last_write_status 0",
            "redis_connections_received_total 5",
            "redis_latest_fork_seconds 0.25",
            "redis_connected_slaves 1",
            "redis_connected_slave_offset_bytes{slave_ip=\"10.0.0.2\",slave_port=\"6380\",\
             slave_state=\"online\"} 14",
            "redis_connected_slave_lag_seconds{slave_ip=\"10.0.0.2\",slave_port=\"6380\",\
             slave_state=\"online\"} 1",
            "redis_commands_total{cmd=\"config|get\"} 3",
            "redis_commands_total{cmd=\"get\"} 2",
            "redis_commands_duration_seconds_total{cmd=\"get\"} 0.000008",
            "redis_commands_rejected_calls_total{cmd=\"config|get\"} 1",
            "redis_latency_percentiles_usec{cmd=\"get\",quantile=\"99.9\"} 5.023",
            "redis_latency_percentiles_usec_sum{cmd=\"get\"} 8",
            "redis_latency_percentiles_usec_count{cmd=\"get\"} 2",
            "redis_errors_total{err=\"ERR\"} 4",
            "redis_db_keys{db=\"db0\"} 2",
            "redis_db_keys{db=\"db1\"} 0",
            "redis_db_avg_ttl_seconds{db=\"db0\"} 998.978",
            "redis_cluster_enabled 0",
            "redis_config_maxclients 10000",
            "redis_slowlog_length 3",
            "redis_slowlog_last_id 9",
            "redis_last_slow_execution_duration_seconds 0.015",
            "redis_latency_spike_last{event_name=\"fork\"} 1700000001",
            "redis_latency_spike_duration_seconds{event_name=\"fork\"} 0.02",
            "redis_instance_info{maxmemory_policy=\"noeviction\",os=\"Linux\",process_id=\"12\",\
             redis_build_id=\"\",redis_mode=\"standalone\",redis_version=\"7.2.4\",\
             role=\"master\",run_id=\"abc\",tcp_port=\"6379\"} 1",
        ],
    );
    assert!(!text.contains("human"));
}

#[test]
fn a_replica_says_whose_it_is() {
    let text = collect(Config::default(), &friendly(REPLICA)).unwrap();
    assert_lines(
        &text,
        &[
            "redis_master_link_up{master_host=\"10.0.0.1\",master_port=\"6379\"} 1",
            "redis_master_last_io_seconds_ago{master_host=\"10.0.0.1\",master_port=\"6379\"} 3",
            "redis_slave_repl_offset{master_host=\"10.0.0.1\",master_port=\"6379\"} 77",
            "redis_slave_info{master_host=\"10.0.0.1\",master_port=\"6379\",read_only=\"1\"} 1",
            "redis_slave_priority 100",
        ],
    );
}

#[test]
fn a_valkey_says_so() {
    let info = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n";
    let text = collect(Config::default(), &friendly(info)).unwrap();
    assert!(text.contains(",valkey_version=\"8.0.1\"} 1"), "{text}");
}

#[test]
fn refused_commands_cost_their_families_only() {
    let text = collect(Config::default(), &strict(INFO)).unwrap();
    // A server has sixteen databases unless it says otherwise.
    let last = "redis_db_keys{db=\"db15\"} 0";
    assert_lines(&text, &["redis_up 1", "redis_db_keys{db=\"db0\"} 2", last]);
    for absent in [
        "redis_config_",
        "redis_slowlog_",
        "db=\"db16\"",
        "latency_spike",
    ] {
        assert!(!text.contains(absent), "{absent}");
    }
}

#[test]
fn a_cluster_is_asked_for_its_state() {
    let info = INFO.replace("cluster_enabled:0", "cluster_enabled:1");
    let state = "cluster_state:ok\r\ncluster_slots_ok:16384\r\ncluster_stats_messages_sent:5\r\n";
    let dialogue = friendly(&info) + &bulk(state);
    let text = collect(Config::default(), &dialogue).unwrap();
    assert_lines(
        &text,
        &[
            "redis_cluster_state 1",
            "redis_cluster_slots_ok 16384",
            "redis_cluster_messages_sent_total 5",
        ],
    );
    // It has one database, whatever its settings say.
    assert!(!text.contains("db=\"db1\""), "{text}");
}

/// A server that answers to each write, command by command, and INFO with the friendly batch.
fn conversation(
    config: Config,
    mut answer: impl FnMut(&str) -> Option<String> + 'static,
) -> Result<String, Error> {
    let host = Host::new().secret("redis", "it's \\ secret");
    let host = host.answers("10.1.1.1:6379", move |written| {
        let written = String::from_utf8_lossy(written).into_owned();
        if let Some(answer) = answer(&written) {
            return answer.into_bytes();
        }
        match written.contains("INFO") {
            true => friendly(INFO).into_bytes(),
            false => b"+OK\r\n".to_vec(),
        }
    });
    host.install();
    run(config)
}

#[test]
fn a_password_is_sent_first() {
    let config = Config {
        username: Some("me".to_owned()),
        password: Some("secret".to_owned()),
        ..Config::default()
    };
    collect(config, &format!("+OK\r\n{}", friendly(INFO))).unwrap();
    let written = String::from_utf8(Host::written()).unwrap();
    let auth = "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n";
    assert!(written.starts_with(auth), "{written}");
}

#[test]
fn a_secret_stays_with_the_host_unless_it_does_not_fit_into_a_line() {
    let config = Config {
        username: Some("m\"e".to_owned()),
        password_secret: Some("redis".to_owned()),
        ..Config::default()
    };
    let text = conversation(config.clone(), |_| None).unwrap();
    assert_lines(&text, &["redis_up 1"]);
    let written = String::from_utf8(Host::written()).unwrap();
    let line = "AUTH \"m\\\"e\" 'it's \\ secret'\r\n*2\r\n";
    assert!(written.starts_with(line), "{written}");

    let refuses = |written: &str| {
        let is_line = written.starts_with("AUTH");
        is_line.then(|| "-ERR Protocol error: unbalanced quotes in request\r\n".to_owned())
    };
    let text = conversation(config, refuses).unwrap();
    assert_lines(&text, &["redis_up 1"]);
    let written = String::from_utf8(Host::written()).unwrap();
    assert!(written.contains("$13\r\nit's \\ secret\r\n"), "{written}");
}

#[test]
fn a_sentinel_tells_of_its_primaries() {
    let info = "redis_version:7.0.0\r\nredis_mode:sentinel\r\nsentinel_masters:1\r\n\
                sentinel_tilt:0\r\n\
                master0:name=main,status=ok,address=10.0.0.1:6379,slaves=2,sentinels=3\r\n";
    let fields = [
        ("name", "main"),
        ("ip", "10.0.0.1"),
        ("port", "6379"),
        ("quorum", "2"),
        ("down-after-milliseconds", "30000"),
    ];
    let pairs: String = fields
        .map(|(name, value)| bulk(name) + &bulk(value))
        .concat();
    let others = |flags: &[&str]| {
        let other = |flags: &&str| format!("*2\r\n{}{}", bulk("flags"), bulk(flags));
        let others: String = flags.iter().map(other).collect();
        format!("*{}\r\n{others}", flags.len())
    };
    let dialogue = [
        strict(info),
        format!("*1\r\n*10\r\n{pairs}"),
        "+OK 3 usable Sentinels.\r\n".to_owned(),
        others(&["sentinel", "s_down,sentinel,disconnected"]),
        others(&["slave", "slave", "o_down,slave"]),
    ]
    .concat();
    let text = collect(Config::default(), &dialogue).unwrap();
    let labels = "master_name=\"main\",master_address=\"10.0.0.1:6379\"";
    let lines = [
        "redis_up 1".to_owned(),
        "redis_sentinel_masters 1".to_owned(),
        format!("redis_sentinel_master_status{{{labels},master_status=\"ok\"}} 1"),
        format!("redis_sentinel_master_slaves{{{labels}}} 2"),
        format!("redis_sentinel_master_sentinels{{{labels}}} 3"),
        format!("redis_sentinel_master_setting_ckquorum{{{labels}}} 2"),
        format!("redis_sentinel_master_setting_down_after_milliseconds{{{labels}}} 30000"),
        format!("redis_sentinel_master_ok_sentinels{{{labels}}} 2"),
        format!("redis_sentinel_master_ok_slaves{{{labels}}} 2"),
        "redis_sentinel_master_ckquorum_status{master_name=\"main\",\
         message=\"OK 3 usable Sentinels.\"} 1"
            .to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_lines(&text, &lines);
}

#[test]
fn a_server_that_is_gone_is_down_and_the_exporter_is_not() {
    let down = "redis_up 0\nredis_exporter_last_scrape_connect_time_seconds 0\n\
                redis_exporter_last_scrape_duration_seconds 0\n\
                redis_exporter_scrapes_total 1\nredis_target_scrape_request_errors_total 1\n\
                redis_exporter_scrape_duration_seconds_sum 0\n\
                redis_exporter_scrape_duration_seconds_count 1\n";
    for (dialogue, reason) in [
        (None, "10.1.1.1:6379: connection refused"),
        (Some(String::new()), "the connection was closed"),
        (
            Some(friendly("hello:world\r\n")),
            "INFO has no redis_version",
        ),
        (
            Some("HTTP/1.1 400 Bad Request\r\n".to_owned()),
            "not an answer of Redis",
        ),
        // It breaks off behind INFO.
        (Some(bulk(INFO)), "the connection was closed"),
    ] {
        match dialogue {
            Some(bytes) => Host::new().dialogue("10.1.1.1:6379", bytes).install(),
            None => Host::new().install(),
        }
        let text = run(Config::default()).unwrap();
        assert!(text.starts_with(down), "{reason}: {text}");
        assert!(
            text.contains(reason) && !text.contains("redis_uptime"),
            "{text}"
        );
    }
}

#[test]
fn a_server_that_does_not_let_us_in_is_down_and_says_why() {
    let password = |password: &str| Config {
        password: Some(password.to_owned()),
        ..Config::default()
    };
    for (config, dialogue, reason) in [
        (
            password("x"),
            "-WRONGPASS invalid\r\n",
            "AUTH: WRONGPASS invalid",
        ),
        (
            Config::default(),
            "-NOAUTH Authentication required.\r\n",
            "INFO: NOAUTH Authentication required.",
        ),
        (
            Config::default(),
            "-NOPERM this user has no permissions\r\n",
            "INFO: NOPERM this user has no permissions",
        ),
    ] {
        let text = collect(config, dialogue).unwrap();
        let fault = format!("redis_exporter_last_scrape_error{{err=\"{reason}\"}} 1");
        assert_lines(&text, &["redis_up 0", &fault]);
    }
}

#[test]
fn what_the_operator_has_to_mend_is_an_error() {
    for config in [
        Config {
            username: Some("me".to_owned()),
            ..Config::default()
        },
        Config {
            password: Some("x".to_owned()),
            password_secret: Some("redis".to_owned()),
            ..Config::default()
        },
        Config {
            check_keys: vec!["dbx=a".to_owned()],
            ..Config::default()
        },
    ] {
        assert!(matches!(Redis::init(config), Err(Error::Config(_))));
    }
}
