//! The plugin `redis` beside Debian's redis_exporter, both on Debian's redis-server: one with data
//! of all kinds, behind an ACL, behind TLS, replicated, a Sentinel, the node of a cluster.

mod agreement;

use narthex_tests::{Narthex, peers, until};

use agreement::{Pair, WAIT_SECONDS, family, series};

fn start(plugins: &str, pairs: &[&Pair], more: &str) -> Narthex {
    let jobs: String = pairs.iter().map(|pair| pair.jobs()).collect();
    let config = format!(
        "plugins: {{{plugins}}}\nglobal: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs:\n{jobs}{more}"
    );
    Narthex::builder().config(config).start()
}

/// A job of the plugin alone.
fn job(server: &peers::Peer, name: &str, config: &str) -> String {
    format!(
        "- job_name: {name}\n  plugin: redis\n  plugin_config: {{{config}}}\n  \
         static_configs: [{{targets: ['{}']}}]\n",
        server.address()
    )
}

/// Waits until a server is down for the plugin, with a word of the reason.
fn assert_down(narthex: &Narthex, job: &str, reason: &str) {
    let expressions = [
        format!("up{{job=\"{job}\"}} == 1"),
        format!("redis_up{{job=\"{job}\"}} == 0"),
        format!("redis_exporter_last_scrape_error{{job=\"{job}\",err=~\".*{reason}.*\"}} == 1"),
    ];
    until(WAIT_SECONDS, reason, || {
        for expression in &expressions {
            if narthex.query(expression)?.is_empty() {
                let all = narthex.query(&format!("{{job=\"{job}\"}}"))?;
                return Err(format!("{expression}: {all:#?}"));
            }
        }
        Ok(())
    });
}

/// Families of Redis 7 that the exporter of the same days did not know.
const NEWER: [&str; 4] = [
    "redis_evicted_clients_total",
    "redis_net_repl_input_bytes_total",
    "redis_max_clients",
    "redis_reply_buffer_expands_total",
];

