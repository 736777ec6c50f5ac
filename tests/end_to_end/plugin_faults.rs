//! Plugins that misbehave, beside one that does not.

use narthex_tests::{Guest, Narthex, http, until};

use crate::pace::Pace;

const INTERVAL_MS: i64 = 500;

#[test]
fn a_plugin_that_misbehaves_costs_its_own_scrape_and_nothing_else() {
    let plugins = tempfile::tempdir().unwrap();
    let guest = Guest::build();
    guest.install(plugins.path(), "guest", 1);
    let job = |name: &str| {
        format!(
            "- job_name: {name}\n  plugin: guest\n  plugin_config: {{do: {name}}}\n  \
             static_configs: [{{targets: ['somewhere']}}]\n"
        )
    };
    let pace = Pace::of(INTERVAL_MS);
    let config = format!(
        "global: {{scrape_interval: {INTERVAL_MS}ms, scrape_timeout: 400ms}}\n\
         plugins: {{directory: {}}}\nscrape_configs:\n{}{}{}{}{}{}",
        plugins.path().display(),
        job("work"),
        job("trap"),
        job("loop"),
        job("grow"),
        job("recurse"),
        pace.job()
    );
    let mut narthex = Narthex::builder().config(config).start();
    let reasons = [
        ("trap", "unreachable", "trap"),
        ("loop", "deadline", "timeout"),
        ("grow", "memory", "memory"),
        ("recurse", "call stack exhausted", "trap"),
    ];
    until(120, "each fault to be told", || {
        let data = narthex.api("targets")?;
        for target in data["activeTargets"].as_array().ok_or("no targets")? {
            let text = |name: &str| target[name].as_str().unwrap_or("").to_owned();
            let fault = reasons.iter().find(|(job, ..)| *job == text("scrapePool"));
            let (health, reason) = fault.map_or(("up", ""), |(_, reason, _)| ("down", reason));
            if text("health") != health || !text("lastError").contains(reason) {
                return Err(target.to_string());
            }
        }
        Ok(())
    });
    // A metric counts each, and the log names it once.
    let (_, metrics) = http::get(&format!("{}/metrics", narthex.url())).unwrap();
    let log = narthex.process().log();
    for (job, _, result) in reasons {
        let count = format!(
            "narthex_plugin_calls_total{{plugin=\"guest\",job=\"{job}\",result=\"{result}\"}} "
        );
        assert!(metrics.contains(&count), "{count}: {metrics}");
        let told = log.lines().filter(|line| {
            line.contains("plugin was stopped") && line.contains(&format!("job=\"{job}\""))
        });
        assert_eq!(told.count(), 1, "{job}: {log}");
    }
    // The healthy job went on at its pace all the while.
    until(120, "ten scrapes of the healthy job", || {
        let up = narthex.query("sum_over_time(up{job=\"work\"}[1h])")?;
        let enough = up
            .values()
            .any(|count| count.parse::<f64>().unwrap() >= 10.0);
        if enough {
            Ok(())
        } else {
            Err(format!("{up:?}"))
        }
    });
    let up = narthex
        .query("max_over_time(up{job!~\"work|beside\"}[1h])")
        .unwrap();
    assert_eq!(up.into_values().collect::<Vec<_>>(), ["0"; 4]);
    pace.check(&narthex, "guest", "work");
}
