//! The metrics that the prometheus-mixin and the alertmanager-mixin are about: a host that does
//! what they watch has each of them, and what their alerts compare finds series there.
//!
//! It is not: the mixins. The names are theirs; expressions are written anew, without thresholds.

use std::collections::BTreeSet;

use narthex_tests::{Hook, Narthex, free_port, http, peers, until};

/// Names of alerts and dashboards, those that only Kubernetes' own parts have left out.
const NAMES: &[&str] = &[
    "alertmanager_alerts",
    "alertmanager_alerts_invalid_total",
    "alertmanager_alerts_received_total",
    "alertmanager_cluster_failed_peers",
    "alertmanager_cluster_members",
    "alertmanager_config_hash",
    "alertmanager_config_last_reload_successful",
    "alertmanager_notification_latency_seconds_bucket",
    "alertmanager_notification_latency_seconds_count",
    "alertmanager_notification_latency_seconds_sum",
    "alertmanager_notifications_failed_total",
    "alertmanager_notifications_total",
    "process_start_time_seconds",
    "prometheus_build_info",
    "prometheus_config_last_reload_successful",
    "prometheus_engine_queries",
    "prometheus_engine_queries_concurrent_max",
    "prometheus_engine_query_duration_seconds",
    "prometheus_engine_query_duration_seconds_count",
    "prometheus_engine_query_duration_seconds_sum",
    "prometheus_notifications_alertmanagers_discovered",
    "prometheus_notifications_errors_total",
    "prometheus_notifications_queue_capacity",
    "prometheus_notifications_queue_length",
    "prometheus_notifications_sent_total",
    "prometheus_remote_storage_enqueue_retries_total",
    "prometheus_remote_storage_highest_timestamp_in_seconds",
    "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
    "prometheus_remote_storage_queue_highest_timestamp_seconds",
    "prometheus_remote_storage_samples_dropped_total",
    "prometheus_remote_storage_samples_failed_total",
    "prometheus_remote_storage_samples_in_total",
    "prometheus_remote_storage_samples_pending",
    "prometheus_remote_storage_samples_retried_total",
    "prometheus_remote_storage_samples_total",
    "prometheus_remote_storage_shard_capacity",
    "prometheus_remote_storage_shards",
    "prometheus_remote_storage_shards_desired",
    "prometheus_remote_storage_shards_max",
    "prometheus_remote_storage_shards_min",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_rule_group_iterations_missed_total",
    "prometheus_rule_group_rules",
    "prometheus_sd_discovered_targets",
    "prometheus_sd_kubernetes_failures_total",
    "prometheus_sd_refresh_failures_total",
    "prometheus_target_interval_length_seconds_count",
    "prometheus_target_interval_length_seconds_sum",
    "prometheus_target_metadata_cache_entries",
    "prometheus_target_scrape_pool_exceeded_label_limits_total",
    "prometheus_target_scrape_pool_exceeded_target_limit_total",
    "prometheus_target_scrapes_exceeded_body_size_limit_total",
    "prometheus_target_scrapes_exceeded_sample_limit_total",
    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
    "prometheus_target_scrapes_sample_out_of_bounds_total",
    "prometheus_target_scrapes_sample_out_of_order_total",
    "prometheus_target_sync_failed_total",
    "prometheus_target_sync_length_seconds_sum",
    "prometheus_tsdb_clean_start",
    "prometheus_tsdb_compactions_failed_total",
    "prometheus_tsdb_head_chunks",
    "prometheus_tsdb_head_samples_appended_total",
    "prometheus_tsdb_head_series",
    "prometheus_tsdb_reloads_failures_total",
    "prometheus_tsdb_wal_segment_current",
    "prometheus_wal_watcher_current_segment",
];

