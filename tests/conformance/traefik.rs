//! The plugin `traefik` on recorded answers of its API and metrics: Debian has no Traefik.

use narthex_tests::{Narthex, Target, repository, until};

fn recorded(name: &str) -> String {
    let path = repository()
        .join("plugins/exporters/traefik/fixtures")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

/// A text of samples as sorted series, each with its value.
fn samples(text: &str) -> Vec<String> {
    let mut samples: Vec<String> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let value: f64 = value.parse().unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let mut labels: Vec<&str> = labels
                .trim_end_matches('}')
                .split("\",")
                .map(|label| label.trim_end_matches('"'))
                // A label without a value is none.
                .filter(|label| !label.is_empty() && !label.ends_with('='))
                .collect();
            labels.sort_unstable();
            format!("{name} {} {value}", labels.join(" ").replace('"', ""))
        })
        .collect();
    samples.sort();
    samples
}

#[test]
fn metrics_and_state_are_all_there() {
    let traefik = Target::serve(|path| {
        let json = |name| ("application/json".to_owned(), recorded(name));
        match path {
            "/api/version" => json("version.json"),
            "/api/overview" => json("overview.json"),
            "/api/entrypoints" => json("entrypoints.json"),
            "/api/rawdata" => json("rawdata.json"),
            _ => (
                "text/plain; version=0.0.4; charset=utf-8".to_owned(),
                recorded("metrics-3.6.txt"),
            ),
        }
    });
    let narthex = Narthex::builder()
        .config(format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n\
             - job_name: traefik\n  plugin: traefik\n  static_configs: [{{targets: ['{}']}}]\n",
            traefik.address()
        ))
        .start();
    let text = recorded("metrics-3.6.txt") + &recorded("expected.txt");
    let expected = samples(&text);
    until(60, "all samples", || {
        let query = "{__name__=~\"traefik_.+|go_.+|process_.+\"}";
        let series = narthex.query(query)?;
        let mut found: Vec<String> = series
            .iter()
            .map(|(labels, value)| {
                let mut labels: std::collections::BTreeMap<String, String> =
                    serde_json::from_str(labels).unwrap();
                let name = labels.remove("__name__").unwrap();
                labels.remove("job");
                labels.remove("instance");
                // As the recording writes them.
                if let Some(le) = labels.get_mut("le") {
                    *le = le.trim_end_matches(".0").to_owned();
                }
                let labels: Vec<String> = labels
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                let value: f64 = value.parse().unwrap();
                format!("{name} {} {value}", labels.join(" "))
            })
            .collect();
        found.sort();
        match found == expected {
            true => Ok(()),
            false => Err(format!(
                "missing: {:#?}\nunexpected: {:#?}",
                expected
                    .iter()
                    .filter(|s| !found.contains(s))
                    .collect::<Vec<_>>(),
                found
                    .iter()
                    .filter(|s| !expected.contains(s))
                    .collect::<Vec<_>>()
            )),
        }
    });
}
