use narthex_http::CloudAuth;
use narthex_scrape::config::ScrapeProtocol;

use super::*;

fn parsed(text: &str) -> Result<Config, String> {
    Config::parse(text, "prometheus.yml").map_err(|error| error.to_string())
}

#[test]
fn a_config_as_users_have_it_is_read() {
    let config = parsed(
        "global:\n\
         \x20 scrape_interval: 15s\n\
         \x20 external_labels: {region: eu, replica: 1, empty: null}\n\
         runtime:\n\
         \x20 gogc: 75\n\
         rule_files: []\n\
         alerting:\n\
         remote_write: []\n\
         scrape_configs:\n\
         - &base\n\
         \x20 job_name: a\n\
         \x20 honor_labels: yes\n\
         \x20 kubernetes_sd_configs: []\n\
         \x20 static_configs:\n\
         \x20 - targets: [localhost:9090]\n\
         \x20   labels: {zone: null, rack: 12}\n\
         - <<: *base\n\
         \x20 job_name: b\n\
         \x20 scrape_interval: 1m\n",
    )
    .unwrap();
    let jobs = &config.scrape.jobs;
    assert_eq!(
        (jobs[0].job_name.as_str(), jobs[1].job_name.as_str()),
        ("a", "b")
    );
    assert!(jobs[0].honor_labels && jobs[1].honor_labels);
    assert_eq!(jobs[0].scrape_interval, PromDuration::from_secs(15));
    assert_eq!(jobs[1].scrape_interval, PromDuration::from_secs(60));
    assert_eq!(jobs[0].static_configs[0].labels["zone"], "");
    assert_eq!(jobs[0].static_configs[0].labels["rack"], "12");
    assert_eq!(
        config.external_labels.to_string(),
        r#"{region="eu", replica="1"}"#
    );
}

#[test]
fn a_feature_asks_for_protobuf_unless_the_config_says_otherwise() {
    let defaults = ConfigDefaults {
        asks_for_protobuf: true,
        ..ConfigDefaults::default()
    };
    let first = |global: &str| {
        let text = format!("{global}scrape_configs: [{{job_name: a}}]\n");
        let config = Config::parse_with(&text, "prometheus.yml", defaults).unwrap();
        config.scrape.jobs[0].scrape_protocols[0]
    };
    assert_eq!(first(""), ScrapeProtocol::PrometheusProto);
    assert_eq!(
        first("global: {scrape_protocols: [PrometheusText0.0.4]}\n"),
        ScrapeProtocol::PrometheusText0_0_4
    );
}

#[test]
fn jobs_of_other_files_are_jobs_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("prometheus.yml");
    let file = main.to_str().unwrap();
    std::fs::create_dir(folder.path().join("jobs")).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join("jobs").join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let text = "scrape_config_files: [jobs/*.yml]\nscrape_configs: [{job_name: main}]\n";
    let parse = || Config::parse(text, file).map_err(|error| error.to_string());
    let job = "scrape_configs:\n- job_name: b\n  bearer_token_file: token\n";
    write("b.yml", job);
    write("a.yml", "scrape_configs: [{job_name: a}]\n");
    write("c.txt", "no yaml at all: [");
    let config = parse().unwrap();
    let names = config.scrape.jobs.iter().map(|job| job.job_name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["main", "a", "b"]);
    let token = folder.path().join("jobs/token").display().to_string();
    assert_eq!(config.scrape.jobs[2].bearer_token_file, token);
    // The printed config is the main file's.
    assert!(config.yaml.contains("scrape_config_files:\n- jobs/*.yml\n"));
    assert_eq!(config.yaml.matches("job_name:").count(), 1);

    let path = write("b.yml", "scrape_configs:\n- job_name: main\n");
    let error = parse().unwrap_err();
    let expected = format!("{path}:2:13: found multiple scrape configs with job name \"main\"");
    assert!(error.contains(&expected), "{error}");
    let path = write("b.yml", "global: {}\n");
    let error = parse().unwrap_err();
    assert!(error.contains(&format!("{path}:1:1: ")), "{error}");
    let error = Config::parse("scrape_config_files: ['*/a.yml']\n", file).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("invalid scrape config file path"), "{error}");
}