#[test]
fn a_server_with_data_of_all_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let server = peers::redis_with(
        folder.path(),
        &[
            "--enable-debug-command",
            "local",
            "--latency-monitor-threshold",
            "20",
        ],
    );
    let say = |words: &[&str]| peers::redis_cli(&server, words);
    for words in [
        "SET user:1 42",
        "SET user:2 hello",
        "SETEX user:3 100000 3.5",
        "RPUSH queue a b c",
        "PFADD visits a b c d",
        "-n 1 ZADD board 1 a 2 b",
        "-n 1 HSET hash a 1 b 2 c 3",
        "-n 1 SADD set a",
        "-n 3 SET single 1e3",
        "XADD events 1700000000000-0 a 1",
        "XADD events 1700000000001-0 a 2",
        "XGROUP CREATE events workers 0",
        "XREADGROUP GROUP workers one COUNT 1 STREAMS events >",
        "-n 2 XADD events:2 1700000000002-0 a 1",
        // Longer than what the slow log and the latency monitor look for.
        "DEBUG SLEEP 0.05",
    ] {
        say(&words.split(' ').collect::<Vec<_>>());
    }
    say(&[
        "EVAL",
        "return redis.call('SET', KEYS[1], '7')",
        "1",
        "user:4",
    ]);
    let script = "return {'keys', tostring(redis.call('DBSIZE')), 'seven', '7'}";
    let file = folder.path().join("script.lua");
    std::fs::write(&file, script).unwrap();
    let exporter = peers::redis_exporter_with(
        folder.path(),
        &server,
        &[
            "-check-keys=db0=user:*,db1=*",
            "-check-single-keys=queue,visits,absent,db3=single",
            "-count-keys=db0=user:*",
            "-check-streams=db2=events:*",
            "-check-single-streams=events",
            "-include-config-metrics",
            "-include-system-metrics",
            &format!("-script={}", file.display()),
        ],
    );
    let config = format!(
        "check_keys: ['db0=user:*', 'db1=*', queue, visits, absent, 'db3=single'], \
         count_keys: ['db0=user:*'], check_streams: ['db2=events:*', events], \
         config_metrics: true, script: \"{script}\""
    );
    let pair = Pair {
        name: "data",
        config: &config,
        server: &server,
        exporter: &exporter,
    };
    let narthex = start("", &[&pair], "");
    let both = pair.agree(&narthex);
    let key = |database, key| [("db", database), ("key", key)];
    let stream = [("db", "db0"), ("stream", "events")];
    let group = [stream[0], stream[1], ("group", "workers")];
    let consumer = [stream[0], stream[1], group[2], ("consumer", "one")];
    both.assert_both(&[
        ("redis_up", &[], 1.0),
        ("redis_db_keys", &[("db", "db0")], 7.0),
        ("redis_db_keys_expiring", &[("db", "db0")], 1.0),
        ("redis_db_keys", &[("db", "db1")], 3.0),
        ("redis_db_keys", &[("db", "db15")], 0.0),
        ("redis_key_size", &key("db0", "user:2"), 5.0),
        ("redis_key_size", &key("db0", "queue"), 3.0),
        ("redis_key_size", &key("db0", "visits"), 4.0),
        ("redis_key_size", &key("db0", "absent"), 0.0),
        ("redis_key_size", &key("db1", "hash"), 3.0),
        ("redis_key_value", &key("db0", "user:1"), 42.0),
        ("redis_key_value", &key("db3", "single"), 1000.0),
        (
            "redis_key_value_as_string",
            &[("db", "db0"), ("key", "user:2"), ("val", "hello")],
            1.0,
        ),
        ("redis_keys_count", &key("db0", "user:*"), 4.0),
        ("redis_stream_length", &stream, 2.0),
        ("redis_stream_last_generated_id", &stream, 1.700000000001e12),
        ("redis_stream_group_messages_pending", &group, 1.0),
        (
            "redis_stream_group_consumer_messages_pending",
            &consumer,
            1.0,
        ),
        (
            "redis_stream_length",
            &[("db", "db2"), ("stream", "events:2")],
            1.0,
        ),
        ("redis_script_values", &[("key", "keys")], 7.0),
        (
            "redis_config_value",
            &[("key", "latency-monitor-threshold")],
            20.0,
        ),
        ("redis_commands_total", &[("cmd", "rpush")], 1.0),
    ]);
    for name in [
        "redis_last_slow_execution_duration_seconds",
        "redis_latency_spike_duration_seconds",
        "redis_number_of_cached_scripts",
        "redis_stream_group_consumer_idle_seconds",
        "redis_total_system_memory_bytes",
    ] {
        let is_there = both.theirs.keys().any(|labels| family(labels) == name);
        assert!(is_there, "the exporter has no {name}");
    }
    // What was called once has the same quantiles for both.
    for (labels, theirs) in &both.theirs {
        if labels.contains("\"quantile\"") && labels.contains("\"rpush\"") {
            assert_eq!(both.ours[labels].last(), theirs.last(), "{labels}");
        }
    }
    both.assert_beyond(&NEWER);
    both.assert_beyond(&["redis_stream_first_entry_id", "redis_stream_group_lag"]);
}