/// What the alerts compare with something.
const ALERTS: &[(&str, &str)] = &[
    (
        "BadConfig",
        "max_over_time(prometheus_config_last_reload_successful[5m])",
    ),
    (
        "SDRefreshFailure",
        "increase(prometheus_sd_refresh_failures_total[10m])",
    ),
    (
        "KubernetesListWatchFailures",
        "increase(prometheus_sd_kubernetes_failures_total[5m])",
    ),
    (
        "NotificationQueueRunningFull",
        // There is a queue for each Alertmanager, as in Prometheus 3.
        "min_over_time(prometheus_notifications_queue_capacity[5m]) - \
         ignoring (alertmanager) group_right () \
         predict_linear(prometheus_notifications_queue_length[5m], 1800)",
    ),
    (
        "ErrorSendingAlertsToSomeAlertmanagers",
        "rate(prometheus_notifications_errors_total[5m]) / \
         rate(prometheus_notifications_sent_total[5m])",
    ),
    (
        "ErrorSendingAlertsToAnyAlertmanager",
        "min without (alertmanager) (rate(prometheus_notifications_errors_total[5m]) / \
         rate(prometheus_notifications_sent_total[5m]))",
    ),
    (
        "NotConnectedToAlertmanagers",
        "max_over_time(prometheus_notifications_alertmanagers_discovered[5m])",
    ),
    (
        "TSDBReloadsFailing",
        "increase(prometheus_tsdb_reloads_failures_total[3h])",
    ),
    (
        "TSDBCompactionsFailing",
        "increase(prometheus_tsdb_compactions_failed_total[3h])",
    ),
    (
        "NotIngestingSamples",
        "sum without (type) (rate(prometheus_tsdb_head_samples_appended_total[5m])) and \
         sum without (scrape_job) (prometheus_target_metadata_cache_entries)",
    ),
    (
        "NotIngestingSamples",
        "sum without (type) (rate(prometheus_tsdb_head_samples_appended_total[5m])) and \
         sum without (rule_group) (prometheus_rule_group_rules)",
    ),
    (
        "DuplicateTimestamps",
        "rate(prometheus_target_scrapes_sample_duplicate_timestamp_total[5m])",
    ),
    (
        "OutOfOrderTimestamps",
        "rate(prometheus_target_scrapes_sample_out_of_order_total[5m])",
    ),
    (
        "RemoteStorageFailures",
        "rate(prometheus_remote_storage_samples_failed_total[5m]) / \
         (rate(prometheus_remote_storage_samples_failed_total[5m]) + \
         rate(prometheus_remote_storage_samples_total[5m]))",
    ),
    (
        "RemoteWriteBehind",
        "max_over_time(prometheus_remote_storage_highest_timestamp_in_seconds[5m]) - \
         ignoring (remote_name, url) group_right () \
         max_over_time(prometheus_remote_storage_queue_highest_sent_timestamp_seconds[5m])",
    ),
    (
        "RemoteWriteDesiredShards",
        "max_over_time(prometheus_remote_storage_shards_max[5m]) - \
         max_over_time(prometheus_remote_storage_shards_desired[5m])",
    ),
    (
        "RuleFailures",
        "increase(prometheus_rule_evaluation_failures_total[5m])",
    ),
    (
        "MissingRuleEvaluations",
        "increase(prometheus_rule_group_iterations_missed_total[5m])",
    ),
    (
        "TargetLimitHit",
        "increase(prometheus_target_scrape_pool_exceeded_target_limit_total[5m])",
    ),
    (
        "LabelLimitHit",
        "increase(prometheus_target_scrape_pool_exceeded_label_limits_total[5m])",
    ),
    (
        "ScrapeBodySizeLimitHit",
        "increase(prometheus_target_scrapes_exceeded_body_size_limit_total[5m])",
    ),
    (
        "ScrapeSampleLimitHit",
        "increase(prometheus_target_scrapes_exceeded_sample_limit_total[5m])",
    ),
    (
        "TargetSyncFailure",
        "increase(prometheus_target_sync_failed_total[30m])",
    ),
    (
        "HighQueryLoad",
        "avg_over_time(prometheus_engine_queries[5m]) / \
         max_over_time(prometheus_engine_queries_concurrent_max[5m])",
    ),
    // A panel of the dashboard.
    (
        "Stage Duration",
        "max by (slice) (prometheus_engine_query_duration_seconds{quantile=\"0.9\"}) * 1e3",
    ),
    (
        "FailedReload",
        "max_over_time(alertmanager_config_last_reload_successful[5m])",
    ),
    (
        "MembersInconsistent",
        "max_over_time(alertmanager_cluster_members[5m]) / on (job) group_left () \
         count by (job) (max_over_time(alertmanager_cluster_members[5m]))",
    ),
    (
        "FailedToSendAlerts",
        "rate(alertmanager_notifications_failed_total[5m]) / \
         ignoring (reason) group_left () rate(alertmanager_notifications_total[5m])",
    ),
    (
        "ClusterFailedToSendAlerts",
        "min by (job, integration) (rate(alertmanager_notifications_failed_total[5m]) / \
         ignoring (reason) group_left () rate(alertmanager_notifications_total[5m]))",
    ),
    (
        "ConfigInconsistent",
        "count by (job) (count_values by (job) (\"config_hash\", alertmanager_config_hash))",
    ),
    (
        "ClusterCrashlooping",
        "count by (job) (changes(process_start_time_seconds[10m])) / count by (job) (up)",
    ),
];