#[test]
fn the_default_config_scrapes_where_the_server_listens() {
    for (address, route_prefix, target, path) in [
        ("0.0.0.0:9090", "", "localhost:9090", "/metrics"),
        ("[::]:1", "/prom", "localhost:1", "/prom/metrics"),
        ("127.0.0.1:2", "", "127.0.0.1:2", "/metrics"),
    ] {
        let source = ConfigSource::Default {
            address: address.parse().unwrap(),
            route_prefix: route_prefix.to_owned(),
        };
        let config = source.load(ConfigDefaults::default()).unwrap();
        let jobs = &config.scrape.jobs;
        assert_eq!(
            (jobs[0].job_name.as_str(), jobs[1].job_name.as_str()),
            ("narthex", "node")
        );
        assert_eq!(jobs[0].static_configs[0].targets, [target]);
        assert_eq!(jobs[0].metrics_path, path);
        assert_eq!(jobs[1].plugin.as_deref(), Some("node"));
    }
}

#[test]
fn files_are_meant_from_the_folder_of_the_config() {
    let config = Config::parse(
        "plugins: {directory: plugins}\n\
         scrape_configs:\n\
         - job_name: a\n\
         \x20 authorization: {credentials_file: secret}\n\
         \x20 tls_config: {ca_file: /abs/ca.pem}\n",
        "etc/prometheus.yml",
    )
    .unwrap();
    let job = &config.scrape.jobs[0];
    let authorization = job.authorization.as_ref().unwrap();
    assert_eq!(authorization.credentials_file, "etc/secret");
    assert_eq!(job.tls_config.as_ref().unwrap().ca_file, "/abs/ca.pem");
    assert_eq!(config.plugins.directory, Some("etc/plugins".into()));
}

#[test]
fn what_is_printed_is_read_back_as_the_same_config() {
    let config = parsed(
        "storage: {tsdb: {retention: {time: 30d, size: 5GB}}}\n\
         scrape_configs:\n\
         - job_name: a\n\
         \x20 scheme: https\n\
         \x20 basic_auth: {username: u, password: p}\n\
         \x20 plugin_sd_configs:\n\
         \x20 - {plugin: cloud, config: {zone: z, token: hunter2}}\n\
         \x20 relabel_configs:\n\
         \x20 - {source_labels: [a, b], regex: 'x(.*)', target_label: c, replacement: '${1}'}\n",
    )
    .unwrap();
    assert!(
        config.yaml.contains("password: <secret>"),
        "{}",
        config.yaml
    );
    assert!(config.yaml.contains("token: <secret>"), "{}", config.yaml);
    assert!(
        config.yaml.contains("refresh_interval: 30s"),
        "{}",
        config.yaml
    );
    let printed = "storage:\n  tsdb:\n    retention:\n      time: 30d\n      size: 5GiB\n";
    assert!(config.yaml.contains(printed), "{}", config.yaml);
    let again = parsed(&config.yaml).unwrap();
    assert_eq!(again.yaml, config.yaml);
}

