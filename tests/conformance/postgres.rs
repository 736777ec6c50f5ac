//! The plugin `postgres` beside Debian's postgres_exporter, both on Debian's PostgreSQL.

use narthex_tests::{Narthex, peers, until};

use crate::beside::Comparison;

/// What is about the exporter itself, what each of the two connections sees of the other, and the
/// version, which the exporter writes as a longer text.
const LEFT_OUT: &str = "pg_exporter_.*|pg_scrape_collector_.*|pg_static|\
     pg_settings_extra_float_digits|pg_stat_activity_count|pg_stat_database_numbackends";

#[test]
fn the_server_is_the_same_to_both() {
    let folder = tempfile::tempdir().unwrap();
    let server = peers::postgres(folder.path());
    let exporter = peers::postgres_exporter(folder.path(), &server);
    let secret = folder.path().join("password");
    std::fs::write(&secret, peers::POSTGRES_PASSWORD).unwrap();
    let narthex = Narthex::builder()
        .config(format!(
            "plugins: {{secrets: {{postgres: {{file: '{secret}'}}}}}}\n\
             global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\nscrape_configs:\n\
             - job_name: ours\n  plugin: postgres\n  \
             plugin_config: {{user: postgres, password_secret: postgres}}\n  \
             static_configs: [{{targets: ['{server}'], labels: {{instance: server}}}}]\n\
             - job_name: theirs\n  \
             static_configs: [{{targets: ['{exporter}'], labels: {{instance: server}}}}]\n  \
             metric_relabel_configs: [{{action: labeldrop, regex: server}}]\n\
             - job_name: stranger\n  plugin: postgres\n  \
             plugin_config: {{user: stranger, password: wrong}}\n  \
             static_configs: [{{targets: ['{server}']}}]\n\
             - job_name: gone\n  plugin: postgres\n  static_configs: [{{targets: ['127.0.0.1:1']}}]\n",
            secret = secret.display(),
            server = server.address(),
            exporter = exporter.address()
        ))
        .start();
    Comparison {
        prefix: "pg_",
        beat: "pg_up",
        left_out: LEFT_OUT,
        // Each of the two scrapers is a client that the other one sees or not.
        slack: 0.25,
    }
    .check(&narthex);
    until(60, "what the other jobs bring", || {
        let down = narthex.query(r#"pg_up{job="gone"}"#)?;
        if down.values().next().map(String::as_str) != Some("0") {
            return Err(format!("{down:?}"));
        }
        let targets = narthex.api("targets")?;
        let targets = targets["activeTargets"].as_array().ok_or("no targets")?;
        let stranger = targets
            .iter()
            .find(|target| target["scrapePool"] == "stranger");
        let error = stranger.ok_or("no target")?["lastError"].to_string();
        match error.contains("password authentication failed") {
            true => Ok(()),
            false => Err(error),
        }
    });
}