#[test]
fn a_user_of_an_acl_and_a_wrong_password() {
    let folder = tempfile::tempdir().unwrap();
    let server = peers::redis(folder.path());
    // The rules of the plugin's page, and what the exporter reads values with.
    let rules = "ACL SETUSER narthex on >quoth-the-raven -@all \
                 +info +config|get +slowlog +latency +cluster|info \
                 ~* +select +scan +type +strlen +getrange +pfcount +llen +scard +zcard +hlen +xlen \
                 +xinfo +get";
    for words in [
        "SET user:1 42",
        "-n 1 RPUSH queue a b c",
        "XADD events 1700000000000-0 a 1",
        rules,
        "ACL SETUSER default off",
    ] {
        let words = words.split_whitespace().collect::<Vec<_>>();
        peers::redis_cli(&server, &words);
    }
    let exporter = peers::redis_exporter_with(
        folder.path(),
        &server,
        &[
            "-redis.user=narthex",
            "-redis.password=quoth-the-raven",
            "-check-keys=user:*,db1=queue",
            "-check-single-streams=events",
        ],
    );
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "quoth-the-raven\n").unwrap();
    let pair = Pair {
        name: "acl",
        config: "username: narthex, password_secret: right, \
                 check_keys: ['user:*', 'db1=queue'], check_streams: [events]",
        server: &server,
        exporter: &exporter,
    };
    let narthex = start(
        &format!(
            "secrets: {{right: {{file: '{}'}}, wrong: {{value: nevermore}}}}",
            secret.display()
        ),
        &[&pair],
        &[
            job(
                &server,
                "wrong",
                "username: narthex, password_secret: wrong",
            ),
            job(&server, "nobody", ""),
        ]
        .concat(),
    );
    let both = pair.agree(&narthex);
    let key = |database, key| [("db", database), ("key", key)];
    both.assert_both(&[
        ("redis_up", &[], 1.0),
        ("redis_key_value", &key("db0", "user:1"), 42.0),
        ("redis_key_size", &key("db1", "queue"), 3.0),
        (
            "redis_stream_length",
            &[("db", "db0"), ("stream", "events")],
            1.0,
        ),
        ("redis_config_maxclients", &[], 10_000.0),
    ]);
    assert_down(&narthex, "wrong", "AUTH: WRONGPASS");
    assert_down(&narthex, "nobody", "INFO: NOAUTH");
}

#[test]
fn a_server_behind_tls_that_asks_for_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = peers::Certificates::make(folder.path());
    let server = peers::redis_tls(folder.path(), &certificates);
    let [authority, certificate, key] = [
        certificates.authority(),
        certificates.certificate("client"),
        certificates.key("client"),
    ]
    .map(|file| file.display().to_string());
    let exporter = peers::redis_exporter_with(
        folder.path(),
        &server,
        &[
            &format!("-redis.addr=rediss://{}", server.address()),
            &format!("-tls-ca-cert-file={authority}"),
            &format!("-tls-client-cert-file={certificate}"),
            &format!("-tls-client-key-file={key}"),
        ],
    );
    let pair = Pair {
        name: "tls",
        config: "tls: both",
        server: &server,
        exporter: &exporter,
    };
    let narthex = start(
        &format!(
            "tls: {{both: {{ca_file: '{authority}', cert_file: '{certificate}', \
             key_file: '{key}'}}, nameless: {{ca_file: '{authority}'}}}}"
        ),
        &[&pair],
        &[
            job(&server, "nameless", "tls: nameless"),
            job(&server, "untrusting", "tls: ''"),
            job(&server, "plain", ""),
        ]
        .concat(),
    );
    let both = pair.agree(&narthex);
    both.assert_both(&[("redis_up", &[], 1.0)]);
    both.assert_beyond(&NEWER);
    assert_down(&narthex, "nameless", "certificate");
    assert_down(&narthex, "untrusting", "certificate");
    assert_down(&narthex, "plain", "(closed|reset by peer)");
}

#[test]
fn a_master_and_its_replica() {
    let folder = tempfile::tempdir().unwrap();
    let master = peers::redis(folder.path());
    let replica = peers::redis_replica(folder.path(), &master);
    peers::redis_cli(&master, &["SET", "a", "1"]);
    let exporters = [&master, &replica].map(|peer| peers::redis_exporter(folder.path(), peer));
    let pair = |name, server, exporter| Pair {
        name,
        config: "",
        server,
        exporter,
    };
    let (of_master, of_replica) = (
        pair("master", &master, &exporters[0]),
        pair("replica", &replica, &exporters[1]),
    );
    let narthex = start("", &[&of_master, &of_replica], "");
    until(WAIT_SECONDS, "a replica that has caught up", || {
        let up = narthex.query("redis_master_link_up{job=~\"replica.*\"} == 1")?;
        let online = narthex.query("redis_connected_slave_lag_seconds{slave_state=\"online\"}")?;
        match (up.len(), online.len()) {
            (2, 2) => Ok(()),
            _ => Err(format!("{up:#?} {online:#?}")),
        }
    });
    let both = of_master.agree(&narthex);
    both.assert_both(&[("redis_connected_slaves", &[], 1.0)]);
    both.assert_beyond(&["redis_mem_replication_backlog_bytes"]);
    let both = of_replica.agree(&narthex);
    let address = master.address();
    let (host, port) = address.split_once(':').unwrap();
    let whose = [("master_host", host), ("master_port", port)];
    both.assert_both(&[
        ("redis_master_link_up", &whose, 1.0),
        ("redis_master_sync_in_progress", &whose, 0.0),
        (
            "redis_slave_info",
            &[whose[0], whose[1], ("read_only", "1")],
            1.0,
        ),
        ("redis_slave_priority", &[], 100.0),
        ("redis_db_keys", &[("db", "db0")], 1.0),
    ]);
}

