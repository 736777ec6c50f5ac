//! Plugins that misbehave, beside one that does not.

use narthex_tests::{Guest, Narthex, until};

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
    let config = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}\nplugins: {{directory: {}}}\n\
         scrape_configs:\n{}{}{}{}",
        plugins.path().display(),
        job("work"),
        job("trap"),
        job("loop"),
        job("grow")
    );
    let narthex = Narthex::builder().config(config).start();
    let reasons = [
        ("trap", "unreachable"),
        ("loop", "deadline"),
        ("grow", "memory"),
    ];
    until(30, "each fault to be told", || {
        let data = narthex.api("targets")?;
        for target in data["activeTargets"].as_array().ok_or("no targets")? {
            let text = |name: &str| target[name].as_str().unwrap_or("").to_owned();
            let reason = reasons.iter().find(|(job, _)| *job == text("scrapePool"));
            let (health, reason) = reason.map_or(("up", ""), |(_, reason)| ("down", reason));
            if text("health") != health || !text("lastError").contains(reason) {
                return Err(target.to_string());
            }
        }
        Ok(())
    });
    // The healthy job went on at its pace all the while.
    until(30, "ten scrapes of the healthy job", || {
        let up = narthex.query("count_over_time(up{job=\"work\"}[1m])")?;
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
        .query("min_over_time(up{job=\"work\"}[1m])")
        .unwrap();
    assert_eq!(up.into_values().collect::<Vec<_>>(), ["1"]);
    let up = narthex
        .query("max_over_time(up{job!=\"work\"}[1m])")
        .unwrap();
    assert_eq!(up.into_values().collect::<Vec<_>>(), ["0", "0", "0"]);
}
