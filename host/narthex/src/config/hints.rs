//! What to do about a fault, where it is one that many meet: names that were changed, or that stand
//! in the wrong section.
//!
//! It is not: the nearest name, which the reader of a section knows.

use crate::yaml::Fault;

/// Names of fields that are not there, with what to write instead.
const FIELDS: &[(&str, &str)] = &[
    ("scrape_limit", "it is called `sample_limit`"),
    (
        "target_groups",
        "it is called `static_configs` since Prometheus 1.0",
    ),
    (
        "sd_name",
        "it is `dns_sd_configs` with `names` since Prometheus 0.15",
    ),
    (
        "scrape_classic_histograms",
        "it is called `always_scrape_classic_histograms` since Prometheus 3.0",
    ),
    (
        "api_servers",
        "it is `api_server`, one URL, since Prometheus 1.6",
    ),
    (
        "in_cluster",
        "leave it away: without `api_server` the cluster around the server is asked",
    ),
    (
        "max_retries",
        "leave it away: what can be sent again is, until it is received or too old",
    ),
    (
        "utf8_validation",
        "it is called `metric_name_validation_scheme`",
    ),
    ("honor_timestamp", "it is called `honor_timestamps`"),
    (
        "metrics_relabel_configs",
        "it is called `metric_relabel_configs`",
    ),
    ("scrape_interval", "it belongs into `global` or into a job"),
    ("scrape_timeout", "it belongs into `global` or into a job"),
    ("evaluation_interval", "it belongs into `global`"),
    ("external_labels", "it belongs into `global`"),
    ("job_name", "it belongs into an entry of `scrape_configs`"),
    (
        "static_configs",
        "it belongs into an entry of `scrape_configs`",
    ),
    ("targets", "it belongs into an entry of `static_configs`"),
    ("labels", "it belongs into an entry of `static_configs`"),
    ("alertmanagers", "it belongs into `alerting`"),
    ("alertmanager", "it is `alerting: {alertmanagers: [...]}`"),
    (
        "groups",
        "it belongs into a file of rules, which `rule_files` names",
    ),
    (
        "rules",
        "rules are in files of their own, which `rule_files` names",
    ),
    (
        "relabel_configs",
        "it belongs into an entry of `scrape_configs` or `alertmanagers`",
    ),
    ("insecure_skip_verify", "it belongs into `tls_config`"),
    ("ca_file", "it belongs into `tls_config`"),
    ("username", "it belongs into `basic_auth`"),
    ("password", "it belongs into `basic_auth`"),
    ("password_file", "it belongs into `basic_auth`"),
    (
        "retention",
        "it belongs into `storage.tsdb`, or is the flag --storage.tsdb.retention.time",
    ),
    ("path", "the store's folder is the flag --storage.tsdb.path"),
    (
        "storage_path",
        "the store's folder is the flag --storage.tsdb.path",
    ),
];

/// Parts of messages, with what to do.
const MESSAGES: &[(&str, &str)] = &[
    (
        "not a valid duration string",
        "a duration is numbers with units, the largest first: 15s, 1m30s, 2h, 500ms",
    ),
    (
        "unknown unit",
        "the units are ms, s, m, h, d, w and y; numbers are whole: 1500ms, not 1.5s",
    ),
    (
        "scrape timeout greater than scrape interval",
        "make the timeout shorter, or the interval longer",
    ),
    (
        "found multiple scrape configs with job name",
        "the name of a job stands once; one job may have several static_configs",
    ),
    (
        "is not a valid hostname",
        "a target is host:port; the path goes to `metrics_path`, http or https to `scheme`",
    ),
    (
        "error parsing regexp",
        "it is an expression of RE2: it has no look-around and no back-references",
    ),
    (
        "unknown relabel action",
        "the actions are replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, \
         labelkeep, lowercase and uppercase",
    ),
    (
        "units: invalid",
        "a size is a number with a unit: 512KB, 64MB, 1GiB",
    ),
    ("empty or null section", "take the empty entry out"),
    (
        "is there already",
        "of two values one would be lost: take one out",
    ),
    (
        "target_label' value",
        "say with `target_label` where the result is to go",
    ),
    (
        "requires non-zero modulus",
        "say with `modulus` how many parts there are",
    ),
    (
        "must begin with http:// or https://",
        "write the whole URL, as https://host/api/v1/write",
    ),
    (
        "found unknown anchor",
        "an anchor (`&name`) stands before its aliases (`*name`)",
    ),
    (
        "character that cannot start any token",
        "lines are indented by spaces; texts that begin with a sign are quoted",
    ),
    ("tab", "lines are indented by spaces"),
];

/// Adds what to do about a fault, where that is known and nothing better has been said.
pub(super) fn add(fault: Fault) -> Fault {
    let field = fault
        .message
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.strip_suffix('`'));
    let known = match field {
        Some(field) => FIELDS.iter().find(|(name, _)| *name == field),
        None => MESSAGES
            .iter()
            .find(|(part, _)| fault.message.contains(part)),
    };
    let is_old_api = fault.message.contains("unknown value \"v1\"");
    let hint = match known {
        Some((_, hint)) => *hint,
        None if is_old_api => {
            "the API v1 of Alertmanager is gone since Alertmanager 0.27: write v2"
        }
        None => return fault,
    };
    fault.with_hint(hint)
}
