//! Dialogues of our own making, and the samples they become.

use narthex_sdk::fake::Host;

use super::*;

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
fn refused_commands_cost_their_families_only() {
    let text = collect(Config::default(), &strict(INFO)).unwrap();
    assert_lines(&text, &["redis_up 1", "redis_db_keys{db=\"db0\"} 2"]);
    for absent in [
        "redis_config_",
        "redis_slowlog_",
        "db=\"db1\"",
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
}

#[test]
fn a_password_is_sent_first() {
    let config = Config {
        username: Some("me".to_owned()),
        password: Some("secret".to_owned()),
    };
    collect(config, &format!("+OK\r\n{}", friendly(INFO))).unwrap();
    let written = String::from_utf8(Host::written()).unwrap();
    let auth = "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n";
    assert!(written.starts_with(auth), "{written}");
}

#[test]
fn faults_are_told_apart() {
    let with_password = Config {
        username: None,
        password: Some("x".to_owned()),
    };
    let wrong = collect(with_password, "-WRONGPASS invalid\r\n");
    assert!(matches!(wrong, Err(Error::Config(text)) if text == "AUTH: WRONGPASS invalid"));
    let needed = collect(Config::default(), "-NOAUTH Authentication required.\r\n");
    assert!(matches!(needed, Err(Error::Protocol(text)) if text.starts_with("INFO: NOAUTH")));
    let other = collect(Config::default(), &friendly("hello:world\r\n"));
    assert!(matches!(other, Err(Error::Protocol(_))));
    let closed = collect(Config::default(), "");
    assert!(matches!(closed, Err(Error::Unavailable(_))));
}