#[test]
fn each_kind_of_fault_says_what_and_where() {
    for (text, expected) in [
        (
            "globl: {}\n",
            vec!["prometheus.yml:1:1: unknown field `globl`"],
        ),
        (
            "global:\n  scrape_interval: 15\n",
            vec![
                "prometheus.yml:2:20: not a valid duration string: \"15\"",
                "2 |   scrape_interval: 15",
            ],
        ),
        (
            "rule_files:\n- '*/rules.yml'\n",
            vec!["prometheus.yml:2:3: invalid rule file path"],
        ),
        (
            "storage: {tsdb: {retention: {percentage: 101}}}\n",
            vec!["storage: a retention of 101 % of the disk"],
        ),
        (
            "storage:\n  tsdb: {retention: {days: 1}}\n",
            vec!["prometheus.yml:2:22: unknown field `days`"],
        ),
        (
            "alerting:\n  alertmanagers: [{api_version: v1, scheme: ftp, timout: 1s}]\n",
            vec![
                "prometheus.yml:2:33: unknown value \"v1\"",
                "hint: the API v1 of Alertmanager is gone",
                "prometheus.yml:2:45: invalid scheme",
                "prometheus.yml:2:50: unknown field `timout`",
                "hint: did you mean `timeout`?",
            ],
        ),
        (
            "scrape_configs:\n- job_name: a\n  ec2_sd_configs:\n  - {regoin: x}\n",
            vec![
                "prometheus.yml:4:6: unknown field `regoin`",
                "hint: did you mean `region`?",
            ],
        ),
        (
            "scrape_configs:\n- job_name: a\n  plugin_sd_configs: [{refresh_interval: 0}]\n",
            vec![
                "plugin is empty in an entry of plugin_sd_configs",
                "refresh_interval is 0 in an entry of plugin_sd_configs",
            ],
        ),
        (
            "scrape_configs:\n- job_name: a\n- job_name: a\n",
            vec!["prometheus.yml:3:13: found multiple scrape configs with job name \"a\""],
        ),
        (
            "scrape_configs:\n- scrape_interval: 5s\n- job_name: b\n  scrape_interval: 5s\n  scrape_timeout: 6s\n",
            vec![
                "prometheus.yml:2:3: job_name is empty",
                "prometheus.yml:5:19: scrape timeout greater than scrape interval",
            ],
        ),
        (
            "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - {regex: '(', action: labeldrop}\n",
            vec![
                "prometheus.yml:4:13: error parsing regexp",
                "in scrape_configs[0].relabel_configs[0].regex",
            ],
        ),
        (
            "scrape_configs:\n- job_name: a\n  honor_labels: maybe\n",
            vec!["prometheus.yml:3:17: "],
        ),
        (
            "scrape_configs:\n  - job_name: a\n - b\n",
            vec!["prometheus.yml:3:"],
        ),
    ] {
        let error = parsed(text).unwrap_err();
        for part in expected {
            assert!(error.contains(part), "{text}\n{error}\n{part}");
        }
        assert!(
            error.contains("parsing YAML file prometheus.yml:"),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let source = ConfigSource::File("no/such.yml".into());
    let error = source.load(ConfigDefaults::default()).unwrap_err();
    assert!(error.to_string().contains("no/such.yml: "), "{error}");
}

#[test]
fn remote_write_is_read_checked_and_printed() {
    let config = parsed(
        "remote_write:\n\
         - url: http://far.example/api/v1/write\n\
         \x20 protobuf_message: io.prometheus.write.v2.Request\n\
         \x20 basic_auth: {username: u, password: hunter2}\n\
         \x20 queue_config: {max_shards: 5}\n\
         \x20 write_relabel_configs: [{source_labels: [job], regex: a, action: keep}]\n",
    )
    .unwrap();
    let sender = &config.remote_write[0];
    assert_eq!(sender.queue_config.max_shards, 5);
    assert_eq!(sender.queue_config.capacity, 10_000);
    assert!(!config.yaml.contains("hunter2"), "{}", config.yaml);
    assert!(
        config.yaml.contains("io.prometheus.write.v2.Request"),
        "{}",
        config.yaml
    );
    for (entry, expected) in [
        ("name: a", "url for remote_write is empty"),
        ("url: http://a\n  protobuf_message: x", "unknown type"),
        ("url: http://a\n  queue_config: {max_shard: 1}", "max_shard"),
    ] {
        let error = parsed(&format!("remote_write:\n- {entry}\n")).unwrap_err();
        assert!(error.contains(expected), "{entry}: {error}");
        assert!(error.contains("prometheus.yml:"), "{error}");
    }
}

#[test]
fn all_faults_are_said_at_once_each_where_it_stands() {
    let text = "global:\n\
                \x20 scrape_intervall: 15s\n\
                \x20 scrape_timeout: 10\n\
                scrape_configs:\n\
                - job_name: a\n\
                \x20 scrape_limit: 5\n\
                \x20 scheme: ftp\n\
                \x20 relabel_configs:\n\
                \x20 - {action: keepp, regex: a}\n\
                \x20 - {action: keep, regex: '(', source_labels: [a]}\n\
                \x20 - {action: hashmod, source_labels: [a], target_label: b}\n\
                - job_name: a\n\
                \x20 basic_auth: {username: u, password: p, password_file: f}\n\
                \x20 honor_labels: 'yes'\n\
                remote_write:\n\
                - url: http://a/%zz\n\
                \x20 queue_config: {max_shard: 5}\n";
    let error = parsed(text).unwrap_err();
    let at = |line: &str| line.strip_prefix("prometheus.yml:").map(str::to_owned);
    let first = error.split("parsing YAML file ").nth(1).unwrap();
    let found: Vec<String> = first.lines().filter_map(at).collect();
    let expected = [
        "2:3: unknown field `scrape_intervall`",
        "3:19: not a valid duration string: \"10\"",
        "6:3: unknown field `scrape_limit`",
        "7:11: invalid scheme \"ftp\"",
        "9:14: unknown relabel action \"keepp\"",
        "10:27: error parsing regexp",
        "11:5: relabel configuration for hashmod requires non-zero modulus",
        "12:13: found multiple scrape configs with job name \"a\"",
        "13:39: at most one of basic_auth password",
        "14:17: expected true or false, got the text \"yes\"",
        "16:8: url: invalid URL escape \"%zz\"",
        "17:18: unknown field `max_shard`",
    ];
    assert_eq!(found.len(), expected.len(), "{error}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
    assert!(
        error.contains("hint: it is called `sample_limit`"),
        "{error}"
    );
    assert!(!error.contains("password: p"), "{error}");
}

#[test]
fn what_cannot_be_run_yet_is_sound_and_says_so() {
    let text = "rule_files: ['rules/*.yml']\n\
                alerting: {alertmanagers: [{static_configs: [{targets: ['a:9093']}]}]}\n\
                remote_read: [{url: 'http://a/read', authorization: {credentials_file: c}}]\n\
                tracing: {endpoint: 'a:4317'}\n\
                otlp: {promote_resource_attributes: [a]}\n\
                runtime: {gogc: 50}\n\
                scrape_configs:\n\
                - {job_name: a, ec2_sd_configs: [{region: eu-west-1}], gce_sd_configs: []}\n\
                remote_write: [{url: 'http://a', sigv4: {region: b}}]\n\
                storage: {tsdb: {chunk_encoding: {floats: xor2}}}\n";
    let config = Config::parse(text, "prometheus.yml").unwrap();
    assert!(
        config.yaml.contains("rule_files:\n- rules/*.yml\n"),
        "{}",
        config.yaml
    );
    let messages = |faults: &[Fault]| -> Vec<String> {
        let faults = faults.iter();
        faults
            .map(|fault| format!("{:?} {}", fault.place.unwrap(), fault.message))
            .collect()
    };
    let expected = [
        "(4, 10) tracing: spans are not sent yet",
        "(10, 34) storage.tsdb.chunk_encoding: samples are written in a form of our own",
    ];
    assert_eq!(messages(&config.warnings), expected);
    let expected = ["(8, 33) ec2_sd_configs: no plugin finds the targets of ec2 yet"];
    assert_eq!(messages(&config.missing), expected);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prometheus.yml");
    std::fs::write(&path, text).unwrap();
    let error = ConfigSource::File(path)
        .load(ConfigDefaults::default())
        .unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("prometheus.yml:8:33: ec2_sd_configs"),
        "{error}"
    );
}

#[test]
fn what_clouds_want_to_know_is_read_and_printed_without_its_secrets() {
    let config = Config::parse(
        "alerting: {alertmanagers: [{sigv4: {region: a, access_key: k, secret_key: hunter2}}]}\n\
         remote_write:\n\
         - {url: 'http://a', sigv4: {region: b, role_arn: r}}\n\
         - {url: 'http://b', azuread: {workload_identity: {token_file_path: t,\n\
         \x20   client_id: 00000000-0000-0000-0000-000000000000,\n\
         \x20   tenant_id: 00000000-0000-0000-0000-000000000000}}}\n\
         - {url: 'http://c', google_iam: {credentials_file: key.json}}\n\
         - {url: 'http://d', google_iam: {}}\n",
        "/etc/prometheus.yml",
    )
    .unwrap();
    for part in [
        "secret_key: <secret>\n",
        "role_arn: r\n",
        "token_file_path: /etc/t\n",
        "credentials_file: /etc/key.json\n",
        "google_iam: {}\n",
    ] {
        assert!(config.yaml.contains(part), "{part}: {}", config.yaml);
    }
    assert!(!config.yaml.contains("hunter2"), "{}", config.yaml);
    assert!(config.missing.is_empty());
    let cloud = |at: usize| config.remote_write[at].client_config().cloud;
    assert!(matches!(cloud(0), Some(CloudAuth::SigV4(_))));
    assert!(matches!(cloud(1), Some(CloudAuth::AzureAd(_))));
    assert!(matches!(cloud(2), Some(CloudAuth::GoogleIam(_))));
    let notified = &config.notifier.alertmanagers[0].http.cloud;
    assert!(matches!(notified, Some(CloudAuth::SigV4(_))));
    let text = "alerting: {alertmanagers: [{basic_auth: {username: u}, sigv4: {access_key: k}}]}\n\
                remote_write: [{url: 'http://a', azuread: {sdk: {}, oauth: {}}}]\n";
    let error = Config::parse(text, "prometheus.yml")
        .unwrap_err()
        .to_string();
    for part in [
        "must provide a AWS SigV4 Access key and Secret Key",
        "at most one of basic_auth, authorization, oauth2 & sigv4",
        "cannot provide multiple authentication methods in the Azure AD config",
        "must provide an Azure OAuth client_id",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn other_stores_to_ask_are_printed_with_their_defaults_and_their_clients_are_checked() {
    let text = "remote_read:\n\
                - {url: 'http://a/read', required_matchers: {job: b}, bearer_token_file: t}\n";
    let config = Config::parse(text, "/etc/prometheus.yml").unwrap();
    assert_eq!(config.remote_read.len(), 1);
    assert_eq!(config.remote_read[0].bearer_token_file, "/etc/t");
    let printed = config.yaml.split("remote_read:\n").nth(1).unwrap();
    for line in [
        "- url: http://a/read\n  remote_timeout: 1m\n",
        "  required_matchers:\n    job: b\n  filter_external_labels: true\n",
        "  bearer_token_file: /etc/t\n  follow_redirects: true\n  enable_http2: true\n",
    ] {
        assert!(printed.contains(line), "{line}\n{printed}");
    }
    let text = "remote_read: [{url: 'http://a', no_proxy: x, proxy_url: 'http://b:c'}]\n";
    let error = Config::parse(text, "prometheus.yml").unwrap_err();
    let error = error.to_string();
    assert!(error.contains(":1:57: proxy_url: "), "{error}");
}

#[test]
fn an_agent_has_no_rules_and_nobody_to_ask() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prometheus.yml");
    std::fs::write(
        &path,
        "rule_files: ['*.yml']\nremote_read: [{url: 'http://a'}]\n",
    )
    .unwrap();
    let checks = Checks {
        agent: true,
        ..Checks::default()
    };
    assert!(Config::check(&path, Checks::default()).is_ok());
    let error = Config::check(&path, checks).unwrap_err().to_string();
    for part in [
        ":1:13: field rule_files is not allowed in agent mode",
        ":2:14: field remote_read is not allowed in agent mode",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn files_that_are_not_there_are_named_where_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prometheus.yml");
    let text = "rule_files: [gone.yml, '*.rules', there.yml]\n\
                scrape_configs:\n\
                - {job_name: a, authorization: {credentials_file: gone}, tls_config: {ca_file: gone}}\n";
    std::fs::write(&path, text).unwrap();
    std::fs::write(folder.path().join("there.yml"), "").unwrap();
    assert!(Config::check(&path, Checks::default()).is_ok());
    let checks = Checks {
        files: true,
        ..Checks::default()
    };
    let error = Config::check(&path, checks).unwrap_err().to_string();
    for part in [
        ":1:14: \"gone.yml\" does not point to an existing file",
        ":3:51: authorization credentials_file: no such file",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!error.contains("ca_file: no such file"), "{error}");
}

#[test]
fn alertmanagers_are_found_and_spoken_to_as_jobs_are() {
    let text = "global: {external_labels: {region: eu}}\n\
                rule_files: [rules/*.yml, /etc/rules.yml]\n\
                alerting:\n\
                \x20 alert_relabel_configs: [{regex: replica, action: labeldrop}]\n\
                \x20 alertmanagers:\n\
                \x20 - static_configs: [{targets: ['a:9093']}]\n\
                \x20   basic_auth: {username: u, password_file: secret}\n\
                \x20 - {scheme: https, path_prefix: /am, timeout: 3s,\n\
                \x20    dns_sd_configs: [{names: [_am._tcp.example]}],\n\
                \x20    alert_relabel_configs: [{regex: x, action: labeldrop}]}\n";
    let config = Config::parse(text, "/etc/prom/prometheus.yml").unwrap();
    let patterns = ["/etc/prom/rules/*.yml", "/etc/rules.yml"];
    assert_eq!(config.rule_patterns, patterns.map(PathBuf::from));
    let notifier = &config.notifier;
    assert_eq!(notifier.external_labels.to_string(), "{region=\"eu\"}");
    assert_eq!(notifier.alert_relabel_configs.len(), 1);
    let [first, second] = &notifier.alertmanagers[..] else {
        panic!("{notifier:?}");
    };
    assert_eq!(first.static_configs[0].targets, ["a:9093"]);
    assert_eq!(
        (first.scheme.as_str(), first.path_prefix.as_str()),
        ("http", "")
    );
    assert_eq!(first.timeout, PromDuration::from_secs(10));
    let auth = first.http.basic_auth.as_ref().unwrap();
    assert_eq!(auth.password_file, "/etc/prom/secret");
    assert_eq!(
        (second.scheme.as_str(), second.path_prefix.as_str()),
        ("https", "/am")
    );
    assert_eq!(second.timeout, PromDuration::from_secs(3));
    assert_eq!(
        (second.sd_configs.len(), second.alert_relabel_configs.len()),
        (1, 1)
    );
    let printed = "alerting:\n  alert_relabel_configs:\n";
    assert!(config.yaml.contains(printed), "{}", config.yaml);
    let printed = "  - path_prefix: /am\n    timeout: 3s\n    api_version: v2\n";
    assert!(config.yaml.contains(printed), "{}", config.yaml);
    assert!(!config.yaml.contains("job_name"), "{}", config.yaml);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn a_printed_text_is_none_of_the_words_of_yaml_1_1() {
    let text = "global: {external_labels: {on: 'off', at: '22:00', plain: a b}}\n\
                scrape_configs:\n- job_name: 'no'\n  relabel_configs:\n\
                \x20 - {target_label: keep, replacement: 'yes'}\n";
    let config = parsed(text).unwrap();
    for line in [
        "    \"on\": \"off\"\n",
        "    at: \"22:00\"\n",
        "    plain: a b\n",
        "- job_name: \"no\"\n",
        "    replacement: \"yes\"\n",
    ] {
        assert!(config.yaml.contains(line), "{line}\n{}", config.yaml);
    }
    assert_eq!(parsed(&config.yaml).unwrap().yaml, config.yaml);
    let job = print_job(&config.scrape.jobs[0]).unwrap();
    assert!(job.starts_with("job_name: \"no\"\n"), "{job}");
}