/// One alert fires all the time, and is told to the Alertmanager of the host itself.
const RULES: &str = "
groups:
- name: always
  interval: 1s
  rules:
  - {record: targets, expr: sum(up)}
  - {alert: Always, expr: vector(1)}
";

const ALERTMANAGER: &str = "
route: {receiver: hook, group_wait: 1s, group_interval: 1s}
receivers: [{name: hook, webhook_configs: [{url: '@/hook'}]}]
";

fn config(own: &str, receiver: &str, rules: &str) -> String {
    format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: ['{rules}']\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{own}']}}]}}]}}\n\
         remote_write:\n\
         - url: '{receiver}/api/v1/write'\n  \
           write_relabel_configs: [{{source_labels: [__name__], regex: up, action: drop}}]\n\
         scrape_configs:\n\
         - job_name: self\n  static_configs: [{{targets: ['{own}']}}]\n\
         - job_name: found\n  http_sd_configs: [{{url: 'http://{own}/no/targets'}}]\n"
    )
}

#[test]
fn a_host_has_what_the_mixins_look_at() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    let receiver = peers::prometheus_receiving(folder.path(), free_port());
    let (rules, alertmanager) = (
        folder.path().join("rules.yml"),
        folder.path().join("alertmanager.yml"),
    );
    std::fs::write(&rules, RULES).unwrap();
    std::fs::write(&alertmanager, ALERTMANAGER.replace('@', &hook.url())).unwrap();
    let narthex = Narthex::builder()
        .config("global: {}\n")
        .flag(format!(
            "--alertmanager.config.file={}",
            alertmanager.display()
        ))
        .flag(format!(
            "--cluster.listen-address=127.0.0.1:{}",
            free_port()
        ))
        .start();
    let url = narthex.url();
    let own = url.trim_start_matches("http://").to_owned();
    let rules = rules.display().to_string();
    narthex.write_config(&config(&own, &receiver.url(), &rules));
    let (status, said) = http::post(&format!("{url}/-/reload")).unwrap();
    assert_eq!(status, 200, "{said}");

    until(180, "all names", || {
        // A query that a user asks is measured.
        narthex.query("1")?;
        let (_, page) = http::get(&format!("{url}/metrics"))?;
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        let names: BTreeSet<&str> = samples
            .filter_map(|line| line.split(['{', ' ']).next())
            .collect();
        let missing: Vec<&&str> = NAMES
            .iter()
            .filter(|name| !names.contains(**name))
            .collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!("{missing:#?}")),
        }
    });
    until(180, "series for all alerts", || {
        let mut empty = Vec::new();
        for (alert, expression) in ALERTS {
            match narthex.query(expression) {
                Ok(found) if !found.is_empty() => {}
                other => empty.push(format!("{alert}: {expression}: {other:?}")),
            }
        }
        match empty.is_empty() {
            true => Ok(()),
            false => Err(format!("{empty:#?}")),
        }
    });
}
