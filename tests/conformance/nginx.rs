//! The plugin `nginx` on Debian's nginx.

use std::collections::BTreeMap;

use narthex_tests::{Narthex, http, peers, until};

/// The numbers of the page, by the names of nginx-prometheus-exporter.
fn page(url: &str) -> BTreeMap<&'static str, f64> {
    let (status, text) = http::get(&format!("{url}/stub_status")).unwrap();
    assert_eq!(status, 200, "{text}");
    let words = text.split_whitespace();
    let numbers: Vec<f64> = words.filter_map(|word| word.parse().ok()).collect();
    let names = [
        "nginx_connections_active",
        "nginx_connections_accepted",
        "nginx_connections_handled",
        "nginx_http_requests_total",
        "nginx_connections_reading",
        "nginx_connections_writing",
        "nginx_connections_waiting",
    ];
    assert_eq!(numbers.len(), names.len(), "{text}");
    names.into_iter().zip(numbers).collect()
}

#[test]
fn every_number_of_the_page_is_a_family_with_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let nginx = peers::nginx(folder.path());
    for _ in 0..5 {
        assert_eq!(http::get(&nginx.url()).unwrap().0, 204);
    }
    let before = page(&nginx.url());
    let narthex = Narthex::builder()
        .config(format!(
            "global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\nscrape_configs:\n\
             - job_name: nginx\n  plugin: nginx\n  static_configs: [{{targets: ['{0}']}}]\n\
             - job_name: wrong\n  plugin: nginx\n  plugin_config: {{path: /nothing}}\n  \
             static_configs: [{{targets: ['{0}']}}]\n\
             - job_name: gone\n  plugin: nginx\n  static_configs: [{{targets: ['127.0.0.1:1']}}]\n",
            nginx.address()
        ))
        .start();
    let value = |name: &str| -> Result<f64, String> {
        let series = narthex.query(&format!("{name}{{job=\"nginx\"}}"))?;
        let value = series.values().next().ok_or("no series")?;
        value.parse().map_err(|_| value.clone())
    };
    until(60, "the first samples", || match value("nginx_up")? {
        1.0 => Ok(()),
        other => Err(other.to_string()),
    });
    for (name, before) in before {
        // There is none for as long as a scrape failed.
        let scraped = until(60, name, || value(name));
        // Read last, so that no counter can be ahead of it.
        let after = page(&nginx.url())[name];
        let is_counter = !name.starts_with("nginx_connections_") || name.ends_with("ed");
        if is_counter {
            assert!(before < scraped, "{name}: {before} {scraped}");
            assert!(scraped < after, "{name}: {scraped} {after}");
        } else {
            // Ours, the scraper's, and those that either keeps open.
            assert!((0.0..=10.0).contains(&scraped), "{name}: {scraped}");
        }
    }
    // The other jobs' servers are down, and their scrapes are not.
    until(60, "what the other jobs bring", || {
        for job in ["wrong", "gone"] {
            for (name, expected) in [("nginx_up", "0"), ("up", "1")] {
                let series = narthex.query(&format!("{name}{{job=\"{job}\"}}"))?;
                let found = series.values().next().map(String::as_str);
                if found != Some(expected) {
                    return Err(format!("{name} of {job}: {found:?}"));
                }
            }
        }
        Ok(())
    });
}
