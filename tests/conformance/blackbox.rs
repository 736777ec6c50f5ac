//! The plugin `blackbox` beside Debian's blackbox_exporter, both probing nginx and dnsmasq.

use narthex_tests::{Narthex, peers, until};

use crate::beside::Comparison;

/// How long something took is nobody's to compare.
const LEFT_OUT: &str = "probe_(.+_)?duration_seconds|probe_dns_lookup_time_seconds";

/// The probes: what they are called, the module, and what is probed with which path.
const PROBES: [(&str, &str, Peer, &str); 8] = [
    ("page", "{prober: http}", Peer::Nginx, "/"),
    ("missing page", "{prober: http}", Peer::Nginx, "/nothing"),
    (
        "wanted page",
        "{prober: http, http: {valid_status_codes: [404], fail_if_body_not_matches_regexp: ['404 Not F']}}",
        Peer::Nginx,
        "/nothing",
    ),
    (
        "unwanted page",
        "{prober: http, http: {valid_status_codes: [404], fail_if_body_matches_regexp: ['Not.Found']}}",
        Peer::Nginx,
        "/nothing",
    ),
    (
        "dialogue",
        r#"{prober: tcp, tcp: {query_response: [{send: "GET / HTTP/1.0\r\n\r"}, {expect: '^HTTP/1.1 204'}]}}"#,
        Peer::Nginx,
        "",
    ),
    ("nobody", "{prober: tcp}", Peer::Nobody, ""),
    (
        "name",
        "{prober: dns, dns: {query_name: a.example, query_type: A, \
         validate_answer_rrs: {fail_if_not_matches_regexp: ['\\tA\\t10.1.2.3$']}}}",
        Peer::Dnsmasq,
        "",
    ),
    (
        "other name",
        "{prober: dns, dns: {query_name: a.example, query_type: A, transport_protocol: tcp, \
         validate_answer_rrs: {fail_if_matches_regexp: ['10.1.2.3$']}}}",
        Peer::Dnsmasq,
        "",
    ),
];

#[derive(Clone, Copy)]
enum Peer {
    Nginx,
    Dnsmasq,
    Nobody,
}

#[test]
fn probes_find_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let nginx = peers::nginx(folder.path());
    let dnsmasq = peers::dnsmasq(folder.path(), "a.example", "10.1.2.3");
    let mut modules = "modules:\n".to_owned();
    for (index, (_, module, _, _)) in PROBES.iter().enumerate() {
        modules += &format!("  m{index}: {module}\n");
    }
    let exporter = peers::blackbox_exporter(folder.path(), &modules);

    let mut config =
        "global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs:\n".to_owned();
    for (index, (name, module, peer, path)) in PROBES.iter().enumerate() {
        let address = match peer {
            Peer::Nginx => nginx.address(),
            Peer::Dnsmasq => dnsmasq.address(),
            Peer::Nobody => "127.0.0.1:1".to_owned(),
        };
        let is_page = !path.is_empty();
        let scheme = if is_page { "http://" } else { "" };
        let probed = format!("{scheme}{address}{path}");
        // A page is probed by its URL as a parameter; all else by the target's address.
        let params = match is_page {
            true => format!("  params: {{target: ['{probed}']}}\n"),
            false => String::new(),
        };
        let relabel =
            |job: &str| format!("  relabel_configs: [{{target_label: job, replacement: {job}}}]\n");
        config += &format!(
            "- job_name: ours-{index}\n  plugin: blackbox\n  plugin_config: {module}\n{params}{}  \
             static_configs: [{{targets: ['{address}'], labels: {{instance: {name}}}}}]\n\
             - job_name: theirs-{index}\n  metrics_path: /probe\n  \
             params: {{module: [m{index}], target: ['{probed}']}}\n{}  \
             static_configs: [{{targets: ['{}'], labels: {{instance: {name}}}}}]\n",
            relabel("ours"),
            relabel("theirs"),
            exporter.address()
        );
    }
    let narthex = Narthex::builder().config(config).start();
    Comparison {
        prefix: "probe_",
        beat: "probe_success",
        left_out: LEFT_OUT,
        slack: 0.0,
    }
    .check(&narthex);
    until(60, "which probes succeed", || {
        let found = narthex.query(r#"sum by (instance) (probe_success{job="ours"}) == 1"#)?;
        match found.len() {
            4 => Ok(()),
            _ => Err(format!("{found:?}")),
        }
    });
}