#[test]
fn a_sentinel_that_watches_a_master() {
    let folder = tempfile::tempdir().unwrap();
    let master = peers::redis(folder.path());
    let _replica = peers::redis_replica(folder.path(), &master);
    let sentinel = peers::redis_sentinel(folder.path(), &master);
    let exporter = peers::redis_exporter(folder.path(), &sentinel);
    let pair = Pair {
        name: "sentinel",
        config: "",
        server: &sentinel,
        exporter: &exporter,
    };
    let narthex = start("", &[&pair], "");
    // It learns of replicas from what the master says every ten seconds.
    until(WAIT_SECONDS, "a replica that the Sentinel knows", || {
        let known = narthex.query("redis_sentinel_master_ok_slaves == 1")?;
        match known.len() {
            2 => Ok(()),
            _ => Err(format!("{known:#?}")),
        }
    });
    let both = pair.agree(&narthex);
    let address = master.address();
    let of_main = [
        ("master_name", "main"),
        ("master_address", address.as_str()),
    ];
    both.assert_both(&[
        ("redis_up", &[], 1.0),
        ("redis_sentinel_masters", &[], 1.0),
        (
            "redis_sentinel_master_status",
            &[of_main[0], of_main[1], ("master_status", "ok")],
            1.0,
        ),
        ("redis_sentinel_master_slaves", &of_main, 1.0),
        ("redis_sentinel_master_sentinels", &of_main, 1.0),
        ("redis_sentinel_master_ok_sentinels", &of_main, 1.0),
    ]);
    both.assert_beyond(&[
        "redis_sentinel_master_setting_ckquorum",
        "redis_sentinel_master_setting_down_after_milliseconds",
        "redis_sentinel_master_config_epoch",
        "redis_sentinel_tilt_since_seconds",
    ]);
}

#[test]
fn a_node_of_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let node = peers::redis_cluster(folder.path());
    until(60, "a cluster that serves", || {
        let info = peers::redis_cli(&node, &["CLUSTER", "INFO"]);
        match info.contains("cluster_state:ok") {
            true => Ok(()),
            false => Err(info),
        }
    });
    peers::redis_cli(&node, &["SET", "user:1", "42"]);
    let flags = ["-is-cluster", "-check-single-keys=user:1"];
    let exporter = peers::redis_exporter_with(folder.path(), &node, &flags);
    let pair = Pair {
        name: "cluster",
        config: "check_keys: ['user:1']",
        server: &node,
        exporter: &exporter,
    };
    let narthex = start("", &[&pair], "");
    let both = pair.agree(&narthex);
    both.assert_both(&[
        ("redis_cluster_enabled", &[], 1.0),
        ("redis_cluster_state", &[], 1.0),
        ("redis_cluster_slots_assigned", &[], 16_384.0),
        ("redis_cluster_slots_ok", &[], 16_384.0),
        ("redis_cluster_known_nodes", &[], 1.0),
        ("redis_cluster_size", &[], 1.0),
        ("redis_cluster_messages_sent_total", &[], 0.0),
        ("redis_key_value", &[("db", "db0"), ("key", "user:1")], 42.0),
    ]);
    both.assert_beyond(&["redis_mem_cluster_links_bytes"]);
    // A cluster has one database.
    let second = series("redis_db_keys", &[("db", "db1")]);
    assert!(!both.ours.contains_key(&second));
}
